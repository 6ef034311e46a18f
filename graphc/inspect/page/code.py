"""The code of kernels for the page, as much as a page should hold."""

from __future__ import annotations

from graphc.errors import DeviceUnavailable
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.summary import KernelCost
from graphc.ir.gpu import Gpu
from graphc.ir.symbols import symbol_of

MOST = 3_000_000  # characters; some hundred KB in the page, and seconds of assembling


_OF_CPUS = (("Loops", "loops", "ir"), ("LLVM IR", "llvm", "llvm"), ("Assembly", "asm", "asm"))
_OF_GPUS = (("Loops", "loops", "ir"), ("CUDA C++", "cuda", "cuda"), ("Machine code", "sass", "asm"))


def forms(stages: Stages) -> tuple[tuple[str, str, str], ...]:
    """How the page shows a kernel: (title, what ``--as`` calls it, whose colours it has) each."""
    return _OF_GPUS if isinstance(stages.target, Gpu) else _OF_CPUS


def code(stages: Stages, sizes: Sizes, costs: list[KernelCost]) -> dict[str, list[str | None]]:
    """For kernels by name their texts in each of the ``forms``; those that compute and move most come first.

    Where a program has more than ``MOST`` characters, the last kernels are left out. What LLVM, a compiler for GPUs or a
    disassembler would have to make is None where these are missing.
    """
    found: dict[str, list[str | None]] = {}
    left = MOST
    for cost in sorted(costs, key=lambda k: (-k.runs * k.flops, -k.runs * k.bytes, k.name)):
        texts = [sizes.text(stages.kernel(cost.name)), *(_text(stages, cost.name, form) for _, form, _ in forms(stages)[1:])]
        left -= sum(len(text) for text in texts if text)
        if left < 0:
            break
        found[cost.name] = texts
    return found


def _text(stages: Stages, name: str, form: str) -> str | None:
    try:
        if form == "sass":  # all at once
            return stages.device_code.machine_code[symbol_of(name)].text
        return stages.kernel_as(name, form)
    except (ImportError, DeviceUnavailable):
        return None
