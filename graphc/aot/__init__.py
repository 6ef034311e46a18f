"""Ahead of time: write a compiled model to files, and load it again without a compiler."""

from graphc.aot.export import export, save
from graphc.aot.load import load, read
from graphc.aot.replace import replace_files

__all__ = ["export", "load", "read", "replace_files", "save"]
