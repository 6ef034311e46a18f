"""Node types that are no single call of the catalogue."""

from __future__ import annotations

import numpy as np

from graphc.api.namespaces import PUBLIC
from graphc.api.summary.nodes import (  # noqa: F401  node types of their own
    audio_summary, histogram_summary, image_summary, merge_summary, scalar_summary, tensor_summary,
)  # fmt: skip
from graphc.errors import UsageError, explain


def call(function: str, /, *args, **kwargs):
    """What a public function, named without ``tf.``, answers."""
    return PUBLIC.get(function)(*args, **kwargs)


def _spatial(sizes, data_format: str):
    """The sizes of the spatial axes of a list with one for each axis."""
    return list(sizes[1:-1] if data_format[-1] == "C" else sizes[2:])


def div(x, y, name=None):
    """Quotient, of integers rounded to zero."""
    return call("truncatediv" if x.dtype.is_integer else "realdiv", x, y, name=name)


def approximately_equal(x, y, tolerance, name=None):
    """Whether two numbers are that close."""
    return call("less", call("abs", x - y), tolerance, name=name)


def range_(like, start, limit, delta, name=None):
    """Numbers in order, of the dtype of ``like``."""
    return call("range", start, limit, delta, like.dtype, name=name)


def select(condition, x, y, name=None):
    """``x`` or ``y``; a vector of conditions chooses rows."""
    if condition.shape.ndims == 1 and (x.shape.ndims or 0) > 1:
        condition = call("reshape", condition, [-1] + [1] * (x.shape.ndims - 1))
    return call("where", condition, x, y, name=name)


def einsum(equation, inputs, name=None):
    """A product by an equation."""
    return call("einsum", equation, *inputs, name=name)


def in_top_k(predictions, targets, k, attribute, name=None):
    """Whether the targets are among the best."""
    return call("math.in_top_k", targets, predictions, attribute if attribute is not None else k, name=name)


def squeeze(x, axes, name=None):
    """Without axes of size 1."""
    return call("squeeze", x, axes or None, name=name)


def pad_with(x, paddings, value, name=None):
    """Filled up with a value."""
    return call("pad", x, paddings, constant_values=value, name=name)


def conv2d(x, filters, strides, padding, data_format, dilations, explicit, name=None):
    """A convolution; explicit paddings are pairs for every axis."""
    spaced = _spatial(dilations, data_format) if dilations else None
    border = _border(padding, explicit)
    return call("nn.conv2d", x, filters, strides, border, data_format, spaced, name=name)


def _border(padding: str, explicit):
    """A padding as a word, or as pairs for every axis."""
    return [list(explicit[k : k + 2]) for k in range(0, len(explicit), 2)] if padding == "EXPLICIT" else padding


def conv2d_transpose(x, filters, sizes, strides, padding, data_format, dilations, explicit, name=None):
    """The gradient of a convolution with respect to its input."""
    spaced, border = _spatial(dilations, data_format) if dilations else None, _border(padding, explicit)
    return call("nn.conv2d_transpose", x, filters, sizes, strides, border, data_format, spaced, name=name)


def conv2d_filter(x, sizes, gradient, strides, padding, data_format, dilations, explicit, name=None):
    """The gradient of a convolution with respect to its filters."""
    return call("compat.v1.nn.conv2d_backprop_filter", x, sizes, gradient, strides, _border(padding, explicit),
                 data_format=data_format, dilations=dilations, name=name)  # fmt: skip


def depthwise(x, filters, strides, padding, data_format, dilations, name=None):
    """A convolution of every channel."""
    spaced = _spatial(dilations, data_format) if dilations else None
    return call("nn.depthwise_conv2d", x, filters, strides, padding, data_format, spaced, name=name)


def fused_batch_norm(x, scale, offset, mean, variance, epsilon, data_format, is_training, name=None):
    """Normalized batches, in training with the batch's own moments; the moments, and these again for the gradient."""
    given = (None, None) if is_training else (mean, variance)
    made = call(
        "compat.v1.nn.fused_batch_norm", x, scale, offset, *given, epsilon, data_format, is_training, name=name
    )
    kept = made[1:3] if is_training else given
    return [*made, *kept, kept[1]]


def global_normalization(x, mean, variance, beta, gamma, epsilon, is_scaled, name=None):
    """Normalized by given moments."""
    return call("nn.batch_normalization", x, mean, variance, beta, gamma if is_scaled else None, epsilon, name=name)


def softmax_loss(features, labels, name=None):
    """Cross entropy, and its gradient with respect to the features."""
    loss = call("nn.softmax_cross_entropy_with_logits", labels, features, name=name)
    return [loss, call("nn.softmax", features) - labels]


def sparse_softmax_loss(features, labels, name=None):
    """Cross entropy with numbers of classes, and its gradient with respect to the features."""
    loss = call("nn.sparse_softmax_cross_entropy_with_logits", labels, features, name=name)
    hot = call("one_hot", labels, call("shape", features)[1], dtype=features.dtype)
    return [loss, call("nn.softmax", features) - hot]


def resize_bilinear(images, size, align_corners, half_pixel_centers, name=None):
    """Pictures of another size."""
    return call("compat.v1.image.resize_bilinear", images, size, align_corners,
                 half_pixel_centers=half_pixel_centers, name=name)  # fmt: skip


def resize_nearest(images, size, align_corners, half_pixel_centers, name=None):
    """Pictures of another size, of the nearest pixels."""
    return call("compat.v1.image.resize_nearest_neighbor", images, size, align_corners,
                 half_pixel_centers=half_pixel_centers, name=name)  # fmt: skip


def dynamic_stitch(count, values, name=None):
    """Rows put together."""
    return call("dynamic_stitch", values[:count], values[count:], name=name)


def bincount(values, size, weights, name=None):
    """How often every number occurs."""
    weighted = 0 not in (weights.shape.as_list() if weights.shape.ndims is not None else ())
    kind = weights.dtype
    return call("math.bincount", values, weights if weighted else None, size, size, kind, name=name)


def regex_replace(inputs, pattern, rewrite, replace_global, name=None):
    """Texts with a pattern replaced; pattern and rewrite are attributes or inputs."""
    if len(inputs) == 3:
        static = PUBLIC.get("get_static_value")
        given = [static(x) for x in inputs[1:]]
        if None in given:
            raise UsageError(explain(f"{name}: the pattern and what replaces it must be constants"))
        pattern, rewrite = (v.item().decode() for v in map(np.asarray, given))
    return call("strings.regex_replace", inputs[0], pattern, rewrite, replace_global, name=name)


def _seed(seed: int, seed2: int) -> int | None:
    return None if seed == seed2 == 0 else seed * 1000003 + seed2


def random_uniform(shape, dtype, seed, seed2, name=None):
    """Numbers from 0 to 1."""
    return call("random.uniform", shape, dtype=dtype, seed=_seed(seed, seed2), name=name)


def random_normal(shape, dtype, seed, seed2, name=None):
    """Numbers of the normal distribution."""
    return call("random.normal", shape, dtype=dtype, seed=_seed(seed, seed2), name=name)


def truncated_normal(shape, dtype, seed, seed2, name=None):
    """Numbers of the normal distribution, at most two deviations from its mean."""
    return call("random.truncated_normal", shape, dtype=dtype, seed=_seed(seed, seed2), name=name)


def random_integers(shape, low, high, seed, seed2, name=None):
    """Whole numbers of a range."""
    return call("random.uniform", shape, low, high, low.dtype, _seed(seed, seed2), name)


def multinomial(logits, count, dtype, seed, seed2, name=None):
    """Numbers of classes."""
    return call("random.categorical", logits, count, dtype, _seed(seed, seed2), name)


def relu_grad(gradients, features, name=None):
    """Gradient of relu."""
    return call("where", features > 0, gradients, call("zeros_like", gradients), name=name)


def sigmoid_grad(y, dy, name=None):
    """Gradient of sigmoid, given its result."""
    return call("multiply", dy * y, 1 - y, name=name)


def tanh_grad(y, dy, name=None):
    """Gradient of tanh, given its result."""
    return call("multiply", dy, 1 - y * y, name=name)


def rsqrt_grad(y, dy, name=None):
    """Gradient of rsqrt, given its result."""
    return call("multiply", dy * -0.5, y * y * y, name=name)


def relu6_grad(gradients, features, name=None):
    """Gradient of relu6."""
    inside = call("logical_and", features > 0, features < 6)
    return call("where", inside, gradients, call("zeros_like", gradients), name=name)


def leaky_relu_grad(gradients, features, alpha, name=None):
    """Gradient of a leaky relu."""
    return call("where", features > 0, gradients, gradients * alpha, name=name)


def elu_grad(gradients, outputs, name=None):
    """Gradient of elu, given its result."""
    return call("where", outputs < 0, gradients * (outputs + 1), gradients, name=name)


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.7580993408473769  # the second is that of selu times the first


def selu_grad(gradients, outputs, name=None):
    """Gradient of selu, given its result."""
    return call("where", outputs < 0, gradients * (outputs + _SELU_ALPHA), gradients * _SELU_SCALE, name=name)


def softplus_grad(gradients, features, name=None):
    """Gradient of softplus."""
    return call("multiply", gradients, call("math.sigmoid", features), name=name)


def softsign_grad(gradients, features, name=None):
    """Gradient of softsign."""
    return call("realdiv", gradients, call("math.square", call("abs", features) + 1), name=name)


def sqrt_grad(y, dy, name=None):
    """Gradient of a root, given it."""
    return call("realdiv", dy * 0.5, y, name=name)


def reciprocal_grad(y, dy, name=None):
    """Gradient of a reciprocal, given it."""
    return call("multiply", -dy, y * y, name=name)


def concat_offset(axis, shapes, name=None):
    """Where each of the tensors of these shapes begins in what they are put together to."""
    rank = shapes[0].shape.as_list()[0]
    along = [int(k == axis % rank) for k in range(rank)]
    places, total = [shapes[0] * 0], shapes[0] * along
    for shape in shapes[1:]:
        places.append(total)
        total = total + shape * along
    return call("identity_n", places, name=name)


def bias_add_grad(gradients, data_format, name=None):
    """Sum over all axes but that of channels."""
    rank = gradients.shape.ndims
    channel = rank - 1 if data_format[-1] == "C" else 1
    return call("reduce_sum", gradients, [k for k in range(rank) if k != channel], name=name)
