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

import numpy as np

import graphc
import graphc.v1 as tf

HERE = Path(__file__).resolve().parent
HELD_OUT = 360
BATCH = 64
EPOCHS = 40


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


def build():
    """Placeholders, logits and the training step of a 64-128-10 network."""
    tf.set_random_seed(1)
    x = tf.placeholder(tf.float32, [None, 64], name="pixels")
    y = tf.placeholder(tf.int64, [None], name="digit")

    def layer(h, size, name):
        with tf.variable_scope(name):
            w = tf.get_variable("w", [h.shape[-1], size], initializer=tf.glorot_uniform_initializer())
            b = tf.get_variable("b", [size], initializer=tf.zeros_initializer())
        return tf.matmul(h, w) + b

    hidden = tf.nn.relu(layer(x, 128, "hidden"))
    logits = layer(hidden, 10, "output")
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    correct = tf.equal(tf.argmax(logits, 1), y)
    accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))
    step = tf.train.AdamOptimizer(0.003).minimize(loss)
    return x, y, tf.nn.softmax(logits, name="probabilities"), loss, accuracy, step


def train(session, x, y, loss, accuracy, step) -> float:
    """Run the epochs, print progress, answer with the accuracy on the held-out images."""
    images, labels, test_images, test_labels = split(*load_digits())
    rng = np.random.default_rng(0)
    session.run(tf.global_variables_initializer())
    start = time.perf_counter()
    for epoch in range(1, EPOCHS + 1):
        order = rng.permutation(len(images))
        total = 0.0
        for at in range(0, len(order), BATCH):
            batch = order[at : at + BATCH]
            value, _ = session.run([loss, step], {x: images[batch], y: labels[batch]})
            total += float(value) * len(batch)
        if epoch == 1 or epoch % 5 == 0:
            held_out = session.run(accuracy, {x: test_images, y: test_labels})
            print(f"epoch {epoch:3d}   loss {total / len(images):.4f}   held-out accuracy {held_out:.4f}")
    print(f"trained {EPOCHS} epochs of {len(images)} images in {time.perf_counter() - start:.2f} s")
    return float(session.run(accuracy, {x: test_images, y: test_labels}))


def classify(path: str):
    """Load a compiled predictor and classify held-out images; nothing is compiled here."""
    start = time.perf_counter()
    predict = graphc.load(path)
    loaded = time.perf_counter() - start
    _, _, images, labels = split(*load_digits())
    guesses = predict(images).argmax(axis=1)
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
    x, y, probabilities, loss, accuracy, step = build()
    with tf.Session() as session:
        reached = train(session, x, y, loss, accuracy, step)
        predictor = tf.freeze(session, [x], [probabilities], name="digits")
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
