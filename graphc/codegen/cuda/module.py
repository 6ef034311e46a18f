"""The CUDA C++ text of a whole Program: the parts of the prelude that it uses, its device functions, its kernels."""

from __future__ import annotations

from graphc.codegen.cuda.emit import SHARED, kernel_source
from graphc.codegen.cuda.functions import Functions
from graphc.codegen.cuda.operands import Operands, operands
from graphc.codegen.cuda.prelude import prelude_of
from graphc.ir.geometry import geometry
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Kernel
from graphc.ir.program import Program

_BASE = 1024  # bytes to which shared memory is aligned: after so many the order of swizzled tiles repeats


def program_source(program: Program, gpu: Gpu, checked: bool = False) -> str:
    """One text with every kernel of a Program, to be compiled by NVRTC, nvcc, or with ``GC_EMULATE`` defined by a C++ compiler.

    A kernel's parameters are its arrays in order, tensor maps in place of those with a ``box``, then its dims as 64-bit integers.

    Args:
        checked: arrays are the emulator's classes, which look at every access.

    Raises:
        CompileError: a kernel uses what a GPU cannot do.
    """
    return kernels_source(program.kernels, gpu, operands(program), checked, program.name)


def kernels_source(
    kernels: tuple[Kernel, ...], gpu: Gpu, launched: dict[str, Operands], checked: bool = False, name: str = ""
) -> str:
    """The text of some kernels; ``launched`` says by their names what lies in memory in an unusual way."""
    functions = Functions()
    texts = [kernel_source(k, functions, launched.get(k.name, Operands()), checked) for k in kernels]
    if any(geometry(k).shared for k in kernels):
        texts.insert(0, f"extern __shared__ __align__({_BASE}) unsigned char {SHARED}[];\n")
    body = "\n".join([*functions.texts.values(), *texts])
    head = f"// graphc: the kernels of {_comment(name)} for {gpu.arch}\n" if name else ""
    return "\n".join(filter(None, (head, prelude_of(body), body)))


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() and c != "\\" else "?" for c in text)
