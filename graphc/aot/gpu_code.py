"""Compiling programs for CUDA devices ahead of time: one code for all archs whose programs are the same."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from graphc.aot.gpu_sections import DeviceCode
from graphc.codegen.cuda.module import program_source
from graphc.compile import Lowered
from graphc.ir.gpu import GPUS, Gpu
from graphc.runtime.cuda.fatbin import fatbin
from graphc.runtime.cuda.images import compile_image
from graphc.runtime.cuda.nvrtc import CUBIN, PTX
from graphc.runtime.pool import default_threads


def device_codes(made: Mapping[str, Lowered]) -> list[DeviceCode]:
    """Compile programs; the newest arch gets PTX beside its code, for devices that are newer than all of them.

    Args:
        made: the program for each target, by names such as ``cuda:sm_90``.

    Raises:
        DeviceUnavailable: there is no compiler, or nothing that puts code for several archs into one file.
        CompileError: a compiler refuses the text.
    """
    groups: dict[str, list[Gpu]] = {}
    for name, one in made.items():
        groups.setdefault(str(one.program), []).append(GPUS[name])
    usual = [GPUS[name] for name in made if not GPUS[name].is_exact]  # PTX for the others runs nowhere else either
    newest = max(usual, key=lambda gpu: gpu.capability, default=None)
    return [_code(made[gpus[0].name], tuple(gpus), newest if newest in gpus else None) for gpus in groups.values()]


def _code(lowered: Lowered, gpus: tuple[Gpu, ...], text: Gpu | None) -> DeviceCode:
    program = lowered.program
    if not program.kernels:
        return DeviceCode(lowered, gpus, {}, text)
    jobs = [*((gpu, CUBIN) for gpu in gpus), *([(text, PTX)] if text is not None else [])]
    texts = [program_source(program, gpu) for gpu, _ in jobs]
    with ThreadPoolExecutor(min(len(jobs), default_threads())) as pool:  # compilers leave Python to others
        made = list(pool.map(lambda job, source: compile_image(source, job[0].arch, program.name, form=job[1]), jobs, texts))
    images, newer = dict(zip(gpus, made)), made[len(gpus) :]
    needs = {gpu.arch: {"compiler": i.compiler, "functions": [asdict(r) for r in i.resources.values()]} for gpu, i in images.items()}
    return DeviceCode(lowered, gpus, needs, text, newer[0].data if newer else b"", fatbin([*images.values(), *newer]))
