"""The code of kernels for the page, as much as a page should hold."""

from __future__ import annotations

from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.summary import KernelCost

MOST = 3_000_000  # characters; some hundred KB in the page, and seconds of assembling


def code(stages: Stages, sizes: Sizes, costs: list[KernelCost]) -> dict[str, list[str | None]]:
    """For kernels by name their loop trees, LLVM IR and assembly; those that compute and move most come first.

    Where a program has more than ``MOST`` characters, the last kernels are left out. Assembly is None where LLVM is missing.
    """
    found: dict[str, list[str | None]] = {}
    left = MOST
    for cost in sorted(costs, key=lambda k: (-k.runs * k.flops, -k.runs * k.bytes, k.name)):
        texts = [sizes.text(stages.kernel(cost.name)), stages.kernel_as(cost.name, "llvm"), _assembly(stages, cost.name)]
        left -= sum(len(text) for text in texts if text)
        if left < 0:
            break
        found[cost.name] = texts
    return found


def _assembly(stages: Stages, name: str) -> str | None:
    try:
        return stages.kernel_as(name, "asm")
    except ImportError:
        return None
