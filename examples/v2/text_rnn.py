"""A recurrent network learns a text letter by letter and writes it: tf.scan over time, sampling in a tf.while_loop.

python text_rnn.py
"""

import argparse
import contextlib
import io

import numpy as np

import graphc as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=600)
parser.add_argument("--length", type=int, default=200)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
tf.random.set_seed(options.seed)

with contextlib.redirect_stdout(io.StringIO()) as printed:
    import this  # noqa: F401  the Zen of Python, which comes with every Python
text = printed.getvalue()
letters = sorted(set(text))
codes = np.array([letters.index(c) for c in text], np.int32)
N, HIDDEN, TIME, BATCH = len(letters), 128, 40, 32

glorot = tf.initializers.GlorotUniform(seed=options.seed)
embedding = tf.Variable(glorot([N, 32]), name="embedding")
kernel = tf.Variable(glorot([32 + HIDDEN, 3 * HIDDEN]), name="kernel")
bias = tf.Variable(tf.zeros([3 * HIDDEN]), name="bias")
out = tf.Variable(glorot([HIDDEN, N]), name="out")
variables = [embedding, kernel, bias, out]


def cell(state, x):
    """One step of a gated unit: state [b, HIDDEN], letters [b]."""
    inputs = tf.gather(embedding, x)
    gates = tf.sigmoid(tf.concat([inputs, state], 1) @ kernel[:, : 2 * HIDDEN] + bias[: 2 * HIDDEN])
    reset, update = tf.split(gates, 2, axis=1)
    new = tf.tanh(tf.concat([inputs, reset * state], 1) @ kernel[:, 2 * HIDDEN :] + bias[2 * HIDDEN :])
    return update * state + (1 - update) * new


optimizer = tf.optimizers.Adam(0.005)


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        states = tf.scan(cell, tf.transpose(x), initializer=tf.zeros([BATCH, HIDDEN]))
        logits = tf.tensordot(states, out, 1)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.transpose(y), logits))
    gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), 1.0)
    optimizer.apply_gradients(zip(gradients, variables))
    return loss


@tf.function
def write(start, length):
    state, letter = tf.zeros([1, HIDDEN]), tf.reshape(start, [1])
    written = tf.TensorArray(tf.int32, size=length)
    for k in tf.range(length):
        state = cell(state, letter)
        letter = tf.argmax(state @ out, axis=1, output_type=tf.int32)
        written = written.write(k, letter[0])
    return written.stack()


rng = np.random.default_rng(options.seed)
for step in range(1, options.steps + 1):
    at = rng.integers(0, len(codes) - TIME - 1, BATCH)[:, None] + np.arange(TIME)
    loss = train_step(codes[at], codes[at + 1])
    if step % 200 == 0:
        print(f"step {step:4d}   loss {float(loss):.4f}")
print("T" + "".join(letters[k] for k in write(letters.index("T"), options.length).numpy()))
