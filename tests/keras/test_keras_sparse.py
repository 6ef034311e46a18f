"""Sparse tensors in Keras where its own tests do not look: compiled functions, odd shapes, sparse data for models."""

import numpy as np
import pytest

import graphc as tf
from graphc import keras
from graphc.keras.keras_graphc import math, nn, numpy
from graphc.keras.keras_graphc.sparse import dispatch, elementwise
from graphc.keras.keras_graphc.sparse.rows import SparseRows, as_rows

ops = keras.ops
RNG = np.random.default_rng(0)


def holed(*shape, share=0.4) -> np.ndarray:
    """An array of which most elements are 0."""
    return (RNG.normal(size=shape) * (RNG.random(shape) < share)).astype(np.float32)


def values(x) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(x))


def sparse(x: np.ndarray) -> tf.SparseTensor:
    return tf.sparse.from_dense(x)


def slices(x: np.ndarray, rows) -> tf.IndexedSlices:
    return tf.IndexedSlices(x[list(rows)], list(rows), x.shape)


def compiled(function):
    return tf.function(function, autograph=False)


# ---------------------------------------------------------------------------------------------- the table of functions


def test_the_table_names_functions_and_what_keras_says_of_them():
    found = {**vars(numpy), **vars(nn), **vars(math)}
    unknown = [name for name in dispatch._OF_NAME if name not in found]
    assert not unknown, f"the table of sparse functions names {unknown}, which are nowhere"
    x = keras.KerasTensor((2, 3), sparse=True)
    for name in dispatch._WRAPPERS[elementwise.keeping_zeros].split():
        if name != "digitize":
            assert getattr(ops, name)(x).sparse, name
            of_zero = getattr(ops, name)(np.zeros(2, np.float32))
            assert not values(of_zero).any(), name
    for name in ("exp", "cbrt", "relu", "isnan", "log"):
        assert not getattr(ops, name)(x).sparse, name


# ------------------------------------------------------------------------- functions, with open numbers of elements

X, Y = holed(4, 5), holed(4, 5)
FUNCTIONS = {
    "sin": (ops.sin, True), "relu": (ops.relu, False), "add": (lambda x: ops.add(x, sparse(Y)), True),
    "multiply": (lambda x: ops.multiply(x, sparse(Y)), True), "by a row": (lambda x: ops.multiply(x, Y[:1]), True),
    "by more": (lambda x: ops.multiply(x, np.ones((2, 4, 5), np.float32)), False),
    "over zeros": (lambda x: ops.divide(x, Y), True),
    "over a row of zeros": (lambda x: ops.divide(x, np.float32([1, 0, 2, 0, 3])), True),
    "quietly": (lambda x: ops.divide_no_nan(x, Y), True),
    "sum": (lambda x: ops.sum(x, 1), True), "mean": (lambda x: ops.mean(x, axis=(0, 1), keepdims=True), True),
    "shapes": (lambda x: ops.transpose(ops.squeeze(ops.expand_dims(ops.reshape(x, (2, -1)), (0, -1)), 0)), True),
    "concatenate": (lambda x: ops.concatenate([x, x], 1), True),
    "with a dense one": (lambda x: ops.concatenate([x, X], 1), False),
    "times matrices": (lambda x: ops.matmul(x, np.stack([Y.T, X.T])), False),
    "times a sparse one": (lambda x: ops.matmul(x, sparse(Y.T)), True),
    "take": (lambda x: ops.take(Y, ops.cast(ops.sign(ops.absolute(x)), "int32"), axis=0), False),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_functions_of_sparse_tensors(name):
    function, stays = FUNCTIONS[name]
    step = compiled(function)
    with np.errstate(divide="ignore", invalid="ignore"):
        for x in (X, np.zeros_like(X)):  # by one program
            found = step(sparse(x))
            assert isinstance(found, tf.SparseTensor) == stays
            np.testing.assert_allclose(values(found), values(function(x)), rtol=1e-5, atol=1e-6)


Z = Y.copy()
Z[:2] = 0
ROWS = {
    "sin": (ops.sin, True), "cos": (ops.cos, False), "add": (lambda x: ops.add(x, slices(Z, (2, 3))), True),
    "multiply": (lambda x: ops.multiply(slices(Z, (2, 3)), x), True), "by a row": (lambda x: ops.multiply(x, Y[:1]), True),
    "by all": (lambda x: ops.multiply(x, Y), True), "over": (lambda x: ops.divide(x, 1 + ops.abs(Y)), True),
    "sum": (lambda x: ops.sum(x, 0), False), "of a row": (lambda x: ops.sum(x, 1, keepdims=True), True),
    "mean": (lambda x: ops.mean(x, axis=1), False), "cast": (lambda x: ops.cast(x, "int32"), True),
    "matmul": (lambda x: ops.matmul(x, Y.T), False), "reshape": (lambda x: ops.reshape(x, (5, 4)), False),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_functions_of_rows(name):
    function, stays = ROWS[name]
    x = X.copy()
    x[[0, 3]] = 0
    found = function(slices(x, (1, 2)))
    assert isinstance(found, tf.IndexedSlices) == stays
    np.testing.assert_allclose(values(found), values(function(x)), rtol=1e-5, atol=1e-6)


PRODUCTS = {
    "one matrix": ((3, 4), (4, 2)), "many": ((2, 3, 4), (2, 4, 5)), "many by one": ((2, 3, 4), (4, 5)),
    "one by many": ((3, 4), (2, 4, 5)), "many by columns of them": ((2, 2, 3, 4), (2, 4, 5)),
    "beside one another": ((2, 3, 4), (3, 2, 4, 5)), "a size of 1": ((2, 3, 4), (1, 4, 5)),
    "of 1 first": ((1, 3, 4), (2, 4, 5)), "without elements": ((2, 0, 4), (2, 4, 5)), "rows": ((4,), (4, 5)),
    "columns": ((3, 4), (4,)), "vectors": ((4,), (4,)),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name):
    a, b = (holed(*shape) for shape in PRODUCTS[name])
    pairs = [(sparse(a), b), (a, sparse(b))]
    if name in ("one matrix", "many", "of 1 first", "vectors"):
        pairs.append((sparse(a), sparse(b)))
    for one, other in pairs:
        found = ops.matmul(one, other)
        both = isinstance(one, tf.SparseTensor) and isinstance(other, tf.SparseTensor)
        assert isinstance(found, tf.SparseTensor) == both
        np.testing.assert_allclose(values(found), a @ b, rtol=1e-5, atol=1e-6)
    assert ops.matmul(sparse(np.ones((2, 3), np.int8)), sparse(np.ones((3, 2), np.int8))).dtype == tf.int32


def test_products_have_gradients():
    a, b = holed(3, 4), holed(4, 2)
    left, right = tf.Variable(sparse(a).values), tf.Variable(b)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.square(ops.matmul(sparse(a).with_values(left), right)))
    by_left, by_right = tape.gradient(y, [left, right])
    np.testing.assert_allclose(by_right, a.T @ (2 * a @ b), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(by_left, (2 * a @ b @ b.T)[a != 0], rtol=1e-5, atol=1e-6)


def test_encodings():
    x = np.array([[0, 3], [2, 2], [-1, 5]])
    for axis in (-1, 0, 1):
        found = compiled(lambda x: ops.one_hot(x, 4, axis=axis, sparse=True))(x)
        np.testing.assert_array_equal(values(found), values(ops.one_hot(x, 4, axis=axis)))
    for dtype in ("bool", "float32"):
        found = ops.multi_hot(x, 4, dtype=dtype, sparse=True)
        np.testing.assert_array_equal(values(found), values(ops.multi_hot(x, 4, dtype=dtype)))
    x = np.array([[0, 3], [2, 2]])
    assert values(ops.bincount(x, sparse=True, minlength=5)).tolist() == [[1, 0, 0, 1, 0], [0, 0, 2, 0, 0]]


def test_specifications_tell_what_is_sparse():
    x = keras.KerasTensor((None, None, 4), sparse=True)

    def step(x):
        return ops.matmul(x, np.ones((4, 3))), ops.multiply(x, 2), ops.concatenate([x, x], 1), {"mean": ops.mean(x, 1)}

    product, twice, both, rest = keras.src.backend.compute_output_spec(step, x)
    assert [y.shape for y in (product, twice, both, rest["mean"])] == [
        (None, None, 3), (None, None, 4), (None, None, 4), (None, 4)]  # fmt: skip
    assert [y.sparse for y in (product, twice, both, rest["mean"])] == [False, True, True, True]


def test_a_function_without_an_answer_for_sparse_tensors_says_so():
    with pytest.raises(Exception, match="does not take a SparseTensor"):
        ops.sort(sparse(X))
    with pytest.raises(ValueError, match="Cannot squeeze axis=1"):
        ops.squeeze(sparse(X), 1)
    with pytest.raises(ValueError, match="axis 2 is out of bounds"):
        ops.sum(sparse(X), 2)


# ------------------------------------------------------------------------------------------------------------- models


def network(sparse_input=True):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6,), sparse=sparse_input), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(optimizer="sgd", loss="mse")
    return model


def test_models_learn_the_same_from_sparse_arrays():
    x = holed(21, 6)
    y = x.sum(1, keepdims=True)
    dense, model = network(False), network()
    expected = dense.fit(x, y, batch_size=8, epochs=2, validation_split=0.2, verbose=0, shuffle=False).history
    found = model.fit(sparse(x), y, batch_size=8, epochs=2, validation_split=0.2, verbose=0, shuffle=False).history
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        np.testing.assert_allclose(found[name], numbers, rtol=1e-5)
    np.testing.assert_allclose(model.predict(sparse(x), verbose=0), dense.predict(x, verbose=0), rtol=1e-4, atol=1e-6)


def test_one_program_serves_any_number_of_rows_and_elements():
    model, traces = network(), []
    call = model.call

    def counted(*args, **kwargs):
        traces.append(1)
        return call(*args, **kwargs)

    model.call = counted
    for rows, elements in ((5, 7), (5, 1), (5, 0), (3, 18)):
        x = np.zeros((rows, 6), np.float32)
        x.reshape(-1)[:elements] = 2
        model.predict_on_batch(sparse(x))
    assert len(traces) == 1


def test_an_eager_step_and_a_generator_of_sparse_batches():
    x = holed(8, 6)
    model = network()
    model.run_eagerly = True
    batches = ((sparse(part), np.zeros((4, 1), np.float32)) for part in (x[:4], x[4:]))
    with pytest.warns(UserWarning):
        assert model.fit(batches, verbose=0).history["loss"][0] > 0


def test_sparse_answers_stay_sparse():
    model = keras.Sequential([keras.layers.CategoryEncoding(5, "multi_hot", sparse=True)])
    x = np.array([[0, 1], [2, 2], [3, 4]])
    found = model.predict(x, batch_size=2, verbose=0)
    assert isinstance(found, tf.SparseTensor)
    assert values(found).tolist() == [[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]]


def test_rows_of_sparse_arrays():
    class OfSciPy:
        """What SciPy's arrays have."""

        shape = (4, 3)

        def tocoo(self):
            self.coords, self.data = (np.array([2, 0, 3]), np.array([1, 2, 0])), np.array([1.0, 2.0, 3.0])
            return self

    OfSciPy.__module__ = "scipy.sparse._coo"
    x = as_rows(OfSciPy())
    full = np.array([[0, 0, 2], [0, 0, 0], [0, 1, 0], [3, 0, 0]], np.float32)
    np.testing.assert_array_equal(x, full)
    assert isinstance(x, SparseRows) and x.dtype == np.float32
    for taken in (slice(1, 3), [3, 3, 0], np.array([], int)):
        np.testing.assert_array_equal(x[taken], full[taken])
    np.testing.assert_array_equal(values(x[[2, 3]].as_tensor()), full[2:])


def test_a_sparse_gradient_changes_its_rows_alone():
    variable = keras.Variable(np.ones((3, 2), np.float32))
    gradient = tf.IndexedSlices(np.ones((3, 2), np.float32), [0, 2, 0], (3, 2))
    keras.optimizers.SGD(0.25).apply([gradient], [variable])
    assert variable.numpy().tolist() == [[0.5, 0.5], [1, 1], [0.75, 0.75]]
    variable.assign_add(gradient)
    assert variable.numpy().tolist() == [[2.5, 2.5], [1, 1], [1.75, 1.75]]
