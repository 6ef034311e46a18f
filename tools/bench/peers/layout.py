"""Arrays in the layout of ONNX files, where images are NCHW, and back."""

from __future__ import annotations

import os

import numpy as np


def path(folder: str, module: str) -> str:
    """Where the model of a peer is."""
    return os.path.join(folder, f"{module}.onnx")


def channels_first(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [np.ascontiguousarray(a.transpose(0, 3, 1, 2)) if a.ndim == 4 else a for a in arrays]


def channels_last(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [a.transpose(0, 2, 3, 1) if a.ndim == 4 else a for a in arrays]
