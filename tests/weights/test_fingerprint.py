"""A fingerprint is of the weights, and of nothing around them."""

from __future__ import annotations

import hashlib
import random
import struct
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weights import autoencoders as ae
from tests.weights import files
from vaehub.errors import IntegrityError, NotAModel
from vaehub.weights import kl, prints, sketch
from vaehub.weights.canonical import canonical
from vaehub.weights.fingerprint import Read, head, read_fingerprint, read_part
from vaehub.weights.relation import relate
from vaehub.weights.rounding import NAN, round_plainly, rounder
from vaehub.weights.sampling import read_sketches
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.weights.canonical import Part
    from vaehub.weights.prints import Fingerprint
    from vaehub.weights.rounding import Precision


def read(path: Path) -> Read:
    return read_fingerprint(read_tensors(path))


def of(path: Path, named: ae.Named) -> Fingerprint:
    return read(ae.write(path, named)).fingerprint


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.safetensors"


def shuffled(named: ae.Named) -> ae.Named:
    names = list(named)
    random.Random(5).shuffle(names)
    return {name: named[name] for name in names}


# What makes no difference


@pytest.mark.parametrize("layout", ["diffusers", "diffusers-old"])
def test_the_layout_makes_no_difference(file: Path, layout: str) -> None:
    assert of(file, ae.numbers(layout=layout)) == of(file, ae.numbers())


@pytest.mark.parametrize("prefix", ["first_stage_model.", "vae.", "module.", "first_stage."])
def test_what_wraps_the_names_makes_no_difference(file: Path, prefix: str) -> None:
    wrapped = {prefix + name: value for name, value in ae.numbers().items()}
    assert of(file, wrapped) == of(file, ae.numbers())


def test_a_checkpoint_around_it_makes_no_difference(file: Path) -> None:
    whole: ae.Named = {
        "model.diffusion_model.out.0.weight": ("F16", (4,), bytes(8)),
        **{"first_stage_model." + name: value for name, value in ae.numbers().items()},
        "cond_stage_model.transformer.weight": ("F16", (4,), bytes(8)),
    }
    assert of(file, whole) == of(file, ae.numbers())


@pytest.mark.parametrize(
    "extra",
    ["loss.logvar", "model_ema.decay", "ema.decoder.conv_in.weight", "decoder.num_batches_tracked"],
)
def test_leftovers_of_a_training_make_no_difference(file: Path, extra: str) -> None:
    named = {extra: ("F32", (2,), bytes(8)), **ae.numbers()}
    assert of(file, named) == of(file, ae.numbers())


def test_the_order_in_the_file_makes_no_difference(file: Path) -> None:
    assert of(file, shuffled(ae.numbers())) == of(file, ae.numbers())


def test_metadata_makes_no_difference(file: Path) -> None:
    plain = of(file, ae.numbers())
    ae.write(file, ae.numbers(), metadata={"format": "pt", "why": "because"})
    assert read(file).fingerprint == plain


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_container_makes_no_difference(tmp_path: Path, *, legacy: bool, wrapped: bool) -> None:
    torch = pytest.importorskip("torch")
    named = ae.numbers()
    state = {
        name: torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(shape)
        for name, (_, shape, data) in named.items()
    }
    # One that is not contiguous, and two that share a storage, as checkpoints have them.
    state["decoder.conv_in.weight"] = state["decoder.conv_in.weight"].contiguous(
        memory_format=torch.channels_last
    )
    both = torch.cat([state["encoder.conv_in.bias"], state["encoder.norm_out.bias"]])
    size = len(state["encoder.conv_in.bias"])
    state["encoder.conv_in.bias"], state["encoder.norm_out.bias"] = both[:size], both[size:]
    path = tmp_path / "some.ckpt"
    whole = {"state_dict": state, "global_step": 3} if wrapped else state
    torch.save(whole, path, _use_new_zipfile_serialization=not legacy)
    done = read(path)
    assert done.fingerprint == of(tmp_path / "some.safetensors", named)
    assert done.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_name_of_the_file_makes_no_difference(tmp_path: Path) -> None:
    one, other = (of(tmp_path / f"{name}.safetensors", ae.numbers()) for name in "ab")
    assert one == other


def test_without_numpy_the_digests_are_the_same(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numpy")
    quick = of(file, ae.numbers())
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert rounder() is round_plainly
    assert of(file, ae.numbers()) == quick


# What makes one


def test_one_bit_makes_another_one(file: Path) -> None:
    named = ae.numbers()
    dtype, shape, data = named["encoder.mid.attn_1.q.weight"]
    other = {**named, "encoder.mid.attn_1.q.weight": (dtype, shape, b"\1" + data[1:])}
    one, two = of(file, named), of(file, other)
    assert one.whole.weights != two.whole.weights
    assert one.sides["encoder"] != two.sides["encoder"]
    assert one.sides["decoder"] == two.sides["decoder"]


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_the_quant_convolutions_belong_to_their_halves(file: Path, half: str) -> None:
    name = "quant_conv.bias" if half == "encoder" else "post_quant_conv.bias"
    other = {
        **ae.numbers(),
        name: ("F32", ae.numbers()[name][1], bytes(len(ae.numbers()[name][2]))),
    }
    one, two = of(file, ae.numbers()), of(file, other)
    assert {side for side in one.sides if one.sides[side] != two.sides[side]} == {half}


def test_tensors_that_change_places_make_another_one(file: Path) -> None:
    named = ae.numbers()
    one, two = "decoder.mid.attn_1.q.weight", "decoder.mid.attn_1.k.weight"
    other = {**named, one: named[two], two: named[one]}
    assert of(file, other).whole.weights != of(file, named).whole.weights


def test_a_file_that_lacks_a_tensor_is_another_one(file: Path) -> None:
    named = ae.numbers()
    del named["decoder.conv_out.bias"]
    assert of(file, named).whole.weights != of(file, ae.numbers()).whole.weights


# Relations


def test_the_same_weights(file: Path) -> None:
    one = of(file, ae.numbers())
    found = relate(one, of(file, ae.numbers(layout="diffusers")))
    assert (found.kind, found.precision, found.distance) == ("same-weights", "", 0.0)


@pytest.mark.parametrize(("dtype", "precision"), [("F16", "fp16"), ("BF16", "bf16")])
def test_rounded(file: Path, dtype: str, precision: str) -> None:
    full = of(file, ae.numbers())
    small = of(file, ae.cast(ae.numbers(), dtype))
    assert small.whole.exact == (precision,)
    assert full.whole.exact == ()
    assert relate(small, full)[:2] == ("rounded", precision)
    assert relate(full, small)[:2] == ("rounds-to", precision)


def test_a_rounded_file_that_was_widened_again_has_the_same_weights(file: Path) -> None:
    small = ae.cast(ae.numbers(), "F16")
    found = relate(of(file, ae.cast(small, "F32")), of(file, small))
    assert (found.kind, found.distance) == ("same-weights", 0.0)


def test_bfloat16_of_half_precision_is_not_bfloat16_of_the_original(file: Path) -> None:
    full = of(file, ae.numbers())
    through = of(file, ae.cast(ae.cast(ae.numbers(), "F16"), "BF16"))
    straight = of(file, ae.cast(ae.numbers(), "BF16"))
    assert straight.whole.bf16 != through.whole.bf16
    found = relate(through, full)
    assert found.kind == "close"
    assert found.distance is not None
    assert found.distance < 0.005
    # What it was made of is another matter.
    assert relate(through, of(file, ae.cast(ae.numbers(), "F16")))[:2] == ("rounded", "bf16")


def test_two_that_differ_below_a_precision_are_alike_in_it(file: Path) -> None:
    near = ae.cast(ae.cast(ae.numbers(), "F16"), "F32")
    one, other = (
        of(
            file,
            {
                name: (dtype, shape, bytes(b | bit * (not n % 4) for n, b in enumerate(data)))
                for name, (dtype, shape, data) in near.items()
            },
        )
        for bit in (1, 2)
    )
    assert one.whole.exact == other.whole.exact == ()
    assert relate(one, other)[:2] == ("alike", "fp16")


@pytest.mark.parametrize(
    ("half", "kind"), [("decoder", "same-encoder"), ("encoder", "same-decoder")]
)
def test_one_half_that_was_trained_again(file: Path, half: str, kind: str) -> None:
    one = of(file, ae.numbers())
    assert relate(of(file, ae.changed(ae.numbers(), only=half)), one).kind == kind


def test_a_half_alone_is_a_half_of_the_whole(file: Path) -> None:
    alone = {
        name: value
        for name, value in ae.numbers().items()
        if name.startswith(("decoder.", "post_quant"))
    }
    found = relate(of(file, alone), of(file, ae.numbers()))
    assert (found.kind, found.precision) == ("same-decoder", "")


def test_the_other_half_in_a_lower_precision_is_told(file: Path) -> None:
    named = ae.changed(ae.numbers(), only="decoder")
    found = relate(of(file, ae.cast(named, "F16")), of(file, ae.numbers()))
    assert (found.kind, found.precision) == ("same-encoder", "fp16")


@pytest.mark.parametrize("noise", [1e-6, 1e-4, 1e-2])
def test_a_fine_tune_is_close_and_its_distance_is_its_change(file: Path, noise: float) -> None:
    found = relate(of(file, ae.changed(ae.numbers(), by=noise)), of(file, ae.numbers()))
    assert found.kind == "close"
    # The numbers have a deviation of 0.05.
    assert found.distance == pytest.approx(noise / 0.05, rel=0.1)


def test_independent_weights_are_unrelated(file: Path) -> None:
    found = relate(of(file, ae.numbers(1)), of(file, ae.numbers(2)))
    assert found.kind == "unrelated"
    assert found.distance == pytest.approx(1.41, abs=0.05)


def test_other_widths_are_unrelated(file: Path) -> None:
    wide = kl.Sizes((32, 96), (32, 96), 1, 4, 4, 3, quant=True)
    found = relate(of(file, ae.numbers(sizes=wide)), of(file, ae.numbers()))
    assert (found.kind, found.distance) == ("unrelated", None)


def test_a_number_that_is_none_gives_no_distance(file: Path) -> None:
    broken = {
        name: (dtype, shape, b"\xff" * len(data))
        for name, (dtype, shape, data) in ae.numbers().items()
    }
    assert relate(of(file, broken), of(file, ae.numbers())).distance is None


# Rounding

_CASES = [
    (0x00000000, 0x0000, 0x0000),
    (0x80000000, 0x8000, 0x8000),
    (0x3F800000, 0x3C00, 0x3F80),
    (0x3F801000, 0x3C00, 0x3F80),  # a tie, down to even
    (0x3F803000, 0x3C02, 0x3F80),  # a tie, up to even; bfloat16 just rounds down
    (0x3F808000, 0x3C04, 0x3F80),  # bfloat16's tie, down to even
    (0x3F818000, 0x3C0C, 0x3F82),  # and up
    (0x477FEFFF, 0x7BFF, 0x4780),  # the largest that stays finite in half precision
    (0x477FF000, 0x7C00, 0x4780),  # and the smallest that does not
    (0xC77FF000, 0xFC00, 0xC780),
    (0x33000000, 0x0000, 0x3300),  # half the smallest subnormal, a tie to zero
    (0x33000001, 0x0001, 0x3300),
    (0xB3000000, 0x8000, 0xB300),
    (0x387FC000, 0x03FF, 0x3880),
    (0x387FF000, 0x0400, 0x3880),  # a subnormal that rounds to a normal one
    (0x00000001, 0x0000, 0x0000),
    (0x00018000, 0x0000, 0x0002),  # a subnormal of bfloat16's
    (0x7F7FFFFF, 0x7C00, 0x7F80),
    (0x7F800000, 0x7C00, 0x7F80),
    (0xFF800000, 0xFC00, 0xFF80),
    (0x7F800001, 0x7E00, 0x7FC0),
    (0xFFC12345, 0x7E00, 0x7FC0),  # every NaN is one, also a negative one
]


@pytest.mark.parametrize("quick", [False, True])
def test_rounding_bit_by_bit(*, quick: bool) -> None:
    if quick:
        pytest.importorskip("numpy")
    by = rounder() if quick else round_plainly
    data = memoryview(struct.pack(f"<{len(_CASES)}I", *(case[0] for case in _CASES)))
    for precision, at in (("fp16", 1), ("bf16", 2)):
        words = struct.unpack(f"<{len(_CASES)}H", by(data, "F32", precision).data)  # type: ignore[arg-type]
        wrong = [
            (hex(case[0]), hex(word), hex(case[at]))
            for word, case in zip(words, _CASES, strict=True)
            if word != case[at]
        ]
        assert not wrong


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize(("dtype", "item"), [("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2)])
@settings(max_examples=60)
@given(data=st.data())
def test_numpy_rounds_as_plain_python(
    precision: Precision, dtype: str, item: int, data: st.DataObject
) -> None:
    pytest.importorskip("numpy")
    some = data.draw(st.lists(st.binary(min_size=item, max_size=item), max_size=40))
    numbers = memoryview(b"".join(some))
    quick = rounder()(numbers, dtype, precision)
    plain = round_plainly(numbers, dtype, precision)
    assert bytes(quick.data) == bytes(plain.data)
    assert quick.exact == plain.exact


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@settings(max_examples=60)
@given(data=st.binary(max_size=400))
def test_numbers_are_rounded_as_torch_rounds_them(precision: Precision, data: bytes) -> None:
    torch = pytest.importorskip("torch")
    data = data[: len(data) // 4 * 4]
    if not data:
        return
    kind = torch.float16 if precision == "fp16" else torch.bfloat16
    tensor = torch.frombuffer(bytearray(data), dtype=torch.float32)
    there = tensor.to(kind).view(torch.uint16).tolist()
    nans = tensor.isnan().tolist()
    wanted = [NAN[precision] if nan else word for word, nan in zip(there, nans, strict=True)]
    found = round_plainly(memoryview(data), "F32", precision).data
    assert list(struct.unpack(f"<{len(wanted)}H", found)) == wanted


# How it is read


def test_the_sha256_of_the_file_comes_along(file: Path) -> None:
    ae.write(file, ae.numbers(), metadata={"a": "b"})
    assert read(file).sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_is_read_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vaehub.weights.tensors import Opened

    ae.write(file, ae.numbers())
    counted = 0
    real = Opened.read_into

    def read_into(self: Opened, buffer: memoryview, offset: int) -> int:
        nonlocal counted
        count = real(self, buffer, offset)
        counted += count
        return count

    monkeypatch.setattr(Opened, "read_into", read_into)
    read(file)
    assert counted == file.stat().st_size


def test_memory_is_some_pieces_and_not_the_tensor(file: Path) -> None:
    pytest.importorskip("numpy")
    size = 64 << 20
    ae.write(file, {"decoder.conv_in.weight": ("F32", (64, size // 256), bytes(size))})
    tensors = read_tensors(file)
    tracemalloc.start()
    try:
        read_fingerprint(tensors)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Five pieces for each of four workers, which have most of them in common.
    assert peak < 32 << 20


def test_what_is_no_autoencoder_has_no_fingerprint(file: Path) -> None:
    lora: ae.Named = {
        "lora_unet_down_blocks_0.lora_up.weight": ("F32", (1,), bytes(4)),
        "lora_unet_down_blocks_0.lora_down.weight": ("F32", (1,), bytes(4)),
    }
    with pytest.raises(NotAModel, match="not a VAE"):
        of(file, lora)


def test_a_file_that_grows_while_it_is_read_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ae.write(file, ae.numbers())
    tensors = read_tensors(file)
    real = sketch.places

    def places(name: str, count: int) -> tuple[int, ...]:
        with file.open("ab") as opened:
            opened.write(b"x")
        return real(name, count)

    monkeypatch.setattr(sketch, "places", places)
    with pytest.raises(NotAModel, match="changed while it was read"):
        read_fingerprint(tensors)


def test_numbers_of_no_known_type_count_as_they_are(file: Path) -> None:
    made = of(file, {"decoder.conv_in.weight": ("F8_E4M3", (2, 2), b"\1\2\3\4")})
    digest = hashlib.sha256(
        head("decoder.conv_in.weight", "F8_E4M3", (2, 2)) + b"\1\2\3\4"
    ).digest()
    whole = hashlib.sha256(b"vaehub fingerprint 1\n" + digest).hexdigest()
    assert (made.whole.weights, made.whole.fp16, made.whole.bf16) == (whole,) * 3


@settings(max_examples=80)
@given(data=st.data())
def test_whatever_is_in_a_file_ends_in_a_fingerprint_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("any")
    kind = data.draw(st.sampled_from(["cut", "flipped", "lying", "noise"]))
    path = folder / data.draw(st.sampled_from(["a.safetensors", "a.ckpt", "a.pt"]))
    sound = ae.write(
        folder / "sound.safetensors", dict(list(ae.numbers().items())[:6])
    ).read_bytes()
    if kind == "cut":
        path.write_bytes(sound[: data.draw(st.integers(0, len(sound) - 1))])
    elif kind == "flipped":
        at = data.draw(st.integers(0, 900))
        path.write_bytes(
            sound[:at] + data.draw(st.binary(min_size=1, max_size=9)) + sound[at + 1 :]
        )
    elif kind == "lying":
        header = {
            "decoder.conv_in.weight": {
                "dtype": data.draw(st.sampled_from(["F32", "F4", "F64", "Q8", "C64"])),
                "shape": data.draw(st.lists(st.integers(-1, 2**62), max_size=4)),
                "data_offsets": data.draw(st.lists(st.integers(-1, 2**62), min_size=1, max_size=3)),
            }
        }
        path.write_bytes(files.safetensors(b"\0" * 16, header=header))
    else:
        path.write_bytes(data.draw(st.binary(max_size=300)))
    try:
        read(path)
    except IntegrityError as error:
        told = error
    else:
        return
    assert told.exit_code == 6
    assert path.name in told.message


def test_a_bomb_of_shared_bytes_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    row = torch.zeros(1 << 20)
    state = {f"decoder.up.{n}.block.0.conv1.bias": row for n in range(80)}
    path = tmp_path / "bomb.ckpt"
    torch.save(state, path)
    with pytest.raises(NotAModel, match="bomb"):
        read(path)


# Written down


def test_a_written_fingerprint_reads_as_it_was(file: Path) -> None:
    made = of(file, ae.numbers())
    assert prints.from_json(prints.to_json(made, sketches=True)) == made


def test_without_sketches_relations_of_digests_are_still_told(file: Path) -> None:
    made = of(file, ae.numbers())
    short = prints.from_json(prints.to_json(made, sketches=False))
    assert short is not None
    assert relate(of(file, ae.cast(ae.numbers(), "F16")), short)[:2] == ("rounded", "fp16")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    key=st.sampled_from(["version", "weights", "fp16", "exact", "dtypes", "decoder"]), value=_json
)
def test_a_damaged_record_is_none_or_whole(key: str, value: object) -> None:
    side = {"weights": "0" * 64, "fp16": "1" * 64, "bf16": "2" * 64, "exact": [], "sketch": ""}
    record: dict[str, object] = {"version": 1, **side, "decoder": dict(side), key: value}
    found = prints.from_json(record)
    if found is not None:
        assert len(found.whole.weights) == 64


def test_the_places_of_a_sketch_are_spread_and_stay() -> None:
    places = sketch.places("decoder.conv_in.weight", 3200)
    assert all(100 * j <= place < 100 * (j + 1) for j, place in enumerate(places))
    assert len({place % 9 for place in places}) > 5
    assert sketch.places("decoder.conv_in.weight", 3200) == places
    assert set(sketch.places("x", 1)) == {0}


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_a_sketch_read_alone_is_that_of_the_fingerprint(
    file: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    ae.write(file, shuffled(ae.cast(ae.numbers(), dtype)))
    tensors = read_tensors(file)
    named = canonical({key: stored.shape for key, stored in tensors.stored.items()})
    whole = read_fingerprint(tensors)
    alone = read_sketches(tensors, named)
    assert alone == {half: side.sketch for half, side in whole.fingerprint.sides.items()}


def test_distances_with_numpy_and_without_are_the_same(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numpy")
    one = of(file, ae.numbers())
    others = [of(file, ae.numbers(3)), of(file, ae.changed(ae.numbers(), by=0.001)), one]
    quick = [relate(other, one) for other in others]
    monkeypatch.setitem(sys.modules, "numpy", None)
    for other, found in zip(others, quick, strict=True):
        plain = relate(other, one)
        assert plain.kind == found.kind
        assert plain.distance == pytest.approx(found.distance)


def test_a_name_that_is_half_a_character_is_a_name(file: Path) -> None:
    named = {"decoder.\ud800.weight": ("F32", (2, 2), bytes(16)), **ae.numbers()}
    made = of(
        file, {name: named[name] for name in ("decoder.\ud800.weight", "encoder.conv_in.bias")}
    )
    assert made.sides["decoder"].sketch == bytes(sketch.BYTES)


# Of a part of a file


@pytest.mark.parametrize("layout", ["ldm", "diffusers"])
def test_a_vae_in_a_checkpoint_has_the_fingerprint_of_its_own_file(file: Path, layout: str) -> None:
    unet: ae.Named = {"model.diffusion_model.out.2.bias": ("F32", (4,), bytes(16))}
    inside = {f"first_stage_model.{n}": one for n, one in ae.numbers(layout=layout).items()}
    seen: dict[str, bytes] = {}

    def watch(part: Part, piece: memoryview) -> None:
        seen[part.name] = seen.get(part.name, b"") + bytes(piece)

    tensors = read_tensors(ae.write(file, {**unet, **inside}))
    found = read_part(tensors, watch=watch)
    assert found == of(file, ae.numbers())
    assert seen == {name: data for name, (_, _, data) in ae.numbers().items()}


def test_what_a_watcher_raises_ends_the_reading(file: Path) -> None:
    def watch(part: Part, piece: memoryview) -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        read_part(read_tensors(ae.write(file, ae.numbers())), watch=watch)
