"""TensorFlow 2's summaries: what is written, as TensorFlow writes it, at which step, and to which writer."""

import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest

import graphc as tf
from graphc import errors
from graphc.api.mode import MODE
from graphc.api.summary.event_file import summary_iterator
from graphc.api.summary.state import STATE
from graphc.prims import tensor_proto

pytest.importorskip("tensorboardX", reason="writing event files needs tensorboardX")


@pytest.fixture(autouse=True)
def fresh_state():
    MODE.choose(None)
    yield
    STATE.writer = STATE.step = STATE.recording = None


@pytest.fixture
def writer(tmp_path):
    made = tf.summary.create_file_writer(str(tmp_path))
    yield made
    made.close()


def events(folder) -> list:
    return [e for path in sorted(Path(folder).iterdir()) for e in summary_iterator(path)][1:]


def written(folder) -> list:
    """Step, tag, plugin and array of every value."""
    values = [(e.step, v) for e in events(folder) for v in e.summary.value]
    return [(step, v.tag, v.metadata.plugin_data.plugin_name, tensor_proto.read(v.tensor.SerializeToString()))
            for step, v in values if v.HasField("tensor")]  # fmt: skip


def test_the_bytes_of_a_scalar_are_tensorflows(writer, tmp_path):
    with writer.as_default(), tf.name_scope("sc"):
        assert tf.summary.scalar("a b", 1.5, step=3, description="d").numpy()
    (event,) = events(tmp_path)
    assert event.step == 3 and event.summary.SerializeToString() == \
        b'\n$\n\x06sc/a bB\n\x08\x01\x12\x00"\x04\x00\x00\xc0?J\x0e\n\t\n\x07scalars\x1a\x01d'  # fmt: skip
    assert os.listdir(tmp_path)[0].endswith(".v2")


def test_a_histogram_has_buckets_of_equal_width(writer, tmp_path):
    with writer.as_default(step=1):
        tf.summary.histogram("h", np.arange(100.0) ** 2)
        tf.summary.histogram("one value", [2.0, 2.0], buckets=3)
        tf.summary.histogram("empty", np.zeros(0))
        tf.summary.histogram("whole", tf.constant([1, 2, 2, 5]), buckets=2)
    found = {tag: array for _, tag, plugin, array in written(tmp_path) if plugin == "histograms"}
    counts, edges = np.histogram(np.arange(100.0) ** 2, 30)
    np.testing.assert_allclose(found["h"], np.stack([edges[:-1], edges[1:], counts], 1), rtol=1e-12)
    assert found["one value"].tolist() == [[2, 2, 0], [2, 2, 0], [2, 2, 2]]
    assert found["empty"].shape == (30, 3) and not found["empty"].any()
    assert found["whole"].tolist() == [[1, 3, 3], [3, 5, 1]]


def test_images_sounds_and_texts(writer, tmp_path):
    pixels = np.linspace(0, 1.2, 24).reshape(2, 2, 2, 3).astype(np.float32)
    with writer.as_default(step=1):
        tf.summary.image("i", pixels, max_outputs=1)
        tf.summary.image("u8", np.arange(8, dtype=np.uint8).reshape(2, 1, 4, 1))
        tf.summary.audio("a", np.linspace(-1, 1, 12).reshape(2, 3, 2).astype(np.float32), 16000)
        tf.summary.text("t", ["x", "y\0"])
        tf.summary.text("one", "hello")
    found = {tag: (plugin, array) for _, tag, plugin, array in written(tmp_path)}
    assert found["i"][0] == "images" and found["i"][1][:2].tolist() == [b"2", b"2"] and len(found["i"][1]) == 3
    assert len(found["u8"][1]) == 4 and found["u8"][1][:2].tolist() == [b"4", b"1"]
    image = pytest.importorskip("PIL.Image")
    shown = np.asarray(image.open(io.BytesIO(found["i"][1][2])))
    np.testing.assert_array_equal(shown, np.trunc(pixels[0] * 255.5))
    plugin, sounds = found["a"]
    assert plugin == "audio" and sounds.shape == (2, 2) and sounds[0, 0][:4] == b"RIFF" and sounds[1, 1] == b""
    (event,) = [e for e in events(tmp_path) if e.summary.value[0].tag == "a"]
    assert event.summary.value[0].metadata.plugin_data.content == b"\x10\x0b"
    assert found["t"][1].tolist() == [b"x", b"y\0"] and found["one"][1].item() == b"hello"


def test_steps(writer, tmp_path):
    with writer.as_default():
        tf.summary.experimental.set_step(5)
        tf.summary.scalar("x", 1.0)
        tf.summary.scalar("x", 1.0, step=6)
        counter = tf.Variable(7, dtype="int64")
        tf.summary.experimental.set_step(counter)
        tf.summary.scalar("x", 1.0)
        counter.assign_add(1)
        tf.summary.scalar("x", 1.0)
        assert tf.summary.experimental.get_step() is counter
    with writer.as_default(step=20):
        tf.summary.scalar("x", 1.0)
    assert tf.summary.experimental.get_step() is counter
    assert [step for step, *_ in written(tmp_path)] == [5, 6, 7, 8, 20]


def test_whether_anything_is_written(writer, tmp_path):
    assert not tf.summary.should_record_summaries().numpy()
    assert not tf.summary.scalar("nowhere", 1.0).numpy(), "no writer: nothing happens, not even without a step"
    with writer.as_default(step=0):
        assert tf.summary.should_record_summaries().numpy()
        conditions = (True, False, lambda: True, lambda: False, tf.constant(False), tf.constant(True))
        for k, condition in enumerate(conditions):
            with tf.summary.record_if(condition):
                wanted = bool(condition()) if callable(condition) else bool(condition)
                assert bool(tf.summary.scalar("x", float(k), step=k)) is wanted
                assert bool(tf.summary.should_record_summaries()) is wanted
        assert tf.summary.scalar("x", 9.0, step=9).numpy()
    assert [step for step, *_ in written(tmp_path)] == [0, 2, 5, 9]


def test_writers_inside_of_each_other(tmp_path):
    outer, inner = (tf.summary.create_file_writer(tmp_path / name) for name in ("outer", "inner"))
    outer.set_as_default(step=1)
    tf.summary.scalar("a", 1.0)
    with inner.as_default():
        tf.summary.scalar("b", 1.0)
        with tf.summary.create_noop_writer().as_default():
            tf.summary.scalar("c", 1.0)
    tf.summary.scalar("d", 1.0)
    tf.summary.flush()
    tf.summary.flush(inner)
    assert [tag for _, tag, *_ in written(tmp_path / "outer")] == ["a", "d"]
    assert [tag for _, tag, *_ in written(tmp_path / "inner")] == ["b", "c"]
    outer.close(), inner.close()


def test_a_thread_has_its_own_writer(writer):
    seen = []
    with writer.as_default(step=1):
        thread = threading.Thread(target=lambda: seen.append(bool(tf.summary.scalar("x", 1.0, step=1))))
        thread.start()
        thread.join()
    assert seen == [False]


def test_a_closed_writer(writer, tmp_path):
    writer.init()
    writer.close()
    writer.close()
    writer.flush()
    for use in (writer.as_default, writer.set_as_default, writer.init):
        with pytest.raises(errors.FailedPreconditionError, match="the writer is already closed"):
            use()


def test_write_and_raw_messages(writer, tmp_path):
    with writer.as_default(step=2):
        made = []
        assert tf.summary.write("tag", tf.constant([1, 2]), metadata=b"\n\x07\n\x05mine!")
        assert tf.summary.write("later", lambda: made.append(1) or tf.constant(3.0))
        with tf.summary.record_if(False):
            tf.summary.write("never", lambda: made.append(2))
        assert made == [1]
        assert tf.summary.experimental.write_raw_pb(b"\n\x07\n\x05plain")
        with tf.summary.experimental.summary_scope("name!", values=[]) as (tag, _):
            assert tag == "name!"
    assert [(s, t, p) for s, t, p, *_ in written(tmp_path)] == [(2, "tag", "mine!"), (2, "later", "")]
    assert events(tmp_path)[-1].summary.value[0].tag == "plain"


def test_what_is_traced_is_written_when_it_runs(writer, tmp_path):
    import graphc.v1 as tf1

    with tf1.Graph().as_default(), writer.as_default():
        x = tf1.placeholder(tf1.float32, [])
        done = tf.summary.scalar("traced", x * 2.0, step=4)
        assert tf1.summary.all_v2_summary_ops() == [done]
        with tf1.Session() as sess:
            assert [sess.run(done, {x: v}) for v in (1.0, 2.0)] == [True, True]
    assert [(s, t, a.item()) for s, t, _, a in written(tmp_path)] == [(4, "traced", 2.0), (4, "traced", 4.0)]


@pytest.mark.parametrize("make, kind, words", [
    (lambda s: s.scalar("n", 1.0), errors.UsageError, "no step is set; pass step"),
    (lambda s: s.scalar("n", [1.0], step=1), errors.ShapeError, r"rank 0, got shape \[1\]"),
    (lambda s: s.scalar("n", "x", step=1), errors.DtypeError, "needs a number"),
    (lambda s: s.scalar(None, 1.0, step=1), errors.UsageError, "name must be a string"),
    (lambda s: s.scalar("n", 1.0, step=[1, 2]), errors.UsageError, "step must be one number"),
    (lambda s: s.text("n", 1.0, step=1), errors.DtypeError, "needs strings, got float32"),
    (lambda s: s.image("n", 1.0, step=1), errors.ShapeError, "rank 4"),
    (lambda s: s.audio("n", np.zeros((1, 2, 1), "f"), 8000, step=1, encoding="mp3"), errors.UsageError, "'mp3'"),
    (lambda s: s.graph(3), errors.UsageError, "needs a graph or a GraphDef, got 3"),
    (lambda s: s.flush(3), errors.UsageError, "needs a summary writer, got 3"),
])  # fmt: skip
def test_what_cannot_be_written(writer, make, kind, words):
    with writer.as_default():
        with pytest.raises(kind, match=words):
            make(tf.summary)


def test_folders_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.FailedPreconditionError, match="create_file_writer: .* of that name is in the way"):
        tf.summary.create_file_writer(tmp_path / "file")
    with pytest.raises(errors.UsageError, match="logdir must be the name of a folder, got None"):
        tf.summary.create_file_writer(None)


def test_traces_are_refused_clearly(writer):
    with pytest.raises(errors.UsageError, match="call tf.summary.trace_on first"):
        tf.summary.trace_export("t", step=0)
    tf.summary.trace_on()
    with pytest.warns(errors.GraphcWarning, match="nothing was written; a function's"):
        tf.summary.trace_export("t", step=0)
    tf.summary.trace_off()
