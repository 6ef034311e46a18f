"""Which step of a compilation is the first to change a result: a pass, or lowering and code generation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compile import assemble, load
from graphc.errors import DeviceUnavailable, UsageError, located
from graphc.inspect.noise import EPSILON, magnitude, tolerances
from graphc.inspect.stages import Stages
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.options import Options
from graphc.passes.canonical import canonical
from graphc.passes.nested import graphs_in
from graphc.prims.interpret import interpret

NATIVE = "lowering or code generation"
_INEXACT_PASSES = {
    "fold_norm": ("fold_norm",), "sum_order": ("lay_out",), "integer_products": ("integer_products", "merge_scales")
}  # fmt: skip
_LOOSE = 1024  # units in the last place of the largest magnitude, by which passes that may change last bits move a result
_LOOSEST = 1 / 16  # of that magnitude, for types of few bits


@dataclass(frozen=True)
class Change:
    """One output that is not what the traced graph means.

    Attributes:
        output: its name. what: one sentence on where it differs and by how much.
        at: place of the element that is furthest away; None if the output as a whole is another, or there is none.
    """

    output: str
    what: str
    at: tuple[int, ...] | None = None

    def __str__(self) -> str:
        return f"output {self.output}{list(self.at) if self.at else ''} {self.what}"


@dataclass(frozen=True)
class Verdict:
    """What ``bisect`` found.

    Attributes:
        culprit: the first pass that changes a result, or ``NATIVE``; None if nothing does.
        changes: the outputs that are then wrong.
        compared: passes whose graph was run, in order, and ``NATIVE``; others left the graph as it was.
        rounded: those of them after which last bits differ, by no more than rounding may move them.
        undecided: outputs in which rounding decides between discrete values or between finite and not, so that any value passes.
    """

    culprit: str | None
    changes: tuple[Change, ...]
    compared: tuple[str, ...]
    rounded: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()

    def __str__(self) -> str:
        passes = [name for name in self.compared if name != NATIVE]
        lines = [f"compared with the traced graph: {', '.join(passes) or 'no pass, as none changed the graph'}"
                 f"{'; the compiled program' if NATIVE in self.compared else ''}"]  # fmt: skip
        if self.rounded:
            lines.append(f"last bits differ, within what rounding may do, after: {', '.join(self.rounded)}")
        lines += [f"any value passes for output {name}: rounding decides it for these inputs" for name in self.undecided]
        if self.culprit is None:
            return "\n".join([*lines, "no pass changes a result"])
        return "\n".join([*lines, f"{self.culprit} changes a result:", *[f"  {change}" for change in self.changes]])


class _Bounds:
    """How far each output may be away, computed when bits differ for the first time: it takes several runs of the graph."""

    def __init__(self, graph: Graph, arrays: Sequence[np.ndarray], right: tuple):
        self.graph, self.arrays, self.right = graph, arrays, right
        self.known: tuple[float, ...] | None = None

    def of(self, k: int, loose: bool) -> float:
        """The bound for output ``k``; ``loose``: after a pass that may change last bits."""
        if self.known is None:
            self.known = tolerances(self.graph, self.arrays)
        return self.known[k] + (_slack(self.right[k]) if loose else 0.0)


def bisect(graph: Graph, arrays: Sequence[np.ndarray], options: Options = Options(), until: str | None = None) -> Verdict:
    """Run the traced graph, the graph after every pass, all by the NumPy definitions, and the compiled program.

    Where no operation on the way to an output rounds, its bits must stay; elsewhere it may move as far as noise after every
    operation that rounds moves it (``graphc.inspect.noise``), since the order in which NumPy sums depends on how arrays lie in
    memory. Behind passes that ``options`` allow to change last bits it may be 1024 units in the last place further away.

    Args:
        arrays: one for each input; they are not written.
        until: the name of a pass after which to stop, as ``graphc inspect`` calls it; nothing is compiled then.

    Raises:
        UsageError: no pass is called ``until``; the graph answers differently when it is run twice.
        GraphcError: the traced graph cannot be run on these arrays.
        DeviceUnavailable: the device that ``options`` name is not there.
    """
    graph, arrays = canonical(graph), [np.asarray(a) for a in arrays]
    with located(None):
        right = _interpreted(graph, arrays)
        _check_repeatable(graph, arrays, right)
        stages = Stages(graph, options)
        records = stages.passes if until is None else stages.passes[: stages.passes.index(stages.find_pass(until)) + 1]
        bounds, loose = _Bounds(graph, arrays, right), False
        compared, rounded = [], []
        for record in records:
            if not record.changed:
                continue
            loose = loose or _is_inexact(record.name, options)
            compared.append(record.name)
            found = _outcome(lambda: _interpreted(record.after, arrays))
            changes, same = _compare(graph, right, found, bounds, loose, record.after)
            if changes:
                return _verdict(record.name, changes, compared, rounded, bounds)
            rounded += [] if same else [record.name]
        if until is not None:
            return _verdict(None, (), compared, rounded, bounds)
        compared.append(NATIVE)
        changes, same = _compare(graph, right, _outcome(lambda: _compiled(stages, arrays)), bounds, loose)
        rounded += [] if same or changes else [NATIVE]
        return _verdict(NATIVE if changes else None, changes, compared, rounded, bounds)


def _verdict(culprit, changes, compared, rounded, bounds: _Bounds) -> Verdict:
    known = bounds.known or ()
    undecided = tuple([name for name, far in zip(bounds.graph.names, known) if not np.isfinite(far)])
    return Verdict(culprit, tuple(changes), tuple(compared), tuple(rounded), undecided)


def _interpreted(graph: Graph, arrays) -> tuple:
    return tuple([np.asarray(y) for y in interpret(graph, *[a.copy() for a in arrays])])


def _compiled(stages: Stages, arrays) -> tuple:
    """The outputs of the native program, made anew: the cache may hold what another compiler made."""
    run = load(assemble(stages.program, stages.options), stages.options)
    return tuple([np.asarray(y) for y in run(*[a.copy() for a in arrays])])  # copies, as a run writes over donated inputs


def _outcome(run):
    """What a run answers, or the error that stopped it: a step that makes a graph fail has changed its results.

    Raises:
        DeviceUnavailable: there is nothing to run it on.
    """
    try:
        return run()
    except DeviceUnavailable:
        raise
    except Exception as error:
        return error


def _check_repeatable(graph: Graph, arrays, right: tuple) -> None:
    again = _interpreted(graph, arrays)
    for name, a, b in zip(graph.names, right, again):
        if not _same_bits(a, b).all():
            raise UsageError(
                f"{graph.name}: output {name} is another when the traced graph is run twice on the same inputs, so no pass "
                f"can be judged by it{_callbacks(graph)}"
            )


def _callbacks(graph: Graph) -> str:
    """The operations of a graph that may answer differently each time: those that call Python."""
    found = {f"{n.op} ({n.location or 'no line known'})" for _, nodes in graphs_in(graph) for n in nodes if n.op in ("host", "python")}
    return f"; Python functions that keep state or draw numbers must be seeded in each call: {', '.join(sorted(found))}" if found else ""


def _is_inexact(name: str, options: Options) -> bool:
    """May this pass, with these options, change last bits?"""
    name = name.partition(".")[0]
    if options.fast_math:
        return name == "simplify" or any(name in names for names in _INEXACT_PASSES.values())
    return any(name in _INEXACT_PASSES.get(allowed, ()) for allowed in options.allow)


def _slack(array: np.ndarray) -> float:
    epsilon = EPSILON.get(dt.as_dtype(array.dtype), 0.0) if array.dtype != object else 0.0
    return min(_LOOSE * epsilon, _LOOSEST) * magnitude(array)


# ------------------------------------------------------------------------------------------ comparing


def _compare(graph: Graph, right: tuple, found, bounds: _Bounds, loose: bool, stage: Graph | None = None) -> tuple[list, bool]:
    """The outputs that are wrong, and whether all others have the bits of ``right``.

    Args:
        found: arrays, or the error that came instead of them.
        stage: the graph that made them, whose last output may say that values are refused; None for a compiled program, which
            raises an error then, and may take -0 for 0.
    """
    if isinstance(found, Exception):
        kind = type(found).__name__
        return [Change(", ".join(graph.names), f"is not computed; the run stops with {kind}: {found}")], False
    if stage is not None and stage.outputs[len(right) :] and stage.outputs[-1].op == "refusal":
        *found, code = found
        if code:
            reason = stage.outputs[-1].attr("reasons")[int(code) - 1][0]
            return [Change(", ".join(graph.names), f"is refused, which the traced graph computes: {reason}")], False
    changes, same = [], True
    for k, (name, a, b) in enumerate(zip(graph.names, right, found, strict=True)):
        if a.dtype != b.dtype or a.shape != b.shape:
            changes.append(Change(name, f"is {b.dtype}{list(b.shape)} instead of {a.dtype}{list(a.shape)}"))
            continue
        equal = _same_bits(a, b)
        if equal.all():
            continue
        far = bounds.of(k, loose)
        wrong = ~equal & _beyond(a, b, far, stage is not None)
        same = False
        if wrong.any():
            changes.append(_change(name, a, b, wrong, far))
    return changes, same


def _same_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where two arrays of one dtype and shape have the same bits; one NaN is as good as another."""
    if a.dtype == object:
        return np.asarray(a == b)
    with np.errstate(all="ignore"):
        same, nan = np.asarray(a == b), np.asarray((a != a) & (b != b))
    if a.dtype.kind in "biu":
        return same
    parts = 2 if a.dtype.kind == "c" else 1
    unsigned = np.dtype(f"u{a.dtype.itemsize // parts}")
    bits = [np.ascontiguousarray(x).reshape(-1).view(unsigned).reshape(*a.shape, parts) for x in (a, b)]
    return (bits[0] == bits[1]).all(-1) | nan


def _beyond(a: np.ndarray, b: np.ndarray, far: float, signs: bool) -> np.ndarray:
    """Where two arrays are further apart than ``far``; with ``signs`` and no distance allowed, -0 is not 0."""
    if a.dtype == object or (signs and not far):
        return np.ones(a.shape, bool)
    with np.errstate(all="ignore"):
        return ~((a == b) | (_distance(a, b) <= far))


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        return np.abs(a.astype(wide) - b.astype(wide))


def _change(name: str, a: np.ndarray, b: np.ndarray, wrong: np.ndarray, far: float) -> Change:
    """The wrong element that is furthest away; one that is NaN or infinite on one side only comes first."""
    count = f"; {int(wrong.sum())} of {wrong.size} elements differ"
    if a.dtype == object:
        at = tuple(map(int, np.argwhere(wrong)[0]))
        return Change(name, f"is {b[at]!r} instead of {a[at]!r}{count}", at)
    distance = np.where(wrong, np.nan_to_num(_distance(a, b), nan=np.inf, posinf=np.inf), -1.0)
    at = tuple(map(int, np.unravel_index(int(np.argmax(distance)), a.shape)))
    allowed = f"rounding may move it by {far:.3g}" if far else "no bit of it may change"
    return Change(name, f"is {b[at]} instead of {a[at]}, off by {distance[at]:.3g} ({allowed}){count}", at)


