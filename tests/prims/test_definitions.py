"""NumPy meanings of the larger primitives against their definitions, written as plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphc.prims.interpret import interpret

from samples import SAMPLES


def each(*ops):
    chosen = [s for s in SAMPLES if s.op in ops and all(a.dtype in (np.float64, np.int32, np.int64) for a in s.arrays)]
    return pytest.mark.parametrize("sample", chosen, ids=lambda s: s.id)


def run(sample):
    return interpret(sample.graph(), *sample.arrays)


@each("conv")
def test_conv(sample):
    (value,) = run(sample)
    (x, w), a = sample.arrays, sample.attrs
    groups, spatial = a["groups"], x.ndim - 2
    inner, outer = w.shape[-2], w.shape[-1] // groups
    expected = np.zeros_like(value)
    for place in itertools.product(*map(range, value.shape[1:-1])):
        for tap in itertools.product(*map(range, w.shape[:spatial])):
            source = [o * s + k * d - b for o, s, k, d, b in zip(place, a["stride"], tap, a["dilation"], a["low"])]
            if any(t % h or not 0 <= t // h < n for t, h, n in zip(source, a["x_dilation"], x.shape[1:-1])):
                continue
            pixel = x[(slice(None), *(t // h for t, h in zip(source, a["x_dilation"])))]
            for o in range(w.shape[-1]):
                part = pixel[:, o // outer * inner : (o // outer + 1) * inner]
                expected[(slice(None), *place, o)] += part @ w[(*tap, slice(None), o)]
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


_STEP = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


def _first(kind, dtype):
    low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype.kind == "i" else (-np.inf, np.inf)
    return {"sum": 0, "prod": 1, "max": low, "min": high}[kind]


@each("cumulate")
def test_cumulate(sample):
    (value,) = run(sample)
    (x,), a = sample.arrays, sample.attrs
    x, result = np.moveaxis(x, a["axis"], 0), np.moveaxis(np.empty_like(x), a["axis"], 0)
    total = np.full(x.shape[1:], _first(a["kind"], x.dtype), x.dtype)
    with np.errstate(all="ignore"):
        for k in range(len(x))[:: -1 if a["reverse"] else 1]:
            before, total = total, _STEP[a["kind"]](total, x[k])
            result[k] = before if a["exclusive"] else total
    np.testing.assert_allclose(value, np.moveaxis(result, 0, a["axis"]), rtol=1e-13)


@each("scatter")
def test_scatter(sample):
    (value,) = run(sample)
    (x, indices, updates), batch = sample.arrays, sample.attrs["batch"]
    step = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum, "set": lambda old, new: new}
    expected = x.copy()
    for place in np.ndindex(indices.shape[:-1]):
        target = place[:batch] + tuple(indices[place])
        if all(0 <= i < n for i, n in zip(target, x.shape)):
            expected[target] = step[sample.attrs["kind"]](expected[target], updates[place])
    np.testing.assert_allclose(value, expected, rtol=1e-14)


@each("gather")
def test_gather(sample):
    (value,) = run(sample)
    (x, indices), batch = sample.arrays, sample.attrs["batch"]
    expected = np.zeros_like(value)
    for place in np.ndindex(indices.shape[:-1]):
        source = place[:batch] + tuple(indices[place])
        if all(0 <= i < n for i, n in zip(source, x.shape)):
            expected[place] = x[source]
    np.testing.assert_array_equal(value, expected)


@each("window")
def test_window(sample):
    (value,) = run(sample)
    (x,), a = sample.arrays, sample.attrs
    for place in np.ndindex(value.shape):
        source = list(place[: x.ndim])
        for k, axis in enumerate(a["axes"]):
            source[axis] = source[axis] * a["stride"][k] + place[x.ndim + k] * a["dilation"][k]
        assert value[place] == x[tuple(source)]


@each("sort")
def test_sort(sample):
    values, order = run(sample)
    (x,), axis = sample.arrays, sample.attrs["axis"]
    np.testing.assert_array_equal(np.take_along_axis(x, order, axis), values)
    lines = [np.moveaxis(v, axis, -1).reshape(-1, x.shape[axis]) for v in (x, values, order)]
    for line, ordered, places in zip(*lines):
        numbers = [(v, k) for k, v in enumerate(line.tolist()) if v == v]
        sign = -1 if sample.attrs["descending"] else 1
        expected = [k for _, k in sorted(numbers, key=lambda pair: (sign * pair[0], pair[1]))]
        assert places.tolist() == expected + [k for k, v in enumerate(line.tolist()) if v != v]


@each("cholesky", "lu", "qr", "eigh", "svd")
def test_factors_give_back_the_matrix(sample):
    (x,), results = sample.arrays, run(sample)
    if np.isnan(results[0]).any():
        return
    if sample.op == "cholesky":
        again = results[0] @ np.swapaxes(results[0], -1, -2)
    elif sample.op == "lu":
        count = min(x.shape[-2:])
        again = (np.tril(results[0], -1)[..., :count] + np.eye(x.shape[-2], count)) @ np.triu(results[0][..., :count, :])
        x = np.take_along_axis(x, results[1][..., None].astype(np.int64), -2)
    elif sample.op == "qr":
        again = results[0] @ results[1]
    elif sample.op == "eigh":
        again = results[1] * results[0][..., None, :] @ np.swapaxes(results[1], -1, -2)
    else:
        count = results[0].shape[-1]
        again = results[1][..., :count] * results[0][..., None, :] @ results[2][..., :count, :]
    np.testing.assert_allclose(again, x, atol=1e-12)


@each("triangular_solve")
def test_triangular_solve(sample):
    (value,) = run(sample)
    a, b = sample.arrays
    triangle = np.tril(a) if sample.attrs["lower"] else np.triu(a)
    triangle = np.swapaxes(triangle, -1, -2) if sample.attrs["adjoint"] else triangle
    np.testing.assert_allclose(triangle @ value, b, atol=1e-12)
