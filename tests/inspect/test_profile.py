"""Profiles: every step is there, times add up, results have the same bits, and what is written can be read."""

import json
from dataclasses import replace

import numpy as np
import pytest
from page_models import unpacked

import graphc as tf
from graphc.aot import feeds
from graphc.cli import main
from graphc.compile import assemble, load
from graphc.errors import UsageError
from graphc.inspect import roofs as roofs_module
from graphc.inspect.profile import COPY, HOST, LAUNCH, profile
from graphc.inspect.roof_kernels import ROWS, STEPS, arithmetic, copying
from graphc.inspect.profile_view import kernel_times, profile_text, roof, table, trace_text
from graphc.inspect.roofs import Roofs, kind_of, roofs
from graphc.inspect.stages import Stages
from graphc.ir import dtype as dt
from graphc.ir.program import Launch, flat
from graphc.models.files import load_model
from graphc.options import Options
from graphc.runtime.host import host_target

MODEL = """
import graphc.v1 as tf

x = tf.placeholder(tf.float32, [None, 22], name="x")
y = tf.placeholder(tf.int64, [None], name="y")
w = tf.Variable(tf.random_normal([22, 6], seed=3), name="w")
logits = tf.matmul(x, w)
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
train = [loss, tf.train.GradientDescentOptimizer(0.1).minimize(loss)]
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """Peaks that are measured in no time, and kept where nobody else believes them; what they come to is not looked at."""
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("GRAPHC_CACHE", raising=False)
    monkeypatch.setattr(roofs_module, "_SECONDS", 1e-4)
    monkeypatch.setattr(roofs_module, "_far", lambda: 1 << 16)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.py"
    path.write_text(MODEL)
    return f"{path}:train"


def stages_of(function, *shapes):
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    return Stages(tf.function(function).get_concrete_function(*specs).traced.graph)


def arrays_for(stages):
    return feeds(stages.program.signature, {}, {})


def sums(x):
    i, a = tf.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, tf.tanh(tf.matmul(a, a))), (tf.constant(0), x))
    for k in tf.range(7):
        a = tf.sin(a) + tf.cast(k, tf.float32)
    return a


def test_every_step_of_loops_is_timed_as_often_as_it_runs():
    stages = stages_of(sums, (16, 16))
    found = profile(stages, arrays_for(stages), runs=3, threads=1)
    launched = {s.kernel for s in flat(stages.program.steps) if isinstance(s, Launch)}
    assert {x.kernel for x in found.launches if x.kind == LAUNCH} == launched
    (product,) = [x for x in found.launches if "dot" in x.operations]
    (sine,) = [x for x in found.launches if "sin" in x.operations]
    assert (product.count, sine.count) == (5, 7)
    assert product.flops == 5 * (2 * 16**3 + 16 * 16) and product.bytes == 5 * 2 * 16 * 16 * 4
    assert sum(s.index == product.index for s in found.spans) == 5
    assert found.runs == 3 and any(x.kind == COPY for x in found.launches)


def test_times_are_positive_in_order_and_add_up():
    stages = stages_of(sums, (16, 16))
    found = profile(stages, arrays_for(stages), runs=8, threads=1)
    assert all(0 < x.least_ns <= x.duration_ns or x.least_ns == 0 for x in found.launches)
    ends = [s.start_ns + s.duration_ns for s in found.spans]
    assert all(a <= b.start_ns for a, b in zip(ends, found.spans[1:])) and found.spans[0].start_ns >= 0
    assert 0 < sum(x.duration_ns for x in found.launches) < found.whole_ns
    assert found.outside_ns + sum(x.duration_ns for x in found.launches) == pytest.approx(found.whole_ns)
    assert found.least_ns <= found.whole_ns and found.clock_ns > 0 and found.plain_ns > 0


def test_host_steps_are_timed_between_native_ones():
    stages = stages_of(lambda x: (tf.unique(tf.cast(tf.reshape(tf.tanh(x) * 3, [-1]), tf.int32))[0] + 1, tf.exp(x)), (8, 8))
    found = profile(stages, arrays_for(stages), runs=2)
    (host,) = [x for x in found.launches if x.kind == HOST]
    assert host.kernel == "unique" and host.duration_ns > 0 and found.assumed
    (span,) = [s for s in found.spans if s.index == host.index]
    before = max(s.start_ns + s.duration_ns for s in found.spans if s.index < host.index)
    after = min(s.start_ns for s in found.spans if s.index > host.index)
    assert before <= span.start_ns and span.start_ns + span.duration_ns <= after
    assert "on the host" in table(found) and "FLOPs and bytes are for" in table(found)
    assert roof(found, (host,)) is None


def test_only_host_steps():
    stages = stages_of(lambda x: tf.linalg.det(tf.linalg.inv(x)), (4, 4))
    found = profile(stages, [np.eye(4, dtype=np.float32)], runs=2)
    assert [x.kind for x in found.launches].count(HOST) == 2 and all(x.duration_ns > 0 for x in found.launches)
    json.loads(trace_text(found))


def test_parts_of_parallel_loops_lie_in_their_launches():
    stages = stages_of(lambda x: tf.exp(tf.tanh(x)), (512, 1024))
    found = profile(stages, arrays_for(stages), runs=2, threads=2)
    (launch,) = found.launches
    (span,) = found.spans
    assert found.parts and {p.index for p in found.parts} == {launch.index}
    assert all(span.start_ns <= p.start_ns <= p.start_ns + p.duration_ns <= span.start_ns + span.duration_ns for p in found.parts)
    assert {p.thread for p in found.parts} <= {0, 1} and 0 < launch.busy <= 1


def test_state_is_left_alone(model, tmp_path):
    x, y, w = np.ones((4, 22), np.float32), np.zeros(4, np.int64), np.ones((22, 6), np.float32)
    stages = Stages(load_model(model))
    names = [p.name for p in stages.program.signature.inputs]
    before = [{"x": x, "y": y}.get(name, w) for name in names]
    given = [a.copy() for a in before]
    found = profile(stages, given, runs=3)
    assert found.sizes and all(np.array_equal(a, b) for a, b in zip(before, given))


COUNTED = """
import graphc.v1 as tf

w = tf.Variable(tf.zeros([31, 17]), name="w")
y = tf.cond(tf.reduce_max(w) < 1, lambda: tf.sin(w), lambda: tf.cos(w))
with tf.control_dependencies([y]):
    count = [y, w.assign_add(tf.ones([31, 17])).op]
"""


def test_each_run_finds_the_state_as_it_was(tmp_path):
    (tmp_path / "counted.py").write_text(COUNTED)
    stages = Stages(load_model(f"{tmp_path}/counted.py:count"))
    (state,) = stages.program.signature.inputs
    found = profile(stages, [np.zeros((31, 17), np.float32)], runs=3)
    assert stages.program.signature.donated and state.name == "w"
    assert any("sin" in x.operations for x in found.launches) and not any("cos" in x.operations for x in found.launches)


def test_launches_of_one_kernel_have_lines_of_their_own():
    def twice(x):
        y = tf.matmul(x, x)
        return tf.matmul(y, y)

    stages = stages_of(twice, (19, 19))
    found = profile(stages, arrays_for(stages), runs=2, threads=1)
    first, second = [x for x in found.launches if "dot" in x.operations]
    assert first.kernel == second.kernel and first.locations[0].line + 1 == second.locations[0].line
    assert len(kernel_times(found)) == len({x.kernel for x in found.launches})


def test_json_and_table_say_the_same():
    stages = stages_of(sums, (16, 16))
    found = profile(stages, arrays_for(stages), runs=2, threads=1)
    told = json.loads(profile_text(found))
    assert told["version"] == 1 and told["peaks"]["f32"] == found.peaks.f32
    assert [x["kernel"] for x in told["launches"]] == [x.kernel for x in found.launches]
    assert {"duration_ns", "flops", "bytes", "bound", "share", "locations"} <= told["launches"][0].keys()
    assert any(at["file"].endswith("test_profile.py") for x in told["launches"] for at in x["locations"])
    kernels = kernel_times(found)
    assert [k.nanoseconds for k in kernels] == sorted((k.nanoseconds for k in kernels), reverse=True)
    text = table(found, every=True)
    assert all(f"\n{k.name} " in text for k in kernels) and "outside" in text and "busy" not in text.split("\n")[5]


def test_the_trace_has_an_event_for_each_span():
    stages = stages_of(sums, (16, 16))
    found = profile(stages, arrays_for(stages), runs=2, threads=1)
    told = json.loads(trace_text(found))
    steps = [e for e in told["traceEvents"] if e["ph"] == "X" and e["tid"] == 0]
    assert [e["name"] for e in steps] == [next(x.kernel for x in found.launches if x.index == s.index) for s in found.spans]
    assert all(e["dur"] >= 0 and "flops" in e["args"] for e in steps) and told["otherData"]["complete"] is True


def test_what_cannot_be_measured():
    stages = stages_of(tf.exp, (3,))
    with pytest.raises(UsageError, match="more than 0"):
        profile(stages, arrays_for(stages), runs=0)
    away = next(n for n in ("riscv64", "aarch64") if n != host_target().name)
    other = Stages(stages.graph, Options(target=away))
    with pytest.raises(UsageError, match="does not run on this machine"):
        profile(other, arrays_for(stages))


@pytest.mark.parametrize("dtype, result", ((dt.f32, 1.0), (dt.f64, 1.0), (dt.i32, 20 * STEPS)))
def test_what_peaks_are_measured_with_computes(dtype, result):
    program, work = arithmetic(dtype, host_target(), 2)
    (sums,) = load(assemble(program))()
    assert sums.shape[:2] == (2, ROWS) and np.allclose(sums, result, rtol=1e-6, atol=0)
    assert work == sums.size * STEPS * (8 if dtype is dt.i32 else 2)


@pytest.mark.parametrize("streamed", (False, True))
def test_what_peaks_are_measured_with_copies(streamed):
    program, moved = copying(1 << 16, 3, 2, streamed)
    x = np.random.default_rng(0).standard_normal(program.signature.inputs[0].type.shape).astype(np.float32)
    (y,) = load(assemble(program))(x)
    assert np.array_equal(x, y) and moved == 3 * 2 * x.nbytes


def test_peaks_are_kept_until_they_are_measured_anew(monkeypatch):
    first = roofs(host_target(), 1, fresh=True)
    assert isinstance(first, Roofs) and min(first.f32, first.f64, first.i8, first.memory, first.cache) > 0
    monkeypatch.setattr(roofs_module, "_measured", lambda target, threads: Roofs("cpu", "t", 1, "today", *[1.0] * 5))
    assert roofs(host_target(), 1) == first
    assert roofs(host_target(), 1, fresh=True).cpu == "cpu" and roofs(host_target(), 1).cpu == "cpu"
    assert kind_of(stages_of(tf.exp, (3,)).graph.nodes) == "f32"


def test_the_roof_is_the_one_that_lets_it_take_longer():
    stages = stages_of(lambda x: tf.matmul(x, x), (64, 64))
    found = profile(stages, arrays_for(stages), runs=2, threads=1)
    launch = next(x for x in found.launches if "dot" in x.operations)
    slow, fast = 1e6, 1e15
    for rates, name in (((slow, fast, fast), "compute"), ((fast, slow, fast), "cache")):
        peaks = Roofs("cpu", "t", 1, "today", rates[0], rates[0], rates[0], rates[1], rates[2])
        bound = roof(replace(found, peaks=peaks), (launch,))
        assert bound.name == name
    assert bound.share == pytest.approx(launch.bytes / slow / (launch.duration_ns * 1e-9))


def test_a_busy_machine_is_told():
    stages = stages_of(tf.exp, (64, 64))
    found = profile(stages, arrays_for(stages), runs=2, threads=1)
    calm, busy = (replace(found, whole_ns=1000.0, least_ns=least) for least in (990.0, 500.0))
    assert "takes 100 % longer than the fastest" in table(busy) and "runs differ" not in table(calm)


def test_the_command(model, tmp_path, capsys):
    out = tmp_path / "t.json"
    assert main(["inspect", model, "--profile", "--runs", "2", "--size", "n=32", "--threads", "1", "--trace", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "profile of train at n = 32 on 1 thread" in shown and "dot0" in shown and "m.py:8" in shown
    assert json.loads(out.read_text())["traceEvents"]
    np.save(tmp_path / "x.npy", np.ones((7, 22), np.float32))
    assert main(["inspect", model, "--profile", "--runs", "2", "--input", f"x={tmp_path}/x.npy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sizes"] == {"n": 7}
    assert main(["inspect", model, "--profile", "--runs", "2", "--why", "m.py:7"]) == 0
    assert "% of a run" in capsys.readouterr().out


def test_the_page_has_a_timeline(model, tmp_path, capsys):
    out = tmp_path / "out.html"
    assert main(["inspect", model, "--profile", "--runs", "2", "--size", "n=32", "--html", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "wrote" in shown and "profile of train" in shown
    told, page = unpacked(out.read_text(), "times")["timeline"], unpacked(out.read_text(), "model")
    assert page["condition"] == "at n = 32" and "of 2 runs" in told["note"]
    assert set(told["kernels"]) == {k["name"] for k in page["kernels"]}
    assert {span[3] for span in told["tracks"][0]["spans"]} <= {*told["kernels"], None}
    assert 0 < sum(share for _, share, _ in told["kernels"].values()) < 1.01


@pytest.mark.parametrize("given, message", [
    (["--runs", "3"], "--runs goes with --profile"), (["--peaks", "fresh"], "--peaks goes with --profile"),
    (["--profile", "--kernels"], "does not go with --kernels"), (["--profile", "--runs", "0"], "there must be 1 or more"),
    (["--profile", "--fail-if", "nodes > 1"], "does not go with --fail-if"), (["--all"], "--all goes with"),
    (["--profile", "--size", "q=3"], "no open dimension of that name"),
    (["--profile", "--input", "z=z.npy"], "no input 'z'"), (["--profile", "--trace", "/no/such/t.json", "--runs", "1"], "No such file"),
])  # fmt: skip
def test_wrong_usage(model, given, message, capsys):
    assert main(["inspect", model, *given]) == 1
    assert message in capsys.readouterr().err
