"""The compiled programs of eager evaluation, found by the structure of what was recorded."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Sequence

import numpy as np

from graphc.api.moved import moved
from graphc.api.recompile import Subject, subject
from graphc.api.signature import Signature
from graphc.errors import here, is_installed
from graphc.ir.graph import Graph, input_node, substitute
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims.table import apply

_FAMILIES_KEPT = 2048
PATIENCE = 8  # compilations for other sizes at one line of the user's that nobody is warned of
_ADVICE = "inside of a tf.function it is compiled for any size"


class Family:
    """The programs for one signature.

    Numbers in the source are constants of a program at first; those that turn out to change become arguments.
    """

    def __init__(self):
        self.first: tuple | None = None
        self.varying: tuple[int, ...] = ()
        self.programs: dict[tuple, tuple[Callable, tuple[int, ...]]] = {}

    def program(self, numbers: tuple, make: Callable) -> tuple[Callable, tuple[int, ...]]:
        """The program for these constants, and the positions of those that are its arguments; ``make(positions)``."""
        program = self.programs.get(self._fixed(numbers))
        if program is None:
            if self.first is None:
                self.first = numbers
            else:
                new = {k for k, (a, b) in enumerate(zip(self.first, numbers)) if a != b}
                self.varying = tuple(sorted({*self.varying, *new}))
            fixed = self._fixed(numbers)
            program = self.programs.get(fixed)
            if program is None:
                program = self.programs[fixed] = make(fixed[0]), fixed[0]
        return program

    def _fixed(self, numbers: tuple) -> tuple:
        varying = self.varying
        return (varying, *[n for k, n in enumerate(numbers) if k not in varying]) if varying else (varying, *numbers)


class Programs:
    """All families, and the lines of the user's program at which they were needed.

    Args:
        compile: from a Graph to a callable of arrays.
    """

    def __init__(self, compile: Callable):  # noqa: A002
        self._compile = compile
        self._families: dict[tuple, Family] = {}
        self._sizes: weakref.WeakKeyDictionary[Subject, tuple] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def find(self, found: Signature, outputs: Sequence[Node]) -> tuple[Callable, tuple[int, ...]]:
        """The program of a recorded computation, and the positions of those of its numbers that are arguments.

        These follow the leaves, in the order of the signature.

        Args:
            outputs: the Nodes of which ``found`` is the signature.
        """
        family = self._families.get(found.key)
        if family is None:
            with self._lock:
                if len(self._families) >= _FAMILIES_KEPT:
                    del self._families[next(iter(self._families))]
                family = self._families.setdefault(found.key, Family())
        numbers = tuple([x.attrs[0][1] for x in found.splats])
        return family.program(numbers, lambda varying: self._made(found, outputs, varying))

    def run(self, found: Signature, outputs: Sequence[Node], array_of: Callable) -> Sequence[np.ndarray]:
        """The values of a recorded computation.

        Args:
            array_of: the array that a leaf stands for.
        """
        program, varying = self.find(found, outputs)
        return program(*[array_of(x) for x in found.leaves], *[found.splats[k].attrs[0][1].array for k in varying])

    def _made(self, found: Signature, outputs: Sequence[Node], varying: tuple[int, ...]) -> Callable:
        """Compile the computation; leaves and the constants at ``varying`` are its arguments."""
        values = {leaf: input_node(f"x{k}", leaf.type) for k, leaf in enumerate(found.leaves)}
        numbers = {}
        for k in varying:
            splat = found.splats[k]
            numbers[splat] = input_node(f"c{k}", Type(splat.dtype, ()))
            one = numbers[splat]
            values[splat] = apply("broadcast", one, shape=splat.shape, axes=()) if splat.shape else one
        inputs = (*[values[x] for x in found.leaves], *numbers.values())
        graph = Graph("eager", inputs, tuple(substitute(outputs, values)))
        program = moved(graph)
        if program is None:
            program = self._compile(graph)
            self._note(found, bool(varying))
        return program

    def _note(self, found: Signature, has_arguments: bool) -> None:
        """Count, and warn of a line whose operands have ever new sizes."""
        location = here()
        what = f"what is computed at {location or 'an unknown line'}"
        line = subject(self, (location, hash(found.outline)), what, location)
        sizes = tuple([(x.dtype, x.shape) for x in found.leaves])
        before = self._sizes.get(line)
        self._sizes[line] = sizes
        if before is None:
            line.compiled()
        elif before == sizes:
            number = "a number in the expression changed; it is an argument now"
            line.compiled("attributes", number if has_arguments else "an attribute changed", math.inf)
        else:
            old, new = next((a, b) for a, b in zip(before, sizes) if a != b)
            patience = PATIENCE if location is not None and not is_installed(location.file) else math.inf
            line.compiled("sizes", f"an operand is {Type(*new)}, it was {Type(*old)}", patience, _ADVICE)
