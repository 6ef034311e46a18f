"""Containers: the graph of a model, its weights, and native code for any number of targets, as the pieces of a file."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from graphc.aot.c_files import SHARED, endings
from graphc.aot.load import FORMAT, SUPPORT
from graphc.aot.replace import replace_files
from graphc.aot.gpu_sections import DeviceCode
from graphc.compile import RECORD, Lowered, assemble, canonical, has_callbacks, lower_for, sections, target_of
from graphc.errors import CompileError
from graphc.ir.dtype import as_dtype
from graphc.ir.gpu import CUDA, Gpu
from graphc.ir.graph import Graph
from graphc.ir.printer import graph_text
from graphc.ir.program import Program
from graphc.options import VERSION, Options
from graphc.runtime.container import encode
from graphc.runtime.support import support_file

_ALIGN = 64


def save(graph: Graph, path, options: Options = Options()) -> Path:
    """Write a ``.gc`` container: IR text, weights, and native code for the options' target.

    The file is written under a temporary name and renamed, so a half-written one never stands at ``path``. For a target
    that cannot be linked here it holds no native code, and is compiled where it is loaded.

    Raises:
        CompileError: the graph calls Python functions, which no file can hold; or it cannot be compiled.
        UsageError: the options name no known target.
        OSError: the file cannot be written.
    """
    path = Path(path)
    made = lowered(graph, options, (target_of(options).name,))
    replace_files({path: container(graph, made, options, codes_for(made))})
    return path


def codes_for(made: Mapping[str, Lowered]) -> list[DeviceCode]:
    """The code of those programs that are for CUDA devices.

    Raises:
        DeviceUnavailable: there is no compiler for it. CompileError: it cannot be compiled.
    """
    for_gpus = {name: one for name, one in made.items() if name.startswith(f"{CUDA}:")}
    return importlib.import_module("graphc.aot.gpu_code").device_codes(for_gpus) if for_gpus else []  # needs compilers


def lowered(model: Graph | Program, options: Options, targets: tuple[str, ...]) -> dict[str, Lowered]:
    """The Program for each target, if files can hold it, with its record; a Program is what it is and has none.

    Raises:
        CompileError: the graph calls Python functions, or cannot be compiled.
    """
    if isinstance(model, Program):
        return dict.fromkeys(targets, Lowered(model))
    if has_callbacks(model):
        raise CompileError(
            "the graph calls Python functions, which no file can hold; it cannot be compiled ahead of time"
        )
    return lower_for(model, options, targets)


def container(model: Graph | Program, made: Mapping[str, Lowered], options: Options, codes: Sequence[DeviceCode] = ()) -> list:
    """The pieces of the container of a model, which was lowered to a Program for each target.

    One that was compiled from a Program holds no graph: it runs where its code does, and cannot be compiled anew.

    Args:
        codes: what the Programs for CUDA devices became, see ``codes_for``.
    """
    native: dict[str, object] = {}
    targets = [gpu.name for code in codes for gpu in code.gpus]
    for name, one in made.items():
        if name in targets:
            continue
        settings = replace(options, target=name)
        target = target_of(settings)
        if isinstance(target, Gpu):
            native |= sections(assemble(one.program, settings, record=one.record))
            targets.append(name)
            continue
        native |= {RECORD + name: one.record} if one.record else {}
        if SHARED in endings(target):
            digest, library = support_file(target)
            native |= {**sections(assemble(one.program, settings, record=one.record)), f"{SUPPORT}{digest}": library}
            targets.append(name)
    written: dict[str, str] = {}
    for code in codes:
        native |= code.sections(written)
    shares = {gpu.name: code.name for code in codes for gpu in code.gpus[1:]}
    text = [code.text.name for code in codes if code.text is not None]
    gpus = {**({"shares": shares} if shares else {}), **({"ptx": text[0]} if text else {})}
    blobs: dict[str, np.ndarray] = {}
    graph = {"graph": graph_text(canonical(model), blobs=blobs)} if isinstance(model, Graph) else {}
    weights, table = _weights(blobs)
    manifest = {"format": FORMAT, "graphc": VERSION, "name": model.name, "targets": targets, "weights": table,
                "fast_math": options.fast_math, "allow": list(options.allow), "checks": options.checks,
                "machine": options.machine.changes, **gpus}  # fmt: skip
    return encode({"manifest": manifest, **graph, "weights": weights, **native})


def _weights(blobs: dict[str, np.ndarray]) -> tuple[bytes, dict]:
    """Arrays as one aligned blob, and a table of where each lies."""
    parts, table, offset = [], {}, 0
    for digest, array in blobs.items():
        if array.dtype == object:
            raise CompileError("the graph holds a large constant of strings, which has no form in a file")
        raw = np.ascontiguousarray(array).tobytes()
        raw += bytes(-len(raw) % _ALIGN)
        table[digest] = {
            "dtype": as_dtype(array.dtype).short,
            "shape": list(array.shape),
            "offset": offset,
            "bytes": array.nbytes,
        }
        parts.append(raw)
        offset += len(raw)
    return b"".join(parts), table
