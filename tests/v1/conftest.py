"""Every test of the TensorFlow 1 interface starts with an empty default graph."""

import importlib
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import interpreted  # noqa: E402

if os.environ.get("GRAPHC_TEST_INTERPRETED"):
    interpreted.install()
else:
    importlib.import_module("graphc.compile")


@pytest.fixture(autouse=True)
def empty_graph():
    import graphc.v1 as tf

    tf.reset_default_graph()
