"""Known operands in panels."""

import numpy as np
import pytest

from graphc.lower.panels import Panels


@pytest.mark.parametrize("columns", [1, 31, 32, 33, 96, 100])
@pytest.mark.parametrize("batch", [1, 3])
def test_panels_hold_their_columns_and_zeros(batch, columns):
    blocks = np.random.default_rng(columns).standard_normal((columns, 5, batch)).transpose(2, 1, 0)
    packed = Panels(blocks, 32, np.dtype(np.float32))
    made = packed.make()
    assert made.shape == packed.shape == (batch, -(-columns // 32), 5, 32) and made.dtype == np.float32
    flat = made.transpose(0, 2, 1, 3).reshape(batch, 5, -1)
    np.testing.assert_array_equal(flat[:, :, :columns], blocks.astype(np.float32))
    assert not flat[:, :, columns:].any()
