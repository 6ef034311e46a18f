"""Ahead of time: write a compiled model to files, and load it again without a compiler."""

import importlib

from graphc.aot.arrays import read_arrays, write_arrays
from graphc.aot.container import save
from graphc.aot.export import Entry, check_path, entry_files, export, others_beside, write_files
from graphc.aot.feeds import feeds, random_array
from graphc.aot.load import load, read
from graphc.aot.replace import replace_files
from graphc.aot.tune import Trial, Tuning, tune

__all__ = [
    "Entry", "Trial", "Tuning", "check_path", "compile", "entry_files", "export", "feeds", "load", "others_beside", "random_array", "read",
    "read_arrays", "replace_files", "save", "tune", "write_arrays", "write_files",
]  # fmt: skip


def __getattr__(name: str):
    """``compile`` knows every kind of model, and is imported when it is first asked for: loading one needs none of that."""
    if name == "compile":
        return importlib.import_module("graphc.models.compiling").compile_model
    raise AttributeError(f"module 'graphc.aot' has no attribute {name!r}")
