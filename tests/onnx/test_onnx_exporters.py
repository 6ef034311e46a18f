"""Patterns that PyTorch's, scikit-learn's and other exporters write."""

import numpy as np
import pytest
from onnx_models import model, node

import graphc
from graphc.errors import UnimplementedError

TEXT = "x: string[n]"


def load(nodes, inputs, outputs, initialisers=None, opset=18):
    return graphc.onnx.load(model(nodes, inputs, outputs, initialisers, opset, domains={"com.microsoft": 1}))


def tokens(x, **attributes):
    found = load([node("Tokenizer", "x", "y", "com.microsoft", **attributes)], [TEXT], ["y: string[n, w]"])
    return found.run([np.array([s.encode() for s in x], object)])[0].tolist()


def test_tokens_that_match_an_expression():
    found = tokens(["the Quick_1, fox", "été a", ""], mark=0, mincharnum=1, pad_value="#", tokenexp="[a-zA-Z0-9_]+")
    assert found == [["the", "Quick_1", "fox"], ["t", "a", "#"], ["#", "#", "#"]]


def test_tokens_that_separators_leave():
    found = tokens(["a,bb; ccc", "dd"], mark=0, mincharnum=2, pad_value="", separators=[",", "[; ]+"])
    assert found == [["bb", "ccc"], ["dd", ""]]


def test_characters_as_tokens_between_marks():
    found = tokens(["é\n", "a"], mark=1, mincharnum=1, pad_value="-", separators=[""])
    assert found == [["\2", "é", "\n", "\3"], ["\2", "a", "\3", "-"]]


def test_tokens_of_a_matrix_have_a_third_axis():
    found = load([node("Tokenizer", "x", "y", "com.microsoft", mark=0, mincharnum=1, pad_value="", tokenexp=r"\w+")],
                 ["x: string[n, m]"], ["y"])  # fmt: skip
    (y,) = found.run([np.array([[b"a b"], [b"c"]], object)])
    assert y.tolist() == [[["a", "b"]], [["c", ""]]]


def test_an_expression_that_may_take_very_long_is_refused():
    with pytest.raises(UnimplementedError, match="repeats without end more than once"):
        tokens(["a"], mark=0, mincharnum=1, pad_value="", tokenexp="(a+)+b")


def test_places_from_a_number_taken_for_a_condition():
    nodes = [node("Cast", "i", "b", to=9), node("Cast", "b", "k", to=7),
             node("Gather", "x k", "y")]  # fmt: skip
    found = load(nodes, ["x: float32[n]", "i: int64[m]"], ["y: float32[m]"])
    (y,) = found.run([np.array([3, 4, 5], np.float32), np.array([0, 7, -1])])
    assert y.tolist() == [3, 4, 4]


def test_a_condition_of_ones_of_a_symbolic_shape():
    nodes = [node("Shape", "x", "s"), node("ConstantOfShape", "s", "ones", value=np.array([1], np.int64)),
             node("Equal", "ones one", "c"), node("Where", "c x zero", "y")]  # fmt: skip
    found = load(nodes, ["x: float32[n, m]"], ["y: float32[n, m]"], {"one": np.array(1), "zero": np.float32(0)})
    for shape in ((2, 3), (4, 1)):
        x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + 1
        assert found.run([x])[0].tolist() == x.tolist()


def test_a_shape_with_a_quotient_of_sizes():
    """The new exporter of PyTorch reshapes a mask so: no data decides, so one program serves all sizes."""
    nodes = [node("Shape", "x", "n", start=0, end=1),
             node("Shape", "m", "t", start=1, end=2), node("Shape", "m", "b", start=0, end=1),
             node("Mul", "t b", "all"), node("Div", "all n", "own"),
             node("Concat", "n one own", "shape", axis=0),
             node("Unsqueeze", "m one", "wide"), node("Expand", "wide shape", "e"), node("Add", "x e", "y")]  # fmt: skip
    found = load(nodes, ["x: float32[a, 4, c]", "m: float32[d, f]"], ["y"], {"one": np.array([1])})
    for n, t in ((2, 3), (1, 5), (4, 1)):
        x, m = np.ones((n, 4, t), np.float32), np.arange(n * t, dtype=np.float32).reshape(n, t)
        assert found.run([x, m])[0].tolist() == (x + m[:, None]).tolist()
    assert "measure" not in str(found.graph)
