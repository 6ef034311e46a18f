"""If, Loop and Scan: what is decided while tracing, what the program decides, what is unrolled, what is refused."""

import numpy as np
import pytest
from onnx_models import graph, model, node

import graphc
from graphc.autodiff.check import check_gradients
from graphc.errors import FormatError, GraphcError, UnimplementedError

RANDOM = np.random.default_rng(4)
MANY = np.int64(np.iinfo(np.int64).max)


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def load(nodes, inputs, outputs, initialisers=None, **setting):
    return graphc.onnx.load(model(nodes, inputs, outputs, initialisers, **setting))


# ------------------------------------------------------------------------------------------------------- If


def branches(then, orelse, **names):
    return node("If", "p", "y", then_branch=graph(then, [], ["t"]), else_branch=graph(orelse, [], ["e"]))


def test_a_condition_of_the_program_runs_one_branch():
    nodes = [node("Exp", "x", "z"), branches([node("Mul", "z z", "t")], [node("Neg", "z", "e")])]
    loaded = load(nodes, ["x: float32[n]", "p: bool[]"], ["y"])
    x = normal(5)
    np.testing.assert_allclose(loaded.run([x, np.array(True)])[0], np.exp(x) ** 2, 1e-5)
    np.testing.assert_allclose(loaded.run([x, np.array(False)])[0], -np.exp(x), 1e-5)
    text = str(loaded.graph)
    assert "cond(" in text and text.count("exp(") == 1  # what is outside is not computed again inside


def test_a_condition_that_is_known_leaves_one_branch():
    nodes = [node("Shape", "x", "s"), node("Size", "s", "rank"), node("Equal", "rank two", "p"),
             branches([node("Neg", "x", "t")], [node("Unsqueeze", "x zero", "e")])]  # fmt: skip
    loaded = load(nodes, ["x: float32"], ["y"], {"two": np.int64(2), "zero": np.array([0])})
    assert loaded.run([normal(2, 3)])[0].shape == (2, 3) and loaded.run([normal(3)])[0].shape == (1, 3)


def test_branches_of_different_sizes():
    nodes = [branches([node("Concat", "x x", "t", axis=0)], [node("Identity", "x", "e")])]
    loaded = load(nodes, ["x: float32[n]", "p: bool[1]"], ["y"])
    x = normal(3)
    np.testing.assert_array_equal(loaded.run([x, np.array([True])])[0], np.concatenate([x, x]))
    np.testing.assert_array_equal(loaded.run([x, np.array([False])])[0], x)


def test_branches_of_different_ranks_are_chosen_by_value():
    nodes = [branches([node("Unsqueeze", "x zero", "t")], [node("Identity", "x", "e")])]
    loaded = load(nodes, ["x: float32[n]", "p: bool[]"], ["y"], {"zero": np.array([0])})
    for p in (True, False, True):
        assert loaded.run([normal(3), np.array(p)])[0].shape == ((1, 3) if p else (3,))


def test_branches_of_different_ranks_are_chosen_by_sizes():
    nodes = [node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Equal", "n one", "p"),
             branches([node("Squeeze", "x axes", "t")], [node("Identity", "x", "e")])]  # fmt: skip
    loaded = load(nodes, ["x: float32[n, 2]"], ["y"], {"zero": np.int64(0), "one": np.int64(1), "axes": np.array([0])})
    assert [loaded.run([normal(n, 2)])[0].shape for n in (1, 3, 1)] == [(2,), (3, 2), (2,)]


def test_a_branch_that_is_not_taken_may_be_impossible():
    def reshaped(rows, name):
        return [node("Constant", "", f"s{name}", value_ints=[rows, 2]), node("Reshape", f"x s{name}", f"r{name}"),
                node("ReduceSum", f"r{name}", name, keepdims=0)]  # fmt: skip

    loaded = load([branches(reshaped(3, "t"), reshaped(4, "e"))], ["x: float32[n]", "p: bool[]"], ["y"])
    assert loaded.run([np.ones(6, np.float32), np.array(True)])[0] == 6
    assert loaded.run([np.ones(8, np.float32), np.array(False)])[0] == 8
    with pytest.raises(GraphcError, match="6"):
        loaded.run([np.ones(8, np.float32), np.array(True)])


def test_what_must_be_known_inside_is_asked_of_the_inputs_outside():
    nodes = [branches([node("Neg", "x", "a"), node("Squeeze", "a axes", "t")], [node("Squeeze", "x axes", "e")])]
    loaded = load(nodes, ["x: float32[1, 3, 1]", "p: bool[]", "axes: int64[1]"], ["y"])
    assert loaded.run([normal(1, 3, 1), np.array(True), np.array([0])])[0].shape == (3, 1)
    assert loaded.run([normal(1, 3, 1), np.array(False), np.array([2])])[0].shape == (1, 3)


def test_slopes_through_branches():
    loaded = load([branches([node("Mul", "x x", "t")], [node("Sin", "x", "e")])], ["x: float32[n]", "p: bool[]"], ["y"])
    for p in (True, False):
        traced = loaded.trace([normal(3), np.array(p)])
        check_gradients(traced.graph, [normal(3), np.array(p)], modes=("reverse",), samples=12)


def test_what_is_missing_in_a_branch_is_reported():
    nodes = [branches([node("Missing", "x", "t", name="odd")], [node("Neg", "x", "e")])]
    with pytest.raises(UnimplementedError, match=r"Missing \(1 node: odd\): not implemented"):
        load(nodes, ["x: float32[n]", "p: bool[]"], ["y"]).run([normal(2), np.array(True)])


# ----------------------------------------------------------------------------------------------------- Loop


def looped(body, inputs, outputs, initialisers, body_inputs, body_outputs, names="count go x", results="y ys"):
    inner = graph(body, ["i: int64[]", "c: bool[]", *body_inputs], body_outputs)
    return load([node("Loop", names, results, body=inner)], inputs, outputs, initialisers)


def powers(*outer):
    """A body that doubles x, and gives every x."""
    return [node("Add", "a a", "b"), node("Identity", "b", "row"), *outer]


def test_a_number_of_steps_that_only_a_run_knows():
    body = powers(node("Identity", "c", "d"))
    loaded = looped(body, ["count: int64[]", "x: float32[n]"], ["y", "ys"], None, ["a: float32[n]"], ["d", "b", "row"], "count _ x")
    x = normal(2)
    for count in (0, 1, 4):
        y, ys = loaded.run([np.int64(count), x])
        np.testing.assert_array_equal(y, x * 2**count)
        np.testing.assert_array_equal(ys, np.array([x * 2.0**k for k in range(1, count + 1)], np.float32).reshape(count, 2))
    assert "loop(" in str(loaded.graph)


def test_a_condition_ends_the_loop_and_rows_are_as_many_as_steps():
    body = powers(node("ReduceMax", "b", "top", keepdims=0), node("Less", "top limit", "d"))
    loaded = looped(body, ["x: float32[n]", "limit: float32[]"], ["y", "ys"], {"count": MANY, "go": np.array(True)},
                    ["a: float32[n]"], ["d", "b", "row"])  # fmt: skip
    y, ys = loaded.run([np.ones(2, np.float32), np.float32(10)])
    np.testing.assert_array_equal(y, [16, 16])
    np.testing.assert_array_equal(ys[:, 0], [2, 4, 8, 16])
    assert loaded.run([np.ones(2, np.float32), np.float32(100)])[1].shape == (7, 2)


def test_a_first_condition_that_is_false():
    body = powers(node("Identity", "c", "d"))
    loaded = looped(body, ["go: bool[]", "x: float32[2]"], ["y", "ys"], {"count": np.int64(3)}, ["a: float32[2]"], ["d", "b", "row"])
    x = normal(2)
    assert loaded.run([np.array(True), x])[1].shape == (3, 2)
    y, ys = loaded.run([np.array(False), x])
    assert ys.shape == (0, 2) and np.array_equal(y, x)


def test_values_outside_and_the_number_of_the_step():
    body = [node("Cast", "i", "f", to=1), node("Mul", "f w", "g"), node("Add", "a g", "b"), node("Identity", "c", "d")]
    inner = graph(body, ["i: int64[]", "c: bool[]", "a: float32[]"], ["d", "b"])
    loaded = load([node("Exp", "v", "w"), node("Loop", "count _ x", "y", body=inner)],
                  ["count: int64[]", "x: float32[]", "v: float32[]"], ["y"])  # fmt: skip
    (y,) = loaded.run([np.int64(4), np.float32(1), np.float32(0.5)])
    np.testing.assert_allclose(y, 1 + np.exp(0.5) * 6, 1e-6)
    traced = loaded.trace([np.int64(4), np.float32(1), np.float32(0.5)])
    check_gradients(traced.graph, [np.int64(4), np.float32(1), np.float32(0.5)], modes=("reverse",), samples=8)


def test_rows_of_a_tensor_in_a_loop_are_read_without_finding_sizes():
    body = [node("Add", "i one", "j"), node("Unsqueeze", "i zero", "i1"), node("Unsqueeze", "j zero", "j1"),
            node("Slice", "table i1 j1", "r"), node("Add", "a r", "b"), node("Identity", "c", "d")]  # fmt: skip
    inner = graph(body, ["i: int64[]", "c: bool[]", "a: float32[1, 2]"], ["d", "b"])
    loaded = load([node("Loop", "count _ x", "y", body=inner)], ["count: int64[]", "x: float32[1, 2]", "table: float32[n, 2]"],
                  ["y"], {"one": np.int64(1), "zero": np.array([0])})  # fmt: skip
    table = normal(5, 2)
    (y,) = loaded.run([np.int64(3), np.zeros((1, 2), np.float32), table])
    np.testing.assert_allclose(y, table[:3].sum(0, keepdims=True), 1e-6)
    with pytest.raises(GraphcError, match="Slice in a loop"):
        loaded.run([np.int64(6), np.zeros((1, 2), np.float32), table])


def test_a_value_that_grows_is_unrolled():
    body = [node("Concat", "a a", "b", axis=0), node("Identity", "c", "d")]
    loaded = looped(body, ["count: int64[]", "x: float32[1]"], ["y"], None, ["a: float32[m]"], ["d", "b"], "count _ x", "y")
    assert [loaded.run([np.int64(k), normal(1)])[0].shape for k in (0, 3)] == [(1,), (8,)]


def test_loops_that_are_refused():
    body = [node("Concat", "a a", "b", axis=0), node("Identity", "c", "d")]
    loaded = looped(body, ["count: int64[]", "x: float32[1]"], ["y"], None, ["a: float32[m]"], ["d", "b"], "count _ x", "y")
    with pytest.raises(UnimplementedError, match="5000 steps one after another are too many"):
        loaded.run([np.int64(5000), normal(1)])
    with pytest.raises(FormatError, match="a body of 2 inputs and 2 outputs for 1 values"):
        looped([], ["x: float32[1]"], ["y"], {"count": np.int64(1)}, [], ["c", "i"], "count _ x", "y").run([normal(1)])
    endless = looped([node("Identity", "a", "b"), node("Identity", "c", "d")], ["x: float32[1]"], ["y"], None, ["a: float32[1]"],
                     ["d", "b"], "_ _ x", "y")  # fmt: skip
    with pytest.raises(UnimplementedError, match="it has no end|does not end within"):
        endless.run([normal(1)])


def test_a_branch_in_a_loop():
    then, orelse = graph([node("Add", "a w", "t")], [], ["t"]), graph([node("Sub", "a w", "e")], [], ["e"])
    body = [node("ReduceSum", "a", "total", keepdims=0), node("Less", "total zero", "p"),
            node("If", "p", "b", then_branch=then, else_branch=orelse), node("Identity", "c", "d")]  # fmt: skip
    inner = graph(body, ["i: int64[]", "c: bool[]", "a: float32[n]"], ["d", "b"])
    loaded = load([node("Loop", "count _ x", "y", body=inner)], ["count: int64[]", "x: float32[n]", "w: float32[n]"], ["y"],
                  {"zero": np.float32(0)})  # fmt: skip
    x, w = normal(3), normal(3) + 2
    wanted = x
    for _ in range(5):
        wanted = wanted + w if wanted.sum() < 0 else wanted - w
    np.testing.assert_allclose(loaded.run([np.int64(5), x, w])[0], wanted, 1e-5, 1e-6)


# ----------------------------------------------------------------------------------------------------- Scan


def summing():
    return graph([node("Add", "s r", "t"), node("Identity", "t", "o")], ["s: float32[2]", "r: float32[2]"], ["t", "o"])


@pytest.mark.parametrize("axis,direction", [(0, 0), (1, 0), (-1, 1)])
def test_scans_along_axes(axis, direction):
    made = node("Scan", "x0 x", "y ys", body=summing(), num_scan_inputs=1, scan_input_axes=[axis],
                scan_input_directions=[direction], scan_output_axes=[axis], scan_output_directions=[direction])  # fmt: skip
    loaded = load([made], ["x0: float32[2]", "x: float32[a, b]"], ["y", "ys"])
    for n in (1, 4):
        x = normal(n, 2) if axis == 0 else normal(2, n)
        rows = np.moveaxis(x, axis, 0)[:: -1 if direction else 1]
        sums = np.cumsum(rows, 0)[:: -1 if direction else 1]
        y, ys = loaded.run([np.zeros(2, np.float32), x])
        np.testing.assert_allclose(y, rows.sum(0), 1e-5, 1e-6)
        np.testing.assert_allclose(ys, np.moveaxis(sums, 0, axis), 1e-5, 1e-6)
    assert "loop(" in str(loaded.graph)


def test_the_first_scan_had_a_batch():
    made = node("Scan", "_ x0 x", "y ys", body=summing(), num_scan_inputs=1)
    loaded = load([made], ["x0: float32[b, 2]", "x: float32[b, n, 2]"], ["y", "ys"], opset=8)
    x = normal(3, 4, 2)
    y, ys = loaded.run([np.zeros((3, 2), np.float32), x])
    np.testing.assert_allclose(ys, np.cumsum(x, 1), 1e-5, 1e-6)
    np.testing.assert_allclose(y, x.sum(1), 1e-5, 1e-6)


def test_wrong_scans():
    made = node("Scan", "x0", "y ys", body=summing(), num_scan_inputs=1)
    with pytest.raises(FormatError, match="Scan: a body of 2 inputs and 2 outputs for 0 values that are carried and 1 that are scanned"):
        load([made], ["x0: float32[2]"], ["y", "ys"]).run([normal(2)])
    made = node("Scan", "x0 x", "y ys", body=summing(), num_scan_inputs=1, scan_input_axes=[0, 1])
    with pytest.raises(FormatError, match="are not one for each of 1 values"):
        load([made], ["x0: float32[2]", "x: float32[3, 2]"], ["y", "ys"]).run([normal(2), normal(3, 2)])


def test_beside_onnx_runtime():
    runtime = pytest.importorskip("onnxruntime")
    body = [node("Mul", "a half", "b"), node("ReduceMax", "b", "top", keepdims=0), node("Greater", "top limit", "d"),
            node("Add", "b i1", "row"), node("Cast", "i", "i1", to=1)]  # fmt: skip
    body = body[:3] + [body[4], body[3]]
    inner = graph(body, ["i: int64[]", "c: bool[]", "a: float32[n]"], ["d: bool[]", "b: float32[n]", "row: float32[n]"])
    made = model([node("Loop", "count go x", "y ys", body=inner)], ["x: float32[n]"], ["y: float32[n]", "ys: float32[m, n]"],
                 {"count": np.int64(20), "go": np.array(True), "half": np.float32(0.5), "limit": np.float32(0.1)})  # fmt: skip
    x = np.abs(normal(6)) + 1
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    for a, b in zip(graphc.onnx.load(made).run([x]), session.run(None, {"x": x})):
        np.testing.assert_allclose(a, b, 1e-6)
