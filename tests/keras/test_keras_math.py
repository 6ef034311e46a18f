"""Functions of Keras' math and linear algebra where its own tests do not look: functions, half precision, strange input."""

import numpy as np
import pytest

import graphc as tf
from graphc import keras

ops = keras.ops
RNG = np.random.default_rng(0)


def values(x) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(x))


def traced(function, *shapes):
    return tf.function(function, autograph=False, input_signature=[tf.TensorSpec(shape) for shape in shapes])


EXTREMES = {"float32": (-np.inf, np.inf), "int32": (np.iinfo(np.int32).min, np.iinfo(np.int32).max)}


@pytest.mark.parametrize("dtype", EXTREMES)
def test_segments_without_rows(dtype):
    data, ids, (least, most) = np.array([3, 1, 2], dtype), np.array([0, 0, 2]), EXTREMES[dtype]
    found = [function(data, ids, 4) for function in (ops.segment_max, ops.segment_min, ops.segment_sum, ops.segment_prod)]
    expected = [[3, least, 2, least], [1, most, 2, most], [4, 0, 2, 0], [3, 1, 2, 1]]
    assert [values(x).tolist() for x in found] == expected


def test_how_many_segments_there_are_may_be_known_only_to_a_run():
    step = traced(lambda x: ops.segment_sum(x, ops.cast(x[:, 0], "int32")), (None, 2))
    for rows in ([[0, 1.5], [2, 1]], [[0, 1], [0, 2], [1, 4]]):
        x = np.array(rows, np.float32)
        expected = np.zeros((int(x[:, 0].max()) + 1, 2), np.float32)
        np.add.at(expected, x[:, 0].astype(int), x)
        assert values(step(x)).tolist() == expected.tolist()


@pytest.mark.parametrize(("length", "window"), [(8, "hann"), (7, "hamming"), (6, np.bartlett(8)[1:7])])
def test_short_time_spectra_are_undone_inside_of_a_function(length, window):
    x = RNG.normal(size=(2, 40)).astype(np.float32)

    def there_and_back(x):
        return ops.istft(ops.stft(x, length, 2, 8, window=window), length, 2, 8, window=window, length=40)

    found = values(traced(there_and_back, (None, 40))(x))
    np.testing.assert_allclose(found[:, 4:-4], x[:, 4:-4], atol=1e-5)


def test_spectra_of_narrow_floats_are_single_precision():
    x = RNG.normal(size=8).astype(np.float16)
    np.testing.assert_allclose(values(ops.rfft(x)[0]), np.fft.rfft(x).real, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (2, 3, 5), (2, 0, 3)])
def test_lu_factors_and_exchanges(shape):
    x = RNG.normal(size=shape).astype(np.float32)
    x[..., -1:, :] = x[..., :1, :]  # of less than full rank
    packed, exchanged = map(values, traced(lambda x: ops.lu_factor(x), shape)(x))
    m, n = shape[-2:]
    k = min(m, n)
    again = (np.tril(packed[..., :k], -1) + np.eye(m, k)) @ np.triu(packed[..., :k, :])
    assert exchanged.shape == (*shape[:-2], k)
    for which in np.ndindex(shape[:-2]):
        for i, row in reversed(list(enumerate(exchanged[which]))):
            again[which][[i, row]] = again[which][[row, i]]
    np.testing.assert_allclose(again, x, atol=1e-5)


def test_a_matrix_that_is_not_positive_definite():
    with pytest.raises(ValueError, match="positive definite"):
        ops.cholesky(-np.eye(2, dtype=np.float32))
    assert np.isnan(values(traced(lambda x: ops.cholesky(x), (2, 2))(-np.eye(2, dtype=np.float32)))).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32"])
def test_matrices_of_other_dtypes(dtype):
    x = ops.cast([[4, 1], [1, 3]], dtype)
    kind = "float32" if dtype == "int32" else dtype
    for found, expected in ((ops.inv(x), [[3 / 11, -1 / 11], [-1 / 11, 4 / 11]]), (ops.det(x), 11),
                            (ops.linalg.cholesky_inverse(ops.cholesky(x)), [[3 / 11, -1 / 11], [-1 / 11, 4 / 11]]),
                            (ops.solve(x, ops.cast([5, 4], dtype)), [1, 1]), (ops.norm(x, "nuc"), 7),
                            (ops.logdet(x), np.log(11)), (ops.linalg.matrix_rank(x), 2)):  # fmt: skip
        assert found.dtype.name in (kind, "int32")
        np.testing.assert_allclose(values(found).astype(np.float64), expected, rtol=0.02, atol=0.01)
    assert [part.dtype.name for part in ops.svd(x)] == [kind] * 3


def test_least_squares_of_a_matrix_without_full_rank_and_their_cutoff():
    a = RNG.normal(size=(6, 2)).astype(np.float32) @ RNG.normal(size=(2, 4)).astype(np.float32)
    b = RNG.normal(size=(6,)).astype(np.float32)
    expected = np.linalg.lstsq(a, b, rcond=1e-4)[0]
    np.testing.assert_allclose(values(ops.linalg.lstsq(a, b, 1e-4)), expected, rtol=1e-3, atol=1e-4)
    found = traced(lambda a: ops.linalg.lstsq(a, b, rcond=1e-4), (None, 4))(a)
    np.testing.assert_allclose(values(found), expected, rtol=1e-3, atol=1e-4)


def test_slopes_forward_of_structures_in_a_function():
    def both(x):
        return {"y": x * x, "n": ops.zeros(2)}, ops.sum(x)

    def slopes(x):
        return ops.linalg.jvp(both, (x,), (ops.ones_like(x),), has_aux=True)

    x = np.array([1.0, 3.0], np.float32)
    for call in (slopes, traced(slopes, (2,))):
        answer, moved, total = call(ops.convert_to_tensor(x))
        assert values(moved["y"]).tolist() == [2, 6] and values(moved["n"]).tolist() == [0, 0]
        assert values(answer["y"]).tolist() == [1, 9] and float(total) == 4


def test_norms_refuse_axes_and_orders_that_are_none():
    for arguments in ({"axis": 3}, {"axis": (0, 1, 2), "ord": 2}, {"ord": "nuc", "axis": 0}, {"ord": 5, "axis": (0, 1)}):
        with pytest.raises(ValueError):
            ops.norm(np.ones((2, 2, 2)), **arguments)
