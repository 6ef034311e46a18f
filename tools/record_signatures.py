"""Record the arguments of TensorFlow's public functions: run where TensorFlow is installed.

    python tools/record_signatures.py

Writes tests/ops/tensorflow_signatures.txt, a line for each function: its name and its arguments in order, of
TensorFlow 2 first, then, with the prefix ``compat.v1.``, of TensorFlow 1 where they differ.
"""

from __future__ import annotations

import inspect
import os
import sys
import types
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf  # noqa: E402

TARGET = Path(__file__).resolve().parent.parent / "tests/ops/tensorflow_signatures.txt"
SKIPPED = {
    "app", "compat", "contrib", "data", "distribute", "distributions", "dtensor", "estimator", "experimental",
    "feature_column", "flags", "gfile", "initializers", "keras", "layers", "lite", "losses", "metrics", "mlir", "nest",
    "optimizers", "profiler", "python_io", "raw_ops", "resource_loader", "rnn_cell", "saved_model", "summary", "sysconfig",
    "tools", "tpu", "user_ops", "xla",
}  # fmt: skip


def signatures(module, prefix: str = "") -> dict[str, str]:
    """Public name -> arguments, of the functions below a module."""
    found: dict[str, str] = {}
    for name in sorted(dir(module)):
        if name.startswith("_") or name in SKIPPED:
            continue
        value = getattr(module, name, None) if name not in SKIPPED else None
        if isinstance(value, types.ModuleType):
            if prefix.count(".") < 2:
                found |= signatures(value, f"{prefix}{name}.")
        elif callable(value) and not inspect.isclass(value):
            try:
                parameters = inspect.signature(value).parameters.values()
            except (TypeError, ValueError):
                continue
            stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
            found[prefix + name] = " ".join(stars.get(p.kind, "") + p.name for p in parameters)
    return found


def main() -> int:
    new, old = signatures(tf), signatures(tf.compat.v1)
    rows = [f"{name}: {arguments}" for name, arguments in new.items()]
    rows += [f"compat.v1.{name}: {arguments}" for name, arguments in old.items() if new.get(name) != arguments]
    TARGET.write_text("\n".join(rows) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
