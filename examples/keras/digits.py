"""Real handwritten digits in the form of MNIST, for programs without a network: the 1797 images of ../data/digits.txt.

``load_data`` answers as ``keras.datasets.mnist.load_data`` does. Each image of 8x8 pixels is enlarged to 20x20, in the
middle of 28x28, as MNIST's are. ``--data mnist`` or ``--data fashion_mnist`` takes Keras' data sets, from its cache or
the network.
"""

import importlib
from pathlib import Path

import numpy as np

FILE = Path(__file__).resolve().parent.parent / "data" / "digits.txt"
HELD_OUT = 360
DATA = ("digits", "mnist", "fashion_mnist")


def load_data():
    """(x_train, y_train), (x_test, y_test): images [n, 28, 28] and labels [n], bytes."""
    lines = [line.split() for line in FILE.read_text().splitlines() if not line.startswith("#")]
    labels = np.array([int(label) for label, _ in lines], np.uint8)
    small = np.array([[int(symbol, 17) for symbol in pixels] for _, pixels in lines], np.float64).reshape(-1, 8, 8)
    at = np.clip((np.arange(20) + 0.5) * 8 / 20 - 0.5, 0, 7)
    weights = np.maximum(0, 1 - abs(at[:, None] - np.arange(8)))  # a new pixel lies between two old ones each way
    images = np.pad((weights @ small @ weights.T * (255 / 16)).round().astype(np.uint8), [(0, 0), (4, 4), (4, 4)])
    order = np.random.default_rng(7).permutation(len(labels))
    images, labels = images[order], labels[order]
    return (images[:-HELD_OUT], labels[:-HELD_OUT]), (images[-HELD_OUT:], labels[-HELD_OUT:])


def load(name):
    """The data of that name."""
    return load_data() if name == "digits" else importlib.import_module(f"keras.datasets.{name}").load_data()


def drawn(images):
    """Some images [n, 28, 28] of numbers from 0 to 1 side by side, in text."""
    rows = ("  ".join("".join(" .:-=+*#%@"[int(v * 9.99)] for v in image[k]) for image in images) for k in range(2, 28, 2))
    return "\n".join(rows)
