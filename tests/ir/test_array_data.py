"""Contents of constants: a copy of their own, told apart by what they hold."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.ir.data import Data
from graphc.ir.digest import PIECE

ROWS = PIECE // 1024 + 3


def _samples() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    wide = rng.standard_normal((ROWS, 257)).astype(np.float32)  # a little more than a piece
    return {
        "plain": wide, "short": wide[:2, :5], "few": wide[:100], "turned": np.asfortranarray(wide), "back": wide[::-1],
        "matrix": np.asmatrix(wide), "bytes": rng.integers(0, 256, 3 * PIECE + 1, np.uint8), "empty": wide[:0],
    }  # fmt: skip


@pytest.mark.parametrize("name", list(_samples()))
def test_data_are_a_copy_that_does_not_change(name):
    given = _samples()[name]
    wanted = np.array(given)
    data = Data(given)
    assert type(data.array) is np.ndarray and data.array.flags.c_contiguous and not data.array.flags.writeable
    assert data.array.dtype == given.dtype and data.array.shape == given.shape
    if given.size:
        given[...] = 0
    assert np.array_equal(data.array, wanted)
    assert data == Data(np.ascontiguousarray(wanted)) and hash(data) == hash(Data(wanted))


def test_one_other_bit_is_another_content():
    for name, given in _samples().items():
        if given.size:
            data, flat = Data(given), np.array(given).reshape(-1)
            flat.view(np.uint8)[-1] ^= 1
            assert data != Data(flat.reshape(given.shape)), name
