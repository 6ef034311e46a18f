"""SavedModels as folders: finding and checking what is in them, and writing them so that they appear whole."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from graphc.api.saved_model.constants import (
    ASSETS_DIRECTORY, ASSETS_KEY, SAVED_MODEL_FILENAME_PB, SAVED_MODEL_FILENAME_PBTXT, VARIABLES_DIRECTORY,
    VARIABLES_FILENAME,
)  # fmt: skip
from graphc.errors import (
    AlreadyExistsError, DataLossError, FormatError, GraphcError, NotFoundError, UsageError, explain,
)  # fmt: skip
from graphc.formats import protos
from graphc.formats.atomic import TEMPORARY, sync_folder, told
from graphc.formats.message_files import read_message

_VERSION = 1  # of the layout
_PARTS = (SAVED_MODEL_FILENAME_PBTXT, "fingerprint.pb", VARIABLES_DIRECTORY, ASSETS_DIRECTORY, SAVED_MODEL_FILENAME_PB)


class MissingSavedModelError(NotFoundError, OSError):
    """A folder has no SavedModel."""

    __str__ = Exception.__str__


class NoSuchTagsError(UsageError, RuntimeError):
    """A SavedModel has no graph with these tags."""


class NotEmptyError(AlreadyExistsError, AssertionError):
    """A folder that shall become a SavedModel has something in it."""


@contextmanager
def readable(op: str, export_dir) -> Iterator[None]:
    """Whatever goes wrong with the messages of a SavedModel is told as damage of it.

    Raises:
        DataLossError: something in it cannot be what it should be.
    """
    try:
        yield
    except (GraphcError, MemoryError, RecursionError):
        raise
    except OSError as error:
        with told(op, export_dir):
            raise error
    except Exception as error:  # messages may say anything; protobuf has error classes of its own besides
        what = f"{op}: the SavedModel in {os.fspath(export_dir)!r} is damaged: {type(error).__name__}: {error}"
        raise DataLossError(explain(what)) from error


def text_of_path(op: str, path) -> str:
    """A path as a string.

    Raises:
        UsageError: it is none.
    """
    try:
        found = os.fspath(path)
    except TypeError:
        raise UsageError(explain(f"{op}: export_dir must be a path, got {path!r}")) from None
    found = found.decode() if isinstance(found, bytes) else found
    if not found:
        raise UsageError(explain(f"{op}: export_dir is empty"))
    return found


def contains_saved_model(export_dir) -> bool:
    """Whether a folder has a SavedModel, which may be damaged."""
    folder = text_of_path("contains_saved_model", export_dir)
    return any(os.path.isfile(os.path.join(folder, n)) for n in (SAVED_MODEL_FILENAME_PB, SAVED_MODEL_FILENAME_PBTXT))


def read_saved_model(op: str, export_dir):
    """The SavedModel message of a folder, from ``saved_model.pb`` or ``saved_model.pbtxt``.

    Raises:
        MissingSavedModelError: there is none. DataLossError: it cannot be read. FormatError: of a newer version.
    """
    folder = text_of_path(op, export_dir)
    for name in (SAVED_MODEL_FILENAME_PB, SAVED_MODEL_FILENAME_PBTXT):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            model = read_message(op, protos.SavedModel, path)
            break
    else:
        names = f"{SAVED_MODEL_FILENAME_PB} nor {SAVED_MODEL_FILENAME_PBTXT}"
        why = f"has neither {names}" if os.path.isdir(folder) else "does not exist"
        raise MissingSavedModelError(explain(f"{op}: there is no SavedModel: the folder {folder!r} {why}"))
    if model.saved_model_schema_version > _VERSION:
        what = f"{op}: {path} is of version {model.saved_model_schema_version}, newer than this program knows"
        raise FormatError(explain(what))
    if not model.meta_graphs:
        raise DataLossError(explain(f"{op}: {path} holds no SavedModel, or one without a graph"))
    return model


def tag_set(op: str, tags) -> set[str]:
    """Tags as a set.

    Raises:
        UsageError: they are no strings.
    """
    given = [tags] if isinstance(tags, (str, bytes)) else tags
    if not isinstance(given, Iterable) or not all(isinstance(t, (str, bytes)) for t in given):
        raise UsageError(explain(f"{op}: tags must be strings such as 'serve', got {tags!r}"))
    return {t.decode() if isinstance(t, bytes) else t for t in given}


def meta_graph_with(op: str, model, tags: set[str], export_dir):
    """The MetaGraphDef of a SavedModel that has exactly these tags.

    Raises:
        NoSuchTagsError: there is none; the message lists the sets of tags.
    """
    known = [set(m.meta_info_def.tags) for m in model.meta_graphs]
    if tags not in known:
        listed = ", ".join(str(sorted(k)) for k in known)
        what = f"{op}: {os.fspath(export_dir)!r} has no graph with the tags {sorted(tags)}; it has {listed}"
        raise NoSuchTagsError(explain(what))
    return model.meta_graphs[known.index(tags)]


def variables_prefix(folder: str) -> str:
    """The name of the checkpoint in a SavedModel."""
    return os.path.join(folder, VARIABLES_DIRECTORY, VARIABLES_FILENAME)


def has_variables(folder: str) -> bool:
    """Whether there is a checkpoint in a SavedModel."""
    return os.path.isfile(f"{variables_prefix(folder)}.index")


def assets_of(op: str, meta, folder: str) -> dict[str, str]:
    """The tensors of a graph that are paths of files -> where these lie.

    Raises:
        UsageError, NotFoundError: see ``asset_path``. DataLossError: they cannot be read.
    """
    files = list(meta.asset_file_def)
    if not files and ASSETS_KEY in meta.collection_def:  # so TensorFlow 1 wrote it
        try:
            files = [protos.AssetFileDef.FromString(v.value) for v in meta.collection_def[ASSETS_KEY].any_list.value]
        except Exception as error:  # protobuf has an error class of its own for damaged bytes
            raise DataLossError(
                explain(f"{op}: the files of the SavedModel in {folder!r} cannot be read: {error}")
            ) from None
    return {f.tensor_info.name: asset_path(op, folder, f.filename) for f in files}


def asset_path(op: str, folder: str, filename: str) -> str:
    """Where a file that belongs to a SavedModel lies.

    Raises:
        UsageError: its name leads out of the folder. NotFoundError: it is missing.
    """
    root = os.path.join(folder, ASSETS_DIRECTORY)
    parts = filename.replace("\\", "/").split("/")
    if not filename or os.path.isabs(filename) or ".." in parts or ":" in parts[0] or "\0" in filename:
        raise UsageError(
            explain(f"{op}: the SavedModel names a file {filename!r} outside of its folder; it is refused")
        )
    path = os.path.join(root, *parts)
    inside = os.path.realpath(root)
    if os.path.commonpath([inside, os.path.realpath(path)]) != inside:
        raise UsageError(
            explain(f"{op}: the file {filename!r} of the SavedModel is a link out of its folder; it is refused")
        )
    if not os.path.exists(path):
        raise NotFoundError(explain(f"{op}: the file {filename!r} of the SavedModel is missing in {root!r}"))
    return path


class NewFolder:
    """A SavedModel that is being written, in a temporary folder beside its place until ``commit``.

    Args:
        must_be_empty: refuse a place where something is; else its SavedModel is replaced, and other files stay.

    Attributes:
        path: where to write.

    Raises:
        NotEmptyError: something is there. NotFoundError, PermissionDeniedError, ...: it cannot be written.
    """

    def __init__(self, op: str, export_dir, must_be_empty: bool = True):
        self._op, self.place = op, text_of_path(op, export_dir).rstrip(os.sep) or os.sep
        self._exists = False
        with told(op, self.place):
            if os.path.exists(self.place):
                if not os.path.isdir(self.place):
                    raise NotEmptyError(explain(f"{op}: {self.place!r} exists and is no folder"))
                if must_be_empty and os.listdir(self.place):
                    what = (
                        f"{op}: the folder {self.place!r} exists and is not empty; choose another, or delete it first"
                    )
                    raise NotEmptyError(explain(what))
            around = os.path.dirname(os.path.abspath(self.place))
            os.makedirs(around, exist_ok=True)
            self.path = os.path.join(around, f"{TEMPORARY}model-{os.getpid()}-{secrets.token_hex(8)}")
            os.mkdir(self.path)
            self._exists = True

    def add_asset(self, source: str, filename: str) -> None:
        """Copy a file into the folder of assets.

        Raises:
            NotFoundError: it is missing.
        """
        target = os.path.join(self.path, ASSETS_DIRECTORY, filename)
        with told(self._op, source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(source, target)

    def commit(self) -> None:
        """Put it at its place."""
        with told(self._op, self.place):
            if os.path.isdir(self.place) and not os.listdir(self.place):
                with suppress(OSError):
                    shutil.copymode(self.place, self.path)
                os.rmdir(self.place)
            if os.path.isdir(self.place):
                self._replace()
            else:
                os.rename(self.path, self.place)
                self._exists = False
            sync_folder(os.path.abspath(self.place))

    def _replace(self) -> None:
        """Take the place of a SavedModel; its main file goes first and comes last, so that no mixture can be read."""
        old = os.path.join(self.path, "old")
        os.mkdir(old)
        moved: list[tuple[str, str]] = []
        try:
            for name in reversed(_PARTS):
                if os.path.lexists(os.path.join(self.place, name)):
                    self._move(os.path.join(self.place, name), os.path.join(old, name), moved)
            for name in _PARTS:
                if os.path.lexists(os.path.join(self.path, name)):
                    self._move(os.path.join(self.path, name), os.path.join(self.place, name), moved)
        except BaseException:
            for source, target in reversed(moved):
                os.rename(target, source)
            raise
        self.discard()

    @staticmethod
    def _move(source: str, target: str, moved: list) -> None:
        os.rename(source, target)
        moved.append((source, target))

    def discard(self) -> None:
        """Remove what is not committed."""
        if self._exists:
            self._exists = False
            shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> NewFolder:
        return self

    def __exit__(self, kind, error, trace) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()
