"""Models: what they take and answer with, how they are found again, what they say when something is wrong."""

import gc
import weakref

import numpy as np
import pytest
from onnx_models import model, node

import graphc
from graphc.compile import default_cache
from graphc.errors import DtypeError, FeedError, ShapeError, UnimplementedError, UsageError

LINE = model([node("Mul", "x w", "a"), node("Add", "a b", "y", name="shift")], ["x: float32[n, 3]"], ["y: float32[n, 3]"],
             {"w": np.float32([1, 2, 3]), "b": np.float32([0.5])})  # fmt: skip
X = np.arange(6, dtype=np.float32).reshape(2, 3)
Y = X * np.float32([1, 2, 3]) + np.float32(0.5)


def test_a_model_says_what_it_takes_and_gives():
    loaded = graphc.onnx.load(LINE)
    (x,), (y,) = loaded.inputs, loaded.outputs
    assert (x.name, x.dtype, x.shape, x.kind) == ("x", "float32", ("n", 3), "tensor")
    assert str(y) == "y: float32[n, 3]"
    assert "x: float32[n, 3] -> y: float32[n, 3]" in repr(loaded)


def test_inputs_by_position_and_by_name():
    loaded = graphc.onnx.load(LINE)
    for inputs in ([X], (X,), {"x": X}):
        for _ in range(2):  # the second call goes the short way
            (y,) = loaded.run(inputs)
            np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(loaded.run([X], ["y"])[0], Y)
    np.testing.assert_array_equal(loaded.run([X.tolist()])[0], Y)


def test_one_program_serves_every_size():
    loaded = graphc.onnx.load(LINE)
    loaded.run([X])
    before = graphc.compilations()
    for n in (0, 1, 5, 64):
        assert loaded.run([np.ones((n, 3), np.float32)])[0].shape == (n, 3)
    assert graphc.compilations() == before


@pytest.mark.parametrize("inputs, kind, words", [
    ([], FeedError, "input x: float32[n, 3] is missing"),
    ([X, X], FeedError, "2 inputs given; it takes 1"),
    ({"x": X, "z": X}, FeedError, "has no input z; it has x"),
    ([X.astype(np.float64)], DtypeError, "input x: float32[n, 3] is given an array of float64"),
    ([X[0]], ShapeError, "has 2 axes; an array of shape (3,)"),
    ([X[:, :2]], ShapeError, "axis 1: 2 != 3"),
    ([["a"]], DtypeError, "no such array"),
    ([None], FeedError, "has no value"),
    (X, UsageError, "as a list or as a dict, not ndarray"),
])  # fmt: skip
def test_wrong_inputs_are_refused_first_and_later(inputs, kind, words):
    loaded = graphc.onnx.load(LINE)
    with pytest.raises(kind) as first:
        loaded.run(inputs)
    loaded.run([X])
    with pytest.raises(kind) as later:
        loaded.run(inputs)
    assert words in str(first.value) and words in str(later.value)


def test_an_unknown_output():
    with pytest.raises(UsageError, match="has no output 'z'; it has y"):
        graphc.onnx.load(LINE).run([X], ["z"])


def test_initialisers_that_are_inputs_may_be_replaced():
    both = model([node("Add", "x w", "y")], ["x: float32[2]", "w: float32[2]"], ["y: float32[2]"], {"w": np.float32([1, 2])})
    loaded = graphc.onnx.load(both)
    assert [i.name for i in loaded.inputs] == ["x"]
    one = np.float32([1, 1])
    assert loaded.run([one])[0].tolist() == [2, 3]
    assert loaded.run({"x": one, "w": np.float32([10, 20])})[0].tolist() == [11, 21]
    assert loaded.run([one])[0].tolist() == [2, 3]


def test_unknown_sizes_differ_from_each_other_and_equal_names_are_equal():
    free = graphc.onnx.load(model([node("MatMul", "x w", "y")], ["x: float32[?, ?]", "w: float32[?, ?]"], ["y: float32[?, ?]"]))
    assert free.run([np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)])[0].tolist() == [[3] * 4] * 2
    tied = graphc.onnx.load(model([node("Add", "x w", "y")], ["x: float32[n]", "w: float32[n]"], ["y: float32[n]"]))
    with pytest.raises(ShapeError, match="n"):
        tied.run([np.ones(2, np.float32), np.ones(3, np.float32)])


def test_sizes_that_broadcast_only_sometimes():
    open_sizes = model([node("Add", "x w", "y")], ["x: float32[?]", "w: float32[?]"], ["y: float32[?]"])
    loaded = graphc.onnx.load(open_sizes)
    assert loaded.run([np.float32([1, 2]), np.float32([10, 20])])[0].tolist() == [11, 22]
    assert loaded.run([np.float32([1, 2]), np.float32([10])])[0].tolist() == [11, 12]
    assert loaded.run([np.float32([5]), np.float32([10, 20])])[0].tolist() == [15, 25]
    with pytest.raises(ShapeError, match=r"2.*3|3.*2"):
        loaded.run([np.float32([1, 2]), np.float32([1, 2, 3])])


def test_what_works_for_known_sizes_only_is_compiled_for_each():
    squeezed = graphc.onnx.load(model([node("Squeeze", "x", "y")], ["x: float32[?, ?]"], ["y: float32"]))
    for shape, wanted in (((1, 3), (3,)), ((2, 1), (2,)), ((2, 3), (2, 3)), ((1, 1), ())):
        assert squeezed.run([np.ones(shape, np.float32)])[0].shape == wanted


def test_a_rank_that_is_not_declared_is_that_of_the_array():
    loaded = graphc.onnx.load(model([node("Relu", "x", "y")], ["x: float32"], ["y: float32"]))
    for shape in ((), (2,), (2, 3)):
        assert loaded.run([np.full(shape, -1, np.float32)])[0].shape == shape
    with pytest.raises(UsageError, match="no type that a graph could be made for"):
        loaded.graph


def test_an_input_that_decides_the_number_of_axes_is_a_constant_of_the_program():
    moving = model([node("Unsqueeze", "x axes", "y")], ["x: float32[n]", "axes: int64[k]"], ["y: float32"])
    loaded = graphc.onnx.load(moving)
    x = np.float32([1, 2])
    assert loaded.run([x, np.int64([0])])[0].shape == (1, 2)
    assert loaded.run([x, np.int64([0, -1])])[0].shape == (1, 2, 1)
    with pytest.raises(UsageError, match="depends on the value .*of input axes"):
        loaded.graph
    assert [str(d) for d in loaded.trace({"axes": np.int64([1])}).graph.outputs[0].shape][1] == "1"


def test_the_graph_is_pure_and_knows_the_lines_of_the_model():
    text = str(graphc.onnx.load(LINE).graph)
    assert "%x: f32[n,3]" in text and "onnx:" in text


def test_a_wrong_model_names_the_node():
    wrong = model([node("Relu", "x", "a"), node("MatMul", "a w", "y", name="product")], ["x: float32[n, 3]"], ["y: float32[n, 2]"],
                  {"w": np.ones((4, 2), np.float32)})  # fmt: skip
    with pytest.raises(ShapeError) as error:
        graphc.onnx.load(wrong).run([X])
    assert "y = MatMul(a, w)  [product]" in str(error.value)


def test_everything_unsupported_is_said_at_once():
    strange = model([node("Strange", "x", "a", name="first"), node("Add", "a a", "b"), node("Strange", "b", "c"),
                     node("Other", "c", "y", domain="my.domain")], ["x: float32[2]"], ["y: float32[2]"],
                    domains={"my.domain": 1})  # fmt: skip
    with pytest.raises(UnimplementedError) as error:
        graphc.onnx.load(strange).run([np.ones(2, np.float32)])
    text = str(error.value)
    assert "3 nodes of 2 operators cannot be compiled" in text
    assert "Strange (2 nodes: first, c): not implemented" in text
    assert "my.domain::Other (1 node: y): not implemented" in text


def test_functions_of_the_model_are_inlined_with_their_attributes():
    from graphc.formats import onnx_protos as protos

    scaled = node("Constant", "", "k")
    scaled.attribute.append(protos.AttributeProto(name="value_float", type=1, ref_attr_name="by"))
    function = protos.FunctionProto(name="Scaled", domain="mine", input=["x"], output=["y"], attribute=["by"],
                                    node=[scaled, node("Mul", "x k", "y")],
                                    opset_import=[protos.OperatorSetIdProto(domain="", version=18)])  # fmt: skip
    calls = model([node("Scaled", "x", "a", domain="mine", by=3.0), node("Scaled", "a", "y", domain="mine", by=0.5)],
                  ["x: float32[2]"], ["y: float32[2]"], functions=[function], domains={"mine": 1})  # fmt: skip
    assert graphc.onnx.load(calls).run([np.float32([2, 4])])[0].tolist() == [3, 6]


def test_a_program_is_found_again_by_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "tripled.onnx"  # a program of its own: one that the process has loaded is kept in no other cache
    tripled = model([node("Mul", "x w", "y")], ["x: float32[n, 3]"], ["y: float32[n, 3]"], {"w": np.float32([3, 3, 3])})
    path.write_bytes(tripled.SerializeToString())
    first = graphc.onnx.load(path)
    np.testing.assert_array_equal(first.run([X])[0], X * 3)
    monkeypatch.setattr("graphc.onnx.traces.Tracer", None)  # nothing is traced any more
    again = graphc.onnx.load(path)
    np.testing.assert_array_equal(again.run([X])[0], X * 3)
    assert default_cache().stats().hits


def test_what_is_learnt_of_values_is_found_again(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / "cache"))
    moving = model([node("Unsqueeze", "x axes", "y")], ["x: float32[n]", "axes: int64[k]"], ["y: float32"])
    x = np.float32([1, 2])
    graphc.onnx.load(moving).run([x, np.int64([1])])
    again = graphc.onnx.load(moving)
    assert again.run([x, np.int64([1])])[0].shape == (2, 1)
    assert again.run([x, np.int64([0])])[0].shape == (1, 2)


def test_a_model_leaves_nothing_behind():
    loaded = graphc.onnx.load(LINE)
    loaded.run([X])
    alive = weakref.ref(loaded)
    del loaded
    gc.collect()
    assert alive() is None


def test_threads_may_share_a_model():
    import concurrent.futures

    loaded = graphc.onnx.load(LINE)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for y in pool.map(lambda _: loaded.run([X])[0], range(64)):
            np.testing.assert_array_equal(y, Y)


