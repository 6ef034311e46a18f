"""Tuning with a clock that is made up: what is tried, what is kept, what a container tells of it, and what is refused."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

from graphc import aot
from graphc.cli import main
from graphc.errors import CompileError, FormatError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.machine import CANDIDATES, DEFAULT, Machine
from graphc.ir.node import make, symbol
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims import dot, tanh
from graphc.runtime.container import Container, encode
from graphc.runtime.host import host_target

MODULE = importlib.import_module("graphc.aot.tune")  # the function has its name in the package
FEW = {"task_work": (10**6, 2 * 10**6), "near_bytes": (0,), "turn_strip": (2, 4)}  # all but the last change these programs on every target


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(MODULE, "CANDIDATES", FEW)


@pytest.fixture(scope="module")
def product() -> Graph:
    x, y = input_node("x", Type(dt.f32, (symbol("n"), 40))), input_node("y", Type(dt.f32, (40, 70)))
    return Graph("product", (x, y), (tanh(dot(x, y)),), ("z",))


def still() -> float:
    """A clock of which no time passes, however busy the machine is."""
    return 0.0


def costing(cost):
    """A timer of runs that cost what ``cost`` says of their machine."""
    return lambda machine, run, times: cost(machine) * times


def better_with(**wanted):
    return costing(lambda machine: 1.0 - 0.1 * sum(getattr(machine, k) == v for k, v in wanted.items()))


def test_what_is_faster_is_kept(product, few):
    seen = []
    timer = better_with(task_work=2 * 10**6, near_bytes=0)
    tuning = aot.tune(product, sizes={"x.0": 30}, timer=timer, clock=still, on_trial=seen.append)
    assert tuning.machine == Machine(task_work=2 * 10**6, near_bytes=0)
    assert tuning.ratio == pytest.approx(1 / 0.8) and tuning.noise == MODULE.LEAST_GAIN and tuning.left == 0
    assert [(t.name, t.value, t.kept) for t in tuning.trials] == [
        ("task_work", 10**6, False), ("task_work", 2 * 10**6, True), ("near_bytes", 0, True), ("turn_strip", 2, False),
        ("turn_strip", 4, False), ("all", None, True),
    ]  # fmt: skip
    assert [t.ratio for t in tuning.trials if t.name == "turn_strip"] == [None, None]  # nothing is turned here
    assert tuple(seen) == tuning.trials


@pytest.mark.parametrize("gain", [0.0, 0.005, -0.3])
def test_what_is_no_faster_is_not(product, few, gain):
    timer = costing(lambda machine: 1.0 if machine == DEFAULT else 1.0 - gain)
    tuning = aot.tune(product, sizes={"n": 30}, timer=timer, clock=still)
    assert tuning.machine == DEFAULT and tuning.ratio == 1.0 and not any(t.kept for t in tuning.trials)


def test_noise_must_be_beaten(product, few):
    """Times of the same program that differ by 10 %: 8 % are nothing then."""
    calls = iter(range(10**9))

    def timer(machine, run, times):
        at = next(calls)
        uneven = 1.1 if at >= 3 and at < 3 + 6 * MODULE.ROUNDS and (at - 3) % 4 in (0, 3) else 1.0
        return times * uneven * (0.92 if machine.task_work == 2 * 10**6 else 1.0)

    tuning = aot.tune(product, sizes={"n": 30}, timer=timer, clock=still)
    assert tuning.noise > 0.15 and tuning.machine == DEFAULT


def test_a_win_by_chance_is_none(product, few):
    """What wins once has to win again, and all of it together in the end."""
    asked = []

    def timer(machine, run, times):
        asked.append(machine)
        lucky = machine.task_work == 2 * 10**6 and asked.count(machine) <= MODULE.ROUNDS
        return times * (0.5 if lucky else 1.0)

    tuning = aot.tune(product, sizes={"n": 30}, timer=timer, clock=still)
    assert tuning.machine == DEFAULT and asked.count(Machine(task_work=2 * 10**6)) == 2 * MODULE.ROUNDS
    asked.clear()

    def fades(machine, run, times):
        asked.append(machine)
        return times * (0.5 if machine.task_work == 2 * 10**6 and asked.count(machine) <= 2 * MODULE.ROUNDS else 1.0)

    tuning = aot.tune(product, sizes={"n": 30}, timer=fades, clock=still)
    assert tuning.machine == DEFAULT and tuning.trials[-1] == aot.Trial("all", None, 1.0, False)
    assert any(t.kept for t in tuning.trials)


def test_time_runs_out(product, few):
    ticks = iter(range(100))
    tuning = aot.tune(product, sizes={"n": 30}, seconds=2.5, timer=better_with(task_work=10**6), clock=lambda: next(ticks))
    assert tuning.left == 3 and tuning.machine == Machine(task_work=10**6)


def test_what_was_tuned_before_is_the_start(product, few):
    options = Options(machine=Machine(task_work=10**6, ahead_bytes=1024))
    tuning = aot.tune(product, options, sizes={"n": 30}, timer=better_with(task_work=DEFAULT.task_work), clock=still)
    assert tuning.machine == Machine(ahead_bytes=1024)
    assert [t.value for t in tuning.trials if t.name == "task_work"] == [2 * 10**6, DEFAULT.task_work]


def test_every_candidate_runs(product):
    tuning = aot.tune(product, inputs={"x": np.ones((3, 40), np.float32)}, timer=costing(lambda machine: 1.0), clock=still)
    tried = {(t.name, t.value) for t in tuning.trials}
    wanted = {(name, v) for name, values in CANDIDATES.items() for v in values if v != getattr(DEFAULT, name)}
    assert tried == wanted and len(tuning.trials) == len(wanted) and tuning.left == 0


def test_a_changed_bit_is_a_fault(product, few, monkeypatch):
    made = MODULE._made

    def wrong(program, options, arrays):
        right = made(program, options, arrays)
        return replace(right, run=lambda: tuple(-a for a in right.run())) if options.machine.task_work == 2 * 10**6 else right

    monkeypatch.setattr(MODULE, "_made", wrong)
    with pytest.raises(CompileError, match="product: task_work=2000000 changes a result, which is a fault of graphc"):
        aot.tune(product, sizes={"n": 5}, timer=costing(lambda machine: 1.0), clock=still)


def test_the_default_timer_measures(product, monkeypatch):
    monkeypatch.setattr(MODULE, "CANDIDATES", {"task_work": (10**6,)})
    tuning = aot.tune(product, sizes={"n": 3})
    assert tuning.trials[0].ratio > 0 and tuning.noise >= MODULE.LEAST_GAIN


@pytest.mark.parametrize("sizes, inputs, message", [
    ({}, {}, r"input x \(f32\[n,40\]\) has open sizes: give x.0, or the input itself"),
    ({"m": 3}, {}, "the model has no size 'm'; it has x.0"),
    ({"y.0": 3}, {}, "the model has no size 'y.0'; it has x.0"),
    ({"n": 3, "x.0": 4}, {}, "size x.0 is 4, but it is 3 too"),
    ({"n": 3}, {"x": np.zeros((4, 40), np.float32)}, "size x.0 is 4, but it is 3 too"),
    ({"n": 3}, {"q": np.zeros(3)}, "the model has no input 'q'; it has x, y"),
])  # fmt: skip
def test_sizes_that_do_not_fit(product, sizes, inputs, message):
    with pytest.raises(UsageError, match=message):
        aot.tune(product, sizes=sizes, inputs=inputs)


def test_what_cannot_be_tuned(product):
    x = input_node("x", Type(dt.f32, (3,)))
    with pytest.raises(UsageError, match="same has no native kernels: there is nothing to tune"):
        aot.tune(Graph("same", (x,), (x,), ("y",)))
    callback = (("callback", print), ("types", (x.type,)), ("stateful", False))
    with pytest.raises(CompileError, match="calls Python functions"):
        aot.tune(Graph("calls", (x,), (make("host", (x,), callback, x.type),), ("y",)))
    other = "x86-64-v3" if host_target().name == "aarch64" else "aarch64"
    with pytest.raises(UsageError, match=f"code for {other} does not run on this machine"):
        aot.tune(product, Options(target=other), sizes={"n": 3})
    for seconds in (0, -1, float("nan")):
        with pytest.raises(UsageError, match="must be more than 0"):
            aot.tune(product, sizes={"n": 3}, seconds=seconds)


# --------------------------------------------------------------------------------------------- containers


def test_a_container_holds_what_won(predictor, tmp_path):
    machine = Machine(tile_rows=5, task_work=4096)
    path = aot.save(predictor.graph, tmp_path / "m.gc", Options(machine=machine))
    assert aot.read(path).machine == machine
    assert aot.load(path)(predictor.data(9))[0].tobytes() == predictor.answer(9).tobytes()
    plain = aot.save(predictor.graph, tmp_path / "p.gc")
    name = f"library:{host_target().name}"
    assert aot.read(plain).machine == DEFAULT
    assert Container.open(path)[name] != Container.open(plain)[name]


@pytest.mark.parametrize("machine, found", [
    (None, DEFAULT), ({}, DEFAULT), ({"tile_rows": 5, "of tomorrow": "?"}, Machine(tile_rows=5)),
    ({"tile_rows": 99}, "tile_rows=99 must be"), ({"tile_rows": "5"}, "tile_rows='5' must be"), ([5], "must be numbers by name"),
])  # fmt: skip
def test_manifests(saved, tmp_path, machine, found):
    container = Container.open(saved)
    sections = {name: container[name] for name in container.names}
    manifest = container.json("manifest")
    manifest.pop("machine")
    sections["manifest"] = manifest if machine is None else {**manifest, "machine": machine}
    (tmp_path / "m.gc").write_bytes(b"".join(encode(sections)))
    if isinstance(found, str):
        with pytest.raises(FormatError, match=found):
            aot.read(tmp_path / "m.gc")
    else:
        assert aot.read(tmp_path / "m.gc").machine == found


# ------------------------------------------------------------------------------------------- command line


@pytest.fixture
def command(few, monkeypatch, capsys, tmp_path):
    """``graphc tune`` with a clock that likes some machine: (status, what was printed, errors)."""

    def run(*arguments, **wanted) -> tuple[int, str, str]:
        timer = better_with(**wanted)
        monkeypatch.setattr(aot, "tune", lambda *a, **k: MODULE.tune(*a, **k, timer=timer, clock=still))
        status = main(["tune", *map(str, arguments)])
        return status, *capsys.readouterr()

    monkeypatch.setenv("GRAPHC_NUM_THREADS", "1")
    return run


def test_the_command(saved, predictor, tmp_path, command, capsys):
    out = tmp_path / "tuned.gc"
    status, printed, errors = command(saved, "-o", out, "--size", "pixels.0=20", "--threads", 1, task_work=2 * 10**6)
    assert (status, errors) == (0, "")
    lines = printed.splitlines()
    assert lines[0] == f"measuring predictor for {host_target().name} on 1 thread"
    assert lines[1].split() == ["task_work", "1000000", "1.000"] and lines[2].split() == ["task_work", "2000000", "1.111", "kept"]
    assert "turn_strip" not in printed
    assert "kept task_work=2000000: 1.111 times as fast, where 1.0% is noise; all results have the same bits" in printed
    assert f"wrote {out}" in printed and aot.read(out).machine == Machine(task_work=2 * 10**6)
    assert aot.load(out)(predictor.data(7))[0].tobytes() == predictor.answer(7).tobytes()
    assert main(["inspect", str(out)]) == 0
    assert "  tuned: task_work=2000000\n" in capsys.readouterr().out
    assert main(["compile", str(out), "-o", str(tmp_path / "again.gc")]) == 0
    assert aot.read(tmp_path / "again.gc").machine == Machine(task_work=2 * 10**6)


def test_the_command_where_nothing_wins(saved, tmp_path, command, capsys):
    data = tmp_path / "x.npy"
    np.save(data, np.ones((4, 64), np.float32))
    status, printed, _ = command(saved, "-o", tmp_path / "m.gc", "--input", data)
    assert status == 0
    assert "nothing is faster by more than 1.0%, which is noise: the model of the machine is as good as it gets" in printed
    assert aot.read(tmp_path / "m.gc").machine == DEFAULT
    assert main(["inspect", str(tmp_path / "m.gc")]) == 0 and "tuned" not in capsys.readouterr().out


def test_the_command_where_nothing_changes(tmp_path, command, monkeypatch):
    monkeypatch.setattr(MODULE, "CANDIDATES", {"turn_strip": (2, 4)})
    model = tmp_path / "net.py"
    model.write_text("import graphc.v1 as tf\nx = tf.placeholder(tf.float32, [3], name='x')\ny = tf.exp(x)\n")
    status, printed, _ = command(f"{model}:y", "-o", tmp_path / "m.gc")
    assert status == 0 and "no value that was tried changes a kernel: there is nothing to choose" in printed


@pytest.mark.parametrize("arguments, message", [
    (["--size", "pixels.0"], "--size pixels.0: give NAME=SIZE, such as x.0=32"),
    (["--size", "pixels.0=-1"], "--size pixels.0=-1: give NAME=SIZE"),
    (["--size", "pixels.0=1", "--size", "pixels.0=2"], "size pixels.0 is given twice"),
    ([], "has open sizes: give pixels.0"),
    (["--size", "pixels.0=1", "--threads", "0"], "--threads 0: there must be 1 or more"),
    (["--size", "pixels.0=1", "--seconds", "0"], "must be more than 0"),
])  # fmt: skip
def test_wrong_commands(saved, tmp_path, command, arguments, message):
    status, _, errors = command(saved, "-o", tmp_path / "m.gc", *arguments)
    assert status == 1 and message in errors and not list(tmp_path.iterdir())


def test_places_that_cannot_be_written(saved, tmp_path, command):
    size = ("--size", "pixels.0=2")
    status, printed, errors = command(saved, "-o", tmp_path / "no" / "m.gc", *size)
    assert status == 1 and "No such file or directory" in errors and printed == ""  # nothing was measured
    status, printed, errors = command(saved, "-o", tmp_path / "m.so", *size)
    assert status == 1 and "names the container" in errors and printed == ""
    status, _, errors = command(tmp_path / "none.gc", "-o", tmp_path / "m.gc", *size)
    assert status == 1 and "none.gc: No such file" in errors
    assert not list(tmp_path.iterdir())
