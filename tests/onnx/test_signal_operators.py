"""Fourier transforms as products and on the host, short-time transforms, windows, mel weights."""

import numpy as np
import pytest
from onnx_models import model, node

import graphc
from graphc.autodiff.check import check_gradients
from graphc.errors import ShapeError, UnimplementedError
from graphc.lib.fourier import is_product

RANDOM = np.random.default_rng(7)


def normal(*shape, dtype=np.float32):
    return RANDOM.normal(size=shape).astype(dtype)


def pairs(z):
    return np.stack([z.real, z.imag], -1)


def dft(x, opset=20, values=None, names="x", kind="float32", **attributes):
    return graphc.onnx.load(model([node("DFT", names, "y", **attributes)], [x], [f"y: {kind}"], values, opset))


def host_steps(loaded, arrays):
    return [n for n in loaded.trace(arrays).graph.nodes if n.op == "fft"]


@pytest.mark.parametrize("n", [1, 2, 7, 60, 128, 200, 257, 400, 1000, 1024])
@pytest.mark.parametrize("inverse", [0, 1])
def test_known_lengths_are_products(n, inverse):
    loaded = dft(f"x: float32[b, {n}, 2]", inverse=inverse)
    x = normal(3, n, 2)
    assert is_product(n) and not host_steps(loaded, [x])
    answer = (np.fft.ifft if inverse else np.fft.fft)(x[..., 0] + 1j * x[..., 1].astype(float))
    np.testing.assert_allclose(loaded.run([x])[0], pairs(answer), rtol=1e-4, atol=2e-6 * n)


@pytest.mark.parametrize("n", [8, 9, 300])
def test_half_a_spectrum_and_back(n):
    x = normal(2, n, 1)
    half = dft(f"x: float32[2, {n}, 1]", onesided=1).run([x])[0]
    np.testing.assert_allclose(half, pairs(np.fft.rfft(x[..., 0].astype(float))), rtol=1e-4, atol=2e-6 * n)
    back = dft(f"x: float32[2, {n // 2 + 1}, 2]", names="x n", values={"n": np.int64(n)}, onesided=1, inverse=1)
    np.testing.assert_allclose(back.run([half])[0], x, rtol=1e-4, atol=1e-5)


def test_lengths_that_are_open_or_have_a_large_factor_run_on_the_host():
    loaded = dft("x: float32[b, n, 1]")
    for n in (4, 9):
        x = normal(2, n, 1)
        np.testing.assert_allclose(loaded.run([x])[0], pairs(np.fft.fft(x[..., 0])), rtol=1e-4, atol=1e-5)
    assert host_steps(loaded, [x])
    assert not is_product(2 * 10007)
    half = dft("x: float32[b, n, 2]", onesided=1, inverse=1)
    z = np.fft.rfft(normal(2, 10))
    found = half.run([pairs(z).astype(np.float32)])[0][..., 0]
    np.testing.assert_allclose(found, np.fft.irfft(z), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("length", "axis"), [(3, 0), (9, 1), (5, -2), (7, -3)])
def test_axes_and_lengths(length, axis):
    x = normal(5, 6, 4, 2)[..., :1]
    values = {"n": np.int64(length), "a": np.int64(axis)}
    answer = np.fft.fft(x[..., 0], length, axis if axis >= 0 else axis + 1)
    np.testing.assert_allclose(dft("x: float32[5, 6, 4, 1]", values=values, names="x n a").run([x])[0], pairs(answer),
                               rtol=1e-4, atol=1e-5)  # fmt: skip
    old = dft("x: float32[5, 6, 4, 1]", 17, {"n": np.int64(length)}, "x n", axis=axis)
    np.testing.assert_allclose(old.run([x])[0], pairs(answer), rtol=1e-4, atol=1e-5)


def test_halves_and_doubles():
    x = normal(1, 12, 2, dtype=float)
    answer = pairs(np.fft.fft(x[..., 0] + 1j * x[..., 1]))
    np.testing.assert_allclose(dft("x: float64[1, 12, 2]", kind="float64").run([x])[0], answer, rtol=1e-12, atol=1e-12)
    found = dft("x: float16[1, 12, 2]", kind="float16").run([x.astype(np.float16)])[0]
    np.testing.assert_allclose(found, answer, atol=0.02)


def test_gradients_of_a_transform_in_parts():
    loaded = dft("x: float64[1, 132, 2]", kind="float64", onesided=0)
    x = normal(1, 132, 2, dtype=float)
    check_gradients(loaded.trace([x]).graph, [x], modes=("reverse",))


def test_frames_of_a_signal_of_open_length():
    made = model([node("STFT", "x step w", "y")], ["x: float32[b, n, 1]"], ["y: float32"],
                 {"step": np.int64(3), "w": np.hanning(8).astype(np.float32)}, 17)  # fmt: skip
    loaded = graphc.onnx.load(made)
    for n in (8, 21):
        x = normal(2, n, 1)
        frames = np.stack([x[:, k : k + 8, 0] for k in range(0, n - 7, 3)], 1) * np.hanning(8)
        np.testing.assert_allclose(loaded.run([x])[0], pairs(np.fft.rfft(frames)), rtol=1e-4, atol=1e-5)


def test_frames_without_a_window_and_of_complex_numbers():
    made = model([node("STFT", "x step _ n", "y", onesided=0)], ["x: float32[2, 10, 2]"], ["y: float32"],
                 {"step": np.int64(2), "n": np.int64(4)}, 17)  # fmt: skip
    x = normal(2, 10, 2)
    z = x[..., 0] + 1j * x[..., 1]
    answer = np.fft.fft(np.stack([z[:, k : k + 4] for k in range(0, 7, 2)], 1))
    np.testing.assert_allclose(graphc.onnx.load(made).run([x])[0], pairs(answer), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "factors"), [
    ("HannWindow", (0.5, -0.5)), ("HammingWindow", (25 / 46, -21 / 46)), ("BlackmanWindow", (0.42, -0.5, 0.08)),
])  # fmt: skip
@pytest.mark.parametrize("periodic", [0, 1])
def test_windows_of_open_length(name, factors, periodic):
    nodes = [node("Shape", "x", "shape"), node("Squeeze", "shape", "n"), node(name, "n", "y", periodic=periodic)]
    loaded = graphc.onnx.load(model(nodes, ["x: float32[n]"], ["y: float32"]))
    nodes = [node(name, "n", "y", periodic=periodic, output_datatype=11)]
    direct = graphc.onnx.load(model(nodes, ["n: int32"], ["y: float64"]))
    for n in (2, 9, 10):
        k = np.arange(n) * 2 * np.pi / (n if periodic else n - 1)
        answer = sum(f * np.cos(j * k) for j, f in enumerate(factors))
        np.testing.assert_allclose(loaded.run([normal(n)])[0], answer, atol=1e-6)
        found = direct.run([np.int32(n)])[0]
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, answer, atol=1e-12)
    np.testing.assert_allclose(direct.run([np.int32(1)])[0], [sum(factors)], atol=1e-12)
    assert direct.run([np.int32(0)])[0].size == 0


def test_mel_weights_are_triangles():
    values = {"m": np.int64(5), "n": np.int64(64), "r": np.int64(8000), "a": np.float32(0), "b": np.float32(4000)}
    made = model([node("MelWeightMatrix", "m n r a b", "y")], [], ["y: float32"], values, 17)
    found = graphc.onnx.load(made).run([])[0]
    assert found.shape == (33, 5) and found.max() == 1.0 and found.min() == 0.0
    assert (found == 1).sum(0).tolist() == [1] * 5
    assert (np.diff(found.argmax(0)) > 0).all()


@pytest.mark.parametrize(("made", "words"), [
    (model([node("DFT", "x", "y")], ["x: float32[2, 3, 3]"], ["y: float32"], opset=20), "must have size 1"),
    (model([node("DFT", "x", "y", axis=2)], ["x: float32[2, 3, 1]"], ["y: float32"], opset=17), "axis 2"),
    (model([node("STFT", "x s _ n", "y")], ["x: float32[1, 4, 1]"], ["y: float32"],
           {"s": np.int64(1), "n": np.int64(9)}, 17), "longer than the signal"),
    (model([node("STFT", "x s _ n", "y")], ["x: float32[1, 9, 2]"], ["y: float32"],
           {"s": np.int64(1), "n": np.int64(4)}, 17), "onesided needs real"),
    (model([node("MelWeightMatrix", "m m m a b", "y")], [], ["y: float32"],
           {"m": np.int64(4), "a": np.float32(5), "b": np.float32(1)}, 17), "from 5.0 to 1.0 Hz"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(made, words):
    with pytest.raises(ShapeError, match=words):
        graphc.onnx.load(made).trace()


def test_what_must_be_known_is_named():
    step = {"s": np.int64(1)}
    frames = model([node("STFT", "x s", "y")], ["x: float32[1, n, 1]"], ["y: float32"], step, 17)
    with pytest.raises(UnimplementedError, match="length of a frame, n, must be known"):
        graphc.onnx.load(frames).trace()
    parts = model([node("DFT", "x", "y")], ["x: float32[1, 4, n]"], ["y: float32"], opset=20)
    with pytest.raises(UnimplementedError, match="size of the last axis .* must be known"):
        graphc.onnx.load(parts).trace()
