"""Code in this process as the product makes it: LLVM's object, linked by our linker, loaded by the system.

LLVM's own way to run code is no way for tests: it may place the sections of a module further apart than code reaches,
which ends a process that has grown large.
"""

from __future__ import annotations

from functools import cache

from graphc.ir.target import AARCH64, X86_64, X86_64_V3, X86_64_V4, Target
from graphc.runtime.elf import link_shared
from graphc.runtime.host import fitting_targets
from graphc.runtime.jit import compile_object
from graphc.runtime.library import Library


@cache
def host_targets() -> tuple[Target, ...]:
    """Targets whose code this machine runs, whatever GRAPHC_TARGET says, the best first: one for each way of making code."""
    return tuple(t for t in fitting_targets() if t in (X86_64_V4, X86_64_V3, X86_64, AARCH64))


def loaded(text: str, target: Target, *names: str) -> Library:
    """A module in this process, until nothing refers to the Library any more.

    Args:
        names: functions and variables whose addresses are wanted.
    """
    return Library(link_shared([compile_object(text, target)], exports=list(names)))
