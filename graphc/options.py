"""Options of one compilation. They are part of what a cached program is found by."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "0.1.0"


@dataclass(frozen=True)
class Options:
    """How to compile.

    Attributes:
        target: name of a target description (``graphc.ir.target.TARGETS``); None for this machine.
        fast_math: allow rewrites that change the last bits, such as reassociation. Off: results follow the NumPy
            definitions operation by operation.
        cache: look for the program on disk and keep it there.
        skip: names of passes to leave out, for finding the one at fault.
    """

    target: str | None = None
    fast_math: bool = False
    cache: bool = True
    skip: tuple[str, ...] = ()
