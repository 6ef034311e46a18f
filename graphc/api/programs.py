"""The compiled programs of eager evaluation, found by the structure of what was recorded."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Sequence

import numpy as np

from graphc.api.recompile import Subject, subject
from graphc.api.signature import Signature
from graphc.errors import here
from graphc.ir.graph import Graph, input_node, substitute
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims.table import apply

_FAMILIES_KEPT = 2048
PATIENCE = 8  # compilations for other sizes at one line that nobody is warned of


class Family:
    """The programs for one signature.

    Numbers in the source are constants of a program at first; those that turn out to change become arguments.
    """

    def __init__(self):
        self.first: tuple | None = None
        self.varying: tuple[int, ...] = ()
        self.programs: dict[tuple, Callable] = {}

    def program(self, found: Signature, numbers: tuple, make: Callable) -> Callable:
        """The program for these constants; ``make(positions of those that are arguments)``."""
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
                program = self.programs[fixed] = make(self.varying)
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

    def run(self, found: Signature, outputs: Callable, array_of: Callable) -> Sequence[np.ndarray]:
        """The values of a recorded computation.

        Args:
            outputs: answers with its Nodes, without marks.
            array_of: the array that a leaf stands for.
        """
        family = self._families.get(found.key)
        if family is None:
            with self._lock:
                if len(self._families) >= _FAMILIES_KEPT:
                    del self._families[next(iter(self._families))]
                family = self._families.setdefault(found.key, Family())
        numbers = tuple([x.attrs[0][1] for x in found.splats])
        program = family.program(found, numbers, lambda varying: self._made(found, outputs(), varying))
        arrays = [array_of(leaf) for leaf in found.leaves]
        return program(*arrays, *[numbers[k].array for k in family.varying])

    def _made(self, found: Signature, outputs: Sequence[Node], varying: tuple[int, ...]) -> Callable:
        """Compile the computation; leaves and the constants at ``varying`` are its arguments."""
        values = {leaf: input_node(f"x{k}", leaf.type) for k, leaf in enumerate(found.leaves)}
        numbers = {}
        for k in varying:
            splat = found.splats[k]
            numbers[splat] = input_node(f"c{k}", Type(splat.dtype, ()))
            values[splat] = apply("broadcast", numbers[splat], shape=splat.shape, axes=()) if splat.shape else numbers[splat]
        inputs = (*[values[x] for x in found.leaves], *numbers.values())
        program = self._compile(Graph("eager", inputs, tuple(substitute(outputs, values))))
        self._note(found, bool(varying))
        return program

    def _note(self, found: Signature, has_arguments: bool) -> None:
        """Count, and warn of a line whose operands have ever new sizes."""
        location = here()
        line = subject(self, (location, hash(found.outline)), f"what is computed at {location or 'an unknown line'}", location)
        sizes = tuple([(x.dtype, x.shape) for x in found.leaves])
        before = self._sizes.get(line)
        self._sizes[line] = sizes
        if before is None:
            line.compiled()
        elif before == sizes:
            reason = "a number in the expression changed; it is an argument now" if has_arguments else "an attribute changed"
            line.compiled("attributes", reason, math.inf)
        else:
            old, new = next((a, b) for a, b in zip(before, sizes) if a != b)
            reason = f"an operand is {Type(*new)}, it was {Type(*old)}; a tf.function whose input_signature leaves the size open"
            line.compiled("sizes", f"{reason} is compiled once", PATIENCE)
