"""The MNIST digits as the tutorials read them: ``read_data_sets`` and batches of images and labels."""

from __future__ import annotations

import os
import shutil
import urllib.request
from typing import NamedTuple

import numpy as np

from graphc.errors import NotFoundError, UsageError, explain
from graphc.v1.examples.tutorials.mnist.dataset import DataSet
from graphc.v1.examples.tutorials.mnist.idx import read_idx
from graphc.v1.graph import get_default_graph

DEFAULT_SOURCE_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"
_DOWNLOAD_SECONDS = 60


class Datasets(NamedTuple):
    """The images to train on, to choose by and to test with."""

    train: DataSet
    validation: DataSet
    test: DataSet


def read_data_sets(
    train_dir,
    fake_data=False,
    one_hot=False,
    dtype=np.float32,
    reshape=True,
    validation_size=5000,
    seed=None,
    source_url=None,
) -> Datasets:
    """The digits in a folder that holds MNIST's four files (``train-images-idx3-ubyte.gz``, ...).

    Args:
        train_dir: the folder. Files without ``.gz`` are found too.
        fake_data: do not read: every batch is of ones, with label 0.
        one_hot: labels [n, 10] of 0.0 and 1.0 instead of [n] of 0 to 9.
        dtype: float32 for pixels from 0.0 to 1.0, uint8 for 0 to 255.
        reshape: images [n, rows * columns] instead of [n, rows, columns, 1].
        validation_size: how many of the training images become ``validation``: the first ones.
        seed: makes the order of the batches reproducible; the graph's seed if None.
        source_url: where to download missing files from. Without it nothing is downloaded.

    Returns:
        ``train``, ``validation`` and ``test``, each a DataSet with ``next_batch``.

    Raises:
        NotFoundError: a file is missing. FormatError: a file is damaged. UsageError: the sizes do not fit.
    """
    options = dict(dtype=dtype, reshape=reshape, seed=_seed(seed))
    if fake_data:
        return Datasets(*(DataSet([], [], fake_data=True, one_hot=one_hot, **options) for _ in range(3)))
    train_dir = os.fspath(train_dir)
    train_images, train_labels, test_images, test_labels = (
        read_idx(_find(train_dir, name, source_url), rank)
        for name, rank in ((TRAIN_IMAGES, 3), (TRAIN_LABELS, 1), (TEST_IMAGES, 3), (TEST_LABELS, 1))
    )
    if not 0 <= validation_size <= len(train_images):
        what = f"Validation size should be between 0 and {len(train_images)}. Received: {validation_size}."
        raise UsageError(explain(f"read_data_sets: {what} Pass validation_size=..."))
    if one_hot:
        train_labels, test_labels = dense_to_one_hot(train_labels), dense_to_one_hot(test_labels)
    parts = (
        (train_images[validation_size:], train_labels[validation_size:]),
        (train_images[:validation_size], train_labels[:validation_size]),
        (test_images, test_labels),
    )
    return Datasets(*(DataSet(images[..., None], labels, **options) for images, labels in parts))


load_mnist = read_data_sets


def dense_to_one_hot(labels_dense: np.ndarray, num_classes: int = 10) -> np.ndarray:
    """Labels [n] from 0 to ``num_classes - 1`` as rows [n, num_classes] with a 1.0 at the label.

    Raises:
        UsageError: a label is not below ``num_classes``.
    """
    labels = np.asarray(labels_dense)
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < num_classes:
        raise UsageError(explain(f"dense_to_one_hot: label {labels.max()} is not between 0 and {num_classes - 1}"))
    return np.eye(num_classes, dtype=np.float64)[labels]


def _seed(seed: int | None) -> int | None:
    return get_default_graph().seed if seed is None else seed


def _find(folder: str, name: str, source_url: str | None) -> str:
    """The path of a file in the folder, as it is or without .gz; downloaded where an address was given."""
    path = os.path.join(folder, name)
    for candidate in (path, path.removesuffix(".gz")):
        if os.path.isfile(candidate):
            return candidate
    if source_url is None:
        names = ", ".join((TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS))
        what = f"read_data_sets: there is no {name} in {os.path.abspath(folder)!r}, and nothing is downloaded unasked"
        raise NotFoundError(explain(what, [
            ("to do", f"put {names} into that folder"),
            ("from", f"{DEFAULT_SOURCE_URL}, or pass source_url={DEFAULT_SOURCE_URL!r} to have them downloaded"),
        ]))  # fmt: skip
    return _download(source_url, name, path)


def _download(source_url: str, name: str, path: str) -> str:
    address = source_url.rstrip("/") + "/" + name
    part = f"{path}.{os.getpid()}.part"
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with urllib.request.urlopen(address, timeout=_DOWNLOAD_SECONDS) as answer, open(part, "wb") as file:
            shutil.copyfileobj(answer, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except (OSError, ValueError) as error:  # ValueError: not an address
        what = f"read_data_sets: {address} could not be downloaded: {error}"
        raise NotFoundError(explain(what, [("to do", f"put the file at {os.path.abspath(path)!r}")])) from None
    finally:
        if os.path.exists(part):
            os.remove(part)
    return path
