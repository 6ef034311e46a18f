"""What CUDA's compilers make of our kernels: registers, spills, occupancy and the time to compile, as a table.

Without names it takes the models that the tests compile (tests/cuda/cuda_corpus.py) and one sample of each operation;
names are those of such models, or anything that ``graphc inspect`` takes. The exit status is 1 if a kernel spills registers
or does not compile. No GPU is needed, but NVRTC (pip install 'graphc[cuda13]') or nvcc.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "cuda")]

from cuda_corpus import CORPUS, program_of, sample_programs  # noqa: E402  (the path comes first)

from graphc.cli.pipe import reader_may_leave  # noqa: E402
from graphc.codegen.cuda.module import program_source  # noqa: E402
from graphc.errors import CompileError, GraphcError  # noqa: E402
from graphc.inspect.show import columns  # noqa: E402
from graphc.ir.geometry import geometry  # noqa: E402
from graphc.ir.gpu import GPUS, Gpu  # noqa: E402
from graphc.ir.program import Program  # noqa: E402
from graphc.ir.symbols import symbol_of  # noqa: E402
from graphc.models.files import load_model  # noqa: E402
from graphc.runtime.cache import DiskCache  # noqa: E402
from graphc.runtime.cuda.images import compile_images  # noqa: E402
from graphc.runtime.cuda.reports import Resources, occupancy  # noqa: E402

ARCHS = ("sm_80", "sm_90a", "sm_100", "sm_120")
_HEAD = ("program", "arch", "kernels", "text", "images", "seconds", "registers", "spills", "stack", "occupancy")
_NUMBERS = tuple(range(2, len(_HEAD)))


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 where a kernel spills, or does not compile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="MODEL", help=f"{', '.join(CORPUS)}, samples, or FILE")
    parser.add_argument("--arch", action="append", choices=sorted({gpu.arch for gpu in GPUS.values()}), help=f"default: {', '.join(ARCHS)}")
    parser.add_argument("--kernels", action="store_true", help="a line for each kernel")
    parser.add_argument("--every", action="store_true", help="all samples of operations, instead of one of each")
    parser.add_argument("--threads", type=int, help="to compile with")
    options = parser.parse_args(arguments)
    try:
        with reader_may_leave():
            return _show(options)
    except (GraphcError, OSError) as error:
        return print(f"{Path(__file__).name}: {error}", file=sys.stderr) or 1


def _show(options) -> int:
    rows, failed = [_HEAD], []
    for arch in options.arch or ARCHS:
        gpu = GPUS[f"cuda:{arch}"]
        for program in _programs(options, gpu):
            try:
                rows += _rows(program, gpu, options)
            except CompileError as error:
                failed.append(str(error))
    print("\n".join(columns(rows, right=_NUMBERS, indent="")))
    print("\n".join(["", *failed]) if failed else "")
    return int(bool(failed) or any(row[7] not in ("0", "spills") for row in rows))


def _programs(options, gpu: Gpu) -> Iterator[Program]:
    for name in options.names or (*CORPUS, "samples"):
        if name == "samples":
            yield from sample_programs(gpu, options.every)
        else:
            yield program_of(CORPUS[name]() if name in CORPUS else load_model(name), gpu)


def _rows(program: Program, gpu: Gpu, options) -> list[tuple[str, ...]]:
    text = program_source(program, gpu)
    start = time.perf_counter()
    images = compile_images(text, gpu.arch, program.name, threads=options.threads, cache=DiskCache(None))
    took = time.perf_counter() - start
    found = {name: needs for image in images for name, needs in image.resources.items()}
    fill = {k.name: _fraction(gpu, geometry(k), found[symbol_of(k.name)]) for k in program.kernels}
    size = sum(len(image.data) for image in images)
    whole = _row(program.name, gpu, len(program.kernels), len(text), size, f"{took:.2f}", list(found.values()), fill.values())
    if not options.kernels:
        return [whole]
    return [whole, *(_row(f"  {k.name}", gpu, "", "", "", "", [found[symbol_of(k.name)]], [fill[k.name]]) for k in program.kernels)]


def _row(name: str, gpu: Gpu, kernels, text, images, seconds: str, needs: list[Resources], fill) -> tuple[str, ...]:
    most = max((one.registers or 0 for one in needs), default=0)
    spills, stack = sum(one.spills for one in needs), max((one.stack for one in needs), default=0)
    return name, gpu.arch, str(kernels), str(text), str(images), seconds, str(most), str(spills), str(stack), f"{min(fill, default=1):.0%}"


def _fraction(gpu: Gpu, shape, needs: Resources) -> float:
    return occupancy(gpu, shape.threads, needs.registers, shape.shared + needs.shared).fraction


if __name__ == "__main__":
    sys.exit(main())
