"""Models whose kernels must compile for GPUs: networks, their steps of training, recurrent cells, optimizers, and samples of operations.

``CORPUS`` has a function without arguments for each, which answers with its Graph.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from samples import SAMPLES

import graphc as tf
from graphc.compile import lower_graph, optimise
from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.graph import Graph
from graphc.ir.kernel import Kernel
from graphc.ir.program import Program, Signature
from graphc.models.objects import as_graph
from graphc.options import Options

_PER_TEXT = 100  # kernels of one text
_NO_KERNELS = ("guard", "refusal")  # which stand in graphs with what they guard only


def _weights(*shape, seed=1):
    scale = np.sqrt(1 / max(np.prod(shape[:-1]), 1))
    return tf.Variable(tf.random.stateless_normal(shape, seed=[seed, 2]) * np.float32(scale))


def _graph(name, specs, body):
    return as_graph(tf.function(body, input_signature=[tf.TensorSpec(*spec) for spec in specs]), name)


def _step(name, specs, forward, variables, optimizer=None):
    """A step of training: gradients of the mean loss, and what an optimizer makes of them."""

    def body(*batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=batch[-1], logits=forward(*batch[:-1])))
        gradients = tape.gradient(loss, variables)
        if optimizer is None:
            for v, g in zip(variables, gradients):
                v.assign_sub(0.1 * g)
        else:
            optimizer.apply_gradients(zip(gradients, variables))
        return loss

    return _graph(name, specs, body)


def mlp():
    w, b, v = _weights(784, 512), tf.Variable(tf.zeros([512])), _weights(512, 10)
    return _graph("mlp", [([None, 784],)], lambda x: tf.nn.softmax(tf.nn.relu(x @ w + b) @ v))


def _lenet():
    first, second = _weights(5, 5, 1, 6), _weights(5, 5, 6, 16)
    dense, last = _weights(256, 84), _weights(84, 10)

    def forward(x):
        x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, first, 1, "VALID")), 2, 2, "VALID")
        x = tf.nn.max_pool2d(tf.nn.tanh(tf.nn.conv2d(x, second, 1, "VALID")), 2, 2, "VALID")
        return tf.nn.relu(tf.reshape(x, [-1, 256]) @ dense) @ last

    return forward, [first, second, dense, last]


def lenet_step():
    forward, variables = _lenet()
    specs = [([64, 28, 28, 1],), ([64], tf.int64)]
    return _step("lenet_step", specs, forward, variables)


def _optimizer_step(name, make):
    w = _weights(20, 5)
    return _step(name, [([None, 20],), ([None], tf.int64)], lambda x: x @ w, [w], make())


def attention(dtype=tf.float32):
    spec = ([2, 8, 128, 64], dtype)
    return _graph(f"attention_{dtype.name}", [spec] * 3, lambda q, k, v: tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * 0.125) @ v)


def transformer_block():
    n, heads = 64, 4
    wq, wk, wv, wo = (_weights(n, n, seed=k) for k in range(4))
    up, down = _weights(n, 4 * n), _weights(4 * n, n)
    gain = tf.Variable(tf.ones([n]))

    def norm(x):
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-5) * gain

    def split(x):
        return tf.transpose(tf.reshape(x, [-1, 32, heads, n // heads]), [0, 2, 1, 3])

    def body(x):
        y = norm(x)
        q, k, v = split(y @ wq), split(y @ wk), split(y @ wv)
        mixed = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * 0.25) @ v
        x = x + tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [-1, 32, n]) @ wo
        return x + tf.nn.gelu(norm(x) @ up) @ down

    return _graph("transformer_block", [([None, 32, n],)], body)


def rows():
    """Softmax and layer norm of rows of several lengths, also symbolic ones, and sums over other axes."""

    def body(short, long, any_length, double):
        outputs = []
        for x in (short, long, any_length, double):
            mean, variance = tf.nn.moments(x, [-1], keepdims=True)
            outputs += [tf.nn.softmax(x), (x - mean) * tf.math.rsqrt(variance + 1e-5), tf.reduce_sum(x, 0), tf.reduce_max(x)]
        return [*outputs, tf.reduce_sum(short), tf.argmax(short, 1), tf.cumsum(short, 1)]

    specs = [([None, 100],), ([16, 40_000],), ([None, None],), ([7, 33], tf.float64)]
    return _graph("rows", specs, body)


def conv_net():
    plain, deep, point = _weights(3, 3, 8, 32), _weights(3, 3, 32, 1), _weights(1, 1, 32, 64)
    gain, shift = tf.Variable(tf.ones([64])), tf.Variable(tf.zeros([64]))

    def body(x):
        y = tf.nn.relu(tf.nn.conv2d(x, plain, 2, "SAME"))
        y = tf.nn.conv2d(tf.nn.depthwise_conv2d(y, deep, [1, 1, 1, 1], "SAME"), point, 1, "VALID")
        mean, variance = tf.nn.moments(y, [0, 1, 2])
        y = tf.nn.relu(tf.nn.batch_normalization(y, mean, variance, shift, gain, 1e-3))
        return tf.reduce_mean(tf.nn.avg_pool2d(y, 2, 2, "SAME"), [1, 2])

    return _graph("conv_net", [([None, 32, 32, 8],)], body)


def lstm_step():
    w = _weights(16 + 32, 4 * 32)

    def body(x, h, c):
        i, f, g, o = tf.split(tf.concat([x, h], 1) @ w, 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    return _graph("lstm_step", [([None, 16],), ([None, 32],), ([None, 32],)], body)


def products():
    """Products of several types and sizes, with what follows them."""

    def body(x, w, small, double, half):
        return [tf.nn.gelu(x @ w), tf.matmul(small, small, transpose_b=True), double @ double, tf.cast(half @ half, tf.float32) * 2.0, x @ w[:, :1]]

    specs = [([None, 256],), ([256, 320],), ([3, 7, 33],), ([65, 65], tf.float64), ([128, 128], tf.bfloat16)]
    return _graph("products", specs, body)


_OPTIMIZERS = {
    "sgd": lambda: tf.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: tf.optimizers.Adam(1e-3, amsgrad=True),
    "rmsprop": lambda: tf.optimizers.RMSprop(1e-3, centered=True),
    "adagrad": lambda: tf.optimizers.Adagrad(1e-2),
}


def program_of(graph: Graph, gpu: Gpu) -> Program:
    """The Program of a graph for a GPU, with its kernels."""
    options = Options(target=gpu.name)
    return lower_graph(optimise(graph, options), options)


def sample_programs(gpu: Gpu, every: bool = False) -> Iterator[Program]:
    """Programs that have nothing but kernels: those of the samples of operations.

    Args:
        every: all samples; one of each operation otherwise, and of the longest function.
    """
    found: dict[Kernel, str] = {}
    for one in SAMPLES if every else {(one.op, _is_long(one)): one for one in SAMPLES if _is_plain(one)}.values():
        if one.op not in _NO_KERNELS:
            for kernel in program_of(one.graph(), gpu).kernels:
                found.setdefault(replace(kernel, name=""), f"{one.op}_{kernel.name}")
    kernels = [replace(kernel, name=f"{name}_{k}") for k, (kernel, name) in enumerate(found.items())]
    for k in range(0, len(kernels), _PER_TEXT):
        yield Program(f"samples{k // _PER_TEXT}", Signature((), (), ()), (), tuple(kernels[k : k + _PER_TEXT]), ())


def _is_plain(one) -> bool:
    """Whether a sample is of f32 or of integers, and has elements."""
    return all(a.size and dt.as_dtype(a.dtype) in (dt.f32, dt.i32, dt.u32, dt.i8, dt.b1) for a in one.arrays)


def _is_long(one) -> bool:
    return one.attrs.get("function") == "igamma_slope"


CORPUS = {
    "mlp": mlp, "lenet_step": lenet_step, "attention": attention, "attention_bf16": lambda: attention(tf.bfloat16),
    "transformer_block": transformer_block, "rows": rows, "conv_net": conv_net, "lstm_step": lstm_step, "products": products,
    **{f"{name}_step": (lambda name=name, make=make: _optimizer_step(name, make)) for name, make in _OPTIMIZERS.items()},
}  # fmt: skip
