"""Write a compiled model: the container, and the object, libraries and C header that other programs link."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import numpy as np

from graphc.aot.load import FORMAT, SUPPORT
from graphc.aot.replace import replace_files
from graphc.aot.standalone import constants_name, public_names, standalone_text, weights_header
from graphc.codegen.example import OWN_NAMES, example_text
from graphc.codegen.header import header_text
from graphc.compile import RECORD, assemble, canonical, has_callbacks, lower_recorded, sections, target_of
from graphc.errors import CompileError, UsageError
from graphc.ir.dtype import as_dtype
from graphc.ir.graph import Graph
from graphc.ir.printer import graph_text
from graphc.ir.program import Program, reasons_of
from graphc.ir.segments import segments
from graphc.ir.target import Target
from graphc.options import VERSION, Options
from graphc.runtime.container import encode
from graphc.runtime.support import support_file

_ALIGN = 64
_BESIDE = (".o", ".a", ".so", ".h", ".weights")
_LINKED = ("x86_64", "aarch64", "riscv64")  # machines that the linker knows
_RESERVED = frozenset(
    """
    alignas alignof and asm auto bitand bitor bool break case catch char class compl concept const constexpr
    continue decltype default delete do double else enum explicit export extern false float for friend goto if
    inline int long mutable namespace new noexcept not nullptr operator or private protected public
    register restrict return short signed sizeof static struct switch template this throw true try typedef
    typename union unsigned using virtual void volatile while xor
    """.split()
)


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
    replace_files({path: _container(graph, *_lowered(graph, options), options)})
    return path


def export(
    graph: Graph, path, options: Options = Options(), *, threads: bool = True, separate_weights: bool = False
) -> list[Path]:
    """Write the container at ``path`` and, beside it, ``.o``, ``.a``, ``.so`` and ``.h`` for programs without Python, and ``NAME_main.c``, an
    example that uses them. All of them are replaced where they exist.

    The C functions are named after the file. A Program with host steps gets the container only, and a target that
    cannot be linked here no ``.so``.

    Args:
        threads: whether programs in C run large loops on several threads. Without, their files call nothing of the
            system that starts one, as machines without an operating system have it. It has no effect on the container.
        separate_weights: whether programs in C are given the weights as ``NAME.weights``, a file to map into memory,
            instead of having them in the object and libraries. The container has its own all the same.

    Returns:
        The paths that were written, the container first.

    Raises:
        UsageError: ``path`` ends like one of the files beside it.
        CompileError, OSError: as ``save``.
    """
    path = Path(path)
    check_path(path)
    program, record = _lowered(graph, options)
    files = {path: _container(graph, program, record, options)}
    if segments(program) in ([], [0]):
        files |= {
            path.with_name(path.stem + ending): pieces
            for ending, pieces in _standalone(program, path, options, threads, separate_weights).items()
        }
    replace_files(files)
    return list(files)


def check_path(path: Path) -> None:
    """Say at once what would be wrong with a place for a container after long work.

    Raises:
        UsageError: ``path`` ends like one of the files beside it.
        OSError: it is a folder, or in one that does not exist or cannot be written to.
    """
    if path.suffix in _BESIDE:
        raise UsageError(
            f"{path} names the container; {', '.join(_BESIDE)} are written beside it. Use {path.with_suffix('.gc')}"
        )
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def c_name(path: Path) -> str:
    """The name of the C function for a model in a file: its stem, made an identifier."""
    name = re.sub(r"\W", "_", path.stem, flags=re.ASCII)
    taken = name in _RESERVED or OWN_NAMES.fullmatch(name)
    return name if name[:1].isalpha() and not taken else f"model_{name}"


def _lowered(graph: Graph, options: Options) -> tuple[Program, bytes]:
    """The graph as a Program, if a file can hold it; and the record of how it came about."""
    if has_callbacks(graph):
        raise CompileError(
            "the graph calls Python functions, which no file can hold; it cannot be compiled ahead of time"
        )
    made = lower_recorded(graph, options)
    return made.program, made.record


def _container(graph: Graph, program: Program, record: bytes, options: Options) -> list:
    """The pieces of the container of a graph and its Program."""
    target = target_of(options)
    native, targets = {RECORD + target.name: record} if record else {}, []
    if _can_link(target):
        digest, library = support_file(target)
        native, targets = {**sections(assemble(program, options, record=record)), f"{SUPPORT}{digest}": library}, [target.name]
    blobs: dict[str, np.ndarray] = {}
    text = graph_text(canonical(graph), blobs=blobs)
    weights, table = _weights(blobs)
    manifest = {"format": FORMAT, "graphc": VERSION, "name": graph.name, "targets": targets, "weights": table,
                "fast_math": options.fast_math, "allow": list(options.allow), "checks": options.checks,
                "machine": options.machine.changes}  # fmt: skip
    return encode({"manifest": manifest, "graph": text, "weights": weights, **native})


def _can_link(target: Target) -> bool:
    return target.triple.split("-")[0] in _LINKED


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


def _standalone(program: Program, path: Path, options: Options, threads: bool, separate: bool) -> dict[str, list[bytes]]:
    """The pieces of the files that need no Python, by what follows the stem in their names."""
    from graphc.runtime.elf import link_shared  # what only a compilation needs is imported when one happens
    from graphc.runtime.elf_archive import archive
    from graphc.runtime.elf_embed import embed
    from graphc.runtime.jit import compile_object

    target, name = target_of(options), c_name(path)
    header = header_text(program.signature, name, program.checks, reasons_of(program), threads, separate)
    constants = program.constants.view
    begin = weights_header(constants) if separate else None
    code = compile_object(standalone_text(program, target, name, threads, begin), target)
    code = code if separate else embed(code, constants_name(name), constants)
    files = {".o": [code], ".a": archive({path.with_suffix(".o").name: code}), ".h": [header.encode()]}
    files |= {".weights": [begin, constants]} if separate else {}
    files["_main.c"] = [example_text(program.signature, name, path.stem, separate).encode()]
    if _can_link(target):
        files[".so"] = [link_shared([code], exports=public_names(name, threads, separate))]
    return files
