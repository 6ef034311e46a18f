"""Ahead of time: write a compiled model to files, and load it again without a compiler."""

from graphc.aot.export import check_path, export, save
from graphc.aot.feeds import random_array
from graphc.aot.load import load, read
from graphc.aot.replace import replace_files
from graphc.aot.tune import Trial, Tuning, tune

__all__ = [
    "Trial", "Tuning", "check_path", "export", "load", "random_array", "read", "replace_files", "save", "tune",
]  # fmt: skip
