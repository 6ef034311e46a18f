"""The code of kernels for the page, as much as a page should hold."""

from __future__ import annotations

from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.summary import KernelCost

MOST = 3_000_000  # characters; some hundred KB in the page, and seconds of assembling


def code(stages: Stages, sizes: Sizes, costs: list[KernelCost]) -> dict[str, list[str]]:
    """For kernels by name their loop trees, LLVM IR and assembly; those that compute and move most come first.

    Where a program has more than ``MOST`` characters, the last kernels are left out.
    """
    found: dict[str, list[str]] = {}
    left = MOST
    for cost in sorted(costs, key=lambda k: (-k.runs * k.flops, -k.runs * k.bytes, k.name)):
        texts = [sizes.text(stages.kernel(cost.name)), *(stages.kernel_as(cost.name, form) for form in ("llvm", "asm"))]
        left -= sum(map(len, texts))
        if left < 0:
            break
        found[cost.name] = texts
    return found
