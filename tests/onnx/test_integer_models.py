"""Quantised models beside ONNX Runtime: QDQ networks with the default options, and operators whose integers are exact."""

import numpy as np
import pytest
from onnx_models import model, node

import graphc
from graphc.options import Options

onnxruntime = pytest.importorskip("onnxruntime")
RNG = np.random.default_rng(11)


def bytes_of(message):
    return message if isinstance(message, bytes) else message.SerializeToString()


def both(nodes, inputs, outputs, initialisers, feeds, options=None):
    """The results of graphc (by default with what inference allows) and of ONNX Runtime."""
    data = bytes_of(model(nodes, inputs, outputs, initialisers, opset=17))
    loaded = graphc.onnx.load(data) if options is None else graphc.onnx.load(data, options=options)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    return loaded.run(feeds), session.run(None, dict(zip(names, feeds)))


def weights(name, array_shape, outputs, initialisers, symmetric=True):
    """A quantised weight by output, and the nodes that make floats of it."""
    initialisers |= {
        f"{name}q": RNG.integers(-127, 128, array_shape).astype(np.int8),
        f"{name}s": RNG.uniform(0.002, 0.01, outputs).astype(np.float32),
        f"{name}z": np.zeros(outputs, np.int8) if symmetric else RNG.integers(-5, 5, outputs).astype(np.int8),
    }


def through(name, scale, zero, initialisers, dtype=np.uint8):
    """Quantisation and dequantisation of a value."""
    initialisers |= {f"{name}_s": np.float32(scale), f"{name}_z": dtype(zero)}
    return [node("QuantizeLinear", f"{name} {name}_s {name}_z", f"{name}_q"),
            node("DequantizeLinear", f"{name}_q {name}_s {name}_z", f"{name}_f")]  # fmt: skip


def convolution(source, name, inputs, outputs, size, initialisers, stride=1, groups=1):
    weights(name, (outputs, inputs // groups, size, size), outputs, initialisers)
    scale = initialisers[f"{source}_s"] * initialisers[f"{name}s"]
    initialisers |= {f"{name}bq": RNG.integers(-9000, 9000, outputs).astype(np.int32), f"{name}bs": scale,
                     f"{name}bz": np.zeros(outputs, np.int32)}  # fmt: skip
    return [
        node("DequantizeLinear", f"{name}q {name}s {name}z", f"{name}w", axis=0),
        node("DequantizeLinear", f"{name}bq {name}bs {name}bz", f"{name}b", axis=0),
        node("Conv", f"{source}_f {name}w {name}b", name, pads=[size // 2] * 4, strides=[stride] * 2, group=groups),
    ]


def network(zero, dtype):
    """A convolution, a pool, a residual block, an average and a dense layer, all quantised."""
    rows: dict = {}
    middle = int(np.iinfo(dtype).min)
    nodes = through("x", 0.03, zero, rows, dtype)
    nodes += convolution("x", "a", 3, 16, 5, rows, 2) + [node("Relu", "a", "ar")] + through("ar", 0.04, middle, rows, dtype)
    nodes += [node("MaxPool", "ar_f", "p", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)]
    rows |= {"p_s": rows["ar_s"], "p_z": rows["ar_z"]}
    nodes += through("p", 0.04, middle, rows, dtype)
    nodes += convolution("p", "b", 16, 16, 3, rows) + through("b", 0.15, zero, rows, dtype)
    nodes += [node("Add", "b_f p_f", "sum"), node("Relu", "sum", "sr")] + through("sr", 0.1, middle, rows, dtype)
    nodes += [node("GlobalAveragePool", "sr_f", "g")] + through("g", 0.02, middle, rows, dtype)
    nodes += [node("Flatten", "g_f", "flat")] + through("flat", 0.02, middle, rows, dtype)
    weights("d", (16, 10), 10, rows)
    nodes += [node("DequantizeLinear", "dq ds dz", "dw", axis=1), node("MatMul", "flat_f dw", "m")]
    nodes += through("m", 0.02, zero, rows, dtype)
    return nodes, rows


@pytest.mark.parametrize("dtype, zero", [(np.uint8, 120), (np.uint8, 0), (np.int8, -7), (np.int8, 20)])
def test_a_qdq_network(dtype, zero):
    nodes, rows = network(zero, dtype)
    x = RNG.normal(size=(2, 3, 21, 19)).astype(np.float32)
    (got,), (wanted,) = both(nodes, ["x: float32[2, 3, 21, 19]"], ["m_f: float32[2, 10]"], rows, [x])
    steps = np.abs(got - wanted) / rows["m_s"]
    assert steps.max() <= 1.01 and (steps > 0.5).mean() <= 0.25 and wanted.std() > 0.1
    strict = graphc.onnx.load(bytes_of(model(nodes, ["x: float32[2, 3, 21, 19]"], ["m_f: float32[2, 10]"], rows, opset=17)),
                              options=Options()).run([x])[0]  # fmt: skip
    assert (np.abs(strict - got) / rows["m_s"]).max() <= 1.01


@pytest.mark.parametrize("kind, other", [(np.uint8, np.int8), (np.uint8, np.uint8), (np.int8, np.int8)])
@pytest.mark.parametrize("m, k, n", [(1, 5, 3), (7, 33, 17), (32, 64, 40)])
def test_matmul_integer_is_exact(kind, other, m, k, n):
    x, y = (RNG.integers(np.iinfo(t).min, np.iinfo(t).max + 1, s).astype(t) for t, s in ((kind, (m, k)), (other, (k, n))))
    rows = {"y": y, "a": kind(11), "b": other(3)}
    name = np.dtype(kind).name
    got, wanted = both([node("MatMulInteger", "x y a b", "z")], [f"x: {name}[{m}, {k}]"], [f"z: int32[{m}, {n}]"], rows, [x])
    np.testing.assert_array_equal(got[0], wanted[0])
    np.testing.assert_array_equal(got[0], (x.astype(np.int32) - 11) @ (y.astype(np.int32) - 3))


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_qlinear_conv(groups):
    x = RNG.integers(0, 256, (1, 8, 9, 7)).astype(np.uint8)
    rows = {"xs": np.float32(0.02), "xz": np.uint8(130), "w": RNG.integers(-127, 128, (16, 8 // groups, 3, 3)).astype(np.int8),
            "ws": RNG.uniform(0.002, 0.01, 16).astype(np.float32), "wz": np.zeros(16, np.int8), "ys": np.float32(0.05),
            "yz": np.uint8(99), "b": RNG.integers(-5000, 5000, 16).astype(np.int32)}  # fmt: skip
    call = node("QLinearConv", "x xs xz w ws wz ys yz b", "y", pads=[1] * 4, group=groups)
    got, wanted = both([call], ["x: uint8[1, 8, 9, 7]"], ["y: uint8[1, 16, 9, 7]"], rows, [x])
    assert np.abs(got[0].astype(int) - wanted[0]).max() <= 1 and wanted[0].std() > 5
    assert (got[0] != wanted[0]).mean() < 0.01


def test_a_dynamically_quantised_product():
    """Zero points and scales that are known while running, and any number of rows."""
    rows = {"w": RNG.integers(-128, 128, (37, 20)).astype(np.int8), "ws": np.float32(0.01)}
    nodes = [node("DynamicQuantizeLinear", "x", "q s z"), node("MatMulInteger", "q w z", "t"), node("Cast", "t", "f", to=1),
             node("Mul", "s ws", "both"), node("Mul", "f both", "y")]  # fmt: skip
    for count in (1, 5, 32):
        x = RNG.normal(size=(count, 37)).astype(np.float32)
        got, wanted = both(nodes, ["x: float32[n, 37]"], ["y: float32[n, 20]"], rows, [x])
        np.testing.assert_allclose(got[0], wanted[0], rtol=1e-6, atol=1e-6)
