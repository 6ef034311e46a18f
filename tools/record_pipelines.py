"""Record what TensorFlow gives for tests/data/recorded_pipelines.py; run by an interpreter that has TensorFlow."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent / "tests" / "data"
sys.path.insert(0, str(HERE))

import recorded_pipelines as pipelines  # noqa: E402
import tensorflow  # noqa: E402

if __name__ == "__main__":
    rows = [(e, pipelines.outcome(tensorflow, e)) for e in pipelines.expressions()]
    text = ",\n".join(f"{json.dumps(e)}:{json.dumps(found, separators=(',', ':'))}" for e, found in rows)
    (HERE / "recorded_pipelines.json").write_text(f"{{\n{text}\n}}\n")
