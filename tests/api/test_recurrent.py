"""Recurrent networks and attention against NumPy: cells of every kind, masks, lengths, directions, symbolic sizes."""

from __future__ import annotations

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.autodiff.check import check_gradients
from graphc.compile import compile_graph
from graphc.errors import GraphcError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lib import attention, recurrent
from graphc.prims.interpret import interpret

RANDOM = np.random.default_rng(7)
ROWS, SIZE, UNITS = 5, 3, 4


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def weights(*shapes):
    return [RANDOM.normal(size=s) * 0.5 for s in shapes]


def lstm_numpy(x, w, u, b, mask=None):
    """Keras' order of gates; where the mask is false, everything stays."""
    h = c = np.zeros((x.shape[1], u.shape[0]))
    out = []
    for t in range(len(x)):
        i, f, g, o = np.split(x[t] @ w + h @ u + b, 4, -1)
        new_c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        new_h = sigmoid(o) * np.tanh(new_c)
        counts = True if mask is None else mask[t][:, None]
        h, c = np.where(counts, new_h, h), np.where(counts, new_c, c)
        out.append(h)
    return np.stack(out), h, c


def gru_numpy(x, w, u, b, own, after):
    h, out = np.zeros((x.shape[1], u.shape[0])), []
    for t in range(len(x)):
        z, r, g = np.split(x[t] @ w + b, 3, -1)
        pz, pr, pg = np.split(h @ u + (own if after else 0), 3, -1)
        z, r = sigmoid(z + pz), sigmoid(r + pr)
        g = np.tanh(g + r * pg) if after else np.tanh(g + (r * h) @ u[:, 2 * UNITS :])
        h = z * h + (1 - z) * g
        out.append(h)
    return np.stack(out), h


def graph_of(build, *arrays, batch=None):
    """A graph in f64 with the batch of the first operand symbolic, and the operands."""
    inputs = []
    for k, a in enumerate(arrays):
        shape = tuple(symbol("n") if k == 0 and axis == batch else d for axis, d in enumerate(a.shape))
        inputs.append(input_node(f"x{k}", Type(dt.as_dtype(a.dtype), shape)))
    return Graph("net", tuple(inputs), tuple(build(*inputs)))


def expect(build, wanted, *arrays, batch=None, gradients=True):
    graph = graph_of(build, *arrays, batch=batch)
    for found in (interpret(graph, *arrays), compile_graph(graph)(*arrays)):
        for a, b in zip(found if isinstance(found, tuple) else (found,), wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    if gradients:
        check_gradients(graph_of(build, *arrays), list(arrays))


def test_lstm_is_numpys():
    x = RANDOM.normal(size=(ROWS, 2, SIZE))
    w, u, b = weights((SIZE, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,))
    wanted = lstm_numpy(x, w, u, b)
    expect(lambda *a: recurrent.lstm(*a, time_major=True), wanted, x, w, u, b, batch=1)


def test_lstm_with_a_mask_holds_its_output():
    x = RANDOM.normal(size=(ROWS, 2, SIZE))
    mask = np.array([[1, 0], [1, 1], [0, 1], [1, 0], [0, 0]], bool)
    w, u, b = weights((SIZE, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,))
    wanted = lstm_numpy(x, w, u, b, mask)
    build = lambda x, w, u, b, m: recurrent.lstm(x, w, u, b, mask=m, time_major=True)  # noqa: E731
    expect(build, wanted, x, w, u, b, mask, gradients=False)


@pytest.mark.parametrize("after", (True, False))
@pytest.mark.parametrize("backwards", (True, False))
def test_gru_is_numpys(after, backwards):
    x = RANDOM.normal(size=(2, ROWS, SIZE))
    w, u, b, own = weights((SIZE, 3 * UNITS), (UNITS, 3 * UNITS), (3 * UNITS,), (3 * UNITS,))
    rows = np.swapaxes(x, 0, 1)[:: -1 if backwards else 1]
    outputs, last = gru_numpy(rows, w, u, b, own, after)
    outputs = np.swapaxes(outputs[:: -1 if backwards else 1], 0, 1)

    def build(x, w, u, b, own):
        kind = recurrent.GRU(reset_after=after)
        return recurrent.gru(x, w, u, b, kind=kind, recurrent_bias=own if after else None, go_backwards=backwards)

    expect(build, (outputs, last), x, w, u, b, own, batch=0, gradients=after and not backwards)


def test_only_the_last_output():
    x = RANDOM.normal(size=(2, ROWS, SIZE))
    w, u = weights((SIZE, UNITS), (UNITS, UNITS))
    for backwards in (False, True):
        h = np.zeros((2, UNITS))
        for t in range(ROWS)[:: -1 if backwards else 1]:
            h = np.maximum(x[:, t] @ w + h @ u, 0)
        build = lambda x, w, u, b=backwards: recurrent.simple_rnn(  # noqa: E731
            x, w, u, activation="relu", return_sequences=False, go_backwards=b
        )
        expect(build, (h, h), x, w, u, batch=0, gradients=False)


def test_a_network_of_1000_steps_is_one_loop():
    n = symbol("n")
    shapes = ((1000, n, 8), (8, 64), (16, 64), (64,))
    nodes = tuple(input_node(f"x{k}", Type(dt.f32, s)) for k, s in enumerate(shapes))
    graph = Graph("lstm", nodes, tuple(recurrent.lstm(*nodes, time_major=True)))
    assert [x.op for x in graph.nodes].count("loop") == 1
    assert len(graph.nodes) < 40


# -------------------------------------------------------------------------------------- TensorFlow 1's cells


@pytest.fixture
def graph():
    with tf.Graph().as_default() as made:
        yield made


def run(fetches, feeds=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        values = session.run(tf.trainable_variables())
        return session.run(fetches, feeds), dict(zip([v.name for v in tf.trainable_variables()], values))


def test_basic_lstm_with_lengths(graph):
    x = RANDOM.normal(size=(3, ROWS, SIZE)).astype(np.float32)
    rows, lengths = tf.placeholder(tf.float32, [None, ROWS, SIZE]), tf.placeholder(tf.int32, [None])
    cell = tf.nn.rnn_cell.BasicLSTMCell(UNITS, forget_bias=0.5)
    outputs, state = tf.nn.dynamic_rnn(cell, rows, lengths, dtype=tf.float32)
    (found, last), known = run([outputs, state], {rows: x, lengths: [5, 2, 0]})
    kernel, bias = known["rnn/basic_lstm_cell/kernel:0"], known["rnn/basic_lstm_cell/bias:0"]
    h = c = np.zeros((3, UNITS))
    for t in range(ROWS):
        i, j, f, o = np.split(np.concatenate([x[:, t], h], 1) @ kernel + bias, 4, 1)
        new_c = sigmoid(f + 0.5) * c + sigmoid(i) * np.tanh(j)
        counts = (t < np.array([5, 2, 0]))[:, None]
        new_h = sigmoid(o) * np.tanh(new_c)
        np.testing.assert_allclose(found[:, t], np.where(counts, new_h, 0), atol=1e-5)
        h, c = np.where(counts, new_h, h), np.where(counts, new_c, c)
    np.testing.assert_allclose(last.c, c, atol=1e-5)
    np.testing.assert_allclose(last.h, h, atol=1e-5)
    assert isinstance(last, tf.nn.rnn_cell.LSTMStateTuple)


def test_a_cell_of_ones_own_gives_what_the_known_one_gives(graph):
    class Own(tf.nn.rnn_cell.RNNCell):
        state_size = output_size = UNITS

        def call(self, inputs, state):
            kernel = tf.get_variable("kernel", [SIZE + UNITS, UNITS])
            h = tf.tanh(tf.matmul(tf.concat([inputs, state], 1), kernel))
            return h, h

    x = tf.constant(RANDOM.normal(size=(2, ROWS, SIZE)).astype(np.float32))
    lengths = [ROWS, 3]
    own, own_state = tf.nn.dynamic_rnn(Own(), x, lengths, dtype=tf.float32, scope="a")
    known, known_state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicRNNCell(UNITS), x, lengths, dtype=tf.float32, scope="b")
    names = {v.name: v for v in tf.trainable_variables()}
    assert set(names) == {"a/own/kernel:0", "b/basic_rnn_cell/kernel:0", "b/basic_rnn_cell/bias:0"}
    slopes = tf.gradients(
        tf.reduce_sum(own) + tf.reduce_sum(known), [names["a/own/kernel:0"], names["b/basic_rnn_cell/kernel:0"]]
    )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(tf.assign(names["a/own/kernel:0"], names["b/basic_rnn_cell/kernel:0"]))
        first, second, s1, s2, g = session.run([own, known, own_state, known_state, slopes])
    for a, b in ((first, second), (s1, s2), (g[0], g[1])):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert not first[1, 3:].any()


def test_both_directions_and_static_rows_agree(graph):
    x = tf.constant(RANDOM.normal(size=(2, ROWS, SIZE)).astype(np.float32))
    ahead, back = tf.nn.rnn_cell.GRUCell(UNITS), tf.nn.rnn_cell.GRUCell(UNITS)
    (fw, bw), _ = tf.nn.bidirectional_dynamic_rnn(ahead, back, x, dtype=tf.float32)
    rows, _, _ = tf.nn.static_bidirectional_rnn(ahead, back, tf.unstack(x, axis=1), dtype=tf.float32)
    turned, _ = tf.nn.dynamic_rnn(back, tf.reverse(x, [1]), dtype=tf.float32)
    (a, b, c, d), known = run([fw, bw, tf.stack(rows, 1), turned])
    np.testing.assert_allclose(np.concatenate([a, b], 2), c, atol=1e-6)
    np.testing.assert_allclose(b, d[:, ::-1], atol=1e-6)
    assert "bidirectional_rnn/bw/gru_cell/candidate/kernel:0" in known and len(known) == 8


def test_stacked_and_wrapped_cells(graph):
    cells = tf.nn.rnn_cell
    x = tf.constant(RANDOM.normal(size=(2, ROWS, UNITS)).astype(np.float32))
    inner = [cells.LSTMCell(UNITS, use_peepholes=True, num_proj=3), cells.ResidualWrapper(cells.BasicRNNCell(3))]
    whole = cells.MultiRNNCell([inner[0], cells.DropoutWrapper(inner[1], output_keep_prob=1.0)])
    outputs, state = tf.nn.dynamic_rnn(whole, x, dtype=tf.float32)
    step, before = [], whole.zero_state(2, tf.float32)
    for t in range(ROWS):
        y, before = whole(x[:, t], before)
        step.append(y)
    dropped, _ = tf.nn.dynamic_rnn(cells.DropoutWrapper(whole, output_keep_prob=0.5, seed=1), x, dtype=tf.float32)
    (a, b, c), known = run([outputs, tf.stack(step, 1), dropped])
    np.testing.assert_allclose(a, b, atol=1e-5)
    kept = c != 0
    assert 0.1 < kept.mean() < 0.9
    np.testing.assert_allclose(c[kept], 2 * a[kept], rtol=1e-5)
    assert "rnn/multi_rnn_cell/cell_0/lstm_cell/projection/kernel:0" in known
    assert "rnn/multi_rnn_cell/cell_1/basic_rnn_cell/kernel:0" in known


@pytest.mark.parametrize("call, words", (
    (lambda x: tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(3), x), "dtype is needed"),
    (lambda x: tf.nn.dynamic_rnn("cell", x, dtype=tf.float32), "is no cell"),
    (lambda x: tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(3), x, [1.0, 2.0], dtype=tf.float32), "must be integers"),
    (lambda x: tf.nn.static_rnn(tf.nn.rnn_cell.GRUCell(3), [], dtype=tf.float32), "list of rows"),
    (lambda x: tf.nn.rnn_cell.MultiRNNCell([]), "needs a list of cells"),
    (lambda x: tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(3), input_keep_prob=0.0), "must lie in (0, 1]"),
))  # fmt: skip
def test_refusals(graph, call, words):
    x = tf.zeros([2, ROWS, SIZE])
    with pytest.raises(GraphcError) as caught:
        call(x)
    assert words in str(caught.value)


# ------------------------------------------------------------------------------------------------ attention


def attention_numpy(q, k, v, mask=None, scale=None):
    logits = q @ np.swapaxes(k, -1, -2) * (1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    logits = logits if mask is None else np.where(mask, logits, -np.inf)
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True) @ v


def test_attention_is_numpys():
    q, k, v = (RANDOM.normal(size=s) for s in ((2, 5, 4), (2, 6, 4), (2, 6, 3)))
    expect(lambda *a: [attention.scaled_dot_product_attention(*a)], [attention_numpy(q, k, v)], q, k, v)
    mask = RANDOM.integers(0, 2, (2, 1, 6)).astype(bool) | (np.arange(6) == 1)
    build = lambda q, k, v, m: [attention.scaled_dot_product_attention(q, k, v, mask=m, scale=0.3)]  # noqa: E731
    expect(build, [attention_numpy(q, k, v, mask, 0.3)], q, k, v, mask, gradients=False)


def test_causal_attention_of_shared_heads():
    q, k, v = (RANDOM.normal(size=(2, 5, heads, 4)) for heads in (4, 2, 2))
    inner = [np.repeat(np.swapaxes(x, 1, 2), times, 1) for x, times in ((q, 1), (k, 2), (v, 2))]
    wanted = np.swapaxes(attention_numpy(*inner, np.tril(np.ones((5, 5), bool))), 1, 2)
    expect(lambda *a: [attention.dot_product_attention(*a, is_causal=True)], [wanted], q, k, v)


def test_where_everything_is_hidden_all_counts_the_same():
    x = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    mask = np.array([[True, False, True], [False, False, False]])
    wanted = np.array([[np.exp(-2), 0, 1] / (1 + np.exp(-2)), [1 / 3] * 3])
    expect(lambda x, m: [attention.masked_softmax(x, m)], [wanted], x, mask, gradients=False)
