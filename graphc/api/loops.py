"""Loops over the rows of tensors: map_fn, vectorized_map, scan, foldl, foldr; each is one native loop."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.control import UNTRACEABLE, ControlFlow, open_body, record, scope_of, strung, written
from graphc.api.eager import eager
from graphc.api.operators import Operators
from graphc.api.ragged_rows import has_rows, map_rows
from graphc.api.structure import expect_same, leaves, pack
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import control as lib
from graphc.lib import shape as lib_shape
from graphc.prims.table import apply


class Loops(ControlFlow):
    """The functions of one front door."""

    def map_fn(self, fn, elems, dtype=None, parallel_iterations=None, back_prop=True, swap_memory=False,
               infer_shape=True, name=None, fn_output_signature=None):  # fmt: skip
        """``fn`` of every row of ``elems``, the answers stacked; ``fn`` is called once.

        Args:
            elems: a tensor or a structure of tensors of one leading size; ``fn`` gets their rows in this structure.
            fn_output_signature, dtype: the (structure of) dtypes of the answer; checked, never needed.
            parallel_iterations, back_prop, swap_memory, infer_shape: without effect.

        Raises:
            ShapeError: ``elems`` have no rows, or different numbers of them. DtypeError: the answer has other dtypes.
        """
        wanted = fn_output_signature if fn_output_signature is not None else dtype
        if has_rows(elems, wanted):
            return map_rows(fn, elems, wanted)
        recorder, rows = self._rows("map_fn", elems)
        try:
            return _map(recorder, name, fn, elems, rows, wanted)
        except UNTRACEABLE:
            if not recorder.is_eager:
                raise
        answers = [fn(pack(elems, [x[k] for x in rows])) for k in range(_length("map_fn", rows))]
        return pack(answers[0], [_stacked(recorder, parts) for parts in zip(*map(leaves, answers))])

    def vectorized_map(self, fn, elems, fallback_to_while_loop=True, warn=True):
        """``fn`` of every row of ``elems``, the answers stacked; see ``map_fn``. A leading size of 1 is repeated."""
        recorder, rows = self._rows("vectorized_map", elems)
        sizes = {d for x in rows for d in [_leading(x)] if d != 1}
        if len(sizes) == 1 and None not in sizes:
            (count,) = sizes
            rows = [
                x if _leading(x) != 1 else recorder.call("Repeat", "repeat", lambda n: _repeated(n, count), [x], ["x"])
                for x in rows
            ]
        return self.map_fn(fn, pack(elems, rows))

    def scan(self, fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False,
             infer_shape=True, reverse=False, name=None):  # fmt: skip
        """All the values of ``a = fn(a, row)`` over the rows of ``elems``, stacked; ``fn`` is called once.

        Args:
            initializer: the first ``a``; the first row if None, which is then the first of the answers.
            reverse: from the last row to the first.

        Raises:
            ShapeError: ``elems`` have no rows, or different numbers of them.
            UsageError, DtypeError, ShapeError: the structure or type of ``a`` changes.
        """
        recorder, rows = self._rows("scan", elems)
        try:
            return _fold(recorder, "Scan", name, fn, elems, rows, initializer, reverse, True)
        except UNTRACEABLE:
            if not recorder.is_eager:
                raise
        answers = _accumulated(recorder, fn, elems, rows, initializer, reverse)
        inorder = answers[:: -1 if reverse else 1]
        return pack(answers[0], [_stacked(recorder, parts) for parts in zip(*map(leaves, inorder))])

    def foldl(self, fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
        """The last value of ``a = fn(a, row)`` over the rows of ``elems``; see ``scan``."""
        return self._folded("foldl", fn, elems, initializer, name, False)

    def foldr(self, fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
        """The last value of ``a = fn(a, row)`` over the rows of ``elems`` from the last to the first; see ``scan``."""
        return self._folded("foldr", fn, elems, initializer, name, True)

    def steps(self, fn, first, rows=(), count=None, reverse=False, name=None):
        """The last carries of ``carries, results = fn(carries, row of each of rows)``, and all the results, stacked.

        Variables may be assigned inside. ``fn`` is called once; in eager evaluation a ``fn`` that needs values, or whose
        carries change their shape, runs step by step.

        Args:
            first: the first carries, a list of tensors; ``fn`` gets and gives lists.
            rows: tensors of one leading size, the number of steps.
            count: the number of steps, an int, where there are no rows.
            reverse: from the last row to the first.

        Raises:
            ShapeError: ``rows`` have different numbers of rows. DtypeError, ShapeError: a carry changes its type.
        """
        recorder = self.recorder([first, rows])
        first, rows = ([recorder.convert(x) for x in values] for values in (first, rows))
        try:
            return _stepped(recorder, name, fn, first, rows, count, reverse)
        except UNTRACEABLE:
            if not recorder.is_eager:
                raise
        places = range(_length("steps", rows) if rows else count)
        kept, carries = [], first
        for k in reversed(places) if reverse else places:
            carries, results = fn(carries, [x[k] for x in rows])
            kept.append(results)
        return list(carries), [_stacked(recorder, parts) for parts in zip(*(kept[::-1] if reverse else kept))]

    def _folded(self, op: str, fn, elems, initializer, name, reverse: bool):
        recorder, rows = self._rows(op, elems)
        try:
            return _fold(recorder, op.capitalize(), name, fn, elems, rows, initializer, reverse, False)
        except UNTRACEABLE:
            if not recorder.is_eager:
                raise
        return _accumulated(recorder, fn, elems, rows, initializer, reverse)[-1]

    def _rows(self, op: str, elems) -> tuple:
        recorder = self.recorder([elems])
        rows = [recorder.convert(x) for x in leaves(elems)]
        if not rows:
            raise UsageError(explain(f"{op}: there are no elems"))
        for x in rows:
            if getattr(x, "node", None) is not None and not x.node.shape:
                raise ShapeError(explain(f"{op}: there are no rows in a scalar of dtype {x.dtype.name}"))
        return recorder, rows


def _map(recorder, name, fn: Callable, elems, rows: list, wanted):
    with scope_of(recorder, name or "map") as name, scope_of(recorder, "while"), open_body(recorder) as body:
        answer = fn(pack(elems, [body.argument(x, is_row=True) for x in rows]))
        body.finish(leaves(answer))
    _expect_dtypes(answer, body.outputs, wanted)
    _no_states("map_fn", body)
    token = strung(body)
    t = len(token)

    def build(*nodes):
        def step(i, carries, slices, captured):
            states = dict(zip(token, carries))
            results = body.replay(slices, captured, states, i)
            return list(states.values()), results

        first, rest = nodes[:t], nodes[t:]
        return sum(lib.steps(step, first, rest[: len(rows)], rest[len(rows) :], op="map_fn"), [])

    return pack(answer, _made(recorder, "Map", "map", build, [*rows, *body.captured], name, body))


def _fold(recorder, kind: str, name, fn: Callable, elems, rows: list, initializer, reverse: bool, keep: bool):
    """A scan (``keep``) or a fold as one loop."""
    op = kind.lower()
    structure = elems if initializer is None else initializer
    start = [] if initializer is None else [recorder.convert(x) for x in leaves(initializer)]
    with scope_of(recorder, name or op) as name, scope_of(recorder, "while"), open_body(recorder) as body:
        before = [body.argument(x) for x in start] or [body.argument(x, is_row=True) for x in rows]
        answer = fn(pack(structure, before), pack(elems, [body.argument(x, is_row=True) for x in rows]))
        expect_same(op, "the first value and the answer of fn", structure, answer)
        body.finish(leaves(answer))
    _no_states(op, body)
    operands, count, token = [*start, *rows, *body.captured], len(start), strung(body)
    t = len(token)

    def build(*nodes):
        strings, nodes = nodes[:t], nodes[t:]
        xs = list(nodes[count : count + len(rows)])
        first = list(nodes[:count])
        if not first:
            heads = [_part(x, x.shape[0] - 1, x.shape[0]) if reverse else _part(x, 0, 1) for x in xs]
            first = [apply("reshape", x, shape=x.shape[1:]) for x in heads]
            xs = [_part(x, 0, x.shape[0] - 1) if reverse else _part(x, 1, x.shape[0]) for x in xs]

        def step(i, carries, slices, captured):
            states = dict(zip(token, carries))
            new = body.replay([*carries[t:], *slices], captured, states, i)
            return [*states.values(), *new], new if keep else []

        first = [*strings, *first]
        last, results = lib.steps(step, first, xs, nodes[count + len(rows) :], backwards=reverse, op=op)
        if not keep:
            return last
        if not count:
            pairs = [(x, head) if reverse else (head, x) for head, x in zip(heads, results)]
            results = [apply("concat", *pair, axis=0) for pair in pairs]
        return [*last[:t], *results]

    return pack(structure, _made(recorder, kind, op, build, operands, name, body))


def _stepped(recorder, name, fn: Callable, first: list, rows: list, count, reverse: bool) -> tuple[list, list]:
    """Steps with carries and results as one loop; variables that are assigned inside are carried too."""
    with scope_of(recorder, name or "steps") as name, scope_of(recorder, "while"), open_body(recorder) as body:
        carries, results = fn([body.argument(x) for x in first], [body.argument(x, is_row=True) for x in rows])
        if len(carries) != len(first):
            raise UsageError(explain(f"steps: {len(carries)} carries are left of {len(first)}"))
        body.finish([*carries, *results])
    with scope_of(recorder, name):
        read = [recorder.read_state(v) for v in body.states]
    token, own = strung(body), len(first)
    t, head = len(token), len(token) + len(first)
    carried = head + len(read)

    def build(*nodes):
        def step(i, carries, slices, captured):
            states = dict(zip([*token, *body.states], [*carries[:t], *carries[head:]]))
            found = body.replay([*carries[t:head], *slices], captured, states, i)
            new = [*(states[k] for k in token), *found[:own], *(states[v] for v in body.states)]
            return new, found[own:]

        before, xs, captured = nodes[:carried], nodes[carried : carried + len(rows)], nodes[carried + len(rows) :]
        last, kept = lib.steps(step, before, xs, captured, None if rows else count, reverse, op="steps")
        return [*last[:head], *kept, *last[head:]]

    operands = [*first, *read, *rows, *body.captured]
    made = record(recorder, "Steps", "steps", build, operands, name, [body], lambda: [*body.outputs, *body.states])
    made = written(recorder, body.states, made)
    return made[:own], made[own:]


def _made(recorder, kind: str, label: str, build: Callable, operands: list, name, body) -> list:
    return record(recorder, kind, label, build, operands, name, [body], lambda: body.outputs)


def _part(x, start, stop):
    rest = len(x.shape) - 1
    return apply("slice", x, start=(start, *(0,) * rest), stop=(stop, *x.shape[1:]), step=(1,) * (rest + 1))


def _repeated(x, count):
    flat = apply("reshape", x, shape=x.shape[1:])
    return apply("broadcast", flat, shape=(count, *x.shape[1:]), axes=tuple(range(1, len(x.shape))))


def _no_states(op: str, body) -> None:
    if body.states:
        names = ", ".join(v.name for v in body.states)
        raise UsageError(explain(f"{op}: a variable is assigned inside ({names}); use while_loop for that"))


def _expect_dtypes(answer, outputs: list, wanted) -> None:
    """Check what the answer was said to be.

    Raises:
        UsageError, DtypeError: it is something else.
    """
    if wanted is None:
        return
    expect_same("map_fn", "fn_output_signature and the answer of fn", wanted, answer)
    for k, (want, found) in enumerate(zip(leaves(wanted), outputs)):
        kind = dt.as_dtype(getattr(want, "dtype", want))
        if found.dtype is not kind:
            what = f"map_fn: value {k} of the answer of fn is {found.dtype.name}"
            raise DtypeError(explain(f"{what}, not {kind.name} as fn_output_signature says"))


# --------------------------------------------------------------------------------------- step by step


def _leading(x) -> int | None:
    node = getattr(x, "node", None)
    size = node.shape[0] if node is not None and node.shape else None
    return size if type(size) is int else None


def _length(op: str, rows: list) -> int:
    sizes = {int(x.shape[0]) for x in rows}
    if len(sizes) > 1:
        raise ShapeError(explain(f"{op}: elems have different numbers of rows, {sorted(sizes)}"))
    (size,) = sizes
    if not size:
        raise ShapeError(explain(f"{op}: elems have no rows, and fn cannot be traced to know what it would answer"))
    return size


def _stacked(recorder, parts):
    parts = [p if isinstance(p, Operators) else recorder.convert(p) for p in parts]
    build = lambda *xs: lib_shape.stack(list(xs))  # noqa: E731  an operation of as many operands as there are rows
    return recorder.call("Pack", "stack", build, parts, ["values"] * len(parts))


def _accumulated(recorder, fn, elems, rows: list, initializer, reverse: bool) -> list:
    places = list(range(_length("scan", rows)))[:: -1 if reverse else 1]
    answers = []
    if initializer is None:
        value = pack(elems, [x[places[0]] for x in rows])
        answers, places = [value], places[1:]
    else:
        value = pack(initializer, [recorder.convert(x) for x in leaves(initializer)])
    for k in places:
        value = fn(value, pack(elems, [x[k] for x in rows]))
        answers.append(value)
    return answers or [value]


EAGER_LOOPS = Loops(eager)
map_fn, vectorized_map, scan = EAGER_LOOPS.map_fn, EAGER_LOOPS.vectorized_map, EAGER_LOOPS.scan
foldl, foldr = EAGER_LOOPS.foldl, EAGER_LOOPS.foldr
