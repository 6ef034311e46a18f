"""One compile serves every size: programs run with five sizes each, against the interpreter with the sizes known."""

import ml_dtypes
import numpy as np
import pytest

import graphc.api.run
import graphc.v1 as tf
from graphc.errors import ShapeError
from graphc.prims.interpret import interpret
from graphc.v1.fetches import resolve
from graphc.v1.plan import Pattern, Request, fed_nodes
from graphc.v1.trace import trace
from symbolic_programs import PROGRAMS, SIZES

KINDS = {"f32": np.float32, "f64": np.float64, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "c64": np.complex64,
         "i32": np.int32, "u8": np.uint8, "b1": np.bool_}  # fmt: skip


@pytest.fixture
def compiles(monkeypatch):
    """A list that grows by one with every compilation."""
    seen, original = [], graphc.api.run.compile_graph

    def counted(graph, options):
        seen.append(graph.name)
        return original(graph, options)

    monkeypatch.setattr(graphc.api.run, "compile_graph", counted)
    return seen


def shapes_of(program, run: int) -> list[tuple]:
    """The shapes of the values of one run; None instead of open sizes for ``run`` -1."""
    found = []
    for feed in program.feeds:
        text = feed.partition(" ")[2].strip()
        found.append(tuple(int(d) if d.isdigit() else _size(program, d, run) for d in text.split(",") if d))
    return found


def _size(program, letter: str, run: int):
    return None if run < 0 else max(SIZES[letter][run], program.least.get(letter, 0))


def values_of(program, run: int) -> list[np.ndarray]:
    rng, values = np.random.default_rng(run), []
    for feed, shape in zip(program.feeds, shapes_of(program, run)):
        kind, _, below = feed.partition(" ")[0].partition("<")
        if below:
            value = rng.integers(0, int(below), shape)
        elif kind in ("u8", "b1"):
            value = rng.integers(0, 256 if kind == "u8" else 2, shape)
        else:
            value = rng.uniform(-2, 2, shape) + (1j * rng.uniform(-2, 2, shape) if kind == "c64" else 0)
        values.append(np.asarray(value).astype(KINDS[kind]))
    return values


def built(program, run: int):
    """Placeholders and fetches in a new graph."""
    graph = tf.Graph()
    with graph.as_default():
        placeholders = [tf.placeholder(KINDS[f.partition(" ")[0].partition("<")[0]], shape)
                        for f, shape in zip(program.feeds, shapes_of(program, run))]  # fmt: skip
        return graph, placeholders, program.build(tf, *placeholders)


def interpreted(program, run: int, values, state: dict) -> list[np.ndarray]:
    """The values of the fetches, then of the written variables, by the NumPy meaning of the same program of known sizes."""
    graph, placeholders, fetches = built(program, run)
    tensors, operations, _ = resolve(graph, fetches)
    request = Request(tuple(tensors), tuple(operations), tuple(placeholders), None)
    nodes, inputs = fed_nodes(request, Pattern(tuple(v.ndim for v in values)))
    traced = trace("known", request.fetches, request.targets, nodes, inputs)
    names = [v if isinstance(v, bool) else v.name for v in traced.state]
    return [np.asarray(a) for a in interpret(traced.graph, *values, *[state[n].copy() for n in names])]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_one_compile_for_every_size(program, compiles):
    graph, placeholders, fetches = built(program, -1)
    with graph.as_default(), tf.Session() as session:
        session.run(tf.global_variables_initializer())
        del compiles[:]
        tensors, operations, _ = resolve(graph, fetches)
        variables = tf.global_variables()
        for run in range(5):
            values = values_of(program, run)
            state = {v.name: session.state.array(v).copy() for v in variables}
            state |= {flag: session.state.array(flag).copy() for flag in (True, False)}
            wanted = interpreted(program, run, values, state)
            found = session.run(list(tensors) + list(operations), dict(zip(placeholders, values)))[: len(tensors)]
            for k, (a, b) in enumerate(zip(found, wanted)):
                a = np.asarray(a)
                assert a.dtype == b.dtype and a.shape == b.shape, (k, run)
                close(a, b, f"fetch {k}, run {run}")
    assert len(compiles) == 1, f"{len(compiles)} compiles"


def close(a: np.ndarray, b: np.ndarray, what: str):
    if a.dtype.kind in "biu":
        assert a.tolist() == b.tolist(), what
        return
    narrow = a.dtype in (np.float16, ml_dtypes.bfloat16)
    kind = complex if a.dtype.kind == "c" else np.float64
    tolerance = 2e-2 if narrow else 1e-4
    np.testing.assert_allclose(a.astype(kind), b.astype(kind), rtol=tolerance, atol=tolerance, err_msg=what)


ROWS = np.arange(15.0, dtype=np.float32).reshape(5, 3)
LINE = np.arange(5.0, dtype=np.float32)
COMPUTED = {
    "reshape": (lambda x, k: tf.reshape(x, k), LINE[:4], [2], ([2, 2], [-1, 1], [4, -1]), lambda x, k: x.reshape(k)),
    "broadcast_to": (lambda x, k: tf.broadcast_to(x, [k, 5]), LINE, [], (3, 1, 0), lambda x, k: np.broadcast_to(x, (k, 5))),
    "to the bound": (lambda x, k: x[:k], LINE, [], (3, 0, -2, 9), lambda x, k: x[:k]),
    "from the bound": (lambda x, k: x[k:], LINE, [], (3, 0, -2, 9), lambda x, k: x[k:]),
    "between": (lambda x, k: x[k[0] : k[1]], LINE, [2], ([1, 4], [-3, -1], [4, 2]), lambda x, k: x[k[0] : k[1]]),
    "slice": (lambda x, k: tf.slice(x, [k[0], 0], [k[1], -1]), ROWS, [2], ([3, 2], [1, -1], [0, 0]),
              lambda x, k: x[k[0] : None if k[1] < 0 else k[0] + k[1]]),
    "split": (lambda x, k: tf.split(x, k)[0], ROWS, [2], ([3, 2], [1, -1], [-1, 5]),
              lambda x, k: x[: k[0] if k[0] >= 0 else len(x) - k[1]]),
    "pad": (lambda x, k: tf.pad(x, [[k, 1], [0, 0]]), ROWS, [], (2, 1, 0), lambda x, k: np.pad(x, [[k, 1], [0, 0]])),
    "top_k": (lambda x, k: tf.nn.top_k(x, k)[0], LINE, [], (3, 1, 0), lambda x, k: x[::-1][:k]),
    "one_hot": (lambda x, k: tf.one_hot(tf.cast(x, tf.int32), k), LINE, [], (3, 1, 6), lambda x, k: np.eye(9, dtype="f")[:5, :k]),
    "resize": (lambda x, k: tf.image.resize(x[None, :, :, None], k), ROWS * 0 + 2, [2], ([2, 7], [1, 3]),
               lambda x, k: np.full((1, *k, 1), 2)),
}  # fmt: skip


@pytest.mark.parametrize("case", COMPUTED)
def test_one_compile_for_every_computed_size(case, compiles):
    build, x, shape, sizes, numpy = COMPUTED[case]
    a, k = tf.placeholder(tf.float32, [None] * x.ndim), tf.placeholder(tf.int32, shape)
    y, session = build(a, k), tf.Session()
    for size in sizes:
        found, wanted = session.run(y, {a: x, k: size}), numpy(x, size)
        assert found.tolist() == wanted.tolist(), size
    assert len(compiles) == 1


def test_computed_sizes_that_are_negative_are_refused():
    k, session = tf.placeholder(tf.int32, []), tf.Session()
    y = tf.zeros([k, 2])
    assert session.run(y, {k: 2}).shape == (2, 2)
    with pytest.raises(ShapeError, match="is -1, which is negative"):
        session.run(y, {k: -1})
