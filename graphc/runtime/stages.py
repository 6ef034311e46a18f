"""The stages of a compilation, told to those who look on: the progress bar, and a profile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A part of a compilation.

    Attributes:
        title: what is done, such as ``lower``; ``compile`` is the whole.
        program: what it is done to.
        estimate: how many seconds it takes, more or less.
    """

    title: str
    program: str
    estimate: float


Watcher = Callable[[Stage], Callable[[], None]]
"""Called when a stage begins; what it answers with is called when the stage has ended, however it ended."""

WATCHERS: list[Watcher] = []
_lock = threading.Lock()

# Seconds for each Node, and for each character of LLVM's text, as measured.
_NODE = {"optimise": 1e-4, "lower": 1e-4}
_CHARACTER = {"emit": 2e-7, "machine code": 6e-7}


def watch(watcher: Watcher) -> Callable[[], None]:
    """Let ``watcher`` see all stages from now on; what is answered ends that."""
    with _lock:
        WATCHERS.append(watcher)

    def end() -> None:
        with _lock:
            WATCHERS.remove(watcher)

    return end


@contextmanager
def stage(title: str, program: str, nodes: int = 0, characters: int = 0):
    """What is done inside is one stage.

    Args:
        nodes, characters: the size of what is worked on: Nodes of a Graph, or characters of text.
    """
    if not WATCHERS:
        yield
        return
    told = Stage(title, program, _NODE.get(title, 0.0) * nodes + _CHARACTER.get(title, 0.0) * characters)
    ends = [watcher(told) for watcher in tuple(WATCHERS)]
    try:
        yield
    finally:
        for end in ends:
            end()
