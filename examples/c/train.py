"""A network for handwritten digits is trained twice, by Python and by a program in C, with the same losses to the last bit.

    python train.py                 # trains, and writes what the program in C needs to a folder "out"
    cd out
    cc -std=c99 -O2 -I. ../train.c step.a predict.a -o train -lpthread
    ./train                         # prints the same lines

Beside the compiled programs there are two files, little-endian; each of their parts begins at a multiple of 64 bytes:

    digits.bin    two int64: images to train on, images held out;
                  the pixels of all of them, float32 [images, 64] from 0 to 1; their digits, int64 [images]
    state.bin     the state before the first step: its inputs from the third on, in the order of step.h
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import graphc
import graphc.v1 as tf

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from digits import load_digits, split  # noqa: E402

BATCH = 64
ALIGN = 64  # bytes


def build():
    """The placeholders, the loss, a step of training, and the digits that the network sees."""
    tf.set_random_seed(1)
    pixels = tf.placeholder(tf.float32, [None, 64], name="pixels")
    digit = tf.placeholder(tf.int64, [None], name="digit")
    hidden = tf.layers.dense(pixels, 256, activation=tf.nn.relu, name="hidden")
    logits = tf.layers.dense(hidden, 10, name="output")
    loss = tf.losses.sparse_softmax_cross_entropy(digit, logits)
    guess = tf.argmax(logits, axis=1, output_type=tf.int64, name="guess")
    return pixels, digit, loss, tf.train.AdamOptimizer(0.002).minimize(loss), guess


def write(path: Path, *parts: np.ndarray) -> None:
    """Arrays one after the other, each at a multiple of 64 bytes."""
    raw = [part.tobytes() for part in parts]
    path.write_bytes(b"".join(part + bytes(-len(part) % ALIGN) for part in raw))


def shuffles(count: int):
    """Orders of so many images, one for each epoch; the numbers are those of a generator that is short in C as well."""
    order, state = list(range(count)), 1
    while True:
        for k in range(count - 1, 0, -1):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            other = (state >> 33) % (k + 1)
            order[k], order[other] = order[other], order[k]
        yield np.array(order)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("out"), help="for what is written (default: out)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", choices=("pool", "none"), default="pool", help="of the program in C")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)

    pixels, digit, loss, step, guess = build()
    graph = tf.step_graph([loss, step], name="step")
    for name, what in (("step", graph), ("predict", tf.step_graph(guess, name="predict"))):
        graphc.export(what, options.folder / f"{name}.gc", threads=options.threads == "pool")

    images, labels, test_images, test_labels = split(*load_digits())
    sizes = np.array([len(images), len(test_images)], np.int64)
    write(options.folder / "digits.bin", sizes, np.concatenate([images, test_images]), np.concatenate([labels, test_labels]))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        state = {v.op.name.replace("/", "_"): session.run(v) for v in tf.global_variables()}
        write(options.folder / "state.bin", *[state[x.attr("name")] for x in graph.inputs[2:]])

        for epoch, order in zip(range(1, options.epochs + 1), shuffles(len(images))):
            total = 0.0
            for at in range(0, len(order), BATCH):
                batch = order[at : at + BATCH]
                value, _ = session.run([loss, step], {pixels: images[batch], digit: labels[batch]})
                total += float(value) * len(batch)
            mean = total / len(images)
            print(f"epoch {epoch:2d}   loss {mean:.4f} = {mean.hex()}")
        right = np.sum(session.run(guess, {pixels: test_images}) == test_labels)
        print(f"{right} of {len(test_labels)} held-out images right")


if __name__ == "__main__":
    main()
