"""Write compiled models: containers, and for each target the objects, libraries and headers that other programs link."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from graphc.aot.arrays import array_pieces
from graphc.aot.c_files import CFiles
from graphc.aot.container import codes_for, container, lowered
from graphc.aot.cuda_files import CUDA_ENDINGS, cuda_pieces
from graphc.aot.replace import check_replaceable, new_folders, replace_files
from graphc.aot.targets import machines
from graphc.errors import UsageError
from graphc.ir.gpu import CUDA, Gpu
from graphc.ir.graph import Graph
from graphc.ir.program import Program
from graphc.ir.segments import segments
from graphc.options import Options
from graphc.runtime.host import host_target

_UNSPELLABLE = frozenset('"\\')
_BESIDE = (".o", ".a", ".so", ".h", ".weights", ".wasm", ".mjs")
_EXAMPLE = "_main.c"


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
    cannot be linked here no ``.so``. For CUDA devices there are ``NAME_cuda.c``, ``.h``, ``_data.o``, for hosts such as
    this one, and ``_main.c``. WebAssembly has a module ``.wasm`` and ``.mjs``, which runs it, instead of ``.so`` and
    example. ``graphc.aot.compile`` takes whatever is a model, and writes this.

    Args:
        targets: names of machines, instead of the one of the options. For several, the container holds code for
            each, and the other files are in folders beside it that are named after the machines; those for CUDA devices
            are in ``cuda``, for all of them.
        threads: whether programs in C run large loops on several threads. Without, their files call nothing of the
            system that starts one, as is always so for targets without an operating system. It has no effect on the container.
        separate_weights: whether programs in C are given the weights as ``NAME.weights``, a file to map into memory,
            instead of having them in the object and libraries. The container has its own all the same, and so have files for CUDA.

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
    wanted = machines(targets, next(iter(entries.values())).options)
    cpus = [target for target in wanted if not isinstance(target, Gpu)]
    folders = [target.name for target in cpus] + ([CUDA] if any(gpu.name.startswith(f"{CUDA}:") for gpu in wanted) else [])
    place = {folder: path.parent / folder if len(folders) > 1 else path.parent for folder in folders}
    files: dict[Path, list] = {}
    native: dict[str, dict[str, Program]] = {target.name: {} for target in cpus}
    for name, entry in entries.items():
        made = lowered(entry.model, entry.options, tuple([target.name for target in wanted]))
        codes = codes_for(made)
        own = path.with_name(stems[name] + path.suffix)
        files[own] = container(entry.model, made, entry.options, codes)
        if entry.state:
            files[own.with_suffix(".npz")] = array_pieces(entry.state.items())
        for target in native:
            if _is_for_c(made[target].program):
                native[target][stems[name]] = made[target].program
        if codes and all(_is_for_c(code.lowered.program) for code in codes):
            pieces = cuda_pieces(codes, stems[name], entry.model.name, host_target().triple.split("-")[0])
            files |= {place[CUDA] / file: content for file, content in pieces.items()}
    stem = path.stem if len(entries) > 1 else next(iter(stems.values()))
    for target in cpus:
        if native[target.name]:
            pieces = CFiles(target, threads, separate_weights).pieces(native[target.name], stem)
            files |= {place[target.name] / file: content for file, content in pieces.items()}
    return files


def _is_for_c(program: Program) -> bool:
    """Whether a program has no steps on the host, through Python."""
    return segments(program) in ([], [0])


def write_files(files: Mapping[Path, list]) -> list[Path]:
    """Replace these files all together or not at all, and make the folders that they are in.

    Raises:
        OSError: something cannot be written.
    """
    with new_folders(dict.fromkeys(file.parent for file in files)):
        replace_files(files)
    return list(files)


def others_beside(files: Collection[Path]) -> list[Path]:
    """Files with the name of one of these models that were not written with it, such as those of an earlier compilation for another machine."""
    stems = sorted({file.with_suffix("") for file in files if not file.name.endswith((_EXAMPLE, *CUDA_ENDINGS))})
    named = [stem.with_name(stem.name + ending) for stem in stems for ending in (*_BESIDE, _EXAMPLE, *CUDA_ENDINGS)]
    return [file for file in named if file not in files and file.exists()]


def check_path(path: Path) -> None:
    """Say at once what would be wrong with a place for a container after long work.

    Raises:
        UsageError: ``path`` ends like one of the files beside it, or C could not include a header of its name.
        OSError: it is a folder or device, or in a folder that does not exist or cannot be written to.
    """
    if not path.stem.isprintable() or not _UNSPELLABLE.isdisjoint(path.stem):
        raise UsageError(f"{str(path)!r} cannot be named in an #include of C: use a name without quotes, backslashes, tabs and ends of lines")
    if path.suffix in _BESIDE:
        raise UsageError(
            f"{path} names the container; {', '.join(_BESIDE)} are written beside it. Use {path.with_suffix('.gc')}"
        )
    check_replaceable(path)
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
