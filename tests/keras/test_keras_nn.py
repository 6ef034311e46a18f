"""keras.ops.nn on graphc beyond Keras' own tests: slopes, unknown sizes inside functions, halves, layouts."""

import itertools

import numpy as np
import pytest

import graphc as tf
from graphc import keras

nn = keras.ops.nn
RANDOM = np.random.default_rng(8)
SMOOTH = ("sigmoid", "silu", "softplus", "softsign", "log_sigmoid", "tanh_shrink", "gelu", "squareplus", "softmax",
          "log_softmax", "glu")  # fmt: skip
KINKED = ("relu", "relu6", "selu", "elu", "celu", "leaky_relu", "hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink",
          "soft_shrink", "sparse_plus", "sparse_sigmoid", "sparsemax")  # fmt: skip


def floats(*shape):
    return RANDOM.normal(size=shape)


def singles(*shape):
    return RANDOM.normal(size=shape).astype("float32")


IMAGE, KERNEL = floats(2, 6, 5, 3), floats(3, 2, 3, 4)
FIRST = IMAGE.transpose(0, 3, 1, 2)
DEEP = floats(2, 3, 4, 5, 3)
HEADS = [singles(2, 5, 4, 8), singles(2, 7, 2, 8), singles(2, 7, 2, 8)]
SEEN = RANDOM.random((2, 1, 5, 7)) < 0.7
CASES = {
    "conv": (lambda x, w: nn.conv(x, w, strides=2, padding="same"), IMAGE, KERNEL),
    "conv of groups, channels first": (
        lambda x, w: nn.conv(x, w, padding="same", data_format="channels_first", dilation_rate=2),
        FIRST, floats(3, 3, 1, 6)),
    "conv of volumes": (lambda x, w: nn.conv(x, w, strides=(1, 2, 1)), DEEP, floats(2, 2, 2, 3, 2)),
    "transposed conv": (lambda x, w: nn.conv_transpose(x, w, 2, "same", 1), IMAGE, floats(3, 3, 4, 3)),
    "transposed conv, channels first": (
        lambda x, w: nn.conv_transpose(x, w, 2, data_format="channels_first"), FIRST, floats(2, 3, 4, 3)),
    "transposed conv that ends in zeros": (
        lambda x, w: nn.conv_transpose(x, w, 3, "valid", 2), IMAGE, floats(2, 2, 2, 3)),
    "depthwise conv": (lambda x, w: nn.depthwise_conv(x, w, 2, "same"), IMAGE, floats(3, 3, 3, 2)),
    "depthwise conv of rows": (lambda x, w: nn.depthwise_conv(x, w, dilation_rate=2), floats(2, 9, 3), floats(3, 3, 1)),
    "separable conv": (
        lambda x, w, v: nn.separable_conv(x, w, v, padding="same"), IMAGE, floats(3, 3, 3, 1), floats(1, 1, 3, 4)),
    "max_pool": (lambda x: nn.max_pool(x, 3, 2, "same"), IMAGE),
    "average_pool": (lambda x: nn.average_pool(x, 3, 2, "same", "channels_first"), FIRST),
    "average_pool of volumes": (lambda x: nn.average_pool(x, 2), DEEP),
    "adaptive_max_pool": (lambda x: nn.adaptive_max_pool(x, (4, 2)), IMAGE),
    "adaptive_average_pool": (lambda x: nn.adaptive_average_pool(x, (4, 3), "channels_first"), FIRST),
    "adaptive_average_pool of volumes": (lambda x: nn.adaptive_average_pool(x, (2, 3, 2)), DEEP),
    "moments": (lambda x: nn.moments(x, (0, 1), keepdims=True), IMAGE),
    "batch_normalization": (
        lambda x, m, s, b: nn.batch_normalization(x, m, s * s + 1, 1, b, s), FIRST, *floats(3, 3)),
    "binary_crossentropy": (
        lambda x: (nn.binary_crossentropy(SEEN[0, 0], x, True), nn.binary_crossentropy(SEEN[0, 0], nn.sigmoid(x))),
        floats(5, 7)),
    "categorical_crossentropy": (
        lambda x: (nn.categorical_crossentropy(np.eye(7)[:5], x, True),
                   nn.categorical_crossentropy(np.eye(7)[:5], nn.softmax(x))), floats(5, 7)),
    "sparse_categorical_crossentropy": (
        lambda x: (nn.sparse_categorical_crossentropy(np.arange(5), x, True),
                   nn.sparse_categorical_crossentropy(np.arange(5)[:, None], nn.softmax(x))), floats(5, 7)),
    "ctc_loss": (lambda x: nn.ctc_loss([[1, 2, 2], [3, 1, 0]], x, [3, 2], [6, 5]), floats(2, 6, 4)),
    "attention": (lambda q, k, v: nn.dot_product_attention(q, k, v, mask=SEEN), *HEADS),
    "causal attention with a bias": (
        lambda q, k, v, b: nn.dot_product_attention(q, k, v, b, is_causal=True, scale=0.5),
        *HEADS, singles(1, 4, 5, 7)),
    "unfold": (lambda x: nn.unfold(x, (2, 3), 2, 1, (1, 2)), FIRST),
    "fold": (lambda x: nn.fold(x, (5, 6), 2, 1, 1, 2), floats(2, 12, 12)),
    "depth_to_space": (lambda x: nn.depth_to_space(x, 2, "channels_first"), floats(2, 8, 3, 2)),
    "space_to_depth": (lambda x: nn.space_to_depth(x, 2, "channels_first"), floats(2, 2, 6, 4)),
    "psnr": (lambda x, y: nn.psnr(x, y, 2.0), floats(3, 4), floats(3, 4)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_slopes_are_what_differences_say(case):
    function, *arguments = CASES[case]
    tf.check_gradients(function, arguments, modes=("reverse",), samples=10)


def test_slopes_of_activations():
    names = (*SMOOTH, *KINKED)
    tf.check_gradients(lambda x: [getattr(nn, name)(x) for name in names], [floats(3, 4)], modes=("reverse",))


@pytest.mark.parametrize("case", CASES)
def test_functions_of_unknown_sizes_give_the_same(case):
    function, *arguments = CASES[case]
    expected = function(*map(keras.ops.convert_to_tensor, arguments))
    # kernels and channels are known to layers; the batch and the places of images are not
    shapes = [[None] * a.ndim if len(arguments) == 1 else [None, *a.shape[1:]] if k == 0 else a.shape
              for k, a in enumerate(arguments)]  # fmt: skip
    if a_channel := {"adaptive_average_pool": 1, "fold": 1, "space_to_depth": 1, "depth_to_space": 1}.get(case):
        shapes[0][a_channel] = arguments[0].shape[a_channel]
    signature = [tf.TensorSpec(s, a.dtype) for s, a in zip(shapes, arguments)]
    found = tf.function(function, input_signature=signature, autograph=False)(*arguments)
    for a, b in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def adaptive_by_hand(x, counts, reduce):
    n = x.shape[1:-1]
    out = np.empty((x.shape[0], *counts, x.shape[-1]), x.dtype)
    for place in itertools.product(*map(range, counts)):
        window = tuple(slice(i * size // m, -(-(i + 1) * size // m)) for i, size, m in zip(place, n, counts))
        out[(slice(None), *place)] = reduce(x[(slice(None), *window)], axis=tuple(range(1, x.ndim - 1)))
    return out


@pytest.mark.parametrize("counts", [(3, 2), (6, 5), (4, 7), (1, 1)])
def test_adaptive_windows_are_those_by_hand(counts):
    for function, reduce in ((nn.adaptive_max_pool, np.max), (nn.adaptive_average_pool, np.mean)):
        np.testing.assert_allclose(function(IMAGE, counts).numpy(), adaptive_by_hand(IMAGE, counts, reduce), rtol=1e-6)


def test_layouts_agree():
    for function, arguments in (
        (nn.conv, (KERNEL, 2, "same")), (nn.conv_transpose, (floats(3, 3, 2, 3), 2, "same")),
        (nn.depthwise_conv, (floats(2, 2, 3, 2), 1, "same")), (nn.max_pool, (2, 1, "same")),
        (nn.average_pool, (3,)), (nn.adaptive_max_pool, ((2, 3),)),
    ):  # fmt: skip
        last = function(IMAGE, *arguments, data_format="channels_last").numpy()
        first = function(FIRST, *arguments, data_format="channels_first").numpy()
        np.testing.assert_allclose(first.transpose(0, 2, 3, 1), last, rtol=1e-12, atol=1e-12)


def test_sparsemax_is_the_nearest_distribution():
    x = 2 * floats(6, 5)
    found = nn.sparsemax(x).numpy()
    np.testing.assert_allclose(found.sum(-1), 1)
    assert (found >= 0).all() and (found == 0).any()
    shift = x - found  # the same wherever something is left, and no less than what the others have
    left = found > 0
    top = np.where(left, shift, -np.inf).max(-1, keepdims=True)
    np.testing.assert_allclose(np.where(left, shift, top), np.broadcast_to(top, x.shape))
    assert (x <= top + 1e-12)[~left].all()


def test_integers_are_taken_as_floats():
    x = np.arange(-4, 4).reshape(2, 4)
    for name in (*SMOOTH, *KINKED):
        if name != "relu":
            expected = getattr(nn, name)(x.astype("float32")).numpy()
            np.testing.assert_array_equal(getattr(nn, name)(x.astype("int32")).numpy(), expected)
    np.testing.assert_array_equal(nn.moments(x, [0])[1].numpy(), x.var(0))


def test_moments_of_halves_are_summed_wide():
    x = (300 + 10 * RANDOM.normal(size=(4096, 3))).astype("float16")
    mean, variance = (m.numpy() for m in nn.moments(x, [0]))
    assert mean.dtype == variance.dtype == np.float16
    np.testing.assert_allclose(mean, x.astype("float64").mean(0), rtol=1e-3)
    np.testing.assert_allclose(variance, x.astype("float64").var(0), rtol=1e-3)


def test_labels_are_decoded_inside_functions():
    x, lengths = singles(3, 6, 5), np.array([6, 4, 0], np.int32)
    for strategy in ("greedy", "beam_search"):
        decode = lambda x, n: nn.ctc_decode(x, n, strategy, beam_width=8, top_paths=1, mask_index=1)  # noqa: E731
        signature = [tf.TensorSpec([None, None, 5], "float32"), tf.TensorSpec([None], "int32")]
        traced = tf.function(decode, input_signature=signature, autograph=False)(x, lengths)
        for a, b in zip(traced, decode(x, lengths), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        labels = traced[0].numpy()
        assert labels.shape == (1, 3, 6) and (labels[0, 2] == -1).all() and 1 not in labels


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="empty output"):
        nn.conv(np.ones((1, 2, 2, 1), "float32"), np.ones((3, 3, 1, 1), "float32"))
    with pytest.raises(ValueError, match="'same' or 'valid'"):
        nn.max_pool(IMAGE, 2, padding="full")
    with pytest.raises(ValueError, match="only supports 4D inputs"):
        nn.dot_product_attention(*(x[0] for x in HEADS))
    with pytest.raises(ValueError, match="4 heads of the query cannot share 3"):
        nn.dot_product_attention(HEADS[0], singles(2, 7, 3, 8), singles(2, 7, 3, 8))
    with pytest.raises(ValueError, match="not columns of windows"):
        nn.fold(floats(2, 12, 13), (5, 6), 2, 1, 1, 2)
