"""One side of a comparison of input pipelines: the same ones under graphc or TensorFlow, timed on request.

    python tools/bench/data_peer.py graphc
    /path/to/python tools/bench/data_peer.py tensorflow

Reads names of workloads, one a line, and answers each with the seconds of one iteration; ``promises.py`` asks both
sides in turn.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import numpy as np
from timed_peer import answer


def seconds_of(dataset, rows: int) -> Iterator[float]:
    """Seconds of an iteration over all batches, again and again; the first, which compiles, is not told."""
    for k in itertools.count():
        start = time.perf_counter()
        found = sum(len(batch) for batch, _ in dataset)
        seconds = time.perf_counter() - start
        if found != rows:
            raise RuntimeError(f"{found} rows instead of {rows}")
        if k:
            yield seconds


def pipeline(tf) -> Iterator[float]:
    """Rows of bytes become floats, are shuffled and batched."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (60_000, 784)).astype(np.uint8), rng.integers(0, 10, 60_000)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).map(lambda x, y: (tf.cast(x, tf.float32) / 255.0, y))
    return seconds_of(dataset.shuffle(10_000).batch(128), len(x))


def augmented(tf) -> Iterator[float]:
    """Images are flipped at random and batched."""
    x = np.random.default_rng(0).integers(0, 256, (10_000, 28, 28, 1)).astype(np.uint8)
    dataset = tf.data.Dataset.from_tensor_slices((x, np.arange(len(x))))
    return seconds_of(dataset.map(lambda x, y: (tf.image.random_flip_left_right(x), y)).batch(128), len(x))


WORKLOADS = {"pipeline": pipeline, "augmented": augmented}


if __name__ == "__main__":
    answer(WORKLOADS)
