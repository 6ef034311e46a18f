"""Train a small network on handwritten digits, compile the trained predictor ahead of time, and use it in a fresh process.

    python examples/digits.py            # everything below, in order
    python examples/digits.py --classify digits.gc    # what the fresh process runs: load, do not compile, classify

The data are the 1797 8x8 images of the UCI "Optical Recognition of Handwritten Digits" test set (see data/digits.txt).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import graphc
import graphc.v1 as tf

HERE = Path(__file__).resolve().parent
HELD_OUT = 360
BATCH = 64
EPOCHS = 120


def moved(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image moved by up to half a pixel in both directions, so that the network sees more than it is given."""
    pictures = images.reshape(-1, 8, 8)
    for axis in (1, 2):
        by = rng.uniform(-0.5, 0.5, (len(pictures), 1, 1)).astype(np.float32)
        neighbours = np.where(by > 0, np.roll(pictures, 1, axis), np.roll(pictures, -1, axis))
        pictures = pictures * (1 - abs(by)) + neighbours * abs(by)
    return pictures.reshape(-1, 64)


class Model(NamedTuple):
    """The tensors and the operation that training and prediction use."""

    x: tf.Tensor
    y: tf.Tensor
    rate: tf.Tensor
    probabilities: tf.Tensor
    loss: tf.Tensor
    accuracy: tf.Tensor
    step: tf.Operation


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Images [1797, 64] float32 in 0..1 and labels [1797] int64, in the order of the file."""
    images, labels = [], []
    for line in (HERE / "data" / "digits.txt").read_text().splitlines():
        if not line.startswith("#"):
            label, pixels = line.split()
            labels.append(int(label))
            images.append([int(symbol, 17) for symbol in pixels])
    return np.array(images, np.float32) / 16, np.array(labels, np.int64)


def split(images: np.ndarray, labels: np.ndarray):
    """A seeded shuffle; the last HELD_OUT images are never trained on."""
    order = np.random.default_rng(7).permutation(len(images))
    images, labels = images[order], labels[order]
    return images[:-HELD_OUT], labels[:-HELD_OUT], images[-HELD_OUT:], labels[-HELD_OUT:]


def network(x: tf.Tensor, dropout: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Logits [n, 10] of a 64-512-10 network, and the sum of its squared weights; every call uses the same variables."""
    penalty = 0.0

    def layer(h, size, name):
        nonlocal penalty
        with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
            w = tf.get_variable("w", [h.shape[-1], size], initializer=tf.glorot_uniform_initializer())
            b = tf.get_variable("b", [size], initializer=tf.zeros_initializer())
        penalty += tf.reduce_sum(tf.square(w))
        return tf.matmul(h, w) + b

    if dropout:
        x = tf.nn.dropout(x, rate=dropout / 4)
    hidden = tf.nn.relu(layer(x, 512, "hidden"))
    if dropout:
        hidden = tf.nn.dropout(hidden, rate=dropout)
    return layer(hidden, 10, "output"), penalty


def build() -> Model:
    """The graph: a training step with dropout, and predictions without."""
    tf.set_random_seed(1)
    x = tf.placeholder(tf.float32, [None, 64], name="pixels")
    y = tf.placeholder(tf.int64, [None], name="digit")
    rate = tf.placeholder(tf.float32, [], name="learning_rate")
    noisy, penalty = network(x, dropout=0.3)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=noisy))
    step = tf.train.AdamOptimizer(rate).minimize(loss + 1e-4 * penalty)
    logits, _ = network(x, dropout=0.0)
    accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))
    return Model(x, y, rate, tf.nn.softmax(logits, name="probabilities"), loss, accuracy, step)


def train(session, model: Model) -> float:
    """Run the epochs, print progress, answer with the accuracy on the held-out images."""
    images, labels, test_images, test_labels = split(*load_digits())
    test = {model.x: test_images, model.y: test_labels}
    rng = np.random.default_rng(0)
    session.run(tf.global_variables_initializer())
    start = time.perf_counter()
    for epoch in range(1, EPOCHS + 1):
        order = rng.permutation(len(images))
        total, rate = 0.0, 0.002 * (1 - (epoch - 1) / EPOCHS)
        for at in range(0, len(order), BATCH):
            batch = order[at : at + BATCH]
            feed = {model.x: moved(images[batch], rng), model.y: labels[batch], model.rate: rate}
            value, _ = session.run([model.loss, model.step], feed)
            total += float(value) * len(batch)
        if epoch == 1 or epoch % 20 == 0:
            held_out = session.run(model.accuracy, test)
            print(f"epoch {epoch:3d}   loss {total / len(images):.4f}   held-out accuracy {held_out:.4f}")
    print(f"trained {EPOCHS} epochs of {len(images)} images in {time.perf_counter() - start:.2f} s")
    return float(session.run(model.accuracy, test))


def classify(path: str):
    """Load a compiled predictor and classify held-out images; nothing is compiled here."""
    start = time.perf_counter()
    predict = graphc.load(path)
    loaded = time.perf_counter() - start
    _, _, images, labels = split(*load_digits())
    (probabilities,) = predict(images)
    guesses = probabilities.argmax(axis=1)
    assert "llvmlite" not in sys.modules, "loading a compiled file must not compile"
    print(f"loaded {Path(path).name} in {loaded * 1e3:.1f} ms, no compiler imported")
    print(f"fresh process: {np.mean(guesses == labels):.4f} of {len(images)} held-out images right")
    show(images[0], labels[0], guesses[0])


def show(image: np.ndarray, label: int, guess: int):
    """Draw one image in text."""
    for row in image.reshape(8, 8):
        print("   ", "".join(" .:-=+*#%@"[int(v * 9.99)] * 2 for v in row))
    print(f"    a {label}, classified as {guess}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classify", metavar="FILE", help="classify with a compiled predictor")
    parser.add_argument("--out", default="digits.gc", help="where to write the compiled predictor (default: digits.gc)")
    options = parser.parse_args()
    if options.classify:
        classify(options.classify)
        return
    model = build()
    with tf.Session() as session:
        reached = train(session, model)
        predictor = tf.freeze(session, [model.x], {"probabilities": model.probabilities}, name="digits")
    print(f"held-out accuracy {reached:.4f}")
    graphc.save(predictor, options.out)
    print(f"wrote {options.out} ({Path(options.out).stat().st_size // 1024} KiB: IR, weights, native code)")
    subprocess.run([sys.executable, __file__, "--classify", options.out], check=True)
    print(f"\nlook inside:  graphc inspect {options.out}      or one pass:  graphc inspect {options.out} --diff simplify")
    subprocess.run([sys.executable, "-m", "graphc", "inspect", options.out, "--stage", "optimised"], check=True)
    if reached < 0.97:
        sys.exit(f"held-out accuracy {reached:.4f} is below 0.97")


if __name__ == "__main__":
    main()
