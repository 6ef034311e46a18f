"""GraphDefs from TensorFlow with branches, loops and gradients; GraphDefs that make no sense."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import numpy as np
import pytest

import graphc.v1 as tf
from graphc import errors
from graphc.api.node_def.attrs import attr_of
from graphc.formats import protos

DATA = Path(__file__).parent.parent / "formats" / "data"
# What TensorFlow answers for y, k and the gradient g of y, with t and every element of x as given.
BRANCHES = {(True, 0.5): (15, 8, 3), (True, 2.0): (17, 7, 4), (False, 0.5): (14.5, 9, 1.5), (False, 2.0): (10, 7, 2.5)}


def stored(name: str):
    """A GraphDef of TensorFlow, kept compressed as text."""
    return tf.GraphDef.FromString(zlib.decompress(base64.b64decode((DATA / f"{name}.txt").read_text())))


@pytest.mark.parametrize("name", ["branches_switch", "branches_functions"])
def test_branches_and_their_gradients(name):
    graph_def = stored(name)
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name="")
        with tf.Session() as session:
            for (t, x), (y, k, g) in BRANCHES.items():
                found = session.run(["y:0", "k:0", "g:0"], {"x:0": [[x, x]], "t:0": t})
                assert found[0] == y and found[1] == k
                np.testing.assert_array_equal(found[2], [[g, g]])


def test_what_a_branch_asserts_must_hold_where_it_is_taken():
    graph_def = stored("branches_switch")
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name="")
        with tf.Session() as session:
            asserted = "assert_greater/Assert/AssertGuard/Assert"
            session.run(asserted, {"x:0": [[0.5, 0.5]]})
            with pytest.raises(errors.InvalidArgumentError, match="did not hold"):
                session.run(asserted, {"x:0": [[-1.0, 0.0]]})


def test_loops_of_frames_are_refused():
    graph_def = protos.GraphDef()
    node(graph_def, "Merge", "m", "n", "n")
    node(graph_def, "NextIteration", "n", "m")
    with tf.Graph().as_default(), pytest.raises(errors.GraphError, match="only loops of TensorFlow 1"):
        tf.import_graph_def(graph_def)


def test_loops_as_functions():
    graph_def = stored("branches_functions")
    with tf.Graph().as_default():
        (z,) = tf.import_graph_def(graph_def, return_elements=["z:0"], name="")
        with tf.Session() as session:
            assert session.run(z, {"x:0": [[0.5, 0.5]]}) == 23.96875
            assert session.run(z, {"x:0": [[2.0, 2.0]]}) == 46.75


def node(made, kind: str, name: str, *inputs: str, **attrs) -> None:
    added = made.node.add(op=kind, name=name, input=list(inputs))
    for key, value in attrs.items():
        added.attr[key].CopyFrom(attr_of(value))


def const(made, name: str, value) -> None:
    array = np.asarray(value)
    node(made, "Const", name, dtype=tf.as_dtype(array.dtype), value=array)


SLOPES = {
    "Relu6Grad": tf.nn.relu6, "SoftplusGrad": tf.nn.softplus, "SoftsignGrad": tf.nn.softsign,
    "LeakyReluGrad": tf.nn.leaky_relu, "EluGrad": tf.nn.elu, "SeluGrad": tf.nn.selu, "SqrtGrad": tf.sqrt,
    "ReciprocalGrad": tf.reciprocal,
}  # fmt: skip


@pytest.mark.parametrize("kind", SLOPES)
def test_gradient_nodes_are_gradients(kind):
    values = np.array([-2.0, -0.5, 0.5, 7.0], np.float32)
    values = np.abs(values) if kind in ("SqrtGrad", "ReciprocalGrad") else values
    slope = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.constant(values)
        y = SLOPES[kind](x)
        expected = session.run(tf.gradients(y, x, slope)[0])
        given = y if kind in ("EluGrad", "SeluGrad", "SqrtGrad", "ReciprocalGrad") else x
        made = protos.GraphDef()
        const(made, "slope", slope)
        const(made, "given", session.run(given))
        order = ("given", "slope") if kind in ("SqrtGrad", "ReciprocalGrad") else ("slope", "given")
        node(made, kind, "g", *order, T=tf.float32)
        (g,) = tf.import_graph_def(made, return_elements=["g:0"])
        np.testing.assert_allclose(session.run(g), expected, rtol=1e-6)


def wrong(change) -> protos.GraphDef:
    made = protos.GraphDef()
    const(made, "a", np.ones((2, 3), np.float32))
    node(made, "Identity", "b", "a", T=tf.float32)
    change(made)
    return made


def recursive(made) -> None:
    function = made.library.function.add()
    function.signature.name = "f"
    function.node_def.add(name="again", op="f")
    node(made, "f", "c")


WRONG = {
    "an input is missing": (lambda g: node(g, "Neg", "c", "nowhere", T=tf.float32), "needs nowhere"),
    "no such output": (lambda g: node(g, "Neg", "c", "a:3", T=tf.float32), "no tensor a:3"),
    "a cycle": (lambda g: (node(g, "Neg", "c", "d"), node(g, "Neg", "d", "c")), "need each other"),
    "the same name": (lambda g: node(g, "Neg", "b", "a", T=tf.float32), "same name"),
    "too few inputs": (lambda g: node(g, "MatMul", "c", "a", T=tf.float32), "too few"),
    "shapes": (lambda g: node(g, "MatMul", "c", "a", "b", T=tf.float32), "matmul"),
    "a type": (lambda g: node(g, "NoSuchThing", "c", "a"), "NoSuchThing"),
    "a missing attribute": (lambda g: node(g, "Cast", "c", "a"), "DstT"),
    "an attribute of another kind": (lambda g: node(g, "Conv2D", "c", "a", "b", strides=3, padding="SAME"), "c"),
    "a constant without a value": (lambda g: node(g, "Const", "c"), "c"),
    "a negative size": (lambda g: node(g, "Fill", "c", "n", "a"), "n"),
    "recursion": (recursive, "call themselves"),
    "no variable": (lambda g: node(g, "Assign", "c", "a", "b", T=tf.float32), "no variable"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_makes_no_sense_is_refused_and_nothing_is_added(what):
    change, words = WRONG[what]
    with tf.Graph().as_default() as graph:
        kept = tf.constant(1.0, name="kept")
        with pytest.raises(errors.GraphcError, match=words):
            tf.import_graph_def(wrong(change), name="")
        assert graph.get_operations() == [kept.op]
        tf.import_graph_def(wrong(lambda g: None), name="again")
        with tf.Session() as session:
            assert session.run(["again/b:0", kept])[0].shape == (2, 3)
