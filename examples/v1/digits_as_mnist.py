"""Write real handwritten digits as the four files of MNIST, for programs that read MNIST and have no network.

    python digits_as_mnist.py mnist_data

The digits are the 1797 images of 8x8 pixels in ../data/digits.txt (the same that scikit-learn's load_digits gives).
Each is enlarged to 20x20 and put in the middle of 28x28 pixels, as MNIST's are. 360 of them become the test images. The
others are written --copies times, moved by up to two pixels, because MNIST's reader sets 5000 of the training images
aside. The copies of an image are neighbours in the file, so that those set aside are of images that training does not
see.
"""

import argparse
from pathlib import Path

import numpy as np

from graphc.v1.examples.tutorials.mnist.idx import write_idx

DIGITS = Path(__file__).resolve().parent.parent / "data" / "digits.txt"
TEST_IMAGES = 360
MOVES = [(0, 0), (2, 0), (-2, 0), (0, 2), (0, -2), (2, 2), (-2, -2), (2, -2), (-2, 2)]


def read_digits():
    """Images [1797, 8, 8] of numbers from 0 to 16, and labels [1797], in an order that is always the same."""
    lines = [line.split() for line in DIGITS.read_text().splitlines() if not line.startswith("#")]
    labels = np.array([int(label) for label, _ in lines], np.uint8)
    images = np.array([[int(symbol, 17) for symbol in pixels] for _, pixels in lines], np.float64).reshape(-1, 8, 8)
    order = np.random.default_rng(7).permutation(len(labels))
    return images[order], labels[order]


def enlarged(images):
    """[n, 8, 8] to [n, 28, 28] bytes: each new pixel lies between two old ones in both directions."""
    at = np.clip((np.arange(20) + 0.5) * 8 / 20 - 0.5, 0, 7)
    weights = np.maximum(0, 1 - abs(at[:, None] - np.arange(8)))
    pixels = weights @ images @ weights.T * (255 / 16)
    return np.pad(pixels.round().astype(np.uint8), [(0, 0), (4, 4), (4, 4)])


def write(folder, copies):
    """Write the four files; the number of training and of test images."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = read_digits()
    images = enlarged(images)
    train = np.stack([np.roll(images[TEST_IMAGES:], move, (1, 2)) for move in MOVES[:copies]], axis=1)
    train = train.reshape(-1, 28, 28)
    write_idx(folder / "train-images-idx3-ubyte.gz", train)
    write_idx(folder / "train-labels-idx1-ubyte.gz", labels[TEST_IMAGES:].repeat(copies))
    write_idx(folder / "t10k-images-idx3-ubyte.gz", images[:TEST_IMAGES])
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", labels[:TEST_IMAGES])
    return len(train), TEST_IMAGES


def folder_of(options):
    """The folder that a program was told to read; without one, ``mnist_data`` with these digits."""
    if options.data is not None:
        return options.data
    if not (Path("mnist_data") / "t10k-labels-idx1-ubyte.gz").exists():  # the last one to be written
        write("mnist_data", len(MOVES))
    return "mnist_data"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="where to write the files")
    parser.add_argument("--copies", type=int, default=9, choices=range(1, 10), help="of each training image (9)")
    options = parser.parse_args()
    train, test = write(options.folder, options.copies)
    print(f"wrote {train} training and {test} test images to {options.folder}")


if __name__ == "__main__":
    main()
