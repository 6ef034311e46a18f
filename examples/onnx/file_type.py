"""Tells what files are from their bytes: the model of the magika package, run by graphc.

    pip install --no-deps magika
    python examples/onnx/file_type.py README.md setup.py photo.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from packaged import model_path

import graphc

BLOCK = 4096  # bytes that are looked at, at either end


def features(content: bytes, length: int = 1024, padding: int = 256) -> np.ndarray:
    """The first and the last ``length`` bytes without white space around them, as int32 [2 * length]."""
    first, last = content[:BLOCK].lstrip()[:length], content[-BLOCK:].rstrip()[-length:]
    found = np.full(2 * length, padding, np.int32)
    found[: len(first)] = np.frombuffer(first, np.uint8)
    if last:
        found[-len(last) :] = np.frombuffer(last, np.uint8)
    return found


def main(paths: list[str]) -> None:
    folder = model_path("magika", "models/standard_v3_3")
    labels = json.loads((folder / "config.min.json").read_text())["target_labels_space"]
    model = graphc.onnx.load(folder / "model.onnx")
    batch = np.stack([features(Path(path).read_bytes()) for path in paths])  # any number of files in one call
    (scores,) = model.run({"bytes": batch})
    for path, row in zip(paths, scores):
        print(f"{path}: {labels[row.argmax()]} ({row.max():.1%})")


if __name__ == "__main__":
    main(sys.argv[1:] or [__file__])
