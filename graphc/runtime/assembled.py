"""The support library as assembly that LLVM made before, so that a first start has nothing of it to compile."""

from __future__ import annotations

from pathlib import Path

from graphc.ir.target import Target

_HEAD = "# made by tools/support_assembly.py from the texts of digest "


def path(target: Target) -> Path:
    """Where the assembly for a target is, if there is any."""
    return Path(__file__).parent / f"support_{target.name}.s"


def assembled(target: Target, digest: str) -> str | None:
    """A module that is nothing but finished assembly; None where there is none for the texts of this digest."""
    try:
        head, _, body = path(target).read_text(encoding="ascii").partition("\n")
    except OSError:
        return None
    return _module(body, target) if head == _HEAD + digest else None


def written(assembly: str, digest: str) -> str:
    """What the file is to hold: LLVM's assembly without its remarks."""
    lines = [line.partition("#")[0].rstrip() for line in assembly.splitlines()]
    return "\n".join([_HEAD + digest, *filter(None, lines), ""])


def _module(body: str, target: Target) -> str:
    for sign in ("\\", '"', "\n", "\t"):
        body = body.replace(sign, f"\\{ord(sign):02X}")
    return f'target triple = "{target.triple}"\nmodule asm "{body}"\n'
