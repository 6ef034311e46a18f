"""Write compiled models: containers, and for each target the objects, libraries and headers that other programs link."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from graphc.ir.program import Program
from graphc.ir.segments import segments
from graphc.ir.target import TARGETS, Target
from graphc.options import Options

_BESIDE = (".o", ".a", ".so", ".h", ".weights")


@dataclass(frozen=True)
class Entry:
    """One function of a set of files.

    Attributes:
        model: what it computes; a Program is compiled as it is.
        state: values of inputs for the first call, by name; they are written as ``NAME.npz``.
    """

    model: Graph | Program
    options: Options = Options()
    state: Mapping[str, np.ndarray] = field(default_factory=dict)


def export(
    graph: Graph, path, options: Options = Options(), *, targets: Sequence[str] = (), threads: bool = True,
    separate_weights: bool = False,
) -> list[Path]:  # fmt: skip
    """Write the container at ``path`` and, beside it, ``.o``, ``.a``, ``.so`` and ``.h`` for programs without Python, and ``NAME_main.c``, an
    example that uses them. All of them are replaced where they exist.

    The C functions are named after the file. A Program with host steps gets the container only, and a target that
    cannot be linked here no ``.so``. ``graphc.aot.compile`` takes whatever is a model, and writes this.

    Args:
        targets: names of machines, instead of the one of the options. For several, the container holds code for
            each, and the other files are in folders beside it that are named after the machines.
        threads: whether programs in C run large loops on several threads. Without, their files call nothing of the
            system that starts one, as machines without an operating system have it. It has no effect on the container.
        separate_weights: whether programs in C are given the weights as ``NAME.weights``, a file to map into memory,
            instead of having them in the object and libraries. The container has its own all the same.

    Returns:
        The paths that were written, the container first.

    Raises:
        UsageError: ``path`` ends like one of the files beside it, or there is no target of a name.
        CompileError, OSError: as ``save``.
    """
    return write_files(
        entry_files({"": Entry(graph, options)}, path, targets=targets, threads=threads, separate_weights=separate_weights)
    )


def entry_files(
    entries: Mapping[str, Entry], path, *, targets: Sequence[str] = (), threads: bool = True, separate_weights: bool = False
) -> dict[Path, list]:  # fmt: skip
    """The pieces of the files for some models, containers first, with libraries and a header that are those of all of them.

    Args:
        entries: by names, which are identifiers: for ``train``, the container is ``NAME_train.gc``, the object
            ``NAME_train.o`` and the function ``NAME_train``. For an empty name they are named as ``path`` is. A single
            entry has libraries and a header of its own name. What has host steps is in no library.

    Raises:
        As ``export``. UsageError: a name is no identifier, or functions of two entries would have the same name.
    """
    path = Path(path)
    check_path(path)
    stems = {name: _stem(path, name) for name in entries}
    machines = _machines(targets, next(iter(entries.values())).options)
    files: dict[Path, list] = {}
    native: dict[str, dict[str, Program]] = {target.name: {} for target in machines}
    for name, entry in entries.items():
        made = lowered(entry.model, entry.options, tuple(native))
        own = path.with_name(stems[name] + path.suffix)
        files[own] = container(entry.model, made, entry.options)
        if entry.state:
            files[own.with_suffix(".npz")] = array_pieces(entry.state.items())
        for target, one in made.items():
            if segments(one.program) in ([], [0]):
                native[target][stems[name]] = one.program
    stem = path.stem if len(entries) > 1 else next(iter(stems.values()))
    for target in machines:
        if native[target.name]:
            folder = path.parent / target.name if len(machines) > 1 else path.parent
            pieces = CFiles(target, threads, separate_weights).pieces(native[target.name], stem)
            files |= {folder / file: content for file, content in pieces.items()}
    return files


def write_files(files: Mapping[Path, list]) -> list[Path]:
    """Replace these files all together or not at all, and make the folders that they are in.

    Raises:
        OSError: something cannot be written.
    """
    with new_folders(dict.fromkeys(file.parent for file in files)):
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


def _stem(path: Path, name: str) -> str:
    if not name:
        return path.stem
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise UsageError(f"{name!r} cannot name a function of {path.stem}: give letters, digits and _")
    return f"{path.stem}_{name}"


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
