"""Write a compiled model: the container, and the object, shared library and C header that other programs link."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from graphc.codegen.header import header_text
from graphc.codegen.llvm.module import segments
from graphc.compile import build, emit, entry_points, lower_graph, optimise, sections, target_of
from graphc.errors import CompileError
from graphc.ir.graph import Graph
from graphc.ir.printer import graph_text
from graphc.options import VERSION, Options
from graphc.runtime.container import write
from graphc.runtime.elf import link_shared
from graphc.runtime.pool import pool_text

FORMAT = 1


def save(graph: Graph, path, options: Options = Options()) -> Path:
    """Write a ``.gc`` container: IR text, weights, and native code for the options' target.

    The file is written under a temporary name and renamed, so a half-written one never stands at ``path``.

    Raises:
        CompileError: the graph calls Python functions, which no file can hold.
        OSError: the file cannot be written.
    """
    if any(n.op == "host" for n in graph.nodes):
        raise CompileError("the graph calls Python functions; they cannot be compiled ahead of time")
    path = Path(path)
    artifact = build(graph, options)
    blobs: dict[str, np.ndarray] = {}
    text = graph_text(graph, blobs=blobs)
    weights, table = _weights(blobs)
    manifest = {"format": FORMAT, "graphc": VERSION, "name": graph.name, "targets": [artifact.target], "weights": table,
                "fast_math": options.fast_math}  # fmt: skip
    content = {"graph": text, "weights": weights, **sections(artifact)}
    write(path, {"manifest": manifest, **content})
    return path


def export(graph: Graph, path, options: Options = Options()) -> list[Path]:
    """Write the container at ``path`` and, beside it, ``.o``, ``.so`` and ``.h`` for programs without Python.

    The C functions are named after the file. A Program with host steps gets the container only.

    Raises:
        CompileError, OSError: as ``save``.
    """
    from graphc.runtime.jit import compile_object  # imports LLVM: only when something must be compiled

    path = Path(path)
    written = [save(graph, path, options)]
    program = lower_graph(optimise(graph, options), options)
    if len(segments(program)) > 1:
        return written
    target = target_of(options)
    entry = re.sub(r"\W", "_", path.stem) or "model"
    entry = entry if entry[0].isalpha() else "m_" + entry
    text = emit(program, options, entry, externals=pool_text(target), constants=True)
    code = compile_object(text, target)
    outputs = {".o": code, ".h": header_text(program.signature, entry).encode()}
    if target.triple.endswith("linux-gnu") and not target.name.startswith("riscv"):
        outputs[".so"] = link_shared([code], exports=entry_points(program, entry))
    for suffix, content in outputs.items():
        file = path.with_suffix(suffix)
        _write_whole(file, content)
        written.append(file)
    return written


def _write_whole(path: Path, content: bytes):
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(content)
    temporary.replace(path)


def _weights(blobs: dict[str, np.ndarray]) -> tuple[bytes, dict]:
    """Arrays as one aligned blob, and a table of where each lies."""
    parts, table, offset = [], {}, 0
    for digest, array in blobs.items():
        raw = np.ascontiguousarray(array).tobytes()
        table[digest] = {"dtype": str(array.dtype), "shape": list(array.shape), "offset": offset, "bytes": len(raw)}
        parts += [raw, bytes(-len(raw) % 64)]
        offset += len(raw) + (-len(raw) % 64)
    return b"".join(parts), table
