"""From recorded values to arrays: a walk over what is recorded finds the compiled program, or makes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from graphc.api.learnt import Library
from graphc.api.places import home_place, options_for
from graphc.api.programs import Programs
from graphc.api.signature import OpenSizes, signature
from graphc.api.storage import references
from graphc.api.values import GRADIENT, Value, inlined, kind_of, location_of, number, value_of_leaf
from graphc.compile import compile_graph
from graphc.errors import InvalidArgumentError, explain
from graphc.ir.graph import Graph, input_node, needed, substitute
from graphc.ir.node import Node
from graphc.ir.type import Type

_CONSTANT, _LEAF, _END, _SAME = -1, 0, -2, -3
_MARK = "step "  # before the place of a value in a walk
_HELD = 32  # values that somebody holds that are computed along
_SMALL = 1 << 20  # bytes of such a value that are always to spare
_RECENT = 128  # programs with sizes known only while running that are kept


class Walk:
    """What computes some values.

    Attributes:
        wanted: these values.
        steps: what there is, operands before users: values, and the operands of those that are computed.
        leaves: the arrays that it starts from, on the host or on devices.
        numbers: numbers among the operands.
        places: Value -> its place among ``steps``.
    """

    __slots__ = ("wanted", "steps", "leaves", "numbers", "places", "_key", "_rows")

    def __init__(self, wanted: Sequence[Value] = ()):
        self.wanted: list[Value] = []
        self.steps: list[tuple[Value, tuple | None]] = []
        self.leaves: list[np.ndarray] = []
        self.numbers: list = []
        self.places: dict[Value, int] = {}
        self._key: list = []
        self._rows: dict[int, int] = {}  # id of a tuple of operands -> the first value made of it
        self.add(wanted)

    @property
    def key(self) -> tuple:
        """Equal for two computations of the same structure on arrays of the same types."""
        return (*self._key, _END, *[self.places[v] for v in self.wanted])

    def meets(self, value: Value) -> bool:
        """Whether something that is not computed yet is needed for ``value`` and for what was walked over."""
        seen, stack = set(), [value]
        while stack:
            value = stack.pop()
            if value in seen or value.is_there:
                continue
            if value in self.places:
                return True
            seen.add(value)
            stack.extend([o for o in value.operands or () if type(o) is Value])
        return False

    def add(self, wanted: Sequence[Value]) -> None:
        """Walk on, to what computes these values."""
        self.wanted += wanted
        places, steps, leaves, key, rows = self.places, self.steps, self.leaves, self._key, self._rows
        stack = list(wanted)
        while stack:
            value = stack[-1]
            if value in places:
                stack.pop()
                continue
            operands = value.operands  # before the array: see Value.settle
            array = value.held or value.array
            if array is not None:
                key += (_LEAF, kind_of(array))
                leaves.append(array)
                places[value] = len(steps)
                steps.append((value, None))
                stack.pop()
                continue
            same = rows.get(id(operands))
            if same is not None:  # another result of one operation
                row = (value.entry.number, _SAME, same)
            else:
                row, is_ready = [value.entry.number], True
                for o in operands:
                    place = places.get(o)
                    if place is None:
                        if type(o) is not Value:
                            row.append(_CONSTANT)
                            continue
                        array = o.held or o.array
                        if array is None:
                            stack.append(o)
                            is_ready = False
                            continue
                        key.append(_LEAF)
                        leaves.append(array)
                        place = places[o] = len(steps)
                        steps.append((o, None))
                    row.append(place)
                if not is_ready:
                    continue
                rows[id(operands)] = len(steps)
            stack.pop()
            key += row
            places[value] = len(steps)
            steps.append((value, operands))
            if value.entry.has_numbers:
                self.numbers += [o for o in operands if type(o) is not Value]

    def keep_held(self) -> None:
        """Want also what is computed on the way and needed again, as a tensor or an operation not walked over holds it.

        The next walk starts from these values. Otherwise a loop that looks at a value in every turn would compute all
        turns before once more. Derivatives are left out, as an optimizer takes them at once, and what is larger than all
        that the walk starts from: pairs of rows, for instance, of which a sum is asked for.
        """
        known = 3  # its step, its place, and one operation walked over refer to a value
        several = [v for v, operands in self.steps if operands and references(v) > known + v.taped]
        if len(several) == len(self.wanted):
            return
        wanted, held, uses = set(self.wanted), [], self._uses()
        room = max([_SMALL, *[a.nbytes for a in self.leaves]])
        while several:
            value = several.pop()
            kind = value.kind.type
            if value in wanted or value.entry.label == GRADIENT or kind.size * kind.dtype.size > room:
                continue
            place = self.places[value]
            if references(value) > known - 1 + uses[place] + value.taped:
                if any([type(o) is Value for o in self.steps[place][1]]):
                    held.append(value)
        self.wanted += held[:_HELD]

    def _uses(self) -> list[int]:
        """For each step, how often operations walked over have its value for an operand."""
        uses = [0] * len(self.steps)
        for operands in {id(given): given for _, given in self.steps if given is not None}.values():
            for o in operands:
                if type(o) is Value:
                    uses[self.places[o]] += 1
        return uses

    def nodes(self, varying: Sequence[int]) -> list[Node]:
        """What computes the wanted values, of inputs ``x0 ...`` for leaves, ``c0 ...`` for numbers at ``varying``."""
        made: list[Node] = []
        leaves = at = 0
        for value, operands in self.steps:
            entry = value.entry
            if operands is None:
                made.append(input_node(f"x{leaves}", Type(*_dtype_and_shape(self.leaves[leaves]))))
                leaves += 1
                continue
            nodes = []
            for o, x in zip(operands, entry.inputs):
                if type(o) is Value:
                    nodes.append(made[self.places[o]])
                    continue
                nodes.append(input_node(f"c{at}", x.type) if at in varying else number(o, x))
                at += 1
            made.append(inlined(entry, nodes, value.line, f"{_MARK}{len(made)}"))
        return [made[self.places[v]] for v in self.wanted]


def _dtype_and_shape(array: np.ndarray) -> tuple:
    type = kind_of(array).type
    return type.dtype, type.shape


class Plan:
    """The programs for one key: numbers are constants at first, those that change become arguments."""

    __slots__ = ("first", "varying", "programs")

    def __init__(self):
        self.first: tuple | None = None
        self.varying: tuple[int, ...] = ()
        self.programs: dict[tuple, tuple] = {}

    def program(self, numbers: tuple, make: Callable) -> tuple:
        """What ``make(varying)`` makes for these numbers."""
        shown = tuple([n if n else repr(n) for n in numbers])  # 0.0 is not -0.0
        if self.first is None:
            self.first = shown
        varying = self.varying
        key = (varying, *[n for k, n in enumerate(shown) if k not in varying]) if varying else shown
        found = self.programs.get(key)
        if found is None:
            new = {k for k, (a, b) in enumerate(zip(self.first, shown)) if a != b or type(a) is not type(b)}
            if not new <= set(varying):
                self.varying = varying = tuple(sorted({*varying, *new}))
                return self.program(numbers, make)
            found = self.programs[key] = make(varying)
        return found


def _name_own_line(error: InvalidArgumentError, walk: Walk) -> None:
    """Where an error is about a step of a walk, let it name the line that recorded that step."""
    message, line = getattr(error, "reason", ("", ""))
    if line.startswith(_MARK):
        value, _ = walk.steps[int(line[len(_MARK) :])]
        error.args = (explain(message, (), location_of(value.line)),)


class Evaluator:
    """Computes recorded values."""

    def __init__(self):
        self._plans = Library(2048)
        self._recent: deque = deque(maxlen=_RECENT)

    def arrays(self, walk: Walk, programs: Programs) -> Sequence[np.ndarray]:
        """The arrays of what is wanted, whose programs are found in or put into ``programs``."""
        key = programs, walk.key
        plan = self._plans.get(key)
        if plan is None:
            plan = Plan()
            self._plans.put(key, plan)
        numbers = tuple(walk.numbers)
        try:
            program, order = plan.program(numbers, lambda varying: self._made(walk, varying, programs))
        except OpenSizes:
            return self.once([v.node for v in walk.wanted])
        leaves, (places, arguments, constants) = walk.leaves, order
        given = [np.asarray(numbers[k], dtype) for k, dtype in arguments]
        try:
            return program(*[leaves[k] if k >= 0 else given[~k] for k in places], *constants)
        except InvalidArgumentError as error:
            _name_own_line(error, walk)
            raise

    def once(self, nodes: Sequence[Node]) -> list[np.ndarray]:
        """The values of Nodes whose sizes only a run knows: their graph is known by its text."""
        leaves = [n for n in needed(nodes) if n.op == "input"]
        names = {leaf: input_node(f"x{k}", leaf.type) for k, leaf in enumerate(leaves)}
        program = compile_graph(Graph("eager", tuple(names.values()), tuple(substitute(nodes, names))), options_for(home_place()))
        self._recent.append(program)  # found again by its text as long as somebody holds it
        return [np.asarray(a) for a in program(*[value_of_leaf(leaf) for leaf in leaves])]

    @staticmethod
    def _made(walk: Walk, varying: Sequence[int], programs: Programs) -> tuple:
        """The program, and what it takes: leaves and, inverted, numbers; their positions and dtypes; constants."""
        nodes = walk.nodes(varying)
        found = signature(nodes)
        program, changing = programs.find(found, nodes)
        places, arguments = [], []
        for x in found.leaves:
            name = x.attr("name")
            place = int(name[1:])
            if name[0] == "c":
                arguments.append((place, x.dtype.numpy))
                place = ~(len(arguments) - 1)
            places.append(place)
        return program, (tuple(places), tuple(arguments), tuple([found.splats[k].attrs[0][1].array for k in changing]))
