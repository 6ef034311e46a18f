"""``graphc.aot.compile``, which ``graphc compile`` calls: any model, for any targets, as files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from graphc.aot import Entry, check_path, entry_files, others_beside, write_files
from graphc.aot.cuda_files import CUDA_ENDINGS
from graphc.aot.replace import new_folders
from graphc.aot.targets import target_names
from graphc.errors import Location, UsageError, located
from graphc.ir.gpu import CUDA, GPUS
from graphc.ir.program import Program
from graphc.models.files import load_any, objects_in, split_name
from graphc.models.objects import as_graph, is_keras, is_model, keras_command, tensors_of
from graphc.models.settings import KERAS, checked, settings_for
from graphc.models.sizes import with_sizes
from graphc.options import Options

_FOLDERS = (".onnx", *KERAS)  # models whose files go into a folder where the output has no suffix
_FORMS = "FILE.py, Keras models and dicts of models"


def compile_model(
    model, output, *, targets: Sequence[str] = (), batch: int | str | None = None, sizes: Mapping[str, int] = {},
    entry: Sequence[str] = (), weights: str | None = None, inputs: Mapping[str, np.ndarray] = {}, threads: bool = True,
    separate_weights: bool = False, on_note: Callable[[str], None] = lambda text: None, **options,
) -> list[Path]:  # fmt: skip
    """Compile a model ahead of time, as ``graphc compile`` does. ``graphc.export`` writes the files, of one Graph.

    Args:
        model: what the command takes, as text (``"net.py:predict"``); or a Graph, v1 tensors and operations, a
            ``graphc.function`` or a trace of one, a Keras model; or a dict of such models by name, which are entries.
        output: the container, ``NAME.gc``; or a folder, which is made if it is missing: what ends with ``/`` is one and,
            for several targets or entries and for models of ONNX and Keras, what has no suffix. The files in it are named
            after the model.
        targets: names of machines, such as ``cuda:sm_90,sm_80``; this one if there are none. For several, see ``graphc.export``.
        batch: the size of the first axis of every input where it is open; ``"symbolic"`` leaves it open. One that is fixed is made
            open before, if every operation treats rows apart.
        sizes: of other open dimensions, by the names that ``graphc inspect`` shows or by input and axis, such as ``x.0``.
        entry: of FILE.py: the names of several models; of a Keras model: ``predict`` and ``train``. Each has a container and a
            function of its own, ``NAME_entry``; libraries and header are those of all of them.
        weights: for IR text, the model that it was printed from.
        inputs: for ONNX, inputs on whose values it depends what is computed.
        threads, separate_weights: as for ``graphc.export``.
        on_note: is told what the files alone do not say, such as why there is no step of training, or
            which files of the model's name are those of an earlier compilation.
        options: fields of ``graphc.Options``: ``fast_math``, ``checks``, ``allow``, ``skip``, ``machine``. Without them, ONNX and Keras
            models are compiled for inference, and containers as they were.

    Returns:
        The paths that were written. All of them are replaced together or not at all.

    Raises:
        UsageError: a wrong argument, or what is no model. FormatError: a file is damaged.
        CompileError: it cannot be compiled. OSError: a file cannot be read or written.
    """
    if isinstance(entry, str):
        raise UsageError(f"entry={entry!r} must be a list of names")
    targets = target_names(targets)
    name = os.fspath(model) if isinstance(model, (str, os.PathLike)) else ""
    several = len(targets) > 1 or len(entry) > 1 or (not name and _is_dict(model))
    path, folders = place(os.fspath(output), name or _name_of(model), several)
    with new_folders(folders):
        check_path(path)
        asked = _Asked(name, model, tuple(entry), weights, inputs, checked(options), targets, on_note)
        sets = asked.sets()
        if batch is not None or sizes:
            sets = [{key: _sized(one, key, sizes, batch, on_note) for key, one in found.items()} for found in sets]
        files: dict[Path, list] = {}
        for found in sets:
            made = entry_files(found, path, targets=targets, threads=threads, separate_weights=separate_weights)
            files |= made
            _note_hosts(found, path, made, targets, on_note)
        written = write_files(files)
        if others := others_beside(files):
            on_note(f"not of this compilation, and left as they were: {', '.join(map(str, others))}")
        return written


@dataclass(frozen=True)
class _Asked:
    """What is to be compiled; ``name`` is empty where ``model`` is an object."""

    name: str
    model: object
    entry: tuple[str, ...]
    weights: str | None
    inputs: Mapping[str, np.ndarray]
    options: Mapping[str, object]
    targets: tuple[str, ...]
    on_note: Callable[[str], None]
    settings: Options = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "settings", settings_for(self.name, self.options, self.targets))

    def sets(self) -> list[dict[str, Entry]]:
        """The entries by name; those of one set are in one library."""
        path, part = split_name(self.name)
        if (self.weights is not None or self.inputs) and (not self.name or path.endswith((".py", *KERAS))):
            raise UsageError(f"there are weights only for .txt files, and values of inputs only for .onnx files; {path or 'the model'} is neither")
        if path.endswith(KERAS):
            if part and self.entry:
                raise UsageError(f"entries are for {_FORMS}; {self.name} has one")
            keras_command().check_part(path, part)
            with located(Location(path, 1)):
                return self._keras(keras_command().load(path), part)
        if path.endswith(".py") and part:
            return self._object(objects_in(path, (part,))[part], part, path)
        if path.endswith(".py") and self.entry:
            return self._objects(objects_in(path, self.entry), path)
        if not self.name and _is_dict(self.model):
            missing = [name for name in self.entry if name not in self.model]
            if missing:
                raise UsageError(f"there is no {missing[0]!r} among the models; there are {', '.join(self.model)}")
            return self._objects({name: self.model[name] for name in self.entry or self.model}, "")
        if not self.name:
            return self._object(self.model, _name_of(self.model), "")
        if self.entry:
            raise UsageError(f"entries are for {_FORMS}; {self.name} has one")
        found = load_any(self.name, self.weights, self.inputs, self.targets[0] if self.targets else None)
        if isinstance(found, Program) and len(self.targets) > 1:
            raise UsageError(f"{self.name} holds a program, which was made for one machine: give one target, the one that it is of")
        return [{"": Entry(found, self.settings)}]

    def _objects(self, found: Mapping[str, object], path: str) -> list[dict[str, Entry]]:
        return [{name: Entry(as_graph(one, name, path), self.settings) for name, one in found.items()}]

    def _object(self, model, name: str, path: str) -> list[dict[str, Entry]]:
        if is_keras(model):
            return self._keras(model)
        if self.entry:
            raise UsageError(f"entries are for {_FORMS}; {name} is a {type(model).__name__}")
        return [{"": Entry(as_graph(model, name, path), self.settings)}]

    def _keras(self, model, part: str = "") -> list[dict[str, Entry]]:
        """What a Keras model predicts, and a step of its training: a set each, or one of those that are named; or ``part`` alone."""
        command = keras_command()
        unknown = [name for name in self.entry if name not in (command.PREDICT, command.TRAIN)]
        if unknown:
            raise UsageError(f"a Keras model has the entries {command.PREDICT} and {command.TRAIN}, not {unknown[0]!r}")
        asked = (part,) if part else self.entry
        training = command.TRAIN in asked if asked else None
        found, why = command.entries_of(model, Options(), training)
        found = {name: replace(one, options=replace(one.options, **self.options)) for name, one in found.items()}
        if why:
            self.on_note(f"no step of training: {why}")
        if part:
            return [{"": found[part]}]
        if self.entry:
            return [{name: found[name] for name in self.entry}]
        return [{"" if name == command.PREDICT else name: one} for name, one in found.items()]


def _is_dict(model) -> bool:
    return isinstance(model, Mapping) and tensors_of(model) is None and len(model) > 0


def _name_of(model) -> str:
    """What an object is called."""
    found = getattr(model, "name", None) if is_model(model) else getattr(model, "__name__", None)
    return Path(found.replace(":", "_")).name if isinstance(found, str) and found else "model"


def place(output: str, name: str, several: bool = False) -> tuple[Path, list[Path]]:
    """Where the container of the model of this name goes, and the folder that is made for it if it is missing."""
    path, (file, part) = Path(output), split_name(name)
    is_folder = output.endswith(("/", os.sep)) or path.is_dir()
    if is_folder or ((several or file.endswith(_FOLDERS)) and not path.suffix):
        stem = part if part and file.endswith(".py") else "_".join(filter(None, (Path(file).stem, part)))
        return path / f"{stem}.gc", [path]
    return path, []


def _sized(entry: Entry, name: str, sizes: Mapping[str, int], batch, note: Callable[[str], None]) -> Entry:
    if isinstance(entry.model, Program):
        raise UsageError(f"{entry.model.name} is a program, whose sizes are settled; give sizes to the graph that it was made from")
    said = (lambda text: note(f"{name}: {text}")) if name else note
    return replace(entry, model=with_sizes(entry.model, sizes, batch, said))


def _note_hosts(
    entries: Mapping[str, Entry], path: Path, files: Mapping[Path, list], targets: Sequence[str], note: Callable[[str], None]
) -> None:  # fmt: skip
    """Say which models are in no library, and which have no files for CUDA devices."""
    kinds = [(".o", "programs in C")] if not targets or not GPUS.keys() >= set(targets) else []
    kinds += [(CUDA_ENDINGS[0], "programs in C on CUDA devices")] if any(name.startswith(f"{CUDA}:") for name in targets) else []
    if not kinds:
        note("nothing for programs in C: code for the emulator runs in Python alone")
    for ending, what in kinds:
        left = [name for name in entries if not any(f.name == f"{path.stem}{f'_{name}' * bool(name)}{ending}" for f in files)]
        if left:
            which = f" of {', '.join(left)}" if left != [""] else ""
            note(f"nothing for {what}{which}: some of its operations run on the host, through Python")
