"""The NumPy meaning of fma on float64 is rounded once: against fractions, wherever sums are exact and where they are not."""

from fractions import Fraction

import numpy as np
import pytest

from graphc.prims.table import TABLE


def exact(x: float, y: float, z: float) -> float:
    """x*y+z for finite numbers, by fractions."""
    value = Fraction(x) * Fraction(y) + Fraction(z)
    if value == 0:
        return x * y + z if x == 0 or y == 0 else 0.0
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def fma(x, y, z):
    with np.errstate(all="ignore"):
        return TABLE["fma"].numpy(x, y, z)


def assert_exact(x, y, z):
    wanted = np.array([exact(*v) for v in zip(x.tolist(), y.tolist(), z.tolist())])
    np.testing.assert_array_equal(fma(x, y, z).view(np.int64), wanted.view(np.int64))


@pytest.mark.parametrize("spread", [0, 3, 60, 395, 600])
@pytest.mark.parametrize("case", ["any", "cancels", "nearly cancels", "ties"])
def test_of_doubles_is_rounded_once(spread, case):
    r = np.random.default_rng(spread)
    x, y, z = r.standard_normal((3, 500)) * 2.0 ** r.integers(-spread, spread + 1, (3, 500))
    with np.errstate(over="ignore", invalid="ignore"):
        product = np.nan_to_num(x * y, posinf=1e300, neginf=-1e300)
    if case == "ties":
        x, y = np.round(x * 8) / 8, np.round(y * 8) / 8
    z = {"any": z, "cancels": -product, "nearly cancels": -product * (1 + 2.0**-52), "ties": z}[case]
    assert_exact(x, y, z)


def test_special_values():
    some = np.array([0.0, -0.0, 1.0, -1.0, 5e-324, -2.0**-1022, 1.7e308, -1.7e308, 2.0**-400, 2.0**400])
    assert_exact(*[v.ravel() for v in np.meshgrid(some, some, some)])
    with np.errstate(all="ignore"):
        for x, y, z in [(np.inf, 1.0, 1.0), (np.inf, 0.0, 1.0), (1.0, 2.0, -np.inf), (np.nan, 1.0, 1.0), (np.inf, 1.0, -np.inf)]:
            np.testing.assert_array_equal(fma(*np.array([[x], [y], [z]])), np.array([x * y + z]))
