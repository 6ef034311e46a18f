"""Quantised operators of the standard: by tensor, axis and block, products and convolutions, other opsets and sizes."""

import ml_dtypes
import numpy as np
import pytest
from onnx_models import NUMBERS, model, node

import graphc
from graphc.errors import DtypeError, FormatError, ShapeError, UnimplementedError


def rng(seed=0):
    return np.random.default_rng(seed)


def run(nodes, inputs, outputs, feeds, opset=25, **initialisers):
    nodes = nodes if isinstance(nodes, list) else [nodes]
    return graphc.onnx.load(model(nodes, inputs, outputs, initialisers, opset=opset)).run(feeds)


SCALE, ZERO = np.float32(0.1), np.uint8(100)


@pytest.mark.parametrize("opset", [10, 13, 19, 21, 23, 25])
def test_by_tensor_in_every_opset(opset):
    loaded = graphc.onnx.load(model([node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "y")],
                                    ["x: float32[n, m]"], ["q: uint8[n, m]", "y: float32[n, m]"],
                                    {"s": np.array(SCALE), "z": np.array(ZERO)}, opset=opset))  # fmt: skip
    for shape in ((3, 4), (0, 4), (1, 7)):
        x = rng().normal(size=shape).astype(np.float32) * 20
        q, y = loaded.run([x])
        wanted = np.clip(np.rint(x / SCALE) + 100, 0, 255).astype(np.uint8)
        np.testing.assert_array_equal(q, wanted)
        np.testing.assert_array_equal(y, (wanted.astype(np.int32) - 100).astype(np.float32) * SCALE)


def test_halves_go_to_the_even_number():
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 300, -300], np.float32)
    (q,) = run(
        node("QuantizeLinear", "x s z", "q"), ["x: float32[n]"], ["q: int8[n]"], [x], s=np.float32(1), z=np.int8(1)
    )
    assert q.tolist() == [1, 3, 3, 1, -1, 127, -128]


@pytest.mark.parametrize("axis", [0, 1, -1, -3])
def test_by_axis(axis):
    x = rng().normal(size=(2, 3, 4)).astype(np.float32)
    count = x.shape[axis]
    s, z = rng(1).uniform(0.01, 0.1, count).astype(np.float32), rng(2).integers(-20, 20, count).astype(np.int8)
    q, y = run([node("QuantizeLinear", "x s z", "q", axis=axis), node("DequantizeLinear", "q s z", "y", axis=axis)],
               ["x: float32[a, b, c]"], ["q: int8[a, b, c]", "y: float32[a, b, c]"], [x], s=s, z=z)  # fmt: skip
    form = [-1 if k == axis % 3 else 1 for k in range(3)]
    wanted = np.clip(np.rint(x / s.reshape(form)) + z.reshape(form), -128, 127)
    np.testing.assert_array_equal(q, wanted.astype(np.int8))
    np.testing.assert_array_equal(y, (wanted - z.reshape(form)).astype(np.float32) * s.reshape(form))


@pytest.mark.parametrize("columns", [6, 5])
def test_by_blocks_of_which_the_last_may_be_shorter(columns):
    x = rng().normal(size=(2, columns)).astype(np.float32)
    s = rng(1).uniform(0.1, 0.3, (2, 3)).astype(np.float32)
    (q,) = run(node("QuantizeLinear", "x s", "q", axis=1, block_size=2, output_dtype=NUMBERS["int4"]),
               ["x: float32[2, m]", "s: float32[2, 3]"], ["q: int4[2, m]"], [x, s])  # fmt: skip
    wide = np.repeat(s, 2, 1)[:, :columns]
    assert q.dtype == ml_dtypes.int4
    np.testing.assert_array_equal(q.astype(np.float32), np.clip(np.rint(x / wide), -8, 7))
    (y,) = run(node("DequantizeLinear", "q s", "y", axis=1, block_size=2), ["q: int4[2, m]", "s: float32[2, 3]"],
               ["y: float32[2, m]"], [q, s])  # fmt: skip
    np.testing.assert_array_equal(y, q.astype(np.float32) * wide)


def test_precision_and_other_types():
    x = np.array([1.0, 2.0009, 3.0], np.float32)
    (q,) = run(node("QuantizeLinear", "x s", "q", precision=NUMBERS["float16"], output_dtype=NUMBERS["uint16"]),
               ["x: float32[n]"], ["q: uint16[n]"], [x], s=np.float32(0.001))  # fmt: skip
    half = x.astype(np.float16) / np.float16(0.001)
    np.testing.assert_array_equal(q, np.rint(half).astype(np.uint16))
    (q,) = run(
        node("QuantizeLinear", "x s", "q"),
        ["x: int32[n]"],
        ["q: uint8[n]"],
        [np.array([7, -3, 9000], np.int32)],
        s=np.float32(2),
    )
    assert q.tolist() == [4, 0, 255]
    (y,) = run(
        node("DequantizeLinear", "x s", "y", output_dtype=NUMBERS["float16"]),
        ["x: int32[n]"],
        ["y: float16[n]"],
        [np.array([7, -3], np.int32)],
        s=np.float32(0.5),
    )
    assert y.dtype == np.float16 and y.tolist() == [3.5, -1.5]


def test_small_floats_as_levels():
    x = np.array([1.0, 1.7, -900, 0.26], np.float32)
    for saturate, last in ((1, -448.0), (0, np.nan)):
        (q,) = run(node("QuantizeLinear", "x s", "q", output_dtype=NUMBERS["float8e4m3fn"], saturate=saturate),
                   ["x: float32[n]"], ["q: float8e4m3fn[n]"], [x], s=np.float32(0.5))  # fmt: skip
        np.testing.assert_array_equal(q.astype(np.float32), np.float32([2, 3.5, last, 0.5]))
    (q,) = run(
        node("QuantizeLinear", "x s", "q", output_dtype=NUMBERS["float4e2m1"]),
        ["x: float32[n]"],
        ["q: float4e2m1[n]"],
        [x],
        s=np.float32(0.5),
    )
    np.testing.assert_array_equal(q.astype(np.float32), np.float32([2, 3, -6, 0.5]))


def test_dynamic_quantisation_covers_zero():
    for x in ([1.0, 2.0, 3.0], [-1.0, -2.0], [0.0, 0.0], [-1.5, 2.5, 0.3]):
        x = np.array(x, np.float32)
        y, scale, zero = run(
            node("DynamicQuantizeLinear", "x", "y s z"),
            ["x: float32[n]"],
            ["y: uint8[n]", "s: float32[]", "z: uint8[]"],
            [x],
        )
        low, high = min(x.min(), 0), max(x.max(), 0)
        wanted = np.float32(high - low or 1) / np.float32(255)
        assert scale.shape == zero.shape == () and zero == np.rint(np.clip(-low / wanted, 0, 255))
        np.testing.assert_allclose(scale, wanted, rtol=2e-7)
        np.testing.assert_array_equal(y, np.clip(np.rint(x / scale) + zero, 0, 255))


def test_integer_products_are_exact():
    a, b = rng().integers(0, 256, (3, 300)).astype(np.uint8), rng(1).integers(-128, 128, (300, 5)).astype(np.int8)
    za, zb = np.uint8([1, 7, 255]), rng(2).integers(-128, 128, 5).astype(np.int8)
    (y,) = run(
        node("MatMulInteger", "a b za zb", "y"),
        ["a: uint8[n, k]", "b: int8[k, m]"],
        ["y: int32[n, m]"],
        [a, b],
        za=za,
        zb=zb,
    )
    np.testing.assert_array_equal(y, (a.astype(np.int32) - za[:, None].astype(np.int32)) @ (b.astype(np.int32) - zb))
    stack = np.stack([a, a[::-1]])
    (y,) = run(
        node("MatMulInteger", "a b za", "y"),
        ["a: uint8[b, n, k]", "b: int8[k]"],
        ["y: int32[b, n]"],
        [stack, b[:, 0].copy()],
        za=np.uint8([[[5], [6], [7]]]),
    )
    np.testing.assert_array_equal(y, (stack.astype(np.int32) - [[5], [6], [7]]) @ b[:, 0].astype(np.int32))


def peer(nodes, inputs, outputs, feeds, opset=21, **initialisers):
    """What ONNX Runtime answers."""
    runtime = pytest.importorskip("onnxruntime")
    made = model(nodes if isinstance(nodes, list) else [nodes], inputs, outputs, initialisers, opset=opset)
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.graph_optimization_level = 1, runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([i.name for i in session.get_inputs()], feeds)))


@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_quantised_convolutions_are_those_of_onnx_runtime(by_channel, groups):
    x = rng().integers(0, 256, (2, 4, 7, 6)).astype(np.uint8)
    w = rng(1).integers(-128, 128, (6, 4 // groups, 3, 3)).astype(np.int8)
    scale = rng(2).uniform(0.01, 0.02, 6).astype(np.float32) if by_channel else np.array(0.015, np.float32)
    given = dict(
        xs=np.float32(0.02),
        xz=np.uint8(117),
        w=w,
        ws=scale,
        wz=np.zeros(scale.shape, np.int8),
        ys=np.float32(0.3),
        yz=np.uint8(130),
        b=rng(3).integers(-5000, 5000, 6).astype(np.int32),
    )
    one = node("QLinearConv", "x xs xz w ws wz ys yz b", "y", pads=[1, 1, 0, 1], strides=[2, 1], group=groups)
    arguments = one, ["x: uint8[n, 4, h, v]"], ["y: uint8[n, 6, a, b]"], [x]
    np.testing.assert_array_equal(run(*arguments, opset=21, **given)[0], peer(*arguments, **given)[0])
    one = node("ConvInteger", "x w xz wz", "y", auto_pad="SAME_UPPER", group=groups)
    given = dict(w=w, xz=np.uint8(117), wz=np.int8(-3))
    arguments = one, ["x: uint8[n, 4, h, v]"], ["y: int32[n, 6, a, b]"], [x]
    np.testing.assert_array_equal(run(*arguments, opset=21, **given)[0], peer(*arguments, **given)[0])


def test_quantised_products_by_column_are_those_of_onnx_runtime():
    a, b = rng().integers(0, 256, (2, 5, 64)).astype(np.uint8), rng(1).integers(-128, 128, (64, 9)).astype(np.int8)
    given = dict(sa=np.float32(0.02), za=np.uint8(120), b=b, sb=rng(2).uniform(0.01, 0.02, 9).astype(np.float32),
                 zb=np.zeros(9, np.int8), sy=np.float32(0.2), zy=np.uint8(128))  # fmt: skip
    arguments = node("QLinearMatMul", "a sa za b sb zb sy zy", "y"), ["a: uint8[n, m, 64]"], ["y: uint8[n, m, 9]"], [a]
    np.testing.assert_array_equal(run(*arguments, opset=21, **given)[0], peer(*arguments, **given)[0])


def test_products_between_quantised_and_dequantised_tensors():
    x, w = rng().normal(size=(4, 32)).astype(np.float32), rng(1).integers(-127, 128, (32, 8)).astype(np.int8)
    nodes = [node("QuantizeLinear", "x xs xz", "q"), node("DequantizeLinear", "q xs xz", "xd"),
             node("DequantizeLinear", "w ws wz", "wd", axis=1), node("MatMul", "xd wd", "h"),
             node("QuantizeLinear", "h ys yz", "y"), node("DequantizeLinear", "y ys yz", "z")]  # fmt: skip
    given = dict(xs=np.float32(0.03), xz=np.uint8(128), w=w, ws=np.full(8, 0.01, np.float32), wz=np.zeros(8, np.int8),
                 ys=np.float32(0.05), yz=np.uint8(120))  # fmt: skip
    arguments = nodes, ["x: float32[n, 32]"], ["y: uint8[n, 8]", "z: float32[n, 8]"], [x]
    found, wanted = run(*arguments, opset=21, **given), peer(*arguments, **given)
    assert np.abs(found[0].astype(int) - wanted[0].astype(int)).max() <= 1
    np.testing.assert_allclose(found[1], wanted[1], atol=0.051)


def test_what_does_not_fit_is_told():
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ShapeError, match="4 scales do not fit the 3 places of axis 1"):
        run(node("QuantizeLinear", "x s", "q"), ["x: float32[2, 3]"], ["q: uint8[2, 3]"], [x], s=np.ones(4, np.float32))
    with pytest.raises(ShapeError, match="2 blocks of 2 do not fit the 3 places|scale and zero point differ"):
        run(node("QuantizeLinear", "x s z", "q", block_size=2), ["x: float32[2, 3]"], ["q: uint8[2, 3]"], [x],
            s=np.ones((2, 2), np.float32), z=np.zeros((2, 1), np.uint8))  # fmt: skip
    with pytest.raises(ShapeError, match="1 blocks of 2 do not fit the 3 places of axis 1"):
        run(node("QuantizeLinear", "x s", "q", block_size=2), ["x: float32[2, 3]"], ["q: uint8[2, 3]"], [x],
            s=np.ones((2, 1), np.float32))  # fmt: skip
    with pytest.raises(DtypeError, match="float32 is no type that floats are quantised to"):
        run(
            node("QuantizeLinear", "x s z", "q"),
            ["x: float32[2, 3]"],
            ["q: float32[2, 3]"],
            [x],
            s=np.float32(1),
            z=np.float32(0),
        )
    with pytest.raises(FormatError, match="output_dtype differs from the zero point's type, uint8"):
        run(
            node("QuantizeLinear", "x s z", "q", output_dtype=3),
            ["x: float32[2, 3]"],
            ["q: int8[2, 3]"],
            [x],
            s=np.float32(1),
            z=np.uint8(0),
        )
    with pytest.raises((DtypeError, UnimplementedError), match="differ in type"):
        run(
            node("DequantizeLinear", "x s z", "y"),
            ["x: int8[n]"],
            ["y: float32[n]"],
            [np.zeros(2, np.int8)],
            s=np.float32(1),
            z=np.uint8(0),
        )
    with pytest.raises(DtypeError, match="input 0 must be of integers"):
        run(node("MatMulInteger", "x x", "y"), ["x: float32[n, n]"], ["y: int32[n, n]"], [np.zeros((2, 2), np.float32)])


def test_gradients_of_dequantised_weights_reach_the_scale():
    loaded = graphc.onnx.load(
        model(
            [node("DequantizeLinear", "q s", "w"), node("MatMul", "x w", "y")],
            ["x: float32[n, 2]"],
            ["y: float32[n, 1]"],
            {"q": np.int8([[3], [-2]]), "s": np.array(0.5, np.float32)},
        )
    )
    scale = loaded.variables["s"]
    assert not scale.trainable
    with graphc.GradientTape() as tape:
        tape.watch(scale)
        y = loaded(np.float32([[1, 2]]))
    assert float(tape.gradient(y, scale)) == -1.0
