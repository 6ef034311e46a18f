"""TensorBoard itself reads what programs write: it is started and asked over HTTP."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pytest

import graphc
import graphc.v1 as tf

_PATIENCE = 60.0  # seconds until TensorBoard must answer; it takes about five
LOSSES = [1.0, 0.5, 0.25, 0.125]


class Board:
    """A running TensorBoard.

    Attributes:
        url: where it answers.
    """

    def __init__(self, logdir: str, log: str):
        self._log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "tensorboard.main", f"--logdir={logdir}", f"--port={port}", "--host=127.0.0.1",
                   "--load_fast=false", "--reload_interval=1"]  # fmt: skip
        environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", NO_PROXY="*", no_proxy="*")
        with open(log, "w", encoding="utf-8") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=logdir)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def output(self) -> str:
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def get(self, path: str, **query):
        """What it answers: JSON as values, other things as bytes."""
        url = f"{self.url}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        with self._opener.open(url, timeout=20) as answer:
            content = answer.read()
            return json.loads(content) if "json" in answer.headers.get("Content-Type", "") else content

    def wait_for(self, path: str, ready) -> object:
        """The first answer that is ``ready``.

        Raises:
            AssertionError: it ended, or the answer did not come in time; with what TensorBoard printed.
        """
        end, last = time.monotonic() + _PATIENCE, None
        while time.monotonic() < end:
            assert self._process.poll() is None, f"TensorBoard ended with {self._process.returncode}:\n{self.output()}"
            try:
                last = self.get(path)
                if ready(last):
                    return last
            except (OSError, urllib.error.URLError, ValueError) as error:
                last = error
            time.sleep(0.2)
        raise AssertionError(f"{path}: {last!r} after {_PATIENCE} seconds; TensorBoard printed:\n{self.output()}")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def write_version_1(folder: str) -> None:
    """A program of TensorFlow 1: a variable that is halved, and everything that can be summarised."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [], name="x")
        with tf.name_scope("halving"):
            w = tf.Variable(tf.ones([]) * 2.0, name="w")
            loss = tf.multiply(w, x, name="loss")
            step = w.assign(w * 0.5)
        tf.summary.scalar("loss", loss)
        tf.summary.histogram("spread", tf.stack([w * 0.0, w * 0.0, w * 0.0 + 1.0]))
        tf.summary.image("picture", np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3) * 20)
        tf.summary.text("note", tf.constant("some **text**"))
        merged = tf.summary.merge_all()
        with tf.Session() as sess, tf.summary.FileWriter(folder, graph) as writer:
            sess.run(tf.global_variables_initializer())
            for k in range(4):
                writer.add_summary(sess.run(merged, {x: 0.5}), k * 10)
                sess.run(step.op)


def write_version_2(folder: str) -> None:
    """A program of TensorFlow 2."""
    writer = graphc.summary.create_file_writer(folder)
    with writer.as_default():
        for k, loss in enumerate(LOSSES):
            graphc.summary.scalar("loss2", loss, step=k)
        graphc.summary.histogram("spread2", [0.0, 0.0, 4.0], step=1, buckets=2)
        graphc.summary.image("picture2", np.full((1, 2, 2, 1), 0.5, np.float32), step=1)
        graphc.summary.text("note2", "more", step=1)
    writer.close()


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    if importlib.util.find_spec("tensorboard") is None:
        pytest.skip("TensorBoard is not installed")
    pytest.importorskip("tensorboardX", reason="writing event files needs tensorboardX")
    logs = tmp_path_factory.mktemp("logs")
    write_version_1(str(logs / "one"))
    write_version_2(str(logs / "two"))
    started = Board(str(logs), str(tmp_path_factory.mktemp("out") / "log"))
    try:
        started.wait_for("/data/plugin/scalars/tags", lambda tags: {"one", "two"} <= set(tags)
                         and "loss" in tags["one"] and "loss2" in tags["two"])  # fmt: skip
        yield started
    finally:
        started.stop()


def test_scalars(board):
    found = board.get("/data/plugin/scalars/scalars", run="one", tag="loss")
    assert [(step, value) for _, step, value in found] == list(zip([0, 10, 20, 30], LOSSES))
    assert all(abs(wall - time.time()) < 600 for wall, _, _ in found)
    found = board.get("/data/plugin/scalars/scalars", run="two", tag="loss2")
    assert [(step, value) for _, step, value in found] == list(enumerate(LOSSES))


def test_histograms(board):
    tags = board.get("/data/plugin/histograms/tags")
    assert "spread" in tags["one"] and "spread2" in tags["two"]
    found = board.get("/data/plugin/histograms/histograms", run="one", tag="spread")
    assert [step for _, step, _ in found] == [0, 10, 20, 30]
    buckets = [b for b in found[0][2] if b[2]]
    assert sum(b[2] for b in buckets) == pytest.approx(3.0)
    assert buckets[0][0] <= 0.0 <= buckets[0][1] and buckets[-1][0] <= 1.0 <= buckets[-1][1]
    ((_, step, found),) = board.get("/data/plugin/histograms/histograms", run="two", tag="spread2")
    assert (step, found) == (1, [[0.0, 2.0, 2.0], [2.0, 4.0, 1.0]])


def test_images(board):
    tags = board.get("/data/plugin/images/tags")
    assert "picture/image/0" in tags["one"] and "picture2" in tags["two"]
    shown = board.get("/data/plugin/images/images", run="one", tag="picture/image/0", sample=0)
    assert len(shown) == 4 and [im["step"] for im in shown] == [0, 10, 20, 30]
    (one,) = board.get("/data/plugin/images/images", run="two", tag="picture2", sample=0)
    for image, pixels in ((shown[0], np.arange(12).reshape(2, 2, 3) * 20), (one, np.full((2, 2, 1), 127))):
        content = board.get(f"/data/plugin/images/individualImage?{image['query']}")
        with tf.Graph().as_default(), tf.Session() as sess:
            np.testing.assert_array_equal(sess.run(tf.image.decode_png(content)), pixels)


def test_texts(board):
    tags = board.get("/data/plugin/text/tags")
    assert "note" in tags["one"] and "note2" in tags["two"]
    found = board.get("/data/plugin/text/text", run="one", tag="note")
    assert [t["step"] for t in found] == [0, 10, 20, 30]
    assert "some <strong>text</strong>" in found[0]["text"]


def test_the_graph(board):
    info = board.wait_for("/data/plugin/graphs/info", lambda found: "one" in found)
    assert info["one"]["run_graph"]
    text = board.get("/data/plugin/graphs/graph", run="one").decode()
    for line in ('name: "x"', 'op: "Placeholder"', 'name: "halving/w"', 'name: "halving/loss"', 'op: "Mul"',
                 'op: "HistogramSummary"', 'input: "halving/loss"'):  # fmt: skip
        assert line in text, line
