"""The float next to another, for every float16 and bfloat16, against NumPy and ml_dtypes."""

import ml_dtypes
import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.errors import DtypeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const
from graphc.ir.type import Type
from graphc.lib import bits

CODES = np.arange(1 << 16, dtype=np.uint16)


@pytest.mark.parametrize("kind", [np.float16, ml_dtypes.bfloat16], ids=["float16", "bfloat16"])
@pytest.mark.parametrize("towards", [np.inf, -np.inf, 0.0])
def test_next_float_of_two_bytes(kind, towards):
    x = CODES.view(kind)
    given = input_node("x", Type(dt.as_dtype(x.dtype), x.shape))
    out = bits.nextafter(given, const(np.array(towards, kind)))
    found = np.asarray(compile_graph(Graph("main", (given,), (out,)))(x)[0])
    with np.errstate(all="ignore"):
        wanted = np.nextafter(x, kind(towards))
    is_nan = np.isnan(wanted)
    np.testing.assert_array_equal(np.isnan(found), is_nan)
    np.testing.assert_array_equal(found[~is_nan].astype(np.float32), wanted[~is_nan].astype(np.float32))


def test_only_floats_have_a_next_one():
    with pytest.raises(DtypeError, match="needs floating-point numbers, not i32"):
        bits.nextafter(const(np.zeros(2, np.int32)), const(np.zeros(2, np.int32)))
