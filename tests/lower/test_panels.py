"""Known operands in panels."""

import numpy as np
import pytest

from graphc.lower import panels
from graphc.lower.panels import Panels


@pytest.mark.parametrize("columns", [1, 31, 32, 33, 96, 100])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("part", [1, 2000])
def test_panels_hold_their_columns_and_zeros(batch, columns, part, monkeypatch):
    monkeypatch.setattr(panels, "_PART", part)
    blocks = np.random.default_rng(columns).standard_normal((columns, 5, batch)).transpose(2, 1, 0)
    packed = Panels(blocks, 32, np.dtype(np.float32))
    made = np.concatenate([part.copy() for part in packed.parts()]).reshape(packed.shape)
    assert made.shape == packed.shape == (batch, -(-columns // 32), 5, 32) and made.dtype == np.float32
    flat = made.transpose(0, 2, 1, 3).reshape(batch, 5, -1)
    np.testing.assert_array_equal(flat[:, :, :columns], blocks.astype(np.float32))
    assert not flat[:, :, columns:].any()
