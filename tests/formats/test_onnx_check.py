"""The structure of ONNX models: what is refused, and that messages name nodes, operators and values."""

from __future__ import annotations

import pytest

from graphc.errors import FormatError
from graphc.formats import onnx_protos as protos
from graphc.formats.onnx_check import check_model, problems_of
from graphc.formats.onnx_cycle import order_of
from graphc.formats.onnx_file import read_model


def node(text: str, **fields):
    """``y, z = Add(x, w)`` as a NodeProto."""
    outputs, _, call = text.partition(" = ")
    operator, _, inputs = call.rstrip(")").partition("(")
    split = lambda names: [n.strip() for n in names.split(",")] if names else []  # noqa: E731
    return protos.NodeProto(op_type=operator, input=split(inputs), output=split(outputs), **fields)


def graph(*nodes, inputs="x", outputs="y", **fields):
    made = [n if not isinstance(n, str) else node(n) for n in nodes]
    return protos.GraphProto(node=made, input=[{"name": n} for n in inputs.split()],
                             output=[{"name": n} for n in outputs.split()], **fields)  # fmt: skip


def model(*nodes, functions=(), version=17, ir_version=8, imports=(), **fields):
    opsets = [{"version": version}, *({"domain": d, "version": v} for d, v in imports)]
    return protos.ModelProto(ir_version=ir_version, opset_import=opsets, graph=graph(*nodes, **fields), functions=functions)


def function(name, *nodes, inputs="a", outputs="b", **fields):
    made = [n if not isinstance(n, str) else node(n) for n in nodes]
    return protos.FunctionProto(name=name, domain="my", node=made, input=inputs.split(), output=outputs.split(),
                                opset_import=[{"version": 17}, {"domain": "my", "version": 1}], **fields)  # fmt: skip


MINE = {"imports": [("my", 1)]}


def branch(body, name="then_branch"):
    return {"name": name, "g": body, "type": 5}


def attribute(**fields):
    return model(node("y = Relu(x)", attribute=[{"name": "alpha", **fields}]))


def test_good_models():
    inner = graph("s = Add(x, h)", "t = Relu(s)", inputs="", outputs="t")
    assert problems_of(model("h = Relu(x)", node("y = If(h)", attribute=[branch(inner)]))) == []
    assert problems_of(model(node("y, , z = Split(x, )"), inputs="x w", initializer=[{"name": "w"}])) == []
    assert problems_of(attribute(i=0, type=2)) == problems_of(attribute(type=2)) == problems_of(attribute(type=7)) == []
    f = function("f", node("c = Relu(a)", attribute=[{"name": "k", "ref_attr_name": "k", "type": 1}]),
                 node("b = g(c)", domain="my"), attribute=["k"])  # fmt: skip
    assert problems_of(model(node("y = f(x)", domain="my"), functions=[f, function("g", "b = Neg(a)")], **MINE)) == []
    shadow = graph("x = Neg(h)", inputs="", outputs="x")
    assert problems_of(model("h = Relu(x)", node("y = If(h)", attribute=[branch(shadow)]))) == []


WRONG = [
    (protos.ModelProto(graph=graph("y = Neg(x)")), ["ir_version is missing", "opset_import is missing"]),
    (model("y = Neg(x)", ir_version=99), ["ir_version is 99; versions 1 to 14 are known"]),
    (model("y = Neg(x)", version=999), ["imports version 999 of operator set ai.onnx; 1 to 28 are known"]),
    (model("y = Neg(x)", version=-1), ["imports version -1"]),
    (model("y = Neg(x)", imports=[("ai.onnx", 13)]), ["imports versions 17 and 13 of operator set ai.onnx"]),
    (model("y = Neg(z)"), ["node 0 Neg 'y' uses 'z', which nothing makes"]),
    (model(node("y = Neg(z)", name="n1")), ["node 0 Neg 'n1' uses 'z'"]),
    (model("a = Neg(x)"), ["nothing makes the output 'y'"]),
    (model("y = Neg(x)", "y = Abs(x)"), ["node 1 Abs 'y' makes 'y', which node 0 Neg 'y' is or makes already"]),
    (model("x = Neg(x)", "y = Abs(x)"), ["node 0 Neg 'x' makes 'x', which an input or initialiser"]),
    (model("y = Neg(x)", inputs="x x"), ["there are two inputs 'x'"]),
    (model("y = Neg(b)", "b = Abs(x)"), ["node 0 Neg 'y' uses 'b' before node 1 Abs 'b' makes it: nodes must be in order"]),
    (model("a = Neg(c)", "b = Abs(a)", "c = Relu(b)", "y = Add(a, x)"),
     ["3 nodes form a cycle: node 0 Neg 'a' -> node 1 Abs 'b' -> node 2 Relu 'c', which makes what the first needs"]),
    (model("y = Neg(y)"), ["a node forms a cycle: node 0 Neg 'y'"]),
    (model(node("y = Foo(x)", domain="far")), ["node 0 Foo 'y' is of domain 'far', of which no version is imported"]),
    (model(node("y = (x)")), ["node 0  'y' has no operator"]),
    (attribute(i=3, type=1), ["node 0 Relu 'y': attribute 'alpha' is of type FLOAT, but has a value in i"]),
    (attribute(ints=[3], f=1, type=1), ["is of type FLOAT, but has a value in"]),
    (attribute(f=3), ["attribute 'alpha' has no type"]),
    (attribute(f=3, type=77), ["is of unknown type 77"]),
    (attribute(type=5), ["is of type GRAPH, but has no value"]),
    (attribute(ref_attr_name="k", type=1), ["refers to attribute 'k' of a function, but is in none"]),
    (model(node("y = Relu(x)", attribute=[{"name": "a", "type": 1}, {"name": "a", "type": 1}])), ["two attributes 'a'"]),
    (model(node("y = Relu(x)", attribute=[{"type": 1}])), ["an attribute without name"]),
    (model("h = Neg(x)", node("y = If(h)", attribute=[branch(graph("t = Add(x, q)", inputs="", outputs="t"))])),
     ["node 1 If 'y', graph 'then_branch': node 0 Add 't' uses 'q', which nothing makes"]),
    (model(node("y = If(x)", attribute=[branch(graph("t = Neg(y)", inputs="", outputs="t"))])), ["node 0 Neg 't' uses 'y'"]),
    (model(node("z = If(x)", attribute=[branch(graph(inputs="", outputs="y"))]), "y = Neg(z)"),
     ["graph 'then_branch': nothing makes the output 'y'"]),
    (model(node("y = f(x)", domain="my"), functions=[function("f", "b = Neg(x)")], **MINE),
     ["function 'f': node 0 Neg 'b' uses 'x', which nothing makes"]),
    (model(node("y = f(x)", domain="my"), **MINE, functions=[
        function("f", node("b = g(a)", domain="my")), function("g", node("b = f(a)", domain="my"))]),
     ["functions call themselves: 'f' -> 'g' -> 'f'"]),
    (model("y = Neg(x)", functions=[function("f", "b = Neg(a)")] * 2), ["there are two functions 'f' in domain 'my'"]),
    (model(node("y = f(x)", domain="my"), **MINE, functions=[function("f", node("b = Relu(a)", attribute=[
        {"name": "k", "ref_attr_name": "q", "type": 1}]))]), ["refers to attribute 'q', which the function does not have"]),
]  # fmt: skip


@pytest.mark.parametrize("made, words", WRONG, ids=[w[0][:40] for _, w in WRONG])
def test_wrong_models(made, words):
    found = problems_of(made)
    assert len(found) >= len(words)
    for w in words:
        assert any(w in line for line in found), found
    with pytest.raises(FormatError, match="the model: the model is malformed:"):
        check_model(read_model(made))


def test_functions_that_grow_without_bound():
    calls = [function(f"f{k}", *(node(f"c{j} = f{k + 1}(a)", domain="my") for j in range(10)), "b = Neg(a)") for k in range(20)]
    calls.append(function("f20", "b = Neg(a)"))
    found = problems_of(model(node("y = f0(x)", domain="my"), functions=calls, **MINE))
    assert found == ["with functions in the place of their calls there are more than 10^15 nodes, more than 1,000,000"]


def test_many_problems_are_counted():
    made = model(*(f"v{k} = Neg(q{k})" for k in range(300)), outputs="v0")
    found = problems_of(made)
    assert len(found) == 101 and found[-1] == "... and more"
    with pytest.raises(FormatError) as raised:
        check_model(read_model(made))
    assert "node 9 Neg 'v9' uses 'q9'" in str(raised.value) and "and 91 more" in str(raised.value)


def test_cycles_of_captured_names_and_long_ones():
    inner = graph("t = Neg(z)", inputs="", outputs="t")
    found = problems_of(model("b = Neg(a)", node("a = If(x)", attribute=[branch(inner)]), "z = Abs(b)", "y = Abs(z)"))
    assert any("3 nodes form a cycle" in line and "If 'a'" in line for line in found)
    long = [f"v{k} = Neg(v{k - 1})" for k in range(1, 3000)]
    found = problems_of(model("v0 = Neg(v2999)", *long, outputs="v0"))
    assert found[0].startswith("3000 nodes form a cycle") and len(found[0]) < 400


def test_order():
    assert order_of({1: [2], 2: [3], 3: []}) == ([3, 2, 1], [])
    assert order_of({1: [2], 2: [3], 3: [2]}) == ([], [2, 3])
    assert order_of({k: [k + 1] for k in range(50000)} | {50000: []})[0][0] == 50000


def test_models_of_the_suite_are_good():
    loader = pytest.importorskip("onnx.backend.test.loader", reason="needs onnx")
    for case in loader.load_model_tests(kind="simple"):
        if case.model is not None:
            assert problems_of(read_model(case.model).model) == [], case.name
