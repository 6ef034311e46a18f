"""Record what TensorFlow answers for the sample lines: run where TensorFlow is installed.

    python tools/record_tensorflow.py [topic ...]

Only lines without a recorded answer are evaluated, unless ``--all`` is given.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tests.ops import expected_values  # noqa: E402
from tests.ops.sampling import Operands, leaves, lines  # noqa: E402


def answer(line) -> list[dict]:
    """The tensors that TensorFlow answers with."""
    tf.random.set_seed(1)
    result = eval(line.text, {"tf": tf, **Operands(line.text).scope()})
    return [expected_values.described(_array(tf.convert_to_tensor(x).numpy())) for x in leaves(result)]


def _array(value) -> np.ndarray:
    """The value; strings stay objects, so that NumPy does not strip their zero bytes."""
    return np.asarray(value, dtype=object if isinstance(value, bytes) else None)


def main() -> int:
    wanted, failed = [a for a in sys.argv[1:] if not a.startswith("-")], 0
    topics: dict[str, list] = {}
    for line in lines():
        topics.setdefault(line.topic, []).append(line)
    for topic, samples in topics.items():
        if wanted and topic not in wanted:
            continue
        known = {} if "--all" in sys.argv else expected_values.read(topic)
        answers = {}
        for line in samples:
            if "norecord" in line.flags:
                continue
            try:
                answers[line.text] = known.get(line.text) or answer(line)
            except Exception as error:
                failed += 1
                print(f"{line.id}\n    {type(error).__name__}: {str(error)[:300]}")
        expected_values.write(topic, answers)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
