"""The code of a program for GPUs as a file holds it: nothing is compiled for what is there."""

from __future__ import annotations

import re

from graphc.inspect.gpu_code import GpuCode
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Kernel
from graphc.ir.program import Program
from graphc.ir.symbols import symbol_of
from graphc.runtime.container import Container
from graphc.runtime.cuda.code_sections import read_needs, read_text
from graphc.runtime.cuda.fatbin import cubin_in
from graphc.runtime.cuda.kernel_text import spans
from graphc.runtime.cuda.reports import Resources

_ENTRY = re.compile(r"^(?:\.weak |\.visible )?\.entry (\w+)\(.*?^\}\n", re.MULTILINE | re.DOTALL)


class KeptGpuCode(GpuCode):
    """As ``GpuCode``.

    Args:
        holder: the name under which the container has the program.
        has_text: whether the PTX there is for ``gpu``.
    """

    def __init__(self, program: Program, gpu: Gpu, container: Container, holder: str, has_text: bool):
        super().__init__(program, gpu)
        self._container, self._holder, self._has_text = container, holder, has_text

    def _ptx(self, text: str) -> str:
        found = read_text(self._container, self._holder) if self._has_text else None
        return super()._ptx(text) if found is None else only_entries(found, {one.name for one in spans(text)})

    def _cubin(self, text: str) -> bytes:
        return cubin_in(self._container[f"library:{self._holder}"], self.gpu.arch) or super()._cubin(text)

    def _reported(self, kernel: Kernel) -> tuple[str, dict[str, Resources]]:
        found = read_needs(self._container, self._holder, self.gpu.arch)
        if found is None:
            return super()._reported(kernel)
        if symbol_of(kernel.name) not in found[1]:
            raise self._container.error(f"section 'resources:{self._holder}' tells nothing of kernel {kernel.name}")
        return found


def only_entries(ptx: str, names: set[str]) -> str:
    """PTX without the kernels that are not named."""
    return _ENTRY.sub(lambda found: found[0] if found[1] in names else "", ptx)
