"""The CUDA C++ text of a whole Program: the parts of the prelude that it uses, its device functions, its kernels."""

from __future__ import annotations

from itertools import combinations

from graphc.codegen.cuda.emit import SHARED, kernel_source
from graphc.codegen.cuda.functions import Functions
from graphc.codegen.cuda.prelude import prelude_of
from graphc.ir.geometry import ALIGNMENT, geometry
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Kernel
from graphc.ir.program import Buffer, Launch, Program, flat


def program_source(program: Program, gpu: Gpu, checked: bool = False) -> str:
    """One text with every kernel of a Program, to be compiled by NVRTC, nvcc, or with ``GC_EMULATE`` defined by a C++ compiler.

    A kernel's parameters are its arrays in order, then its dims as 64-bit integers.

    Args:
        checked: arrays are the emulator's classes, which look at every access.

    Raises:
        CompileError: a kernel uses what a GPU cannot do.
    """
    overlapping = _overlapping(program)
    return kernels_source(program.kernels, gpu, {k: frozenset(v) for k, v in overlapping.items()}, checked, program.name)


def kernels_source(
    kernels: tuple[Kernel, ...], gpu: Gpu, overlapping: dict[str, frozenset[int]], checked: bool = False, name: str = ""
) -> str:
    """The text of some kernels; ``overlapping`` maps their names to the numbers of arrays that may share memory."""
    functions = Functions()
    texts = [kernel_source(k, functions, overlapping.get(k.name, frozenset()), checked) for k in kernels]
    if any(geometry(k).shared for k in kernels):
        texts.insert(0, f"extern __shared__ __align__({ALIGNMENT}) unsigned char {SHARED}[];\n")
    body = "\n".join([*functions.texts.values(), *texts])
    head = f"// graphc: the kernels of {_comment(name)} for {gpu.arch}\n" if name else ""
    return "\n".join(filter(None, (head, prelude_of(body), body)))


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() and c != "\\" else "?" for c in text)


def _overlapping(program: Program) -> dict[str, set[int]]:
    """For each kernel the numbers of its arrays that some launch lays over another one, where either is written."""
    buffers = {b.name: b for b in program.buffers}
    donated = dict(program.signature.donated)
    written = {k.name: [a.written for a in k.arrays] for k in program.kernels}
    found: dict[str, set[int]] = {name: set() for name in written}
    for step in flat(program.steps):
        if isinstance(step, Launch):
            args = list(enumerate(step.args))
            for (i, a), (j, b) in combinations(args, 2):
                if (written[step.kernel][i] or written[step.kernel][j]) and _meet(buffers[a], buffers[b], buffers, donated):
                    found[step.kernel] |= {i, j}
    return found


def _meet(a: Buffer, b: Buffer, buffers: dict[str, Buffer], donated: dict[int, int]) -> bool:
    """Whether two buffers may share memory. Two in the arena, both alive, do so only from the same place on."""
    (kind, place), (other, where) = [_root(x, buffers, donated) for x in (a, b)]
    if kind != other:
        return False
    if kind != "arena" or place is where or place == where:
        return place == where
    sizes = [x.type.size * x.type.dtype.size if x.type.is_static else None for x in (a, b)]
    if type(place) is int and type(where) is int and None not in sizes:
        return place < where + sizes[1] and where < place + sizes[0]
    return False


def _root(buffer: Buffer, buffers: dict[str, Buffer], donated: dict[int, int]) -> tuple:
    """Where the memory of a buffer comes from: a row of another one, or an output in donated memory, is a part of that."""
    kind, place = buffer.place
    if kind == "row":
        return _root(buffers[place[0]], buffers, donated)
    if kind == "output" and place in donated:
        return "input", donated[place]
    return kind, place
