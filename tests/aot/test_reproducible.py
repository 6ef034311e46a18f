"""The same model gives the same files, byte for byte, in any process."""

import hashlib
import os
import subprocess
import sys

import numpy as np

from graphc import aot
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.prims import contract
from graphc.prims.table import apply


def model():
    x = input_node("x", Type(dt.f32, (symbol("twice"), 6)))  # no other test's: equal Nodes know the line that made them first
    y = contract.dot(x, const(np.arange(24, dtype=np.float32).reshape(6, 4) + np.float32(0.7)))
    z = apply("exp", apply("add", y, const(0.0, y.type)))
    return Graph("same", (x,), (z, apply("reduce", apply("mul", z, z), kind="sum", axes=(0,)), apply("tanh", z)))


def digests(folder):
    """What ``export`` writes into a new folder, by the endings of names."""
    folder.mkdir()
    paths = aot.export(model(), folder / "m.gc", separate_weights=True)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_files_are_the_same_in_any_process(tmp_path):
    here = digests(tmp_path / "first")
    assert here.keys() == {"m.gc", "m.o", "m.a", "m.so", "m.h", "m_main.c", "m.weights"}
    assert digests(tmp_path / "again") == here
    code = "import sys; from pathlib import Path; from tests.aot.test_reproducible import digests; print(digests(Path(sys.argv[1])))"
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", code, tmp_path / "other"], env=environment, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == str(here)
