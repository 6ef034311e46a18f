"""SavedModels that TensorFlow 2.21 made, with what it answered: tests/formats/data/saved_model_*.json."""

import base64
import json
import lzma
from pathlib import Path

_DATA = Path(__file__).parent / "formats" / "data"


def unpacked(name: str, folder: Path) -> dict:
    """Write a SavedModel into ``folder``; what TensorFlow answered."""
    kept = json.loads((_DATA / f"saved_model_{name}.json").read_text())
    for path, text in kept["files"].items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(lzma.decompress(base64.b85decode(text)))
    return kept["expected"]
