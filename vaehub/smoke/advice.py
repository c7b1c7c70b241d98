"""What to do about a verdict, in the words of each UI.

Plain data, each with where it was read. Knows no VAE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.smoke.report import Advice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.smoke.report import SmokeReport, Verdict

# AUTOMATIC1111: modules/cmd_args.py and the setting auto_vae_precision; Forge: backend/args.py;
# SD.Next: the setting no_half_vae; ComfyUI: comfy/cli_args.py; diffusers: AutoencoderKL's config.
IN_FP32 = (
    Advice(
        "AUTOMATIC1111",
        "start with --no-half-vae, or leave Settings > VAE > 'Automatically revert VAE to 32-bit "
        "floats' on",
    ),
    Advice("Forge", "start with --vae-in-bf16 or --vae-in-fp32"),
    Advice("SD.Next", "Settings: turn on 'Full precision for VAE (--no-half-vae)'"),
    Advice("ComfyUI", "start with --bf16-vae or --fp32-vae"),
    Advice("diffusers", "pipe.vae.config.force_upcast = True, or pipe.upcast_vae()"),
)
_AGAIN = (
    Advice(
        "any",
        "get it again from where it came, or with `vaehub install NAME` where the catalog has it",
    ),
)
_ANOTHER = (
    Advice(
        "any",
        "choose a VAE of the checkpoint's own family: `vaehub list --family FAMILY` shows them",
    ),
)
FOR: Mapping[Verdict, tuple[Advice, ...]] = {
    "works": (),
    "not-in-fp16": IN_FP32,
    "washed-out": (
        *_ANOTHER,
        Advice("diffusers", "check scaling_factor and shift_factor in the VAE's config.json"),
    ),
    "wrong-family": _ANOTHER,
    "damaged": _AGAIN,
    "not-a-vae": (
        Advice("any", "move it to the folder of its own kind; UIs list whatever lies here"),
    ),
    "untested": (),
}

# Where the file is what it was, and the machine is not.
_MACHINE = (
    Advice("any", "test it with --device cpu, and update the driver or torch where that differs"),
)


def for_report(verdict: Verdict, report: SmokeReport) -> tuple[Advice, ...]:
    """Give what to do about a report.

    Args:
        verdict: What it comes to.
        report: Its reasons; of its own verdict nothing is known yet.
    """
    reasons = [*report.reasons, *(reason for one in report.decoded for reason in one.reasons)]
    codes = {reason.code for reason in reasons if reason.verdict == verdict}
    return _MACHINE if codes and codes <= {"golden", "as-fp32"} else FOR[verdict]
