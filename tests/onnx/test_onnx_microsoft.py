"""Operators of ONNX Runtime's own domain: the numbers are ONNX Runtime's."""

import numpy as np
import pytest
from onnx_models import model, node
from operator_calls import interpreted

import graphc
from graphc.errors import FormatError, UnimplementedError

DOMAIN = "com.microsoft"
rng = np.random.default_rng(0)


def u8(*shape):
    return rng.integers(0, 256, shape).astype(np.uint8)


def i8(*shape):
    return rng.integers(-128, 128, shape).astype(np.int8)


def f32(*shape):
    return rng.normal(size=shape).astype(np.float32)


def scale(*shape):
    return rng.uniform(0.01, 0.05, shape).astype(np.float32)


def made(op, inputs, outputs, constant, domain, attributes):
    """The model of one node; inputs that are None are left out."""
    names = [f"i{k}" if a is not None else "_" for k, a in enumerate(inputs)]
    given = {n: np.asarray(a) for n, a in zip(names, inputs) if a is not None}
    declared = [
        f"{n}: {a.dtype.name}[{', '.join(map(str, a.shape))}]" for n, a in given.items() if int(n[1:]) not in constant
    ]
    results = [f"o{k}" for k in range(outputs)]
    one = node(op, " ".join(names), " ".join(results), domain, **attributes)
    weights = {n: a for n, a in given.items() if int(n[1:]) in constant}
    feeds = {n: a for n, a in given.items() if n not in weights}
    return model([one], declared, results, weights, opset=17, domains={DOMAIN: 1}), feeds


def agrees(op, inputs, outputs=1, tolerance=0.0, constant=(), domain=DOMAIN, compiled=True, **attributes):
    runtime = pytest.importorskip("onnxruntime")
    message, feeds = made(op, inputs, outputs, constant, domain, attributes)
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = runtime.InferenceSession(message.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = graphc.onnx.load(message).run(feeds) if compiled else interpreted(message, feeds)
    for found, wanted in zip(results, session.run(None, feeds), strict=True):
        assert found.dtype == wanted.dtype and found.shape == wanted.shape
        np.testing.assert_allclose(found.astype(np.float64), wanted.astype(np.float64), rtol=0, atol=tolerance)


SCALES = {"a": np.float32(0.1), "b": np.float32(0.05), "y": np.float32(0.13)}


@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
@pytest.mark.parametrize("draw, zero", [(u8, np.uint8), (i8, np.int8)])
def test_arithmetic(op, draw, zero):
    agrees(op, [draw(3, 17), SCALES["a"], zero(12), draw(17), SCALES["b"], zero(10), SCALES["y"], zero(100)])


@pytest.mark.parametrize("op, scales, attributes", [
    ("QLinearSigmoid", (0.05, 1 / 256), {}),
    ("QLinearLeakyRelu", (0.05, 0.04), {"alpha": 0.2}),
    ("QLinearSoftmax", (0.05, 1 / 256), {"axis": -1, "opset": 13}),
])  # fmt: skip
def test_activations(op, scales, attributes):
    agrees(
        op,
        [
            u8(3, 17),
            np.float32(scales[0]),
            np.uint8(120),
            np.float32(scales[1]),
            np.uint8(20 * (op == "QLinearLeakyRelu")),
        ],
        constant=(1, 2, 3, 4),
        tolerance=float(op == "QLinearSoftmax"),
        **attributes,
    )


def test_pooling():
    x, points = u8(2, 4, 7, 6), (np.float32(0.05), np.uint8(120), np.float32(0.03), np.uint8(110))
    agrees("QLinearGlobalAveragePool", [x, *points])
    agrees("QLinearGlobalAveragePool", [x, *points], channels_last=1)
    agrees("QLinearAveragePool", [x, *points], tolerance=1, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])


def test_choosing_and_joining():
    agrees("QLinearConcat", [np.float32(0.1), np.uint8(100), u8(2, 3), np.float32(0.05), np.uint8(90), u8(2, 4),
                             np.float32(0.2), np.uint8(110)], constant=(0, 1, 3, 4, 6, 7), axis=1)  # fmt: skip
    agrees(
        "QLinearWhere",
        [
            rng.random((3, 17)) < 0.5,
            u8(3, 17),
            np.float32(0.1),
            np.uint8(100),
            u8(3, 17),
            np.float32(0.05),
            np.uint8(90),
            np.float32(0.1),
            np.uint8(100),
        ],
        constant=(2, 3, 5, 6, 7, 8),
    )
    with pytest.raises(FormatError, match="3 inputs for each part, not 4"):
        message, feeds = made(
            "QLinearConcat", [np.float32(0.1), np.uint8(1), u8(2, 3), np.float32(1)], 1, (0, 1, 3), DOMAIN, {"axis": 1}
        )
        graphc.onnx.load(message).run(feeds)


@pytest.mark.parametrize("turned", [0, 1])
def test_quantised_gemm(turned):
    a, b, bias = u8(5, 16), i8(8, 16) if turned else i8(16, 8), rng.integers(-1000, 1000, 8).astype(np.int32)
    start = [a, np.float32(0.02), np.uint8(120), b, np.float32(0.03), np.int8(0), bias]
    agrees("QGemm", [*start, np.float32(0.1), np.uint8(128)], constant=(3, 4, 5, 6), transB=turned)
    agrees("QGemm", start, constant=(3, 4, 5, 6), transB=turned, tolerance=1e-4)


def test_integer_products_as_floats():
    a, b = u8(2, 5, 16), i8(16, 8)
    agrees(
        "MatMulIntegerToFloat",
        [a, b, np.float32(0.02), np.float32(0.03), np.uint8(120), np.int8(3), f32(8)],
        tolerance=1e-4,
    )
    agrees("MatMulIntegerToFloat", [a, b, np.float32(0.02), scale(8), np.uint8(120), i8(8)], tolerance=1e-4)
    agrees("DynamicQuantizeMatMul", [f32(2, 5, 16), b, scale(8), i8(8), f32(8)], tolerance=1e-4)
    agrees("DynamicQuantizeMatMul", [f32(5, 16), b, np.float32(0.03)], tolerance=1e-4)


@pytest.mark.parametrize(
    "bits, depth, zeros", [(4, 64, False), (4, 70, True), (4, 96, True), (8, 64, True), (8, 40, False)]
)
def test_weights_of_few_bits(bits, depth, zeros):
    blocks, rows = -(-depth // 32), 8
    inputs = [f32(2, 3, depth), u8(rows, blocks, 4 * bits), scale(rows * blocks)]
    inputs += [u8(rows * -(-blocks * bits // 8))] * zeros
    agrees("MatMulNBits", inputs, constant=(1, 2, 3), tolerance=1e-3, K=depth, N=rows, bits=bits, block_size=32)


def test_fused_products():
    agrees("FusedMatMul", [f32(2, 4, 3), f32(2, 5, 4)], tolerance=1e-5, transA=1, transB=1, alpha=0.5)
    x, w, b = f32(1, 3, 5, 5), f32(4, 3, 3, 3), f32(4)
    agrees("FusedConv", [x, w, b], tolerance=1e-5, activation="Relu", pads=[1, 1, 1, 1])
    agrees("FusedConv", [x, w, b, f32(1, 4, 3, 3)], tolerance=1e-5, activation="LeakyRelu", activation_params=[0.1])
    agrees("FusedConv", [x, w, b], tolerance=1e-5, activation="Clip", activation_params=[-0.5, 1.5])
    agrees("FusedGemm", [f32(3, 4), f32(4, 5), f32(5)], tolerance=1e-5, activation="LeakyRelu", activation_alpha=0.3)
    message, feeds = made("FusedConv", [x, w], 1, (), DOMAIN, {"activation": "Swish"})
    with pytest.raises(UnimplementedError, match="activation 'Swish' with 0 parameters"):
        graphc.onnx.load(message).run(feeds)


@pytest.mark.parametrize("op", ["Gelu", "BiasGelu", "FastGelu", "QuickGelu"])
def test_kinds_of_gelu(op):
    agrees(op, [f32(3, 4)] + [f32(4)] * (op in ("BiasGelu", "FastGelu")), tolerance=1e-6)


def test_normalisation_of_sums():
    x, skip, gamma, beta, bias = f32(2, 3, 8), f32(2, 3, 8), f32(8), f32(8), f32(8)
    agrees("SkipLayerNormalization", [x, skip, gamma, beta, bias], tolerance=1e-5)
    agrees("SkipLayerNormalization", [x, skip, gamma], tolerance=1e-5, epsilon=1e-5)
    agrees("SkipSimplifiedLayerNormalization", [x, skip, gamma], tolerance=1e-5, epsilon=1e-5)
    agrees("SimplifiedLayerNormalization", [x, gamma], tolerance=1e-5, domain="", epsilon=1e-5)


def test_embeddings():
    ids = rng.integers(0, 10, (2, 5)).astype(np.int32)
    words, places, segments = f32(10, 8), f32(6, 8), f32(2, 8)
    mask = (np.arange(5) < np.array([[3], [5]])).astype(np.int32)
    agrees(
        "EmbedLayerNormalization",
        [ids, (ids > 4).astype(np.int32), words, places, segments, f32(8), f32(8), mask],
        outputs=3,
        tolerance=1e-5,
    )
    agrees("EmbedLayerNormalization", [ids, None, words, places, None, f32(8), f32(8)], outputs=2, tolerance=1e-5)


@pytest.mark.parametrize("interleaved", [0, 1])
def test_rotary_embedding(interleaved):
    cos, sin, places = f32(6, 4), f32(6, 4), (np.arange(8).reshape(2, 4) % 6).astype(np.int64)
    agrees("RotaryEmbedding", [f32(2, 3, 4, 8), places, cos, sin], tolerance=1e-6, interleaved=interleaved)
    agrees("RotaryEmbedding", [f32(2, 4, 24), np.array([1]), cos, sin], tolerance=1e-6, interleaved=interleaved)


MASKS = {
    "none": None, "lengths": np.int32([3, 5]), "keys": np.int32([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1]]),
    "rows": (np.arange(5)[:, None] >= np.arange(5)).astype(np.int32)[None].repeat(2, 0),
}  # fmt: skip


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("causal", [0, 1])
def test_attention_of_a_sequence_to_itself(mask, causal):
    x, w, b = f32(2, 5, 12), f32(12, 48), f32(48)
    agrees("Attention", [x, w, b, MASKS[mask]], tolerance=1e-5, num_heads=4, unidirectional=causal)


def test_attention_with_what_came_before_and_other_sizes():
    x, past = f32(2, 3, 12), f32(2, 2, 4, 6, 4)
    agrees("Attention", [x, f32(12, 48), f32(48), None, past], outputs=2, tolerance=1e-5, num_heads=4, unidirectional=1)
    agrees("Attention", [x, f32(12, 40), f32(40), None, None, f32(2, 4, 3, 3)], tolerance=1e-5, num_heads=4,
           qkv_hidden_sizes=[16, 16, 8], scale=0.3)  # fmt: skip
    message, feeds = made(
        "Attention", [x, f32(12, 40), f32(40)], 1, (), DOMAIN, {"num_heads": 4, "qkv_hidden_sizes": [16, 16, 9]}
    )
    with pytest.raises(FormatError, match="'qkv_hidden_sizes' is .16, 16, 9. for 40 channels"):
        graphc.onnx.load(message).run(feeds)


def test_quantised_attention():
    x, w = u8(2, 5, 12), i8(12, 48)
    agrees("QAttention", [x, w, f32(48), np.float32(0.02), np.float32(0.01), MASKS["keys"], np.uint8(120), np.int8(3)],
           constant=(1,), tolerance=1e-5, num_heads=4)  # fmt: skip


@pytest.mark.parametrize("mask", ["none", "lengths", "keys"])
def test_attention_to_other_sequences(mask):
    q, k, v = f32(2, 3, 16), f32(2, 5, 16), f32(2, 5, 8)
    agrees("MultiHeadAttention", [q, k, v, None, MASKS[mask]], tolerance=1e-5, num_heads=4)
    agrees("MultiHeadAttention", [q, k, v, f32(40), MASKS[mask], f32(1, 4, 3, 5)], tolerance=1e-5, num_heads=4)


def test_attention_with_a_cache():
    q, past = f32(2, 3, 16), (f32(2, 4, 6, 4), f32(2, 4, 6, 4))
    agrees(
        "MultiHeadAttention",
        [q, f32(2, 3, 16), f32(2, 3, 16), None, None, None, *past],
        outputs=3,
        tolerance=1e-5,
        num_heads=4,
        unidirectional=1,
    )
    agrees("MultiHeadAttention", [q, f32(2, 4, 5, 4), f32(2, 4, 5, 4)], tolerance=1e-5, num_heads=4)


@pytest.mark.parametrize("rotary", [0, 1])
@pytest.mark.parametrize("window", [-1, 3])
def test_heads_that_share_keys(rotary, window):
    angles = [f32(20, 8), f32(20, 8)] if rotary else [None, None]
    attributes = dict(
        num_heads=4, kv_num_heads=2, do_rotary=rotary, local_window_size=window, tolerance=1e-5, outputs=3
    )
    x = [f32(2, 3, 64), f32(2, 3, 32), f32(2, 3, 32)]
    empty = [np.zeros((2, 2, 0, 16), np.float32)] * 2
    agrees("GroupQueryAttention", [*x, *empty, np.int32([2, 2]), np.int32(3), *angles],
           compiled=window > 0, **attributes)  # fmt: skip
    past = [f32(2, 2, 5, 16), f32(2, 2, 5, 16)]
    one = [v[:, :1].copy() for v in x]
    agrees("GroupQueryAttention", [*one, *past, np.int32([5, 5]), np.int32(6), *angles],
           compiled=window < 0, **attributes)  # fmt: skip
    agrees("GroupQueryAttention", [f32(2, 1, 128), None, None, *past, np.int32([5, 5]), np.int32(6), *angles],
           rotary_interleaved=rotary, scale=0.2, softcap=3.0, compiled=window > 0, **attributes)  # fmt: skip


def test_heads_that_share_keys_of_examples_of_different_lengths():
    x, past = [f32(2, 1, 64), f32(2, 1, 32), f32(2, 1, 32)], [f32(2, 2, 5, 16), f32(2, 2, 5, 16)]
    inputs = [*x, *past, np.int32([5, 2]), np.int32(6)]
    message, feeds = made("GroupQueryAttention", inputs, 3, (), DOMAIN, {"num_heads": 4, "kv_num_heads": 2})
    y, k, _ = graphc.onnx.load(message).run(feeds)
    new = x[1].reshape(2, 2, 16)
    np.testing.assert_array_equal(k[0], np.concatenate([past[0][0], new[0][:, None]], 1))
    np.testing.assert_array_equal(k[1, :, :3], np.concatenate([past[0][1, :, :2], new[1][:, None]], 1))
    assert not k[1, :, 3:].any()
    shorter = [v[1:].copy() for v in x] + [v[1:, :, :2].copy() for v in past]
    message, feeds = made(
        "GroupQueryAttention",
        [*shorter, np.int32([2]), np.int32(3)],
        3,
        (),
        DOMAIN,
        {"num_heads": 4, "kv_num_heads": 2},
    )
    np.testing.assert_allclose(y[1:], graphc.onnx.load(message).run(feeds)[0], rtol=1e-5, atol=1e-6)


def test_sixteen_bits():
    x, s, z = f32(3, 4), np.float32(0.001), np.uint16(30000)
    agrees("QuantizeLinear", [x, s, z])
    agrees("DequantizeLinear", [rng.integers(0, 60000, (3, 4)).astype(np.uint16), s, z], tolerance=1e-5)
