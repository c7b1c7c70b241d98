"""``vaehub completion``: what completes vaehub's command lines in a shell."""

from __future__ import annotations

from pathlib import Path

from vaehub import cli
from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import argument
from vaehub.cli.output import Result
from vaehub.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


@as_command(
    "completion",
    examples=[
        ('eval "$(vaehub completion bash)"', "in ~/.bashrc"),
        ('eval "$(vaehub completion zsh)"', "in ~/.zshrc, after compinit"),
        ("vaehub completion fish > ~/.config/fish/completions/vaehub.fish", "once"),
    ],
)
@argument("shell", metavar="SHELL", completes="shell")
def command(call: Call, *, shell: str) -> Result:
    """Print what completes vaehub in bash, zsh or fish.

    Commands, options, VAEs with their aliases and variants, hosts, families, tags and named targets
    are completed.
    """
    if shell not in SHELLS:
        raise UsageError(
            f"there is no completion for {shell!r}", hint=f"there is one for {', '.join(SHELLS)}"
        )
    script = Path(cli.__file__).with_name("shells") / f"vaehub.{shell}"
    text = script.read_text(encoding="utf-8")
    return Result(
        "completion",
        results=({"shell": shell, "script": text},),
        text=lambda: [text.rstrip("\n")],
    )
