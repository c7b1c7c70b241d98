from __future__ import annotations

import pytest

from vaehub.weights.bare import PREFIXES, bare

INSIDE = {"encoder.conv_in.weight": (1,), "decoder.conv_in.weight": (2,)}


@pytest.mark.parametrize("prefix", ["", *PREFIXES])
def test_strips_every_known_prefix(prefix: str) -> None:
    stripped = bare({prefix + name: shape for name, shape in INSIDE.items()})
    assert stripped.shapes == INSIDE
    assert stripped.prefix == prefix
    assert not stripped.checkpoint
    assert stripped.original("x") == prefix + "x"


def test_strips_one_prefix_inside_another() -> None:
    stripped = bare({f"module.first_stage_model.{name}": s for name, s in INSIDE.items()})
    assert stripped.shapes == INSIDE
    assert stripped.prefix == "module.first_stage_model."


def test_drops_what_the_training_left() -> None:
    stripped = bare(
        {**INSIDE, "loss.logvar": (), "model_ema.decay": (), "epoch": (), "loss.d.main.0": (1,)}
    )
    assert stripped.shapes == INSIDE
    assert set(stripped.dropped) == {"loss.logvar", "model_ema.decay", "epoch", "loss.d.main.0"}


def test_drops_leftovers_behind_a_prefix_too() -> None:
    stripped = bare({**{f"vae.{n}": s for n, s in INSIDE.items()}, "vae.loss.logvar": ()})
    assert stripped.shapes == INSIDE
    assert stripped.dropped == ("vae.loss.logvar",)


def test_does_not_choose_between_two_wrappings() -> None:
    shapes = {"vae.a": (1,), "first_stage_model.b": (2,)}
    assert bare(shapes).shapes == shapes


def test_takes_the_autoencoder_out_of_a_checkpoint() -> None:
    shapes = {"model.diffusion_model.x": (1,), "text.y": (1,)}
    shapes |= {f"vae.{name}": shape for name, shape in INSIDE.items()}
    stripped = bare(shapes)
    assert stripped.checkpoint
    assert stripped.shapes == INSIDE
