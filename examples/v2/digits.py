"""Real handwritten digits for the programs in this folder: the 1797 images of 8x8 pixels in ../data/digits.txt.

python digits.py
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).resolve().parent.parent / "data" / "digits.txt"
HELD_OUT = 360


def load_data():
    """(x_train, y_train), (x_test, y_test): images [n, 8, 8] float32 from 0 to 1, labels [n] int64."""
    lines = [line.split() for line in FILE.read_text().splitlines() if not line.startswith("#")]
    labels = np.array([int(label) for label, _ in lines], np.int64)
    images = np.array([[int(symbol, 17) for symbol in pixels] for _, pixels in lines], np.float32).reshape(-1, 8, 8) / 16
    order = np.random.default_rng(7).permutation(len(labels))
    images, labels = images[order], labels[order]
    return (images[:-HELD_OUT], labels[:-HELD_OUT]), (images[-HELD_OUT:], labels[-HELD_OUT:])


def drawn(images):
    """Some images [n, 8, 8] side by side, in text."""
    rows = ("  ".join("".join(" .:-=+*#%@"[int(v * 9.99)] * 2 for v in image[k]) for image in images) for k in range(8))
    return "\n".join(rows)


if __name__ == "__main__":
    (x_train, y_train), (x_test, y_test) = load_data()
    print(f"{len(x_train)} training and {len(x_test)} test images; the first are {y_train[:5]}")
    print(drawn(x_train[:5]))
