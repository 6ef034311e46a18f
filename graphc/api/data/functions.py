"""Functions of elements and how they run: pure ones over whole blocks as one native loop, others one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from graphc.api.data.block import Block, is_stackable, stacked
from graphc.api.data.element import builder, component, leaves, normalised, same_outline
from graphc.api.data.stage import Run, Stage
from graphc.api.data.tracing import Traced, traced_with
from graphc.api.eager import EAGER
from graphc.api.recorder import RECORDERS
from graphc.api.stream import SEEDS
from graphc.compile import compile_graph
from graphc.errors import (
    GraphcError,
    InvalidArgumentError,
    OutOfRangeError,
    UnimplementedError,
    UnknownError,
    UsageError,
    explain,
    raised_at,
)
from graphc.ir.graph import Graph, input_node, with_makers
from graphc.ir.node import INDEX, symbol
from graphc.ir.type import Type
from graphc.lib import control
from graphc.prims.table import apply

_ROWS = symbol("rows_0")
_CALLED = object()


class Place:
    """Where the random numbers of a function stand in an iteration.

    Attributes:
        arrays: key and counter of each of its random operations.
        number: that of the next element.
    """

    def __init__(self, drawn: list):
        self.arrays, self.number = [array for pair in drawn for array in pair], 0


class ElementFunction:
    """A function that the user gave for elements.

    Attributes:
        element_spec: of its answer.
        in_blocks: whether its trace is all that it does, so that nobody can tell when it runs.
        is_pure: whether, besides, its answer depends on nothing but the element.
    """

    def __init__(self, function: Callable, specs: tuple, stage: Stage, op: str, argument: str = "map_func"):
        """``specs``: of the arguments; ``stage``: that it belongs to, for messages."""
        if not callable(function):
            raise UsageError(explain(f"{op}: {argument} must be a function, got {function!r}"))
        self._function, self._explained, self._op = function, stage.explain, op
        found: Traced = traced_with(function, specs, op)
        stage.is_given = stage.is_given or found.is_given
        self.element_spec, self.in_blocks = found.element_spec, found.is_pure
        self.is_pure = found.is_pure and not found.body.draws
        self._own: Place | None = None
        self._traced = found if found.is_pure else None
        self._program, self._is_single = None, False
        self._seeded: list | None = None
        self._lock = threading.Lock()
        self._builds = [builder(spec) for spec in specs]
        self._counts = [len(leaves(spec)) for spec in specs]

    # ------------------------------------------------------------------------------------------ one by one

    def called(self, row: tuple):
        """The answer for the components of the arguments as the user's function gives it, literals as tensors."""
        arguments, start = [], 0
        for build, count in zip(self._builds, self._counts):
            arguments.append(build(row[start : start + count]))
            start += count
        with RECORDERS.entering(EAGER):
            try:
                answer = self._function(*arguments)
                return normalised(tuple(answer) if isinstance(answer, list) else answer, self._op)
            except GraphcError:
                raise
            except Exception as error:  # a user's function may raise anything
                raise told(error, self._explained) from error

    def row(self, row: tuple, place: Place | None = None) -> tuple:
        """The components of the answer for those of the arguments."""
        if self._traced is not None:
            return self.block(Block.of_row(row), place).row(0)
        answer = self.called(row)
        if not same_outline(self.element_spec, answer):
            raise InvalidArgumentError(self._explained(f"the function answered with another structure, {answer}"))
        return tuple([component(v) for v in leaves(answer)])

    # -------------------------------------------------------------------------------------------- in blocks

    def place(self, run: Run) -> Place:
        """Where the random numbers of an iterator stand: they go on from epoch to epoch and begin anew with another."""
        if self not in run.places:
            with self._lock:
                if self._seeded is None:
                    seeds = [seed for _, _, seed in self._traced.body.draws] if self._traced is not None else []
                    fixed = SEEDS.seed is not None or any(seed is not None for seed in seeds)
                    self._seeded = [SEEDS.next(seed) for seed in seeds] if fixed else seeds
            drawn = [d if isinstance(d, tuple) else SEEDS.next(None) for d in self._seeded]
            run.places[self] = Place(drawn)
        return run.places[self]

    def block(self, block: Block, place: Place | None = None) -> Block:
        """The answers for all elements of a block, of a function that runs in blocks.

        Args:
            place: where random numbers stand; moved on by as many elements, also where one of them fails alone.
        """
        program = self._program or self._compiled()
        if program is _CALLED:
            return Block.of_rows([self.row(row) for row in block.rows()])
        if place is None:
            place = self._own = self._own or self.place(Run())
        columns = block.columns
        if block.count > 1 and (self._is_single or not all(map(is_stackable, columns))):
            return Block.of_rows([self.block(Block.of_row(row), place).row(0) for row in block.rows()])
        arrays = [stacked(c) for c in columns if c.__class__ is not list or c[0] is not None]
        if self._is_single:
            arrays = [a[0, ...] for a in arrays]
        number = np.asarray(place.number, np.int64)
        if block.count == 1:
            place.number += 1
        found = program(*arrays, *[t.array for t in self._traced.body.captured], number, *place.arrays)
        if block.count > 1:
            place.number += block.count
        if self._is_single:
            found = [a[None] for a in found]
        found = iter(found)
        return Block(block.count, [[None] * block.count if v is None else next(found) for v in self._traced.answer])

    def _compiled(self) -> Callable:
        """The program for rows or, where sizes depend on data, for one element; _CALLED if there can be none."""
        with self._lock:
            if self._program is None:
                body = self._traced.body
                self._is_single = bool(with_makers(tuple([t.node for t in body.outputs]))[1])
                try:
                    program = compile_graph(self._element_graph() if self._is_single else self._rows_graph())
                except (GraphcError, NotImplementedError):  # such as strings of sizes that depend on data
                    program, self._traced = _CALLED, None
                self._program = program
            return self._program

    def _rows_graph(self) -> Graph:
        body = self._traced.body
        rows = [input_node(f"x{k}", Type(t.dtype, (_ROWS, *t.type.shape))) for k, t in enumerate(body.arguments)]
        free = self._free()
        n = len(body.captured)

        def step(i, carries, slices, others):
            captured, (first, *places) = others[:n], others[n:]
            number = apply("add", first, i) if places else first
            return [], body.replayed(slices, captured, number, _pairs(places))

        _, results = control.steps(step, [], rows, free, count=None if rows else _ROWS, op=self._op)
        return Graph("rows", (*rows, *free), tuple(results))

    def _element_graph(self) -> Graph:
        body = self._traced.body
        arguments = [input_node(f"x{k}", t.type) for k, t in enumerate(body.arguments)]
        free, n = self._free(), len(body.captured)
        results = body.replayed(arguments, free[:n], free[n], _pairs(free[n + 1 :]))
        return Graph("element", (*arguments, *free), tuple(results))

    def _free(self) -> list:
        """Inputs for what is captured, the number of the first element, and the places of random numbers."""
        body = self._traced.body
        types = [t.type for t in body.captured] + [INDEX] + [n.type for draw in body.draws for n in draw[:2]]
        return [input_node(f"c{k}", type) for k, type in enumerate(types)]


def _pairs(nodes) -> list:
    return list(zip(nodes[::2], nodes[1::2]))


def told(error: Exception, explained: Callable):
    """TensorFlow's error for one that a user's function raised; ``raise ... from`` it."""
    kinds = ((StopIteration, OutOfRangeError), (NotImplementedError, UnimplementedError))
    kinds += (((ValueError, TypeError), InvalidArgumentError),)
    kind = next((k for classes, k in kinds if isinstance(error, classes)), UnknownError)
    at = raised_at(error)
    where = (("raised", f"at {at}: {at.source}"),) if at is not None else ()
    return kind(explained(f"{type(error).__name__}: {error}", where))
