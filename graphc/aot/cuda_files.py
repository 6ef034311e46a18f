"""The files for programs in C that run on CUDA devices: host code, a header, an object with kernels and constants, an example."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from graphc.aot.gpu_sections import DeviceCode
from graphc.aot.names import c_name
from graphc.codegen.cuda_host.example import cuda_example_text
from graphc.codegen.cuda_host.header import cuda_header_text
from graphc.codegen.cuda_host.plan import Plan
from graphc.codegen.cuda_host.source import cuda_source_text
from graphc.runtime.elf_data import data_object

CUDA_ENDINGS = ("_cuda.c", "_cuda.h", "_cuda_data.o", "_cuda_main.c")  # of the files of one model


def cuda_pieces(codes: Sequence[DeviceCode], stem: str, name: str, machine: str) -> dict[str, list]:
    """The pieces of every file by its name, for one model.

    Args:
        codes: its programs, which have no host steps. stem: of the container. name: of the model, for messages.
        machine: of the host, ``x86_64`` and so on.

    Raises:
        CompileError: there are no objects for this machine, or no host code that serves all programs.
    """
    entry, own = f"{c_name(Path(f'{stem}.gc'))}_cuda", f"{stem}_cuda"
    contents: dict[str, object] = {}
    plans = []
    for number, code in enumerate(codes):
        constants = code.lowered.program.constants
        symbol = f"{entry}_constants_{hashlib.sha256(constants.view).hexdigest()[:8]}"  # equal ones are there once
        contents[f"{entry}_image{number}"] = code.fatbin
        if len(constants):
            contents[symbol] = constants.view
        plans.append(Plan(code.lowered.program, code.gpus, code.text, f"{entry}_image{number}", symbol))
    source, header = cuda_source_text(plans, entry, own, name), cuda_header_text(plans, entry, own)
    example = cuda_example_text(plans[0].program.signature, entry, own)
    pieces = [source.encode()], [header.encode()], data_object(contents, machine), [example.encode()]
    return {stem + ending: content for ending, content in zip(CUDA_ENDINGS, pieces)}
