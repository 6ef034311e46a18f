"""MNIST's files: what is read, in which batches it comes, and what is said about files that are missing or damaged."""

import functools
import gzip
import http.server
import struct
import threading

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import DtypeError, FormatError, NotFoundError, ShapeError, UsageError
from graphc.v1.examples.tutorials.mnist import input_data
from graphc.v1.examples.tutorials.mnist.dataset import DataSet
from graphc.v1.examples.tutorials.mnist.idx import read_idx, write_idx

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 4, 5), dtype=np.uint8)
LABELS = RNG.integers(0, 10, 30, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    """A small data set written byte by byte as the format is described, not with write_idx."""
    for part, count in (("train", 30), ("t10k", 7)):
        images = struct.pack(">IIII", 2051, count, 4, 5) + IMAGES[:count].tobytes()
        labels = struct.pack(">II", 2049, count) + LABELS[:count].tobytes()
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    return tmp_path


def read(folder, **options):
    return input_data.read_data_sets(folder, **{"validation_size": 10, **options})


def test_reads_the_four_files(folder):
    mnist = read(folder)
    assert [d.num_examples for d in mnist] == [20, 10, 7]
    assert mnist.train.images.dtype == np.float32 and mnist.train.images.shape == (20, 20)
    np.testing.assert_allclose(mnist.train.images, IMAGES[10:].reshape(20, 20) / 255, rtol=1e-6)
    np.testing.assert_array_equal(mnist.validation.labels, LABELS[:10])
    np.testing.assert_array_equal(mnist.test.labels, LABELS[:7])


def test_one_hot_bytes_and_pictures(folder):
    mnist = read(folder, one_hot=True, dtype=tf.uint8, reshape=False, validation_size=0)
    np.testing.assert_array_equal(mnist.train.images[..., 0], IMAGES)
    np.testing.assert_array_equal(mnist.train.labels, np.eye(10)[LABELS])
    assert mnist.validation.images.shape == (0, 4, 5, 1) and mnist.train.labels.dtype == np.float64


def test_files_that_are_not_compressed(folder):
    for path in folder.iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert read(str(folder)).test.num_examples == 7


def test_names_of_tensorflow(folder):
    assert tf.examples.tutorials.mnist.input_data is input_data
    assert tf.examples.tutorials.mnist.input_data.read_data_sets is input_data.read_data_sets


def test_batches_in_order_and_across_an_epoch():
    data = DataSet(IMAGES[:10, :, :, None], np.arange(10))
    assert data.next_batch(4, shuffle=False)[1].tolist() == [0, 1, 2, 3]
    assert data.next_batch(4, shuffle=False)[1].tolist() == [4, 5, 6, 7]
    assert data.epochs_completed == 0
    images, labels = data.next_batch(4, shuffle=False)
    assert labels.tolist() == [8, 9, 0, 1] and data.epochs_completed == 1
    np.testing.assert_allclose(images, IMAGES[[8, 9, 0, 1]].reshape(4, 20) / 255, rtol=1e-6)
    assert data.next_batch(25, shuffle=False)[1].tolist() == [(2 + k) % 10 for k in range(25)]
    assert data.epochs_completed == 3


def test_an_epoch_ends_with_its_last_image():
    data = DataSet(IMAGES[:10, :, :, None], np.arange(10))
    data.next_batch(10, shuffle=False)
    assert data.epochs_completed == 0
    assert data.next_batch(2, shuffle=False)[1].tolist() == [0, 1] and data.epochs_completed == 1


def test_shuffled_as_numpys_global_generator_does():
    data = DataSet(IMAGES[:, :, :, None], np.arange(30), seed=3)
    batches = [data.next_batch(12)[1] for _ in range(3)]
    np.random.seed(3)
    first = np.arange(30)
    np.random.shuffle(first)
    again = np.arange(30)
    np.random.shuffle(again)
    assert np.concatenate(batches).tolist() == first.tolist() + first[again][:6].tolist()
    for image, label in zip(*data.next_batch(5)):
        np.testing.assert_allclose(image, IMAGES[label].ravel() / 255, rtol=1e-6)


def test_the_graphs_seed_decides_the_order(folder):
    def order(**options):
        return read(folder, **options).train.next_batch(20)[0].tolist()

    tf.set_random_seed(5)
    assert order() == order() == order(seed=5) != order(seed=6)


def test_fake_data():
    mnist = input_data.read_data_sets("nowhere", fake_data=True, one_hot=True)
    images, labels = mnist.train.next_batch(2)
    assert images == [[1] * 784] * 2 and labels == [[1] + [0] * 9] * 2 and mnist.train.num_examples == 10000


def test_missing_file_says_what_is_needed_and_where_it_is(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(NotFoundError) as error:
        read(folder)
    parts = ("no t10k-labels-idx1-ubyte.gz in", str(folder), "https://", "source_url=", "train-images-idx3-ubyte.gz")
    for words in (*parts, "at test_input_data.py"):
        assert words in str(error.value)


@pytest.mark.parametrize("damage, words", [
    (lambda b: b[:-3], "header says 30 x 4 x 5 = 600 bytes, but 597 follow: it is truncated"),
    (lambda b: b + b"xx", "602 follow: there is something behind them"),
    (lambda b: b[:9], "has 9 bytes, its header alone needs 16"),
    (lambda b: b"", "has 0 bytes"),
    (lambda b: struct.pack(">I", 2049) + b[4:], "magic number is 2049, not 2051: this is no IDX file of images"),
    (lambda b: struct.pack(">IIII", 2051, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b[16:], "but 600 follow"),
    (lambda b: b"<html>not found</html>", "this is no IDX file of images"),
])  # fmt: skip
def test_damaged_files(folder, damage, words):
    path = folder / input_data.TRAIN_IMAGES
    path.write_bytes(gzip.compress(damage(gzip.decompress(path.read_bytes()))))
    with pytest.raises(FormatError, match="damaged") as error:
        read(folder)
    assert words in str(error.value) and input_data.TRAIN_IMAGES in str(error.value)


@pytest.mark.parametrize("cut", [3, 15, 100, -1, -9])
def test_download_that_was_cut_short(folder, cut):
    path = folder / input_data.TRAIN_IMAGES
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FormatError, match="damaged"):
        read(folder)


def test_every_changed_byte_of_the_compressed_part_is_noticed_or_harmless(folder):
    path = folder / input_data.TRAIN_LABELS
    good, wanted = path.read_bytes(), read_idx(path, 1)
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x11]) + good[at + 1 :])
        try:
            np.testing.assert_array_equal(read_idx(path, 1), wanted)
        except FormatError as error:
            assert "damaged" in str(error)


def test_misuse(folder):
    with pytest.raises(UsageError, match="between 0 and 30. Received: 5000.*validation_size="):
        input_data.read_data_sets(folder)
    with pytest.raises(DtypeError, match="'float64', expected uint8 or float32"):
        read(folder, dtype=tf.float64)
    with pytest.raises(ShapeError, match="4 images but 3 labels"):
        DataSet(IMAGES[:4, :, :, None], LABELS[:3])
    with pytest.raises(ShapeError, match=r"needs images \[n, rows, columns, 1\]"):
        DataSet(IMAGES, LABELS)
    data = DataSet(IMAGES[..., None], LABELS)
    for size in (-1, 2.5, "3", None, True):
        with pytest.raises(UsageError, match="batch size must be a whole number"):
            data.next_batch(size)
    with pytest.raises(UsageError, match="has no images"):
        DataSet(IMAGES[:0, :, :, None], LABELS[:0]).next_batch(1)
    with pytest.raises(UsageError, match="label 11 is not between 0 and 9"):
        input_data.dense_to_one_hot([3, 11])


def test_write_and_read(tmp_path):
    for name in ("plain", "small.gz"):
        write_idx(tmp_path / name, IMAGES)
        np.testing.assert_array_equal(read_idx(tmp_path / name, 3), IMAGES)
    with pytest.raises(FormatError, match="uint8 is needed, got float64"):
        write_idx(tmp_path / "other", np.zeros(3))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plain", "small.gz"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_downloads_when_asked(folder, tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        assert read(tmp_path / "new", source_url=url).train.num_examples == 20
        with pytest.raises(NotFoundError, match="could not be downloaded: HTTP Error 404"):
            read(tmp_path / "newer", source_url=url + "elsewhere")
        server.shutdown()
    assert not list((tmp_path / "newer").iterdir())
    assert read(tmp_path / "new", source_url=url).test.num_examples == 7  # they are there: nothing is downloaded
    with pytest.raises(NotFoundError, match="could not be downloaded: unknown url type"):
        read(tmp_path / "other", source_url="no address")
