"""``predict``: what the rows of GPUs should take on an H200, from their kernels' machine code, where no GPU confirms it.

A launch takes what binds it most: the bytes that it must move at 90 % of copying, the instructions it issues, the functions, the
reads of shared memory, the tensor cores; and never less than a launch takes. Full occupancy and no stall are assumed, so these are
bounds that good kernels come near to, not measurements.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import graphc as tf
from graphc.codegen.cuda.module import program_source
from graphc.compile import compile_graph, device_at, lower_graph, optimise
from graphc.errors import DeviceUnavailable
from graphc.ir.geometry import geometry
from graphc.ir.gpu import GPUS
from graphc.ir.graph import Graph
from graphc.ir.program import Launch, Program, flat
from graphc.ir.symbols import symbol_of
from graphc.models.objects import as_graph
from graphc.options import Options
from graphc.runtime.cuda.images import compile_images
from graphc.runtime.cuda.reports import Occupancy, Resources, occupancy
from graphc.runtime.cuda.sass import Sass, disassemble

from .device_rows import ROWS, Row
from .machine_loops import busiest, main_part
from .peers.tensorflow_api import Ops, Program as Written
from .report import between, lines_of, read_page, shown
from .workload import Workload

TARGET = "cuda:sm_90a"
GPU = GPUS[TARGET]
COPYING = 4.3e12  # bytes a second that an H200 copies, reads and writes together, as measured elsewhere
REACHED = 0.9  # of it
F32 = 67e12  # operations a second of f32, two for a multiply-add: NVIDIA's data sheet
BF16 = 990e12  # of the tensor cores: the same; and what long products of cuBLAS reach of it, as measured elsewhere
BF16_REACHED = 790e12
LAUNCH = 2.5e-6  # seconds from one launch to the next, replayed
FUNCTION = 8  # instructions that could be issued meanwhile
WAVEFRONTS = {"LDS.128": 2, "LDS.64": 1, "LDS.32": 1, "LDSM": 4}  # cycles of shared memory, where lanes share what they read
PRODUCTS = ("dot", "conv", "correlate")
MARKER = "gpu predictions"
HEAD = """**PREDICTIONS, which no GPU has confirmed.** Made by `python tools/bench predict --write docs/benchmarks.md` for an H200 (copying {copying:.1f} TB/s, f32 {f32:.0f} TFLOP/s, bf16 {bf16:.0f}
of which long products reach {reached:.0f}, {launch:.1f} us a launch), from the machine code that NVRTC makes for {target}. *Least*: bytes of all arrays that a run's launches take and give, once each.
*Moved*: bytes that the kernels load and store on the emulated device, by the least. *Instructions*: of the busiest loop, for one element stored (products: in percent), both ways of a branch, but not the ways to functions for special values. *Warps*: of 64 a multiprocessor, by registers
and shared memory. The time is that of what binds most, as if nothing ever stalled: real ones are longer. That memory gives {goal:.0%} of copying and tensor cores {reached:.0f} TFLOP/s is assumed, not found: such rows say
that the instructions leave room for it. Not looked at: what the second-level cache gives, latencies, conflicts of banks, the ends of rows of blocks for tensor cores."""
COMMAND = "python tools/gpu_run.py run FOLDER --out DIR --then 'tools/bench run --device cuda --rounds 3 --seconds 0.1'"


@dataclass(frozen=True)
class Told:
    """What one launch needs.

    Attributes:
        least: bytes. counts: instructions of the part of the machine code that most of the time is spent in.
        element: how many elements a thread stores in it. times: seconds by what would take them.
    """

    kernel: str
    least: int
    needs: Resources
    fill: Occupancy
    code: Sass
    counts: Counter
    element: float
    times: dict[str, float]

    @property
    def seconds(self) -> float:
        """What the launch takes at least."""
        return max(self.times.values())

    @property
    def bound(self) -> str:
        """What binds it."""
        return max(self.times, key=self.times.get)


def graph_of(workload: Workload, name: str) -> Graph:
    """The graph of a workload, as its peer traces it."""
    arrays, _ = workload.data()
    specs = [tf.TensorSpec(a.shape, tf.bfloat16 if workload.half else a.dtype) for a in arrays]
    return as_graph(Written(tf, workload, Ops(tf))._call.get_concrete_function(*specs), name)


def program_of(graph: Graph, target: str = TARGET) -> Program:
    options = Options(target=target)
    return lower_graph(optimise(graph, options), options)


def launches(row: Row, program: Program) -> list[Told]:
    """What each launch of a program needs, in order."""
    images = compile_images(program_source(program, GPU), GPU.arch, program.name)
    needs = {name: r for image in images for name, r in image.resources.items()}
    codes = {name: sass for image in images for name, sass in disassemble(image.data).items()}
    kernels, buffers = {k.name: k for k in program.kernels}, {b.name: b.type for b in program.buffers}
    steps, found = [s for s in flat(program.steps) if isinstance(s, Launch)], []
    for step in steps:
        kernel, name = kernels[step.kernel], symbol_of(step.kernel)
        sizes = [buffers[a].size * buffers[a].dtype.size for a in step.args]
        stored = sum(s for s, a in zip(sizes, kernel.arrays) if a.written)
        flops = row.full.flops if len(steps) == 1 and step.kernel.startswith(PRODUCTS) else 0
        found.append(_told(step, needs[name], codes[name], sum(sizes), stored, flops, buffers[step.args[-1]].dtype.size))
    return found


def _told(step: Launch, needs: Resources, code: Sass, least: int, stored: int, flops: float, size: int) -> Told:
    fill = occupancy(GPU, step.threads, needs.registers, step.shared + needs.shared)
    times = {"launch": LAUNCH, "memory": least / (REACHED * COPYING)}
    counts = busiest(code) if flops else main_part(code)
    bits = sum(n * int(name.partition(".")[2]) for name, n in counts.items() if name.startswith("STG."))
    element = bits / 8 / size
    if flops:
        waves = -(-step.grid // (GPU.multiprocessors * fill.blocks)) * GPU.multiprocessors * fill.blocks / step.grid
        if counts["HGMMA"] or counts["HMMA"]:
            times["tensor cores"] = flops / BF16_REACHED
        elif counts["FFMA"]:
            whole = flops / F32 * waves
            times["issue"] = whole * counts.total() / counts["FFMA"]
            times["shared memory"] = whole * 4 * sum(counts[k] * n for k, n in WAVEFRONTS.items()) / counts["FFMA"]
    elif bits and not step.kernel.startswith(PRODUCTS):
        each = stored / size / element / (F32 / 2)
        times["issue"], times["functions"] = counts.total() * each, FUNCTION * counts["MUFU"] * each
    return Told(step.kernel, least, needs, fill, code, counts, element, {what: t for what, t in times.items() if t})


def moved(row: Row, program: Program) -> str:
    """Bytes that the kernels move on the emulated device by the least; nothing for a row that would take long."""
    if row.probe is None:
        return ""
    graph, options = graph_of(row.probe, row.name), Options(target="cuda-emulated:sm_90a")
    small = program_of(graph)
    shapes = [[(k.name, s.threads, s.shared) for k in p.kernels for s in [geometry(k)]] for p in (program, small)]
    if shapes[0] != shapes[1]:
        return "another schedule"
    device = device_at(options)
    device.counts.clear()
    compile_graph(graph, options)(*row.probe.data()[0])
    buffers = {b.name: b.type for b in small.buffers}
    least = sum(buffers[a].size * buffers[a].dtype.size for s in flat(small.steps) if isinstance(s, Launch) for a in s.args)
    return f"{sum(c.global_read + c.global_written for c in device.counts.values()) / least:.2f}"


def row_of(row: Row) -> list[str]:
    """The cells of a row of the table."""
    program = program_of(graph_of(row.full, row.name))
    told = launches(row, program)
    longest = max(told, key=lambda t: t.seconds)
    seconds, least = max(sum(t.seconds for t in told), row.full.flops / (BF16_REACHED if row.full.half else F32)), sum(t.least for t in told)
    accesses = {k: n for k, n in longest.code.counts.items() if k.partition(".")[0] in ("LDG", "STG", "LDGSTS", "UTMALDG", "UTMASTG")}
    return [
        row.name, f"{longest.kernel} {len(told)}", f"{least / 1e6:.4g}", moved(row, program), ", ".join(f"{k} {n}" for k, n in sorted(accesses.items())),
        _instructions(longest), f"{longest.needs.registers}, {longest.needs.spills}", f"{longest.fill.warps} ({longest.fill.limit})",
        shown(seconds), ", ".join(f"{what} {shown(t)}" for what, t in sorted(longest.times.items(), key=lambda e: -e[1])), _goal(row, seconds, longest),
    ]  # fmt: skip


def _instructions(told: Told) -> str:
    kinds = Sass("", "", told.counts).kinds
    scale, form = (1 / told.element, "{:.1f}") if told.element and not told.kernel.startswith(PRODUCTS) else (100 / max(1, told.counts.total()), "{:.0f} %")
    return ", ".join(f"{kind} {form.format(counts.total() * scale)}" for kind, counts in kinds.items())


def _goal(row: Row, seconds: float, told: Told) -> str:
    """What the time says of the goal: nothing for, but something against it, where what binds was assumed to be as good as the goal."""
    if row.of_copy and told.bound == "memory":
        what, next_ = max(((w, t) for w, t in told.times.items() if w != "memory"), key=lambda e: e[1])
        return f"memory binds; next is {what}, {next_ / told.seconds:.0%} of its time"
    if row.of_copy:
        return f"{row.full.bytes / seconds / COPYING:.0%} of copying at most, goal {row.of_copy:.0%}: **no**"
    if told.bound == "tensor cores":
        return "nothing that is looked at binds before what cuBLAS reaches"
    if row.full.flops and len(row.by_rows) == 1:
        return f"{row.full.flops / seconds / 1e12:.0f} TFLOP/s at most, {row.full.flops / seconds / F32:.0%} of the peak"
    return f"{seconds / LAUNCH:.0f} launches" if told.bound == "launch" else ""


def table(rows: list[Row], say: Callable[[str], None]) -> str:
    """The rows as Markdown, below what they are."""
    cells = []
    for row in rows:
        cells.append(row_of(row))
        say("; ".join(cells[-1]))
    words = HEAD.format(copying=COPYING / 1e12, f32=F32 / 1e12, bf16=BF16 / 1e12, reached=BF16_REACHED / 1e12, launch=LAUNCH * 1e6, target=TARGET, goal=REACHED)
    head = "row|longest kernel, launches|least, MB|moved|accesses|instructions|registers, spilled bytes|warps|time at least|of the longest kernel, by what takes it|beside the goal"
    return "\n\n".join([words, f"To confirm them: `{COMMAND}`.", lines_of(head, cells, {2, 3, 8})])


def arguments(parser: argparse.ArgumentParser, chosen: Callable[[list[str]], list[Row]], say: Callable[[str], None]) -> None:
    """The command line of ``predict``."""
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"names or patterns of {', '.join(ROWS)}")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table between the page's markers")

    def do(options) -> None:
        try:
            found = table(chosen(options.rows), say)
        except DeviceUnavailable as error:
            sys.exit(str(error))
        if options.write:
            options.write.write_text(between(read_page(options.write), MARKER, found))

    parser.set_defaults(do=do)
