"""Record what TensorFlow 1's layers, metrics and losses answer, for tests/v1: run where TensorFlow is installed.

    TF_USE_LEGACY_KERAS=1 python tools/record_v1.py
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"  # the layers are those of Keras 2
TESTS = Path(__file__).resolve().parent.parent / "tests" / "v1"
sys.path.insert(0, str(TESTS))

import layer_programs  # noqa: E402
import loss_programs  # noqa: E402
import metric_programs  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402


def text_of(value, depth: int = 0) -> str:
    """JSON with one line for each entry of the outer dictionaries."""
    if not isinstance(value, dict) or depth == 2:
        return json.dumps(value)
    pad = " " * (depth + 1)
    entries = ",\n".join(f"{pad}{json.dumps(k)}: {text_of(v, depth + 1)}" for k, v in value.items())
    return f"{{\n{entries}\n{' ' * depth}}}"


def main() -> int:
    tf.disable_eager_execution()
    recorded = {
        "layers": {group: layer_programs.outcome(tf, group) for group in layer_programs.GROUPS},
        "losses": loss_programs.outcome(tf),
        "metrics": metric_programs.outcome(tf),
    }
    for name, value in recorded.items():
        (TESTS / "recorded" / f"{name}.json").write_text(text_of(value) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
