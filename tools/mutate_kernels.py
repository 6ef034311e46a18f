"""Plants faults into generated CUDA kernels and counts how many of them the emulator finds.

python tools/mutate_kernels.py                              # the graphs below, 30 mutants of each kernel
python tools/mutate_kernels.py graph.txt --count 100 --size n=50 --target cuda-emulated:sm_80 --seed 1

A mutant is an edit of one kernel: a barrier, wait or fence is dropped, a part of a guard is dropped, a bound or a number of an index is
one more, a shuffle asks another thread. All mutants of a graph are compiled in one text beside the kernels themselves, and the program
runs with one kernel replaced at a time, in three orders of threads. What is neither reported nor seen in the results is printed, if
runs come to its line at all: it may do the same as the kernel (a guard that always holds), or be what the emulator cannot see.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from graphc import compile_gpu  # noqa: E402  (the path comes first)
from graphc.compile import compile_graph  # noqa: E402
from graphc.errors import DeviceError  # noqa: E402
from graphc.ir.gpu import GPUS  # noqa: E402
from graphc.ir.parser import parse  # noqa: E402
from graphc.options import Options  # noqa: E402
from graphc.runtime.dims import evaluate, symbols_of  # noqa: E402
from graphc.runtime.emulator.build import build  # noqa: E402
from graphc.runtime.emulator.device import ORDERS, EmulatedDevice  # noqa: E402

GRAPHS = {
    "dense": """graph @dense(%x: f32[n,90], %w: f32[90,70], %b: f32[70]) {
  %p: f32[n,70] = dot(%x, %w, transpose_x=false, transpose_y=false)
  %c: f32[n,70] = broadcast(%b, axes=(1,), shape=(n, 70))
  %s: f32[n,70] = add(%p, %c)
  return %s
}
""",
    "tensor": """graph @tensor(%x: bf16[n,96], %w: bf16[96,72]) {
  %p: bf16[n,72] = dot(%x, %w, transpose_x=false, transpose_y=false)
  return %p
}
""",
    "warpgroups": """graph @warpgroups(%x: bf16[n,192], %w: bf16[192,256]) {
  %p: bf16[n,256] = dot(%x, %w, transpose_x=false, transpose_y=false)
  return %p
}
""",
    "softmax": """graph @softmax(%x: f32[n,1000]) {
  %m: f32[n] = reduce(%x, axes=(1,), kind="max")
  %b: f32[n,1000] = broadcast(%m, axes=(0,), shape=(n, 1000))
  %d: f32[n,1000] = sub(%x, %b)
  %e: f32[n,1000] = exp(%d)
  %s: f32[n] = reduce(%e, axes=(1,), kind="sum")
  %c: f32[n,1000] = broadcast(%s, axes=(0,), shape=(n, 1000))
  %q: f32[n,1000] = div(%e, %c)
  return %q
}
""",
    "total": """graph @total(%x: f32[100000]) {
  %s: f32[] = reduce(%x, axes=(0,), kind="sum")
  return %s
}
""",
    "columns": """graph @columns(%x: f32[n,70]) {
  %s: f32[70] = reduce(%x, axes=(0,), kind="sum")
  return %s
}
""",
    "turn": """graph @turn(%x: f32[n,70]) {
  %t: f32[70,n] = transpose(%x, perm=(1, 0))
  return %t
}
""",
}
_DROPPED = re.compile(r"^\s*(__syncthreads\(\)|gc_(?:cp_async_(?:commit|wait)|mbarrier|fence|wgmma_(?:fence|commit|wait)|named_barrier)\w*(?:<\d+>)?\([^;]*\));$")
_MULTIPROCESSORS = 2  # of the device that schedules are made for: small arrays get those of large ones
_SIZES = (100, 700)  # of dimensions that are not given: few and many blocks
_NUMBER = re.compile(r"(?<![\w.<#])\d+(?![\w.>])")


@dataclass(frozen=True)
class Mutant:
    """A kernel with one line edited."""

    kernel: str
    name: str
    line: str
    edited: str
    text: str
    trap: str  # the kernel with a trap before that line in place of the edit


def edits_of(line: str) -> list[str]:
    """What the edits of one line of a kernel make of it."""
    if _DROPPED.match(line):
        return [""] + [line.replace(f"wait<{n}>", f"wait<{int(n) + 1}>") for n in re.findall(r"wait<(\d+)>", line)]
    found = []
    guard = re.match(r"^(\s*)if \((.*)\) \{$", line)
    if guard:
        parts = guard[2].split(" && ")
        kept = [parts[:k] + parts[k + 1 :] for k in range(len(parts))]
        found += [f"{guard[1]}if ({' && '.join(p) or 'true'}) {{" for p in kept if " || " not in guard[2]]
    if guard or re.match(r"^\s*for \(", line):
        found += [line[: m.start()] + " <= " + line[m.end() :] for m in re.finditer(r" < ", line)]
    if re.match(r"^\s*[\w ]+ \w+\[\d+\];$", line):
        return []  # how much room values have
    if "gc_load" in line or "gc_store" in line or "[" in line or "gc_ldmatrix" in line or "gc_cp_async" in line:
        found += [line[: m.start()] + str(int(m[0]) + 1) + line[m.end() :] for m in _NUMBER.finditer(line)]
    found += [line[: m.start(1)] + str(int(m[1]) // 2) + line[m.end(1) :] for m in re.finditer(r"gc_shuffle_xor\([^;]*, (\d+)\)", line)]
    return found


def mutants_of(text: str, count: int, draw: random.Random) -> list[Mutant]:
    """Some mutants of each kernel of a text."""
    found = []
    for kernel in re.finditer(r'^extern "C" __global__ void [^\n]*?\b(\w+)\($|^extern "C" __global__ void __launch_bounds__\(\d+\) (\w+)\(.*$', text, re.M):
        name = kernel[1] or kernel[2]
        body = text[kernel.start() : text.index("\n}\n", kernel.start()) + 3]
        lines = body.split("\n")
        first = next(k for k, line in enumerate(lines) if line.endswith(") {")) + 1
        choices = [(k, edited) for k in range(first, len(lines)) for edited in edits_of(lines[k])]
        for number, (k, edited) in enumerate(draw.sample(choices, min(count, len(choices)))):
            own = f"{name}_mutant{number}"
            changed, trap = [
                "\n".join((*lines[:k], *new, *lines[k + 1 :])).replace(f" {name}(", f" {own}(", 1) for new in ((edited,), ("__trap();", lines[k]))
            ]
            found.append(Mutant(name, own, lines[k].strip(), edited.strip(), changed, trap))
    return found


class MutatedDevice(EmulatedDevice):
    """Launches a mutant in the place of its kernel, and on so few blocks that each does the work of several."""

    mutant: Mutant | None = None

    def launch(self, function, grid: int, *arguments) -> None:
        """See ``Device``."""
        if self.mutant is not None and function.name == self.mutant.kernel:
            function = replace(function, name=self.mutant.name)
        super().launch(function, -(-grid // 3), *arguments)


def inputs_of(signature, size: int, sizes: dict[str, int]) -> list[np.ndarray]:
    """Random arrays for a program; ``size`` is that of dimensions that are not given."""
    draw, arrays = np.random.default_rng(3), []
    for parameter in signature.inputs:
        known = dict.fromkeys(symbols_of(parameter.type.shape), size) | sizes
        shape = [evaluate(d, known) for d in parameter.type.shape]
        values = draw.standard_normal(shape) if parameter.type.dtype.is_float else draw.integers(0, 5, shape)
        arrays.append(values.astype(parameter.type.dtype.numpy))
    return arrays


def bits(results) -> bytes:
    """All results as bytes."""
    return b"".join([np.ascontiguousarray(r).tobytes() for r in (results if isinstance(results, (list, tuple)) else [results])])


def compiled(text: str, target: str, device: MutatedDevice, add):
    """The program of a graph on a device, beside whose kernels the mutants that ``add`` makes of its text are compiled."""

    def image_of(program, gpu):
        source = compile_gpu.source_of(program, gpu)
        more = add(source)
        image = build("".join((source, *more.values())), (*[k.name for k in program.kernels], *more))
        assert all(m.encode() in image for m in more.values()), "a mutant is not what was compiled"
        return image

    with mock.patch.object(compile_gpu, "image_of", image_of), mock.patch.object(compile_gpu, "device_for", lambda gpu, index: device):
        return compile_graph(parse(text), Options(target=target, cache=False))


def examine(name: str, text: str, target: str, count: int, sizes: dict[str, int], draw: random.Random) -> tuple[int, list[Mutant]]:
    """How many mutants a graph had in lines that runs come to, and those that were not found."""
    device, mutants = MutatedDevice(target.partition(":")[2]), []

    def mutate(source: str) -> dict[str, str]:
        mutants[:] = mutants_of(source, count, draw)
        return {m.name: m.text for m in mutants}

    program = compiled(text, target, device, mutate)
    given = [inputs_of(program.signature, size, sizes) for size in _SIZES]
    right = [bits(program(*arrays)) for arrays in given]
    missed = [m for m in mutants if not found(program, device, m, given, right)]
    named = text.replace("graph @", "graph @traps_", 1)  # the same graph would be the same program
    program = compiled(named, target, device, lambda source: {m.name: m.trap for m in missed})
    reached = [m for m in missed if found(program, device, m, given, right)]
    total = len(mutants) - len(missed) + len(reached)
    print(f"{name}: {total - len(reached)} of {total} found", flush=True)
    for m in reached:
        print(f"    {m.kernel}: {m.line}\n    {' ' * len(m.kernel)}> {m.edited or '(dropped)'}")
    return total, reached


def found(program, device: MutatedDevice, mutant: Mutant, given: list[list[np.ndarray]], right: list[bytes]) -> bool:
    """Whether a mutant is reported, or changes a bit of the results, in one of the orders."""
    device.mutant = mutant
    try:
        for device.order, (arrays, wanted) in itertools.product(ORDERS, zip(given, right)):
            if bits(program(*arrays)) != wanted:
                return True
    except DeviceError:
        return True
    finally:
        device.mutant, device.order = None, ORDERS[0]
    return False


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("graphs", nargs="*", help="files with the text of a graph")
    parser.add_argument("--count", type=int, default=30, help="mutants of each kernel")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", default="cuda-emulated:sm_90a")
    parser.add_argument("--size", action="append", default=[], metavar="NAME=N", help="a dimension; else 100, then 700")
    options = parser.parse_args()
    sizes = {name: int(number) for name, _, number in (s.partition("=") for s in options.size)}
    graphs = {path: Path(path).read_text() for path in options.graphs} or GRAPHS
    GPUS[options.target] = replace(GPUS[options.target], multiprocessors=_MULTIPROCESSORS)
    start, total, missed = time.process_time(), 0, 0
    for name, text in graphs.items():
        made, left = examine(name, text, options.target, options.count, sizes, random.Random(options.seed))
        total, missed = total + made, missed + len(left)
    print(f"{total - missed} of {total} mutants found, {100 * (total - missed) / max(total, 1):.1f} %, in {time.process_time() - start:.0f} s beside compiling")
    return 0


if __name__ == "__main__":
    sys.exit(main())
