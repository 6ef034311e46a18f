"""graphc: a graph compiler. TensorFlow 1's interface is ``graphc.v1``."""

from __future__ import annotations

import gc
import importlib
import sys

from graphc import errors
from graphc.api.build_info import VERSION as __version__  # noqa: F401
from graphc.ir.dtype import DType, as_dtype
from graphc.ir.graph import Graph

_LATER = {
    "aot": "graphc.aot",
    "compat": "graphc.compat",
    "compile_graph": "graphc.compile",
    "Options": "graphc.options",
    "export": "graphc.aot",
    "keras": "graphc.keras",
    "load": "graphc.aot",
    "onnx": "graphc.onnx",
    "save": "graphc.aot",
    "v1": "graphc.v1",
}

__all__ = [
    "DType", "Graph", "Options", "aot", "as_dtype", "compat", "compile_graph", "errors", "export", "load", "onnx", "save", "v1",
]  # fmt: skip


def __getattr__(name: str):
    """What needs the compiler is imported when it is first asked for, so that ``import graphc`` is quick."""
    if name.startswith("__"):
        raise AttributeError(f"module 'graphc' has no attribute {name!r}")
    if name in _LATER:
        module = importlib.import_module(_LATER[name])
        return module if _LATER[name] == f"graphc.{name}" else getattr(module, name)
    value = _namespaces().PUBLIC.get(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_LATER, *_namespaces().PUBLIC.below()})


def _namespaces():
    """The module of all names. What its import makes stays, so nobody looks for garbage in it meanwhile."""
    name = "graphc.api.namespaces"
    if name in sys.modules or not gc.isenabled():
        return importlib.import_module(name)
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.enable()
