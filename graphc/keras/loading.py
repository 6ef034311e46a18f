"""Keras with graphc underneath: gives the installed Keras, as it is imported, a back end named ``graphc``.

Released Keras knows its back ends by name: four modules import one class or the functions of the back end each, a fifth
writes ONNX models, and a sixth looks functions up for preprocessing layers. They are compiled here with one more branch,
which also tells ``Model.export`` of the format ``graphc``; installed files are not touched. When Keras looks for outside
back ends by itself (its proposal of pluggable back ends), ``keras_graphc`` becomes a package of its own and this file goes.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import sys

from graphc.errors import UnavailableError, UsageError, pass_over

TESTED = "3.15"
BACKEND = "graphc.keras.keras_graphc"
_DOOR = "graphc.keras."
_OWN = ("keras_graphc", "loading", "standing_in", "command", "__main__")  # what is below the door and not Keras'
# the module that chooses by name, and what its branch says for graphc
_BRANCHES = {
    "keras.src.backend": f"from {BACKEND} import *\nfrom {BACKEND}.core import Variable as BackendVariable\n"
    "distribution_lib = None",
    "keras.src.layers.layer": f"from {BACKEND}.layer import GraphcLayer as BackendLayer",
    "keras.src.models.model": f"from {BACKEND}.trainer import GraphcTrainer as Trainer",
    "keras.src.export.saved_model": f"from {BACKEND}.export import exporting\n"
    f"from {BACKEND}.export import GraphcExportArchive as BackendSavedModelExportArchive\n"
    "from keras.src.models import Model\nModel.export = exporting(Model.export)",
    "keras.src.export.onnx": f"from {BACKEND}.export import write_onnx\n"
    "write_onnx(model, filepath, input_signature, opset_version)",
}
# Layers and data sets that Keras makes with TensorFlow alone (words, tables, files) use graphc, where TensorFlow is not
# installed: as what Keras' lazy module of that name loads, and as the back end of that name
_LAZY = "keras.src.utils.module_utils"
_STANDS_IN = "from graphc.keras import standing_in\ntensorflow.module, tensorflow._available = standing_in, True"
_ALIASES = {"keras.src.backend.tensorflow": f"{BACKEND}.tensorflow"}
# preprocessing layers look functions up while they run: the module of the class that does, and its answer for graphc
_DYNAMIC = "keras.src.utils.backend_utils"
_LOOKUP = 'if self._backend == "graphc":\n    return getattr(backend_module, name)'
_CHANGED = {*_BRANCHES, _LAZY, _DYNAMIC}


class KerasMissingError(UnavailableError, ImportError):
    """Keras is not installed, or is one that graphc does not know."""


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads one of these modules with a branch more, past the byte code that is kept of it."""

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    def source_to_code(self, data, path, *, _optimize=-1):
        tree = ast.parse(data, path)
        if self.name in _BRANCHES:
            tree = _with_branch(tree, self.name)
        elif self.name == _DYNAMIC:
            tree = _with_lookup(tree)
        elif not _has_tensorflow():
            tree.body.extend(ast.parse(_STANDS_IN).body)
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)


class _Alias(importlib.abc.Loader):
    """Loads ``graphc.keras.NAME``: the module ``keras.NAME`` itself, not a second one; and graphc under TensorFlow's name."""

    def exec_module(self, module):
        name = module.__name__
        sys.modules[name] = importlib.import_module(_ALIASES.get(name) or name.removeprefix("graphc."))


def _has_tensorflow() -> bool:
    return importlib.util.find_spec("tensorflow") is not None


class _Finder:
    """Finds these modules where they are installed, for ``_Loader`` to load, and Keras' modules below ``graphc.keras``."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if fullname in _ALIASES and not _has_tensorflow():
            return importlib.machinery.ModuleSpec(fullname, _Alias())
        if fullname not in _CHANGED:
            return _Finder._alias(fullname)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin)
        return spec

    @staticmethod
    def _alias(fullname):
        if not fullname.startswith(_DOOR) or "keras" not in sys.modules:
            return None
        if fullname.removeprefix(_DOOR).partition(".")[0] in _OWN:
            return None
        known = importlib.util.find_spec(fullname.removeprefix("graphc."))
        is_package = known is not None and known.submodule_search_locations is not None
        return known and importlib.machinery.ModuleSpec(fullname, _Alias(), is_package=is_package)


def _asks_for_backend(test: ast.expr) -> bool:
    """Whether it is ``backend() == "a name"``."""
    if not isinstance(test, ast.Compare) or not isinstance(test.left, ast.Call):
        return False
    called = test.left.func
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)) == "backend"


def _with_branch(tree: ast.Module, module: str) -> ast.Module:
    """The module with ``elif backend() == "graphc"`` before the ``else`` that refuses unknown names."""
    inside = (node for node in ast.walk(tree) if isinstance(node, ast.If))
    for last in (*tree.body, *inside):
        while isinstance(last, ast.If) and len(last.orelse) == 1 and isinstance(last.orelse[0], ast.If):
            last = last.orelse[0]
        if isinstance(last, ast.If) and _asks_for_backend(last.test) and last.orelse:
            if isinstance(last.orelse[-1], ast.Raise):
                test = ast.parse(ast.unparse(last.test), mode="eval").body
                test.comparators = [ast.Constant("graphc")]
                branch = ast.If(test, ast.parse(_BRANCHES[module]).body, last.orelse)
                ast.fix_missing_locations(ast.copy_location(branch, last))
                last.orelse = [branch]
                return tree
    raise KerasMissingError(_unknown(f"{module} does not choose a back end by its name"))


def _with_lookup(tree: ast.Module) -> ast.Module:
    """The module with graphc's functions among those that ``DynamicBackend`` looks up."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
            branch = ast.parse(_LOOKUP).body[0]
            node.body.insert(0, ast.fix_missing_locations(ast.copy_location(branch, node.body[0])))
            return tree
    raise KerasMissingError(_unknown(f"{_DYNAMIC} does not look up a back end's functions by name"))


def _unknown(why: str) -> str:
    what = f"Keras {_installed()} is not one that graphc can be a back end of: {why}"
    return f"{what}. Tested: Keras {TESTED} (pip install 'keras~={TESTED}.0')"


def _installed() -> str | None:
    try:
        return importlib.metadata.version("keras")
    except importlib.metadata.PackageNotFoundError:
        return None


def provide() -> None:
    """Make graphc the back end of the Keras that this process is going to import.

    Raises:
        KerasMissingError: Keras is not installed, or is one that is not known.
        UsageError: Keras is imported already with another back end.
    """
    loaded = sys.modules.get("keras.src.backend")
    if loaded is not None:
        if loaded.backend() == "graphc":
            return
        raise UsageError(
            f"Keras is imported already, with its back end {loaded.backend()!r}: a process has one. "
            "Import graphc.keras before keras, or run the program with python -m graphc.keras"
        )
    installed = _installed()
    if installed is None:
        raise KerasMissingError("graphc.keras needs Keras, which is not installed: pip install 'graphc[keras]'")
    if not installed.startswith(f"{TESTED}."):
        raise KerasMissingError(_unknown("its inside is not known"))
    os.environ["KERAS_BACKEND"] = "graphc"
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
        for folder in importlib.util.find_spec("keras").submodule_search_locations:
            pass_over(folder)  # the line that a message names is the one that uses Keras
