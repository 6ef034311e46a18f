"""Profiles: what ran, what was compiled, annotations, and the files that Chrome and TensorBoard read."""

import gzip
import json
import threading

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as v1
from graphc.api.evaluation import Evaluator
from graphc.api.function.running import Runner
from graphc.api.programs import Programs
from graphc.errors import AlreadyExistsError, UnavailableError, UsageError
from graphc.runtime.stages import WATCHERS

profiler = tf.profiler.experimental


def events(logdir, category=None):
    """The events of a category in the order in which they began."""
    found = json.loads((logdir / "trace.json").read_text())["traceEvents"]
    return [e for e in found if e["ph"] == "X" and category in (None, e["cat"])]


def names(logdir, category):
    return [e["name"] for e in events(logdir, category)]


def test_a_profile_of_eager_code(tmp_path):
    x = tf.constant(np.arange(6, dtype=np.float32).reshape(2, 3))
    with profiler.Profile(str(tmp_path)):
        for step in range(2):
            with profiler.Trace("train", step_num=step, _r=1) as trace:
                y = tf.nn.softmax(x @ tf.transpose(x)).numpy()
                trace.set_metadata(examples=2)
    assert np.allclose(y.sum(1), 1)
    assert [e["args"] for e in events(tmp_path, "annotation")] == [{"step_num": k, "examples": 2} for k in range(2)]
    runs = names(tmp_path, "run")
    assert len(runs) == 2 and all("eager at test_profiler.py:" in name for name in runs)
    assert {"compile eager", "optimise", "lower", "emit", "machine code"} <= set(names(tmp_path, "compile"))
    steps = events(tmp_path, "step")
    assert steps and any(e["args"]["line"].startswith("test_profiler.py:") for e in steps)
    for run in events(tmp_path, "run"):
        train = next(e for e in events(tmp_path, "annotation") if e["ts"] <= run["ts"] <= e["ts"] + e["dur"])
        assert run["ts"] + run["dur"] <= train["ts"] + train["dur"]


def test_both_files_hold_the_same_trace(tmp_path):
    profiler.start(tmp_path)
    with profiler.Trace("alone"):
        pass
    assert profiler.stop() is None
    (packed,) = (tmp_path / "plugins" / "profile").glob("*/*.trace.json.gz")
    trace = json.loads(gzip.decompress(packed.read_bytes()))
    assert trace == json.loads((tmp_path / "trace.json").read_text())
    for event in trace["traceEvents"]:
        assert event["ph"] in "MX" and {"pid", "name", "args"} <= event.keys()
        assert event["ph"] == "M" or (event["dur"] > 0 and event["ts"] > 1.6e15)
    named = {(e["pid"], e["args"]["name"]) for e in trace["traceEvents"] if e["name"] == "process_name"}
    assert named == {(1, "/host:CPU"), (2, "/device:CPU:0")}


def test_functions_are_recorded_and_compute_the_same(tmp_path):
    w = tf.Variable([2.0, 3.0])

    @tf.function
    def step(x):
        w.assign_sub(0.1 * x * w)
        return tf.reduce_sum(w)

    def run(count):
        return [float(step(tf.constant([1.0, 2.0]))) for _ in range(count)]

    expected = run(6)
    w.assign([2.0, 3.0])
    found = run(2)
    with profiler.Profile(tmp_path):
        found += run(2)
    assert "function step" in names(tmp_path, "run") and len(names(tmp_path, "run")) == 2
    assert names(tmp_path, "step")
    found += run(2)
    assert np.allclose(found, expected, rtol=1e-6)
    assert step.get_concrete_function(tf.constant([1.0, 2.0])).runner.call.__class__.__name__ != "function"


def test_sessions_are_recorded_by_operation(tmp_path):
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(v1.float32, [None, 3])
        y = v1.nn.softmax(x, name="answer")
        with profiler.Profile(tmp_path):
            out = session.run(y, {x: np.ones((2, 3))})
            metadata = v1.RunMetadata()
            session.run(y, {x: np.ones((2, 3))}, v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE), metadata)
    assert np.allclose(out, 1 / 3) and metadata.step_stats.dev_stats
    assert names(tmp_path, "run").count("session run") == 2 and "answer" in names(tmp_path, "step")


def test_steps_can_be_left_out(tmp_path):
    x = tf.constant([1.0, 2.0])
    with profiler.Profile(tmp_path, profiler.ProfilerOptions(device_tracer_level=0)):
        (x * 3.0).numpy()
    assert names(tmp_path, "run") and not names(tmp_path, "step") and not names(tmp_path, "profiler")
    with profiler.Profile(tmp_path, profiler.ProfilerOptions(host_tracer_level=0)):
        (x * 3.0).numpy()
    assert names(tmp_path, "step") and not names(tmp_path, "run")


def test_threads_have_rows_of_their_own(tmp_path):
    def work():
        with profiler.Trace("beside"):
            (tf.constant([1.0]) + 1.0).numpy()

    with profiler.Profile(tmp_path):
        thread = threading.Thread(target=work, name="worker")
        thread.start()
        thread.join()
        with profiler.Trace("main"):
            pass
    rows = {e["name"]: e["tid"] for e in events(tmp_path, "annotation")}
    assert rows["beside"] != rows["main"]
    found = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {"worker", "MainThread"} <= {e["args"]["name"] for e in found if e["name"] == "thread_name"}


def test_nothing_is_watched_while_no_profile_is_on(tmp_path):
    watched = [(Evaluator, "arrays"), (Programs, "run"), (Runner, "refresh"), (v1.Session, "run")]
    before, watchers = [vars(owner)[method] for owner, method in watched], list(WATCHERS)
    with profiler.Trace("ignored", step_num=1):
        pass
    with profiler.Profile(tmp_path):
        assert [vars(owner)[method] for owner, method in watched] != before and WATCHERS != watchers
    assert [vars(owner)[method] for owner, method in watched] == before and WATCHERS == watchers
    assert not events(tmp_path, "annotation")


def test_an_error_inside_ends_the_profile(tmp_path):
    with pytest.raises(ZeroDivisionError), profiler.Profile(tmp_path):
        with profiler.Trace("broken"):
            1 / 0
    assert names(tmp_path, "annotation") == ["broken"]
    with pytest.raises(UnavailableError, match="no profile is on"):
        profiler.stop()


def test_misuse(tmp_path):
    with pytest.raises(UsageError, match="logdir must be the name of a folder, got 3"):
        profiler.start(3)
    with pytest.raises(UsageError, match="options must be ProfilerOptions"):
        profiler.start(tmp_path, {"level": 1})
    profiler.start(tmp_path)
    with pytest.raises(AlreadyExistsError, match="another profile is on"):
        profiler.start(tmp_path)
    profiler.stop(save=False)
    assert not list(tmp_path.iterdir())
    file = tmp_path / "file"
    file.write_text("")
    profiler.start(file)
    with pytest.raises(tf.errors.NotFoundError, match="profiler.stop"):
        profiler.stop()
    for refused in (lambda: profiler.server.start(6009), lambda: profiler.client.monitor("grpc://x", 10),
                    lambda: profiler.client.trace("grpc://x", "logs", 10)):  # fmt: skip
        with pytest.raises(UnavailableError, match="made by the program itself"):
            refused()


def test_summary_traces_write_a_profile(tmp_path):
    with pytest.raises(UsageError, match="profiler_outdir"):
        tf.summary.trace_on(profiler=True)
    tf.summary.trace_on(profiler=True, profiler_outdir=str(tmp_path))
    (tf.constant([1.0, 2.0]) - 5.0).numpy()
    tf.summary.trace_export("run", step=0)
    assert names(tmp_path, "run")
    (tmp_path / "trace.json").unlink()
    tf.summary.trace_on(profiler=True, profiler_outdir=str(tmp_path))
    tf.summary.trace_off()
    assert not (tmp_path / "trace.json").exists()
    with pytest.raises(UnavailableError):
        profiler.stop()
