"""Sequences and optional values, inside of models and as their inputs and outputs."""

import numpy as np
import pytest
from onnx_models import graph, model, node

import graphc
from graphc.errors import DtypeError, ShapeError
from graphc.formats import onnx_protos as protos

RANDOM = np.random.default_rng(5)


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def of_kind(name: str, *kinds: str):
    """A ValueInfoProto of a float32 tensor, or a sequence or an optional value of one."""
    info = protos.ValueInfoProto(name=name)
    part = info.type
    for kind in kinds:
        part = getattr(part, f"{kind}_type").elem_type
    part.tensor_type.elem_type = 1
    return info


def load(nodes, inputs, outputs, initialisers=None, kinds=(), **setting):
    """A model; ``kinds`` declares inputs and outputs that are no tensors: name and kinds, outermost first."""
    made = model(nodes, inputs, outputs, initialisers, **setting)
    for name, *path in kinds:
        side = made.graph.input if name in inputs else made.graph.output
        place = next(k for k, v in enumerate(side) if v.name == name)
        side[place].CopyFrom(of_kind(name, *path))
    return graphc.onnx.load(made)


def test_items_go_in_and_out():
    nodes = [node("SequenceConstruct", "x z", "s"), node("SequenceInsert", "s w first", "t"), node("SequenceAt", "t last", "y"),
             node("SequenceErase", "t first", "u"), node("SequenceErase", "u", "v"), node("SequenceLength", "v", "n"),
             node("ConcatFromSequence", "u", "joined", axis=0)]  # fmt: skip
    loaded = load(nodes, ["x: float32[2]", "z: float32[3]", "w: float32[1]"], ["y", "n", "joined"],
                  {"first": np.int64(0), "last": np.int64(-1)})  # fmt: skip
    x, z, w = normal(2), normal(3), normal(1)
    y, n, joined = loaded.run([x, z, w])
    assert n == 1 and np.array_equal(y, z) and np.array_equal(joined, np.concatenate([x, z]))


def test_positions_that_are_inputs():
    nodes = [node("SequenceConstruct", "x z", "s"), node("SequenceAt", "s k", "y")]
    loaded = load(nodes, ["x: float32[2]", "z: float32[3]", "k: int64[]"], ["y"])
    x, z = normal(2), normal(3)
    assert np.array_equal(loaded.run([x, z, np.int64(0)])[0], x) and np.array_equal(loaded.run([x, z, np.int64(-1)])[0], z)
    with pytest.raises(ShapeError, match="SequenceAt: position 2 is out of range for 2 places"):
        loaded.run([x, z, np.int64(2)])


def test_stacking():
    nodes = [node("SequenceConstruct", "x z", "s"), node("ConcatFromSequence", "s", "y", axis=-1, new_axis=1)]
    x, z = normal(2, 3), normal(2, 3)
    (y,) = load(nodes, ["x: float32[n, 3]", "z: float32[n, 3]"], ["y"]).run([x, z])
    np.testing.assert_array_equal(y, np.stack([x, z], -1))


@pytest.mark.parametrize("sizes,wanted", [(None, [(1, 2)] * 5), (np.int64(2), [(2, 2), (2, 2), (1, 2)]), (np.array([1, 4]), [(1, 2), (4, 2)])])
def test_cutting(sizes, wanted):
    given = {} if sizes is None else {"sizes": np.asarray(sizes, np.int64)}
    nodes = [node("SplitToSequence", "x sizes" if given else "x", "s")]
    loaded = load(nodes, ["x: float32[n, 2]"], ["s"], given, [("s", "sequence")])
    x = normal(5, 2)
    (found,) = loaded.run([x])
    assert [v.shape for v in found] == wanted
    np.testing.assert_array_equal(np.concatenate(found), x)


def test_cutting_without_the_axis_follows_the_sizes_of_each_call():
    loaded = load([node("SplitToSequence", "x", "s", keepdims=0)], ["x: float32[n, 2]"], ["s"], None, [("s", "sequence")])
    for n in (3, 1, 0):
        x = normal(n, 2)
        (found,) = loaded.run([x])
        assert len(found) == n and all(np.array_equal(a, b) for a, b in zip(found, x))


def test_sequences_as_inputs_and_outputs():
    body = graph([node("Mul", "item w", "out")], ["item: float32", "w: float32[]"], ["out: float32"])
    loaded = load([node("SequenceMap", "s w", "t", body=body)], ["s", "w: float32[]"], ["t"], None,
                  [("s", "sequence"), ("t", "sequence")])  # fmt: skip
    items = [normal(2), normal(3, 1)]
    (found,) = loaded.run([items, np.float32(2)])
    assert all(np.array_equal(a, 2 * b) for a, b in zip(found, items)) and len(found) == 2
    assert loaded.run([[], np.float32(2)]) == [[]]


def test_maps_over_several_sequences():
    body = graph([node("Add", "a b", "c"), node("Shape", "a", "d")], ["a: float32", "b: float32"], ["c: float32", "d: int64"])
    nodes = [node("SequenceConstruct", "x z", "s"), node("SequenceConstruct", "z", "short"), node("SequenceMap", "s s", "t u", body=body)]
    x, z = normal(2), normal(3)
    t, u = load(nodes, ["x: float32[2]", "z: float32[3]"], ["t", "u"], None, [("t", "sequence")]).run([x, z])
    assert np.array_equal(t[1], z + z) and [v.tolist() for v in u] == [[2], [3]]
    nodes[2] = node("SequenceMap", "s short", "t u", body=body)
    with pytest.raises(ShapeError, match="the sequences differ in length"):
        load(nodes, ["x: float32[2]", "z: float32[3]"], ["t", "u"]).run([x, z])


def test_a_loop_fills_a_sequence():
    body = [node("SequenceInsert", "s row", "t"), node("Cast", "i", "f", to=1), node("Mul", "x f", "row"), node("Identity", "c", "d")]
    inner = graph([body[1], body[2], body[0], body[3]], ["i: int64[]", "c: bool[]", "s"], ["d", "t"])
    nodes = [node("SequenceEmpty", "", "e"), node("Loop", "count _ e", "s", body=inner), node("ConcatFromSequence", "s", "y", axis=0)]
    loaded = load(nodes, ["count: int64[]", "x: float32[2]"], ["y"])
    x = normal(2)
    for count in (1, 3):
        np.testing.assert_allclose(loaded.run([np.int64(count), x])[0], np.concatenate([x * k for k in range(count)]))
    with pytest.raises(ShapeError, match="there are no items to join"):
        loaded.run([np.int64(0), x])


def test_optional_values():
    then = graph([node("OptionalGetElement", "o", "v"), node("Neg", "v", "t")], [], ["t"])
    orelse = graph([node("Constant", "", "e", value_floats=[7.0])], [], ["e"])
    nodes = [node("OptionalHasElement", "o", "p"), node("If", "p", "y", then_branch=then, else_branch=orelse)]
    loaded = load(nodes, ["o"], ["y", "p"], None, [("o", "optional")])
    y, p = loaded.run([normal(2) * 0 + 1])
    assert p and y.tolist() == [-1, -1]
    y, p = loaded.run([None])
    assert not p and y.tolist() == [7]


def test_optional_results():
    loaded = load([node("Optional", "x", "o")], ["x: float32[n]"], ["o"], None, [("o", "optional")])
    assert loaded.run([np.ones(2, np.float32)])[0].tolist() == [1, 1]
    nodes = [node("Identity", "o", "q"), node("OptionalGetElement", "q", "y")]
    with pytest.raises(ShapeError, match="OptionalGetElement: there is no value"):
        load(nodes, ["o"], ["y"], None, [("o", "optional")]).run([None])


def test_what_is_no_sequence():
    with pytest.raises(DtypeError, match="SequenceLength: input 0 must be a sequence, got f32"):
        load([node("SequenceLength", "x", "y")], ["x: float32[2]"], ["y"]).run([normal(2)])
    with pytest.raises(ShapeError, match="there is no item in an empty sequence"):
        load([node("SequenceEmpty", "", "s"), node("SequenceErase", "s", "t"), node("SequenceLength", "t", "y")], [], ["y"]).run([])
