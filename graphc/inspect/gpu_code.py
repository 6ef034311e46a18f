"""The code of a program for GPUs: its text, what compilers make of single kernels, and what these need of a device."""

from __future__ import annotations

import functools

from graphc.codegen.cuda.module import program_source
from graphc.errors import DeviceUnavailable
from graphc.inspect.sizes import unit
from graphc.ir.geometry import geometry
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Kernel
from graphc.ir.program import Program
from graphc.ir.symbols import symbol_of
from graphc.runtime.cuda.images import Image, compile_image, compile_images
from graphc.runtime.cuda.kernel_text import kernel_of, only, spans
from graphc.runtime.cuda.nvrtc import CUBIN, PTX
from graphc.runtime.cuda.reports import Resources, occupancy
from graphc.runtime.cuda.sass import Sass, disassemble

FORMS = ("cuda", "ptx", "sass", "resources")


class GpuCode:
    """What stands behind the kernels of a program for ``gpu``; nothing is compiled before it is asked for."""

    def __init__(self, program: Program, gpu: Gpu):
        self.program, self.gpu = program, gpu

    @functools.cached_property
    def text(self) -> str:
        """The CUDA C++ text of the whole program."""
        return program_source(self.program, self.gpu)

    @functools.cached_property
    def machine_code(self) -> dict[str, Sass]:
        """The machine code of every kernel, by its symbol, as it runs.

        Raises:
            DeviceUnavailable: as for ``whole``.
        """
        images = compile_images(self.text, self.gpu.arch, self.program.name)
        return {name: one for image in images for name, one in disassemble(image.data).items()}

    def whole(self, form: str) -> str:
        """The whole program as ``cuda``, ``ptx`` or ``sass``.

        Raises:
            DeviceUnavailable: the compiler or the disassembler is missing; the message says what to install.
        """
        match form:
            case "cuda":
                return self.text
            case "ptx":
                return self._ptx(self.text)
        return "\n\n".join(kernel.text for kernel in disassemble(self._cubin(self.text)).values())

    def kernel_as(self, kernel: Kernel, form: str) -> str:
        """One kernel as one of ``FORMS``; compiled alone.

        Raises:
            DeviceUnavailable: as for ``whole``.
        """
        if form == "cuda":
            return kernel_of(self.text, symbol_of(kernel.name))
        if form == "ptx":
            return self._ptx(only(self.text, {symbol_of(kernel.name)}))
        return self._sass(kernel).text if form == "sass" else self._resources(kernel)

    def lines(self, kernel: str) -> tuple[int, int] | None:
        """The first and the last line of a kernel in the text, from 1; None if it is not there."""
        return next(((one.first + 1, one.last) for one in spans(self.text) if one.name == symbol_of(kernel)), None)

    def _compiled(self, text: str, form: str) -> Image:
        return compile_image(text, self.gpu.arch, self.program.name, form=form)

    def _ptx(self, text: str) -> str:
        """PTX of the program, or of a text with some of its kernels."""
        return self._compiled(text, PTX).data.decode()

    def _cubin(self, text: str) -> bytes:
        """Machine code that has the kernels of a text."""
        return self._compiled(text, CUBIN).data

    def _reported(self, kernel: Kernel) -> tuple[str, dict[str, Resources]]:
        """Which compiler made a kernel, and what it said that its functions need."""
        image = self._compiled(only(self.text, {symbol_of(kernel.name)}), CUBIN)
        return image.compiler, image.resources

    def _sass(self, kernel: Kernel) -> Sass:
        return disassemble(self._cubin(only(self.text, {symbol_of(kernel.name)})))[symbol_of(kernel.name)]

    def _resources(self, kernel: Kernel) -> str:
        compiler, found = self._reported(kernel)
        lines = [f"{kernel.name} for {self.gpu.arch}, by {compiler}", *self._needs(kernel, found)]
        try:
            table = self._sass(kernel).table()
        except DeviceUnavailable as error:
            return "\n".join([*lines, "", str(error)])
        return "\n".join([*lines, "", "instructions, as they stand in the code", *(f"  {line}" for line in table)])

    def _needs(self, kernel: Kernel, found: dict[str, Resources]) -> list[str]:
        """What a kernel needs, as lines."""
        own, shape = found[symbol_of(kernel.name)], geometry(kernel)
        shared = shape.shared + own.shared
        fills = occupancy(self.gpu, shape.threads, own.registers, shared)
        called = [one for one in found.values() if one.registers is None]
        rows = [
            ("threads", f"{shape.threads}", "of a block"),
            ("shared memory", unit(shared), "of a block"),
            ("registers", f"{own.registers}", "of a thread"),
            ("stack", unit(max(one.stack for one in (own, *called))), "of a thread"),
            ("spills", unit(sum(one.spills for one in (own, *called))), "to and from it, as registers do not suffice"),
        ]
        if not own.spills:
            rows[-1] = ("spills", rows[-1][1], "")
        width = max(len(value) for _, value, _ in rows)
        lines = [f"  {name:13}  {value:>{width}}  {note}".rstrip() for name, value, note in rows]
        part = f"{fills.warps} of {fills.most} warps ({fills.fraction:.0%})"
        limit = f", limited by {fills.limit}" if fills.fraction < 1 else ""
        return [*lines, f"  {'occupancy':13}  {fills.blocks:>{width}}  blocks on a multiprocessor, {part}{limit}"]
