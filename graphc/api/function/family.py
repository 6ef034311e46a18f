"""The traces of a function for arguments of one structure: which one serves which sizes, and when a new one is made."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.function.concrete import ConcreteFunction

_EXACT_KEPT = 1024

Shapes = tuple  # for every tensor its sizes; None where they are not known


class Family:
    """Traces that differ in sizes alone.

    The first one is for the very sizes of the first call. When others come, one more is made for any size at the axes
    that differ; from then on no size asks for a new one. Where Python needs the sizes, every combination has its own.

    Attributes:
        traces: all of them, the latest last.
    """

    def __init__(self):
        self._exact: dict[Shapes, ConcreteFunction] = {}
        self._patterns: list[tuple[Shapes, ConcreteFunction]] = []
        self._needs_sizes = False
        self.traces: list[ConcreteFunction] = []

    def find(self, shapes: Shapes) -> ConcreteFunction | None:
        """The trace for these shapes, if there is one."""
        found = self._exact.get(shapes)
        if found is None or not found.is_current:
            found = None
            for pattern, concrete in reversed(self._patterns):
                with_ones = not (concrete.is_general and concrete.traced.acts)
                if concrete.is_current and _matches(pattern, shapes, with_ones):
                    if len(self._exact) >= _EXACT_KEPT:
                        self._exact.clear()
                    self._exact[shapes] = concrete
                    return concrete
        return found

    def made(self, trace: Callable, shapes: Shapes, exactly: bool) -> tuple[ConcreteFunction, Shapes]:
        """A new trace that serves these shapes, and all that it serves.

        Args:
            trace: makes one for shapes.
            exactly: for no other ones, as the trace for any size refused them.
        """
        general = None if exactly else self._generalised(shapes)
        if general is not None and general != shapes:
            try:
                made = trace(general)
                if made.enclosing is None:
                    made.runner.current()  # which finds out whether it can be compiled for any size
                made.is_general = True
                return made, general
            except Exception:  # noqa: BLE001  whatever Python did with a size that is None: with this one it may work
                self._needs_sizes = True
        return trace(shapes), shapes

    def keep(self, pattern: Shapes, concrete: ConcreteFunction) -> None:
        """Let a trace serve what fits ``pattern``."""
        self.traces.append(concrete)
        self._patterns.append((pattern, concrete))
        self._exact[pattern] = concrete

    def _generalised(self, shapes: Shapes) -> Shapes | None:
        """The shapes with None where an earlier trace has another size; None if there is no earlier one."""
        if not self._patterns or self._needs_sizes:
            return None
        before = self._patterns[-1][0]
        if any(len(old) != len(new) for old, new in zip(before, shapes)):
            return None  # of a rank that a specification leaves open
        general = tuple([tuple([a if a == b else None for a, b in zip(old, new)]) for old, new in zip(before, shapes)])
        return None if any(general == pattern for pattern, _ in self._patterns) else general


def _matches(pattern: Shapes, shapes: Shapes, with_ones: bool) -> bool:
    """Whether a trace for ``pattern`` serves these shapes.

    Args:
        with_ones: also where a size is 1, which may broadcast: it is refused then, before anything is done. What has
            effects is not tried.
    """
    return all(len(old) == len(new) and all(p == s or p is None and (with_ones or s != 1) for p, s in zip(old, new))
               for old, new in zip(pattern, shapes))  # fmt: skip
