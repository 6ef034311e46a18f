"""Fine-tune a model that came as an ONNX file: its last layer learns digits that it has never seen.

python fine_tune.py
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

import graphc as tf

sys.path.append(str(Path(__file__).resolve().parent.parent / "v2"))
from digits import load_data  # noqa: E402  the real digits of the other programs

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
tf.random.set_seed(options.seed)

(x_train, y_train), (x_test, y_test) = load_data()
x_train, x_test = x_train.reshape(-1, 64), x_test.reshape(-1, 64)


def trained(network, variables, x, y, rate):
    """Change the variables until the network knows the labels of ``x``."""
    optimizer = tf.optimizers.Adam(rate)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=network(x))
            loss = tf.reduce_mean(losses)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    rng = np.random.default_rng(options.seed)
    for _ in range(options.steps):
        batch = rng.integers(0, len(x), 64)
        step(x[batch], y[batch])


def accuracy(model, chosen):
    """The part of the chosen test images of which the model names the digit."""
    (logits,) = model.run([x_test[chosen]])
    return np.mean(logits.argmax(1) == y_test[chosen])


def write_model(path):
    """A network that knows only the digits below 5, as anybody might have trained it, in an ONNX file."""
    normal = tf.random.normal
    w1, b1 = tf.Variable(normal([64, 64], stddev=0.2), name="hidden_w"), tf.Variable(tf.zeros([64]), name="hidden_b")
    w2, b2 = tf.Variable(normal([64, 10], stddev=0.2), name="last_w"), tf.Variable(tf.zeros([10]), name="last_b")

    @tf.function(input_signature=[tf.TensorSpec([None, 64], tf.float32, name="image")])
    def network(image):
        return tf.nn.relu(image @ w1 + b1) @ w2 + b2

    small = y_train < 5
    trained(network, [w1, b1, w2, b2], x_train[small], y_train[small], 0.003)
    tf.onnx.export(network, path)


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.onnx"
    write_model(path)
    model = tf.onnx.load(path)
    print(model.inputs[0], "->", model.outputs[0])
    for name, variable in model.variables.items():
        print(f"  {name:10} {variable.shape}")
    known, new = y_test < 5, y_test >= 5
    print(f"before: accuracy on digits below 5 {accuracy(model, known):.4f}, on the others {accuracy(model, new):.4f}")
    last_layer = [v for name, v in model.variables.items() if name.startswith("last")]
    trained(model, last_layer, x_train, y_train, 0.01)  # all digits, so that the first ones are not forgotten
    print(f"after: accuracy on digits below 5 {accuracy(model, known):.4f}, on the others {accuracy(model, new):.4f}")
