"""Summaries of TensorFlow 1: the very bytes that TensorFlow makes, their names, event files and their writers."""

import base64
import gc
import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from evaluation import eagerly

import graphc.v1 as tf
from graphc import errors
from graphc.v1.graph_def.read import import_graph_def
from graphc.v1.graph_def.write import as_graph_def

EXPECTED = json.loads((Path(__file__).parent / "summaries.json").read_text())  # recorded from TensorFlow 2.21


def program(text: str, *arguments) -> subprocess.CompletedProcess:
    """Run a program of its own."""
    paths = [str(Path(tf.__file__).parents[2]), *filter(None, sys.path)]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(paths))
    return subprocess.run([sys.executable, "-c", text, *arguments], capture_output=True, text=True, env=environment,
                          timeout=60, check=False)  # fmt: skip


def value_of(tensor, feeds=None):
    with tf.Session() as sess:
        return sess.run(tensor, feeds)


def parsed(content):
    return tf.Summary.FromString(content)


def event_files(folder) -> list[str]:
    return sorted(str(p) for p in Path(folder).iterdir())


def events(folder) -> list:
    return [e for path in event_files(folder) for e in tf.train.summary_iterator(path)]


# ------------------------------------------------------------------------------------------------ values


@pytest.mark.parametrize("expression", EXPECTED["bytes"])
def test_the_bytes_are_tensorflows(expression):
    found = value_of(eval(expression, {"tf": tf, "np": np}))
    assert found == base64.b64decode(EXPECTED["bytes"][expression])


@pytest.mark.parametrize("expression", EXPECTED["pixels"])
def test_the_pixels_are_tensorflows(expression):
    pytest.importorskip("PIL")
    found = parsed(value_of(eval(expression, {"tf": tf, "np": np})))
    wanted = EXPECTED["pixels"][expression]
    assert len(found.value) == len(wanted)
    for value, (tag, *sizes, pixels) in zip(found.value, wanted):
        image = value.image
        assert (value.tag, image.height, image.width, image.colorspace) == (tag, *sizes)
        assert value_of(tf.image.decode_png(image.encoded_image_string)).ravel().tolist() == pixels


def test_names_scopes_and_collections():
    first, second = tf.summary.scalar("loss", 1.0), tf.summary.scalar("loss", 2.0)
    with tf.name_scope("train"):
        third = tf.summary.scalar("acc", 0.5)
        fourth = tf.summary.scalar("acc", 0.25, family="fam ily")
    hidden = tf.summary.histogram("w", [1.0], collections=["mine"])
    assert [t.name for t in (first, second, third, fourth)] == \
        ["loss:0", "loss_1:0", "train/acc:0", "train/fam_ily/acc:0"]  # fmt: skip
    assert [t.name for t in first.op.inputs] == ["loss/tags:0", "loss/values:0"]
    assert [t.name for t in hidden.op.inputs] == ["w/tag:0", "w/values:0"]
    assert (first.op.type, hidden.op.type, first.dtype, first.shape.as_list()) == \
        ("ScalarSummary", "HistogramSummary", tf.string, [])  # fmt: skip
    assert parsed(value_of(fourth)).value[0].tag == "fam_ily/train/fam_ily/acc"
    assert tf.get_collection(tf.GraphKeys.SUMMARIES) == [first, second, third, fourth]
    assert tf.get_collection("mine") == [hidden]
    merged = tf.summary.merge_all()
    assert (merged.name, merged.op.type) == ("Merge/MergeSummary:0", "MergeSummary")
    tags = ["loss", "loss_1", "train/acc", "fam_ily/train/fam_ily/acc"]
    assert [v.tag for v in parsed(value_of(merged)).value] == tags
    assert tf.summary.merge([first], name="mm").name == "mm/mm:0"
    assert parsed(value_of(tf.summary.merge_all(scope="train"))).value[0].tag == "train/acc"
    assert [v.tag for v in parsed(value_of(tf.summary.merge_all("mine"))).value] == ["w"]
    assert tf.summary.merge_all("nothing") is None


_NUMBERS = "float16 bfloat16 float32 float64 int8 uint8 int16 uint16 int32 uint32 int64 uint64".split()


@pytest.mark.parametrize("dtype", _NUMBERS)
def test_every_type_of_numbers(dtype):
    x = tf.cast(tf.constant([1.0, 2.0, 5.0]), dtype)
    assert parsed(value_of(tf.summary.scalar("s", x[2]))).value[0].simple_value == 5.0
    found = parsed(value_of(tf.summary.histogram("h", x))).value[0].histo
    assert (found.min, found.max, found.num, found.sum, found.sum_squares) == (1.0, 5.0, 3.0, 8.0, 30.0)
    assert sum(found.bucket) == 3.0


def test_an_illegal_name_is_told(caplog):
    with caplog.at_level(logging.INFO, "graphc"):
        tf.summary.scalar("my loss", 1.0)
    assert "Summary name my loss is illegal; using my_loss instead." in caplog.text


def test_old_names():
    with tf.Graph().as_default():
        one = tf.scalar_summary("a tag", 2.0)
        many = tf.scalar_summary(["x", "y"], [1.0, 2.0])
        tf.histogram_summary("h", [1.0])
        tf.image_summary("i", np.zeros((1, 2, 2, 1), np.uint8))
        merged = tf.merge_all_summaries()
        found = parsed(value_of(merged)).value
        assert [v.tag for v in found] == ["a tag", "x", "y", "h", "i/image/0"]
        assert [v.simple_value for v in found[:3]] == [2.0, 1.0, 2.0]
        assert one.op.type == many.op.type == "ScalarSummary"
        assert value_of(tf.merge_summary([one])) == value_of(one)


def test_unknown_ranks_and_fed_values():
    p = tf.placeholder(tf.float32)
    loss, spread = tf.summary.scalar("loss", p), tf.summary.histogram("spread", p)
    with tf.Session() as sess:
        for value in (1.5, 2.5):
            assert parsed(sess.run(loss, {p: value})).value[0].simple_value == value
        assert parsed(sess.run(spread, {p: np.ones((3, 2))})).value[0].histo.num == 6


@pytest.mark.parametrize("make, words", [
    (lambda: tf.summary.scalar("s", [1.0, 2.0]), r"needs one value, .* \[\] and \[2\] \(tag 's'\)"),
    (lambda: tf.summary.histogram("h", [[1.0, np.nan]]), r"NaN in a histogram summary, tag 'h': the first at \(0, 1\)"),
    (lambda: tf.summary.histogram("h", [np.inf]), "Infinity in a histogram summary"),
    (lambda: tf.summary.image("i", np.zeros((2, 2, 2, 2), "f")), r"4-D tensor .*1, 3 or 4, not \[2,2,2,2\]"),
    (lambda: tf.summary.image("i", np.zeros((2, 2), "f")), r"not \[2,2\]"),
    (lambda: tf.summary.audio("a", np.zeros(3, "f"), 1.0), r"2-D or 3-D tensor, not \[3\]"),
    (lambda: tf.summary.merge([tf.summary.scalar("a", 1.0)] * 2), "two of the summaries have the tag 'a'"),
])  # fmt: skip
def test_what_cannot_be_summarised_while_running(make, words):
    with pytest.raises(errors.InvalidArgumentError, match=words):
        value_of(make())


@pytest.mark.parametrize("make, words", [
    (lambda: tf.summary.scalar("s", "text"), "scalar summary: string"),
    (lambda: tf.summary.scalar("s", True), "scalar summary: b1"),
    (lambda: tf.summary.histogram("s", ["text"]), "histogram summary: string"),
    (lambda: tf.summary.image("s", np.zeros((1, 2, 2, 1), np.int64)), "image summary: i64"),
    (lambda: tf.summary.text("s", tf.constant(1)), "expected strings, got Const:0 of dtype int32"),
    (lambda: tf.summary.merge([tf.constant(1.0)]), "merge: a summary: f32"),
])  # fmt: skip
def test_wrong_dtypes(make, words):
    with pytest.raises(errors.DtypeError, match=words):
        make()


@pytest.mark.parametrize("make, words", [
    (lambda: tf.summary.merge([]), "inputs is empty"),
    (lambda: tf.summary.merge(tf.constant("")), "needs a list of summaries"),
    (lambda: tf.summary.scalar(None, 1.0), "a name is missing"),
    (lambda: tf.summary.scalar(3, 1.0), "a name must be a string, got 3"),
    (lambda: tf.summary.image("i", np.zeros((1, 2, 2, 1), "f"), max_outputs=0), "at least 1, got 0"),
])  # fmt: skip
def test_impossible_calls(make, words):
    with pytest.raises(errors.UsageError, match=words):
        make()


def test_summary_description():
    node = tf.NodeDef(op="TensorSummary", name="n")
    node.attr["description"].s = b'{ "typeHint": "hint" }'
    assert tf.summary.get_summary_description(node).type_hint == "hint"
    with pytest.raises(errors.UsageError, match="Add is no TensorSummary"):
        tf.summary.get_summary_description(tf.NodeDef(op="Add"))
    node.attr["description"].s = b"?"
    with pytest.raises(errors.FormatError, match="no readable description"):
        tf.summary.get_summary_description(node)


def test_training_is_compiled_where_summaries_are_fetched_along():
    """The numbers of a step do not change when summaries are fetched, and they go through one program."""
    x = tf.placeholder(tf.float32, [None, 4])
    w = tf.Variable(np.arange(4, dtype=np.float32).reshape(4, 1))
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
    train = w.assign_sub(0.01 * tf.gradients(loss, w)[0])
    tf.summary.scalar("loss", loss)
    tf.summary.histogram("w", w)
    merged, data = tf.summary.merge_all(), np.random.RandomState(0).rand(8, 4).astype(np.float32)
    plain, with_summaries = tf.Session(), tf.Session()
    for sess in (plain, with_summaries):
        sess.run(tf.global_variables_initializer())
    for _ in range(5):
        expected = plain.run([train.op, loss], {x: data})[1]
        _, found, summary = with_summaries.run([train.op, loss, merged], {x: data})
        assert found == expected
        assert parsed(summary).value[0].simple_value == expected
    np.testing.assert_array_equal(plain.run(w), with_summaries.run(w))


def test_graphs_with_summaries_as_nodes():
    """The nodes are TensorFlow's, and graphs that are read back make the same summaries."""
    x = tf.placeholder(tf.float32, [], name="x")
    tf.summary.scalar("loss", x)
    tf.summary.histogram("h", tf.stack([x, x]))
    tf.summary.image("i", np.zeros((5, 2, 2, 1), np.float32), max_outputs=2)
    tf.summary.audio("a", np.zeros((1, 4), np.float32), 8000.0)
    tf.summary.text("t", tf.constant("hello"))
    merged = tf.summary.merge_all()
    nodes = as_graph_def(tf.get_default_graph())
    by_name = {n.name: n for n in nodes.node}
    assert by_name["loss"].attr["T"].type == by_name["h"].attr["T"].type == by_name["i"].attr["T"].type == 1
    assert by_name["t"].attr["T"].type == 7 and by_name["i"].attr["max_images"].i == 2
    assert by_name["a"].attr["max_outputs"].i == 3 and by_name["Merge/MergeSummary"].attr["N"].i == 5
    expected = value_of(merged, {x: 2.0})
    for node in nodes.node:
        for key in [k for k in node.attr if k.startswith("_graphc")]:
            del node.attr[key]  # as TensorFlow would have written them
    with tf.Graph().as_default():
        import_graph_def(nodes, name="")
        assert value_of("Merge/MergeSummary:0", {"x:0": 2.0}) == expected


# ------------------------------------------------------------------------------------------- event files

needs_writer = pytest.mark.usefixtures("writer_library")


@pytest.fixture
def writer_library():
    pytest.importorskip("tensorboardX", reason="writing event files needs tensorboardX")


@needs_writer
def test_what_is_written_is_read(tmp_path):
    summary = value_of(tf.summary.scalar("loss", 0.5))
    with tf.summary.FileWriter(str(tmp_path / "a" / "b"), filename_suffix=".end") as writer:
        assert writer.get_logdir() == str(tmp_path / "a" / "b")
        writer.add_summary(summary, 7)
        writer.add_summary(parsed(summary), global_step=np.int64(8))
        writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="own", simple_value=3.0)]))
        writer.add_event(tf.Event(step=11, summary=parsed(summary)))
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), 2)
        writer.add_run_metadata(tf.RunMetadata(), "step 1", 1)
        with pytest.raises(errors.UsageError, match="the tag 'step 1' was used before"):
            writer.add_run_metadata(tf.RunMetadata(), "step 1", 2)
    (path,) = event_files(tmp_path / "a" / "b")
    assert os.path.basename(path).startswith("events.out.tfevents.") and path.endswith(".end")
    head, *found = events(tmp_path / "a" / "b")
    assert head.file_version == "brain.Event:2" and head.wall_time > 1.6e9
    assert [e.step for e in found] == [7, 8, 0, 11, 2, 1]
    assert [e.WhichOneof("what") for e in found] == ["summary"] * 4 + ["session_log", "tagged_run_metadata"]
    assert found[0].summary.SerializeToString() == summary and found[2].summary.value[0].tag == "own"
    assert found[4].session_log.status == tf.SessionLog.START and found[5].tagged_run_metadata.tag == "step 1"


@needs_writer
def test_metadata_are_written_once_for_each_tag(tmp_path):
    text = value_of(tf.summary.text("notes", tf.constant("hello")))
    with tf.summary.FileWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_summary(text, step)
    found = [e.summary.value[0] for e in events(tmp_path)[1:]]
    assert [v.metadata.plugin_data.plugin_name for v in found] == ["text", "", ""]
    assert [v.tensor.string_val[0] for v in found] == [b"hello"] * 3


@needs_writer
def test_flush_close_and_reopen(tmp_path):
    summary, writer = value_of(tf.summary.scalar("loss", 0.5)), tf.summary.FileWriter(str(tmp_path))
    for step in range(3):
        writer.add_summary(summary, step)
    writer.flush()
    assert [e.step for e in events(tmp_path)[1:]] == [0, 1, 2]
    writer.close()
    writer.close()
    with pytest.warns(errors.GraphcWarning, match="it is closed, so nothing is written"):
        writer.add_summary(summary, 3)
    writer.reopen()
    writer.add_summary(summary, 4)
    writer.close()
    assert len(event_files(tmp_path)) == 2, "a new file, also within one second: nothing is overwritten"
    assert [e.step for e in events(tmp_path) if e.WhichOneof("what") == "summary"] == [0, 1, 2, 4]


@needs_writer
def test_a_writer_that_is_forgotten_loses_nothing(tmp_path):
    writer = tf.summary.FileWriter(str(tmp_path))
    for step in range(100):
        writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="x", simple_value=step)]), step)
    del writer
    gc.collect()
    assert [e.summary.value[0].simple_value for e in events(tmp_path)[1:]] == list(range(100))


@needs_writer
def test_a_program_that_ends_loses_nothing(tmp_path):
    text = """
import sys
import graphc.v1 as tf
writer = tf.summary.FileWriter(sys.argv[1])
for step in range(50):
    writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="x", simple_value=step)]), step)
raise SystemExit(3)
"""
    assert program(text, str(tmp_path)).returncode == 3
    assert [e.step for e in events(tmp_path)[1:]] == list(range(50))


@needs_writer
def test_many_threads_write(tmp_path):
    writer = tf.summary.FileWriter(str(tmp_path), flush_secs=0)

    def work(thread):
        for k in range(50):
            value = tf.Summary.Value(tag=f"t{thread}", simple_value=k)
            writer.add_summary(tf.Summary(value=[value]), thread * 1000 + k)

    threads = [threading.Thread(target=work, args=(t,)) for t in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    writer.close()
    found = [e.step for e in events(tmp_path)[1:]]
    assert sorted(found) == [t * 1000 + k for t in range(4) for k in range(50)]
    assert [s for s in found if s < 1000] == list(range(50)), "each thread's events are in order"


@needs_writer
def test_writers_are_shared(tmp_path):
    tf.summary.FileWriterCache.clear()
    writer = tf.summary.FileWriterCache.get(str(tmp_path))
    assert tf.summary.FileWriterCache.get(str(tmp_path)) is writer
    tf.summary.FileWriterCache.clear()
    with pytest.warns(errors.GraphcWarning):
        writer.flush()
    assert events(tmp_path)[1].WhichOneof("what") == "graph_def"


@needs_writer
def test_graphs_are_written(tmp_path):
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    with tf.name_scope("layer"):
        tf.matmul(x, tf.ones([2, 3]), name="product")
    graph = tf.get_default_graph()
    with tf.summary.FileWriter(tmp_path, graph) as writer:
        writer.add_graph(graph, 5)
        writer.add_graph(None, graph_def=as_graph_def(graph))
        with pytest.raises(errors.UsageError, match="not both"):
            writer.add_graph(graph, graph_def=as_graph_def(graph))
        with pytest.raises(errors.DtypeError, match="needs a tf.Graph"):
            writer.add_graph("graph")
        with pytest.raises(errors.DtypeError, match="needs a MetaGraphDef"):
            writer.add_meta_graph("graph")
    found = events(tmp_path)[1:]
    assert [e.WhichOneof("what") for e in found] == ["graph_def", "meta_graph_def", "graph_def", "graph_def"]
    names = {n.name: n.op for n in tf.GraphDef.FromString(found[0].graph_def).node}
    assert names["x"] == "Placeholder" and names["layer/product"] == "MatMul"
    meta = tf.MetaGraphDef.FromString(found[1].meta_graph_def)
    assert {n.name for n in meta.graph_def.node} == set(names)


@needs_writer
def test_what_is_no_summary(tmp_path):
    with tf.summary.FileWriter(tmp_path) as writer:
        for wrong, words in ((None, "merge_all.* answers with None"), (1.5, "got 1.5"), ("text", "got 'text'"),
                             (tf.constant("x"), "run it in a session")):  # fmt: skip
            with pytest.raises(errors.DtypeError, match=words):
                writer.add_summary(wrong)
        with pytest.raises(errors.FormatError, match="the bytes are no Summary"):
            writer.add_summary(b"\xff\xff\xff")
        with pytest.raises(errors.UsageError, match="global_step must be a number, got 'x'"):
            writer.add_summary(b"", "x")
    assert len(events(tmp_path)) == 1


@needs_writer
def test_folders_that_cannot_be_used(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below"):
        with pytest.raises(errors.FailedPreconditionError, match="a file of that name is in the way"):
            tf.summary.FileWriter(str(folder))
    for folder in ("", None, 3):
        with pytest.raises(errors.UsageError, match="logdir must be the name of a folder"):
            tf.summary.FileWriter(folder)


@needs_writer
def test_a_folder_without_permission(tmp_path, monkeypatch):
    def refused(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "makedirs", refused)
    with pytest.raises(errors.PermissionDeniedError, match="FileWriter: .*Permission denied"):
        tf.summary.FileWriter(str(tmp_path / "x"))


@needs_writer
def test_places_that_tensorboardx_knows(tmp_path, monkeypatch):
    """It writes to other places by the beginning of their names; no local folder is made for them."""
    from tensorboardX import record_writer

    class Place:
        def open(self, path):
            return open(tmp_path / path.rpartition("/")[2], "wb")

    monkeypatch.setitem(record_writer.REGISTERED_FACTORIES, "mine", Place())
    monkeypatch.chdir(tmp_path)
    with tf.summary.FileWriter("mine://logs/run") as writer:
        writer.add_summary(value_of(tf.summary.scalar("x", 1.0)), 3)
    assert len(event_files(tmp_path)) == 1 and [e.step for e in events(tmp_path)] == [0, 3]


_FULL = """
import resource, signal, sys, warnings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import graphc.v1 as tf
writer = tf.summary.FileWriter(sys.argv[1], flush_secs=0)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
summary = tf.Summary(value=[tf.Summary.Value(tag="x" * 1000, simple_value=1.0)])
told = 0
for step in range(40):
    try:
        writer.add_summary(summary, step)
    except tf.errors.ResourceExhaustedError as error:
        assert "File too large" in str(error) and "may be lost" in str(error) and "tfevents" in str(error), error
        told += 1
writer.close()
print("told", told)
"""


@needs_writer
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the size of files")
def test_a_full_disk_is_told_and_harms_nothing_else(tmp_path):
    done = program(_FULL, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) > 10 and not done.stderr
    found = tf.train.summary_iterator(event_files(tmp_path)[0])
    read = []
    with pytest.raises(errors.DataLossError):
        read.extend(iter(lambda: next(found), None))


def test_without_the_library(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.setitem(sys.modules, "tensorboardX.record_writer", None)
    with pytest.raises(errors.UnavailableError, match=r"needs tensorboardX: pip install 'graphc\[summary\]'"):
        tf.summary.FileWriter(str(tmp_path / "logs"))
    assert not (tmp_path / "logs").exists()


def test_reading_what_is_no_event_file(tmp_path):
    with pytest.raises(errors.NotFoundError):
        list(tf.train.summary_iterator(str(tmp_path / "nothing")))
    (tmp_path / "text").write_text("not an event file")
    with pytest.raises(errors.DataLossError):
        list(tf.train.summary_iterator(str(tmp_path / "text")))


def test_eager_evaluation_has_no_file_writer(tmp_path):
    with eagerly():
        with pytest.raises(errors.FailedPreconditionError, match="use tf.summary.create_file_writer"):
            tf.summary.FileWriter(str(tmp_path))
        found = parsed(tf.summary.scalar("loss", 2.0).numpy()).value[0]
        assert (found.tag, found.simple_value) == ("loss", 2.0)


@needs_writer
def test_eager_evaluation_forwards_to_the_writer_of_tensorflow_2(tmp_path):
    with eagerly():
        writer = tf.summary.create_file_writer(str(tmp_path))
        with writer.as_default(step=4):
            assert tf.summary.scalar("loss", 2.0).numpy() == b""
        writer.close()
    found = events(tmp_path)[1]
    assert (found.step, found.summary.value[0].tag) == (4, "loss")
