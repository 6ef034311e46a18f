"""Gradients of products at places given by data, where factors are 0."""

import numpy as np
import pytest

from graphc.autodiff.check import check_gradients
from graphc.ir.node import const
from graphc.prims import scatter

PLACES = const(np.array([[0], [0], [1], [1], [1], [2], [0], [5]], np.int64))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("start", [[1.0, 2, 3], [0.0, 2, 0]])
@pytest.mark.parametrize(
    "factors", [[1.0, 2, 3, 4, 5, 6, 7, 8], [0.0, 2, 3, 0, 5, 6, 7, 8], [0.0, 0, 3, 0, 0, 0, 7, 8]]
)
def test_products_with_zeros(start, factors, order):
    check_gradients(lambda x, u: scatter(x, PLACES, u, "mul"), [np.array(start), np.array(factors)], order=order)
