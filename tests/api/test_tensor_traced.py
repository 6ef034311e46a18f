"""What a tensor answers while the function around it is traced: its name and shape, and refusals with advice."""

import operator

import numpy as np
import pytest

import graphc as tf


def traced(body, shape=(None, 3)):
    """What ``body`` answers or raises for an argument x while it is traced."""
    found = []

    def function(x):
        found.append(body(x))
        return x

    tf.function(function, autograph=False, input_signature=[tf.TensorSpec(shape, tf.float32, name="x")]).get_concrete_function()
    return found[0]


def test_how_it_is_shown():
    assert traced(str) == 'Tensor("x:0", shape=(None, 3), dtype=float32)'
    assert traced(lambda x: f"{x}") == traced(str) and traced(lambda x: x.name) == "x:0"
    assert traced(repr) == "<tf.Tensor 'x:0' shape=(None, 3) dtype=float32>"
    assert traced(lambda x: str(x + 1)) == 'Tensor("add:0", shape=(None, 3), dtype=float32)'


def test_what_is_known_of_it():
    assert traced(lambda x: (x.shape.as_list(), x.ndim, x.dtype, x.device)) == ([None, 3], 2, tf.float32, "")
    assert traced(lambda x: (tf.is_tensor(x), isinstance(x, tf.Tensor), x == None, x != None)) == (True, True, False, True)  # noqa: E711
    assert traced(lambda x: len(x), (2, 3)) == 2 and traced(lambda x: [str(r.shape) for r in x], (2, 3)) == ["(3,)"] * 2
    assert traced(lambda x: (np.zeros(3, np.float32) + x).shape.as_list()) == [None, 3]
    assert traced(lambda x: (x == tf.zeros([4])).numpy if False else (x == np.zeros(4)).shape.as_list()) == []


REFUSALS = [
    (lambda x: x.numpy(), r"x:0: numpy\(\) of f32\[.*,3\].*return it, or use tf.print"), (lambda x: x.eval(), "no session"),
    (lambda x: bool(x[0, 0] > 0), "cannot be a Python bool in 'if'.*tf.cond or tf.where.*autograph=True"),
    (lambda x: x[0, 0] > 0 and 1, "Python bool"), (lambda x: max(x[0, 0], 1.0), "'max'"), (lambda x: not x, "'not'"),
    (lambda x: float(x[0, 0]), "use tf.cast"), (lambda x: int(x[0, 0]), "use tf.cast"), (lambda x: complex(x[0, 0]), "tf.cast"),
    (lambda x: range(tf.shape(x)[0]), "no bound of range.*use tf.gather or tf.range"),
    (lambda x: [1, 2][tf.shape(x)[0]], "no index of a list"), (lambda x: operator.index(tf.shape(x)[0]), "no index"),
    (lambda x: np.sin(x), "NumPy cannot use f32.*TensorFlow's function of the same meaning, or tf.numpy_function"),
    (lambda x: np.array(x), "NumPy cannot use"), (lambda x: np.asarray(x), "NumPy cannot use"),
    (lambda x: list(x), "unknown length and cannot be iterated; use tf.map_fn.*autograph=True"),
    (lambda x: sorted(x), "unknown length"), (lambda x: len(x), r"length of .* is not known while tracing; use tf.shape\(x\)\[0\]"),
    (lambda x: round(x[0, 0]), "use tf.round"), (lambda x: 1 in x, r"'in'.*tf.reduce_any\(tf.equal"),
    (lambda x: f"{x[0, 0]:.2f}", r"format as '.2f'; use tf.strings.format or tf.print"), (lambda x: "%.2f" % x[0, 0], "tf.cast"),
    (lambda x: hash(x), r"unhashable.*tensor.ref\(\)"), (lambda x: iter(x[0, 0]), "scalar of f32"), (lambda x: len(x[0, 0]), "no len"),
    (lambda x: memoryview(x), "bytes-like"), (lambda x: x["a"], "valid indices"), (lambda x: x[[0.5]], "valid indices"),
]  # fmt: skip


@pytest.mark.parametrize("body, words", REFUSALS)
def test_refusals(body, words):
    with pytest.raises(TypeError, match=words):
        traced(body)


def test_a_refusal_names_the_line_that_made_the_tensor():
    def body(x):
        total = x[0, 0] + 1
        return float(total)

    with pytest.raises(TypeError) as error:
        traced(body)
    lines = str(error.value).split("\n")
    assert "test_tensor_traced.py" in lines[1] and "float(total)" in lines[-1]


def test_attributes_of_arrays_name_the_function():
    for name, words in ("T", r"tf.transpose\(x\)"), ("mean", r"tf.reduce_mean\(x\)"), ("astype", r"tf.cast\(x, dtype\)"):
        with pytest.raises(AttributeError, match=words):
            traced(lambda x: getattr(x, name))
        with pytest.raises(AttributeError, match=words):
            getattr(tf.constant([1.0]), name)


def test_set_shape_is_checked_while_running():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def function(x):
        y = x * 2
        y.set_shape([2])
        return tf.reduce_sum(y) + y.shape[0]

    assert function(tf.constant([1.0, 2.0])).numpy() == 8
    with pytest.raises(ValueError, match=r"input x wants f32\[2\], got f32\[3\]"):
        function(tf.constant([1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match=r"set_shape: a tensor of shape \(None, 3\) cannot have \(2, 4\)"):
        traced(lambda x: x.set_shape([2, 4]))
