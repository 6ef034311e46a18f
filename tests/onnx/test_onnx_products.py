"""Products of matrices and tensors in ONNX."""

import numpy as np
import pytest
from operator_calls import beside_ort, check_slopes, run

from graphc.errors import GraphcError, ShapeError


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("a, b", [
    ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)),
    ((3,), (5, 3, 4)), ((5, 2, 3), (3,)), ((2, 0), (0, 3)), ((0, 2), (2, 3)),
])  # fmt: skip
def test_products_of_any_rank(a, b):
    x, y = floats(*a), floats(*b, seed=1)
    np.testing.assert_allclose(run("MatMul", x, y), np.matmul(x, y), 1e-5, 1e-6)
    i, j = (np.round(v * 9).astype(np.int32) for v in (x, y))
    np.testing.assert_array_equal(run("MatMul", i, j), np.matmul(i, j))


def test_what_is_no_product():
    with pytest.raises(ShapeError, match="MatMul: a scalar is no matrix"):
        run("MatMul", np.float32(1), floats(2, 2))
    with pytest.raises(ShapeError, match="inner sizes differ"):
        run("MatMul", floats(2, 3), floats(2, 3))
    with pytest.raises(ShapeError, match="Gemm: needs two matrices"):
        run("Gemm", floats(2, 3), floats(3))


@pytest.mark.parametrize("c", [(), (4,), (1, 4), (2, 4), None])
def test_gemm(c):
    added = None if c is None else floats(*c, seed=2)
    expected = 0.5 * floats(3, 2).T @ floats(4, 3, seed=1).T + (0 if c is None else 2 * added)
    found = run("Gemm", floats(3, 2), floats(4, 3, seed=1), added, transA=1, transB=1, alpha=0.5, beta=2.0)
    np.testing.assert_allclose(found, expected, 1e-5, 1e-6)


def test_gemm_of_integers_and_old_versions():
    a, b = np.int32([[1, 2], [3, 4]]), np.int32([[5, 6], [7, 8]])
    assert run("Gemm", a, b, np.int32([1, 1]), alpha=2.0).tolist() == (2 * a @ b + 1).tolist()
    assert run("Gemm", a, b, alpha=0.5).tolist() == (0.5 * (a @ b)).astype(int).tolist()
    found = run("Gemm", floats(2, 3), floats(3, 4), floats(4, seed=1), opset=6, broadcast=1)
    np.testing.assert_allclose(found, floats(2, 3) @ floats(3, 4) + floats(4, seed=1), 1e-5, 1e-6)


@pytest.mark.parametrize("equation, shapes", [
    ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]), ("ii->i", [(3, 3)]), ("ii", [(3, 3)]), ("i,j->ij", [(2,), (3,)]),
    ("...ij,...jk->...ik", [(2, 3, 4), (2, 4, 5)]), (" i j , j -> i", [(2, 3), (3,)]), ("ba", [(2, 3)]),
    ("Ab,bC->AC", [(2, 3), (3, 4)]),
])  # fmt: skip
def test_einsum(equation, shapes):
    arrays = [floats(*s, seed=k) for k, s in enumerate(shapes)]
    np.testing.assert_allclose(run("Einsum", *arrays, equation=equation), np.einsum(equation, *arrays), 1e-5, 1e-6)


def test_equations_that_do_not_fit():
    with pytest.raises(GraphcError, match="einsum"):
        run("Einsum", floats(2, 3), equation="ijk->i")


def test_determinants():
    beside_ort("Det", floats(2, 3, 3))
    assert run("Det", np.float16([[2, 0], [0, 3]]), opset=22) == np.float16(6)


def test_slopes():
    wide = [v.astype(np.float64) for v in (floats(2, 3), floats(4, 3), floats(4))]
    check_slopes("Gemm", *wide, transB=1, alpha=0.5)
    check_slopes("MatMul", wide[0][0], wide[1].T)
    check_slopes("Einsum", wide[0], wide[1], equation="ij,kj->ki")
