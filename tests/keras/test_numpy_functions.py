"""Functions of keras.ops.numpy where Keras' own tests do not go: sizes that only a run knows, and gradients."""

from graphc import keras  # noqa: F401, I001  first: it gives Keras its back end

import numpy as np
import pytest
from keras import ops

import graphc as tf

RNG = np.random.default_rng(5)
A = RNG.normal(size=(3, 4)).astype("float32")
B = RNG.normal(size=(3, 4)).astype("float32")
CUBE = RNG.normal(size=(2, 3, 4)).astype("float32")
TURNED = np.swapaxes(CUBE, 1, 2)
LINE = np.array([3.0, -1.0, 2.0, 2.0, 0.5], "float32")
HOLES = np.where(A > 0.8, np.nan, A).astype("float32")
WHOLE = np.array([[3, 1, 0], [1, 5, 2]], "int32")
SQUARE = (A[:, :3] + 3 * np.eye(3)).astype("float32")
ALL = dict(return_index=True, return_inverse=True, return_counts=True)

# a family of functions: what it is asked of, and the questions
FAMILIES = {
    "elements": ([A], lambda x: [
        ops.sin(x), ops.log2(ops.abs(x)), ops.sign(x), ops.round(x, 1), ops.signbit(x), ops.angle(x), ops.nan_to_num(x),
        ops.clip(x, -1, 0.5), ops.isclose(x, 0.1), ops.trunc(x), ops.cbrt(x)]),
    "pairs": ([A, B], lambda x, y: [
        ops.add(x, y), ops.hypot(x, y), ops.logaddexp(x, y), ops.where(x > y, x, y), ops.fmax(x, y), ops.arctan2(x, y),
        ops.floor_divide(x, y), ops.heaviside(x, y), ops.nextafter(x, y)]),
    "rows and a vector": ([A, A[0]], lambda x, y: [ops.subtract(x, y), ops.maximum(x, y), ops.power(ops.abs(x), y)]),
    "integers": ([WHOLE, WHOLE + 1], lambda x, y: [
        ops.gcd(x, y), ops.lcm(x, y), ops.bitwise_xor(x, y), ops.left_shift(x, y), ops.mod(x, y), ops.ldexp(x, y),
        ops.divide(x, y)]),
    "likenesses": ([A], lambda x: [
        ops.ones_like(x), ops.zeros_like(x, dtype="int32"), ops.full_like(x, 7), ops.empty_like(x)]),
    "triangles": ([A], lambda x: [
        ops.tril(x, 1), ops.triu(x, -1), ops.diagonal(x, 1), ops.diagonal(x, -1), ops.diagonal(x, 9), ops.trace(x)]),
    "diagonals": ([CUBE], lambda x: [ops.diagonal(x, 0, 1, 2), ops.diagonal(x, 1, 2, 0), ops.trace(x, 0, 1, 2)]),
    "of a line": ([LINE], lambda x: [
        ops.diag(x), ops.diag(x, 2), ops.diagflat(x, -1), ops.vander(x), ops.vander(x, 3, True), ops.outer(x, x),
        ops.linspace(x, x + 1, 5), ops.logspace(x, x + 1, 3, axis=1)]),
    "sums": ([CUBE], lambda x: [
        ops.sum(x), ops.sum(x, (0, -1)), ops.mean(x, 1, True), ops.var(x, -1), ops.std(x, (0, 2)), ops.prod(x, 1),
        ops.max(x, 1, initial=0.0), ops.ptp(x, 0), ops.all(x > 0, 1), ops.any(x > 2), ops.count_nonzero(x, 0)]),
    "averages": ([A, np.abs(B)], lambda x, w: [
        ops.average(x, 1, w), ops.average(x, weights=w), ops.average(x, 0), ops.corrcoef(x)]),
    "places": ([CUBE], lambda x: [
        ops.argmax(x, 1), ops.argmin(x), ops.argsort(x, 1), ops.argpartition(x, 1), ops.argmax(x, -1, True)]),
    "order": ([A], lambda x: [
        ops.sort(x, 0), ops.sort(x, None), ops.cumsum(x), ops.cumprod(x, 1), ops.flip(x), ops.diff(x, 2)]),
    "without nan": ([HOLES], lambda x: [
        ops.nansum(x, 0), ops.nanmean(x, 1), ops.nanvar(x, 1), ops.nanstd(x), ops.nanmax(x, 1), ops.nanprod(x),
        ops.nanargmin(x, 1), ops.nancumsum(x, 1), ops.nanmedian(x, 1), ops.nanquantile(x, [0.2, 0.7], 0)]),
    "quantiles": ([CUBE], lambda x: [
        ops.median(x), ops.quantile(x, 0.3, (0, 2), keepdims=True), ops.percentile(x, [10, 60], 1, "nearest")]),
    "found": ([WHOLE], lambda x: [
        *ops.nonzero(x), *ops.where(x > 1), ops.take(x, [0, -1], 1), ops.take(x, [[1, -2]]), ops.isin(x, [1, 5]),
        ops.isin([0, 4, 5], x), ops.take_along_axis(x, x % 2, 0), *ops.unravel_index(x, (2, 3)),
        ops.digitize(x, [1, 3])]),
    "different": ([WHOLE], lambda x: [
        ops.unique(x), *ops.unique(x, axis=1, **ALL), *ops.unique(x, size=3, **ALL),
        ops.unique(x, size=9, fill_value=-1)]),
    "counted": ([WHOLE[0], np.ones(3, "float32")], lambda x, w: [
        ops.bincount(x), ops.bincount(x, w, 7), *ops.histogram(x, 4)]),
    "searched": ([np.sort(LINE), LINE], lambda x, y: [
        ops.searchsorted(x, y), ops.searchsorted(x, y, "right"), ops.trapezoid(y, x)]),
    "products": ([CUBE, TURNED], lambda x, y: [
        ops.matmul(x, y), ops.einsum("bij,bjk->bik", x, y), ops.tensordot(x, x, [[0, 2], [0, 2]]),
        ops.einsum("bij,bji->b", x, y), ops.vdot(x, x), ops.inner(x, x)]),
    "dots": ([A, LINE[:4]], lambda x, y: [
        ops.dot(x, y), ops.matmul(x, y), ops.inner(x, y), ops.outer(x, y), ops.kron(x, y[None])]),
    "moved": ([CUBE], lambda x: [
        ops.transpose(x), ops.swapaxes(x, 0, -1), ops.moveaxis(x, (0, 1), (-1, 0)), ops.ravel(x), ops.rot90(x),
        ops.reshape(x, (-1, 2)), ops.expand_dims(x, (0, -1)), ops.roll(x, 2), ops.roll(x, (1, -1), (0, 2)),
        ops.flipud(x)]),
    "longer": ([A], lambda x: [
        ops.repeat(x, 2, 1), ops.repeat(x, 3), ops.tile(x, 2), ops.tile(x, (2, 1, 3)), ops.broadcast_to(x, (2, 3, 4)),
        ops.pad(x, ((1, 2), (0, 1))), ops.pad(x, 1, "reflect"), ops.pad(x, 2, "symmetric")]),
    "joined": ([A, B], lambda x, y: [
        ops.concatenate([x, y], 1), ops.stack([x, y], -1), ops.hstack([x, y]), ops.vstack([x, y]), ops.dstack([x, y]),
        ops.append(x, y), ops.select([x > 1, y > 0], [x, y], 3), *ops.meshgrid(x[0], y[:, 0])]),
    "cut": ([A], lambda x: [
        *ops.split(x, 2, 1), *ops.split(x, [1, 2], 0), *ops.array_split(x, 2, 0), *ops.array_split(x, 3, 1),
        *ops.hsplit(x, [1])]),
    "bits": ([A], lambda x: [
        ops.view(x, "int32"), ops.view(x, "uint8"), ops.view(ops.view(x, "int16"), "float32")]),
    "determinants": ([SQUARE], lambda x: [*ops.slogdet(x)]),
    "vectorized": ([A, B[0]], lambda x, y: [
        ops.vectorize(lambda a, b: ops.sum(a) * b, signature="(k),()->()")(x, 2.0),
        ops.vectorize(lambda a, b: ops.dot(a, b), signature="(k),(k)->()")(x, y)]),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_sizes_that_only_a_run_knows(family):
    arrays, asked = FAMILIES[family]
    wanted = asked(*map(tf.constant, arrays))
    signature = [tf.TensorSpec([None] * a.ndim, a.dtype) for a in arrays]
    found = tf.function(asked, input_signature=signature, autograph=False)(*arrays)
    assert len(found) == len(wanted)
    for place, (one, other) in enumerate(zip(found, wanted)):
        assert one.dtype == other.dtype, place
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6, err_msg=f"answer {place}")


def test_products_of_threes_need_that_size_only():
    asked = tf.function(lambda x, y: ops.cross(x, y), input_signature=[tf.TensorSpec([None, 3])] * 2, autograph=False)
    np.testing.assert_allclose(asked(A[:, :3], B[:, :3]).numpy(), np.cross(A[:, :3], B[:, :3]), rtol=1e-5)


# ------------------------------------------------------------------------------------------------- gradients

SLOPES = {
    "elements": lambda x: ops.sinc(x) + ops.cbrt(x + 5) + ops.log1p(ops.abs(x)) + ops.log2(ops.exp2(x) + ops.cosh(x)),
    "pairs": lambda x: ops.hypot(x, x[::-1] + 3) + ops.logaddexp(x, 0.5) + ops.arctan2(x, 2.0) + ops.fmax(x, 0.1),
    "sums": lambda x: ops.var(x, 1) * ops.mean(x) + ops.std(x, 1) + ops.prod(x, 1) + ops.max(x, 1) + ops.ptp(x, 1),
    "averages": lambda x: ops.average(x, 1, ops.abs(x)) + ops.corrcoef(x)[0],
    "order": lambda x: ops.cumprod(ops.sort(x, 1), 1) + ops.cumsum(x, 0) * ops.diff(x, axis=1)[:, :1],
    "quantiles": lambda x: ops.median(x, 1) + ops.quantile(x, 0.3, 1) * ops.percentile(x, 80),
    "found": lambda x: ops.take(x, [0, -1], 1)[:, 0] * ops.take_along_axis(x, np.array([[1], [2], [0]]), 1)[:, 0],
    "products": lambda x: ops.matmul(x, ops.transpose(x)) + ops.einsum("ij,kj->ik", x, x) * ops.tensordot(x, x[0], 1),
    "more products": lambda x: ops.kron(x, x[:1]) * ops.vdot(x, x) + ops.sum(ops.cross(x[:, :3], x[:, 1:])),
    "determinants": lambda x: ops.slogdet(x[:, :3] + 4 * ops.eye(3))[1] + ops.trace(x) + ops.sum(ops.tril(x)),
    "moved": lambda x: ops.roll(ops.rot90(x), 1) * ops.flip(ops.swapaxes(x, 0, 1)) + ops.ravel(x)[:3],
    "longer": lambda x: ops.pad(x, 2, "reflect") * 2 + ops.pad(x, ((1, 3), (2, 2)), "symmetric") ** 2,
    "joined": lambda x: ops.concatenate([x, x * x], 1)[:, 2:6] * ops.stack([x, x])[1] + ops.vstack(ops.split(x, 3)),
    "vectorized": lambda x: ops.vectorize(lambda a: ops.sum(a * a), signature="(k)->()")(x),
    "trapezoids": lambda x: ops.trapezoid(x * x, ops.cumsum(x, 1), axis=1),
}  # fmt: skip


@pytest.mark.parametrize("case", SLOPES)
def test_gradients_by_the_tape(case):
    """Against central differences of four points along one random direction."""
    way = np.random.default_rng(7).normal(size=A.shape).astype("float32")
    given = tf.constant(A)
    with tf.GradientTape() as tape:
        tape.watch(given)
        answer = ops.sum(ops.sin(SLOPES[case](given)))
    slope = float(np.sum(tape.gradient(answer, given).numpy() * way))
    steps = ops.reshape(ops.array([-2.0, -1.0, 1.0, 2.0]), (4, 1, 1)) * 4e-3
    values = [float(ops.sum(ops.sin(SLOPES[case](given + step * way)))) for step in steps]
    wanted = np.dot(values, [1, -8, 8, -1]) / (12 * 4e-3)
    assert slope == pytest.approx(wanted, rel=2e-3, abs=2e-3)


def test_what_is_no_number_has_no_part_in_gradients():
    given = tf.constant(HOLES)
    with tf.GradientTape() as tape:
        tape.watch(given)
        answer = ops.sum(ops.nanvar(given, 1) + ops.nanmean(given, 1) + ops.nanmax(given, 1))
    slope = tape.gradient(answer, given).numpy()
    assert np.isfinite(slope).all() and not slope[np.isnan(HOLES)].any() and slope[~np.isnan(HOLES)].any()


# ----------------------------------------------------------------------------------------------- bugs of ours


def test_infinities_are_quantiles():
    found = ops.quantile(np.array([1.0, np.inf, 2.0, np.inf, -np.inf]), [0.0, 0.25, 0.5, 0.75, 1.0])
    assert ops.convert_to_numpy(found).tolist() == [-np.inf, 1.0, 2.0, np.inf, np.inf]


def test_angles_and_signs_of_zeros_and_nan():
    x = np.array([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, -2.0], "float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.angle(x)), np.angle(x))
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.signbit(x)), np.signbit(x))


@pytest.mark.parametrize("count", [0, 1, 20, 33, 200])
def test_elements_among_many(count):
    rng = np.random.default_rng(count)
    x, wanted = rng.integers(-50, 50, (5, 7)), rng.integers(-50, 50, count)
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.isin(x, wanted)), np.isin(x, wanted))
    found = ops.isin(x.astype("float32"), [*wanted, np.nan], invert=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), ~np.isin(x, wanted))


def test_linspace_of_integers_goes_down():
    found = ops.convert_to_numpy(ops.linspace(-5, 4, 7, dtype="int32"))
    np.testing.assert_array_equal(found, np.linspace(-5, 4, 7, dtype="int32"))


@pytest.mark.parametrize("kind", ["float32", "int32"])
@pytest.mark.parametrize(
    "mode", ["edge", "wrap", "reflect", "symmetric", "maximum", "minimum", "mean", "median", "linear_ramp"]
)
def test_modes_of_padding(mode, kind):
    """Also borders that are longer than what they mirror."""
    x = np.array([[1, 5, 2], [4, 3, 9]], kind)
    wanted = np.pad(x, ((2, 1), (4, 3)), mode)
    np.testing.assert_allclose(ops.convert_to_numpy(ops.pad(x, ((2, 1), (4, 3)), mode)), wanted, rtol=1e-6)


def test_modes_of_padding_that_do_not_exist():
    with pytest.raises(ValueError, match="Unknown `mode`: 'odd'. The graphc backend has"):
        ops.pad(A, 1, "odd")


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_the_first_nan_is_extreme(axis):
    x = np.array([[1.0, np.nan, np.inf], [np.nan, -np.inf, 3.0], [2.0, 2.0, np.nan]], "float32")
    for found, wanted in ((ops.argmax, np.argmax), (ops.argmin, np.argmin)):
        np.testing.assert_array_equal(ops.convert_to_numpy(found(x, axis)), wanted(x, axis))
