"""``tools/bench ahead``: what compiling ahead of time promises: sizes of files, starts, calls from C, the record."""

from __future__ import annotations

import argparse
import json
import runpy
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import graphc
import graphc.v1 as tf
from graphc.compile import RECORD, lower_graph, lower_recorded, optimise, target_of
from graphc.ir.graph import Graph
from graphc.options import Options
from graphc.runtime.container import Container

from . import figures
from .figures import Row, interleaved, python

CC = shutil.which("cc")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

CALLS = """
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include "one.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(void) {
  static alignas(64) char arena[ONE_ARENA + 64], x[64], y[64];
  const void *inputs[ONE_INPUTS] = {x};
  void *outputs[ONE_OUTPUTS] = {y};
  int32_t failed = 0;
  double best = 1;
  for (int turn = 0; turn < 7; ++turn) {
    double begin = now();
    for (int k = 0; k < 1000000; ++k) failed |= one(inputs, outputs, 0, arena);
    double each = (now() - begin) / 1000000;
    if (each < best) best = each;
  }
  printf("%.9g\\n", best);
  return failed;
}
"""


INDUCTOR = """
import json, os, statistics, time, torch

torch.set_num_threads(1)
layers = torch.nn.Linear(64, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10), torch.nn.Softmax(-1)
sizes = ({0: torch.export.Dim("n", min=1, max=4096)},)
with torch.no_grad():
    begin = time.perf_counter()
    traced = torch.export.export(torch.nn.Sequential(*layers).eval(), (torch.zeros(4, 64),), dynamic_shapes=sizes)
    path = torch._inductor.aoti_compile_and_package(traced, package_path=os.path.abspath("digits.pt2"))
    compiled = time.perf_counter() - begin
    loads, x = [], torch.zeros(1, 64)
    for _ in range(9):
        begin = time.perf_counter()
        model = torch._inductor.aoti_load_package(path)
        loads.append(time.perf_counter() - begin)
    calls = []
    for _ in range(50):
        begin = time.perf_counter()
        for _ in range(200):
            model(x)
        calls.append((time.perf_counter() - begin) / 200)
figures = {"compile": compiled, "size": os.path.getsize(path), "load": statistics.median(loads), "call": statistics.median(calls)}
print(json.dumps(figures | {"version": torch.__version__}))
"""

OURS = """
import json, os, shutil, statistics, time, numpy, graphc
from graphc.aot import read

x, loads, calls = numpy.zeros((1, 64), "f4"), [], []
graph = read("digits.gc").graph
begin = time.perf_counter()
graphc.export(graph, "again.gc")
compiled = time.perf_counter() - begin
for k in range(9):
    shutil.copy("again.gc", f"copy{k}.gc")
    begin = time.perf_counter()
    model = graphc.load(f"copy{k}.gc")
    loads.append(time.perf_counter() - begin)
for _ in range(50):
    begin = time.perf_counter()
    for _ in range(200):
        model(x)
    calls.append((time.perf_counter() - begin) / 200)
print(json.dumps({"compile": compiled, "size": os.path.getsize("again.so"), "load": statistics.median(loads), "call": statistics.median(calls)}))
"""


def digits() -> tuple[Graph, Graph]:
    """The predictor of ``examples/digits.py`` with its first weights, and the step that trains it."""
    tf.reset_default_graph()
    model = runpy.run_path(str(EXAMPLES / "digits.py"))["build"]()
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    predictor = tf.freeze(session, [model.x], {"probabilities": model.probabilities}, name="digits")
    return predictor, tf.step_graph([model.loss, model.step], name="step")


def hello() -> Graph:
    """One addition: what is left is what every container costs."""
    with tf.Graph().as_default():
        return tf.freeze_initial([tf.placeholder(tf.float32, [1], name="x") + 1.0], name="one")


def bench_object(folder: Path):
    """Sizes of the digits network in C, and its example from source to result."""
    predictor, _ = digits()
    graphc.export(predictor, folder / "digits.gc", separate_weights=True)
    size = (folder / "digits.o").stat().st_size
    yield Row("digits, 64-512-10, open batch: object without weights", kilobytes(size), "<= 60 KB", size <= 60_000)
    yield Row("the same: shared library without weights", kilobytes((folder / "digits.so").stat().st_size), "", None)
    yield Row("the same: weights", kilobytes((folder / "digits.weights").stat().st_size), "", None)
    graphc.export(predictor, folder / "digits.gc")
    if CC is None:
        return

    def build_and_run():
        command = [CC, "digits_main.c", "digits.a", "-o", "digits", "-lpthread"]
        subprocess.run(command, cwd=folder, check=True)
        subprocess.run(["./digits", "1"], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    (seconds,) = interleaved(build_and_run)
    yield Row("`cc digits_main.c digits.a`, and running it", f"{seconds:.2f} s", "<= 2 s", seconds <= 2)


def bench_call(folder: Path):
    """A call from C, and from Python, of a model of one addition."""
    graphc.export(hello(), folder / "one.gc")
    if CC is not None:
        (folder / "calls.c").write_text(CALLS)
        subprocess.run([CC, "-O2", "calls.c", "one.a", "-o", "calls", "-lpthread"], cwd=folder, check=True)
        done = subprocess.run(["./calls"], cwd=folder, check=True, capture_output=True, text=True)
        each = float(done.stdout)
        yield Row("one addition, called from C", f"{each * 1e9:.0f} ns", "<= 1 us", each <= 1e-6)
    x = np.zeros(1, np.float32)
    for name in ("one.gc", "one.so"):
        model = graphc.load(folder / name)
        (found,) = interleaved(lambda: [model(x) for _ in range(1000)])
        yield Row(f"the same, called from Python: `{name}`", f"{found * 1e3:.2f} us", "", None)


def bench_load(folder: Path):
    """Loading from Python, in a process that has loaded a model and in a new one."""
    predictor, _ = digits()
    graphc.export(predictor, folder / "digits.gc")
    names = ("digits.gc", "digits.so")
    # The first call of `graphc.load` imports what loads; copies, as a library that is loaded already is not loaded anew.
    for name in names:
        ending = Path(name).suffix
        code = (
            "import graphc, shutil, statistics, time; graphc.load('one.gc'); found = []\n"
            f"for k in range(9):\n shutil.copy('{name}', f'copy{{k}}{ending}'); begin = time.perf_counter()\n"
            f" graphc.load(f'copy{{k}}{ending}'); found.append(time.perf_counter() - begin)\n"
            "print(statistics.median(found))"
        )
        seconds = statistics.median(map(float, python(code, folder=folder)))
        yield Row(f"`graphc.load('{name}')`", f"{seconds * 1e3:.1f} ms", "<= 5 ms", seconds <= 5e-3)
    for name in ("one.gc", "one.so"):
        code = (
            "import numpy, sys, graphc; graphc.load(%r)(numpy.zeros(1, 'f4')); assert 'llvmlite' not in sys.modules" % name
        )
        found = []
        for _ in range(9):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
            found.append(time.perf_counter() - begin)
        seconds = statistics.median(found)
        yield Row(f"new process: Python, `{name}` loaded and run", f"{seconds:.2f} s", "<= 0.35 s", seconds <= 0.35)


def bench_record(folder: Path):
    """What noting passes and lowering costs: its time, compared with the same without it, of a whole compilation."""
    predictor, step = digits()
    for name, graph in (("digits", predictor), ("digits, Adam step", step)):
        graphc.save(graph, folder / "recorded.gc")
        container = Container.open(folder / "recorded.gc")
        size = len(container[RECORD + target_of(Options()).name])
        yield Row(f"record: {name}", kilobytes(size), "<= 100 KB", size <= 100_000)
        plain, noted = interleaved(lambda: lower_graph(optimise(graph)), lambda: lower_recorded(graph), least=15)
        share = (noted - plain) / compiling(folder / "recorded.gc")
        yield Row(f"noting it, of the whole compilation: {name}", f"{share:.1%}", "<= 5 %", share <= 0.05)


def bench_inductor(folder: Path):
    """The digits network beside AOTInductor's package of it, each in a process of its own, with empty caches."""
    if TORCH is None:
        return
    predictor, _ = digits()
    graphc.save(predictor, folder / "digits.gc")
    found = []
    for program, code in ((sys.executable, OURS), (TORCH, INDUCTOR)):
        caches = {"GRAPHC_CACHE_DIR": str(folder / "empty"), "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor")}
        found.append(json.loads(python(code, 1, folder, program, **caches)[0]))
    ours, theirs = found
    peer = f"AOTInductor of PyTorch {theirs['version'].partition('+')[0]}"
    for what, key, unit, scale in (
        ("digits: compiling, first in its process", "compile", "s", 1),
        ("digits: file with weights (`.so`, package)", "size", "KB", 1e-3),
        ("digits: loading it from Python", "load", "ms", 1e3),
        ("digits: one call from Python, batch 1", "call", "us", 1e6),
    ):
        one, other = ours[key] * scale, theirs[key] * scale
        yield Row(what, f"{one:.4g} {unit}, {peer} {other:.4g} {unit}, {other / one:.1f}x", "", None)


def compiling(model: Path) -> float:
    """Seconds of compiling it in a new process with an empty cache, LLVM and the initialisers of values loaded before."""
    code = (
        "import time, graphc; from graphc.aot import read; from graphc.compile import compile_graph\n"
        "print(graphc.constant(1.0) + 1.0)\n"
        f"graph = read({str(model)!r}).graph; begin = time.perf_counter(); compile_graph(graph); print(time.perf_counter() - begin)"
    )
    found = []
    for k in range(5):
        found += python(code, repeats=1, GRAPHC_CACHE_DIR=str(model.parent / f"cache{k}-{model.stem}"))
    return statistics.median(map(float, found))


def kilobytes(size: int) -> str:
    return f"{size / 1000:.1f} KB"


BENCHES = {"object": bench_object, "call": bench_call, "load": bench_load, "record": bench_record, "inductor": bench_inductor}

TORCH = None  # an interpreter that has PyTorch


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command, and what it does."""
    figures.arguments(parser, BENCHES)
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has PyTorch, to compare with AOTInductor")
    parser.set_defaults(do=run)


def run(options: argparse.Namespace) -> None:
    global TORCH
    TORCH = options.torch
    with tempfile.TemporaryDirectory() as folder:
        rows = (row for name in options.only for row in BENCHES[name](Path(folder)))
        figures.report(rows, options.write, "ahead", "On one thread; times are medians.")
