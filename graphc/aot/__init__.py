"""Ahead of time: write a compiled model to files, and load it again without a compiler."""

from graphc.aot.arrays import read_arrays, write_arrays
from graphc.aot.export import check_path, export, save
from graphc.aot.feeds import feeds, random_array
from graphc.aot.load import load, read
from graphc.aot.replace import replace_files
from graphc.aot.tune import Trial, Tuning, tune

__all__ = [
    "Trial", "Tuning", "check_path", "export", "feeds", "load", "random_array", "read", "read_arrays", "replace_files", "save", "tune",
    "write_arrays",
]  # fmt: skip
