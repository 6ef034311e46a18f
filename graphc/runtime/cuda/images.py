"""From a program's text to what a device loads: compiled once, kept in the cache of compiled programs."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from graphc.runtime.cache import DiskCache, default_cache, digest_of
from graphc.runtime.cuda.compilers import Compiler, compiler_for
from graphc.runtime.cuda.kernel_text import shared_out, spans, with_all_registers
from graphc.runtime.cuda.nvrtc import CUBIN, OPTIONS, Compiled
from graphc.runtime.cuda.reports import Resources, resources
from graphc.runtime.pool import default_threads

_KERNELS = 4  # of a part at least: each part reads the prelude again
_PARTS = 8  # at most: a device loads each of them
_REGISTERS = 255  # of a thread at the most


@dataclass(frozen=True)
class Image:
    """A module for a device.

    Attributes:
        arch: that it is for. form: ``cubin`` or ``ptx``. kernels: that are in it.
        data: what a driver loads. log: what the compiler said. compiler: which one, such as ``NVRTC 13.0``.
    """

    arch: str
    form: str
    kernels: tuple[str, ...]
    data: bytes
    log: str
    compiler: str

    @property
    def resources(self) -> dict[str, Resources]:
        """What each kernel needs, by name."""
        return resources(self.log)


def compile_images(
    source: str,
    arch: str,
    name: str = "program",
    driver: int | None = None,
    options: tuple[str, ...] = (),
    threads: int | None = None,
    cache: DiskCache | None = None,
) -> tuple[Image, ...]:
    """The images that have a text's kernels: of a large program several, compiled at the same time.

    Args:
        source: a whole program, see ``codegen.cuda.module``. arch: such as ``sm_90a``. name: of the program.
        driver: its CUDA version, where one is known, see ``compiler_for``.
        threads: to compile with; as many as this process may use if None.

    Raises:
        CompileError: the text has errors. DeviceUnavailable: there is no compiler, or none for the arch or the driver.
    """
    threads = default_threads() if threads is None else threads
    texts = shared_out(source, min(_PARTS, threads, len(spans(source)) // _KERNELS))
    if len(texts) == 1:
        return (compile_image(source, arch, name, driver, options, cache=cache),)
    with ThreadPoolExecutor(len(texts)) as pool:
        return tuple(pool.map(lambda text: compile_image(text, arch, name, driver, options, cache=cache), texts))


def compile_image(
    source: str,
    arch: str,
    name: str = "program",
    driver: int | None = None,
    options: tuple[str, ...] = (),
    form: str = CUBIN,
    cache: DiskCache | None = None,
) -> Image:
    """One image of a whole text, as ``compile_images``; also PTX, which newer devices than ``arch`` take too."""
    compiler, cache = compiler_for(driver), default_cache() if cache is None else cache
    kernels = tuple(one.name for one in spans(source))
    parts = _parts(compiler, source, arch, options, form)
    digest = digest_of(parts)
    entry = cache.get(digest)
    if entry is not None:
        return Image(arch, form, kernels, bytes(entry["image"]), bytes(entry["log"]).decode(), compiler.name)
    made = _without_spills(compiler, source, arch, options, re.sub(r"\W", "_", name), form)
    cache.put(digest, {"image": made.data, "log": made.log}, parts)
    return Image(arch, form, kernels, made.data, made.log, compiler.name)


def _without_spills(compiler: Compiler, source: str, arch: str, options: tuple[str, ...], name: str, form: str) -> Compiled:
    """A text compiled; where kernels spill though there are registers left, with these."""
    made = compiler.compile(source, arch, options, name, form)
    needs = resources(made.log)
    spilling = [k.name for k in needs.values() if k.spills and k.registers is not None and k.registers < _REGISTERS]
    more = with_all_registers(source, spilling) if spilling else source
    if more == source:
        return made
    again = compiler.compile(more, arch, options, name, form)
    return min((made, again), key=lambda one: sum(k.spills for k in resources(one.log).values()))


def _parts(compiler: Compiler, source: str, arch: str, options: tuple[str, ...], form: str) -> dict[str, str]:
    """What an image is made of. The program's name is in messages only."""
    made = {"kind": "image of CUDA", "compiler": compiler.identity, "arch": arch, "form": form, "source": source}
    return {**made, "options": " ".join((*OPTIONS, *options))}

