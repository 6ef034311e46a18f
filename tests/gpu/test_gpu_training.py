"""Programs of the examples, trained on a CUDA device: they print what they print on the CPU."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = ("v1/multilayer_perceptron.py", "v1/cnn.py", "v1/rnn.py", "v2/multilayer_perceptron.py")
_TIME = re.compile(r"\d+(\.\d+)? ?(s|ms|us)\b|in \d.*")

pytestmark = pytest.mark.gpu


def printed(program: str, device: str) -> list[str]:
    path = ROOT / "examples" / program
    environment = {**os.environ, "PYTHONPATH": str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", ""), "GRAPHC_DEVICE": device}
    done = subprocess.run([sys.executable, path.name], cwd=path.parent, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return [_TIME.sub("", line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("program", PROGRAMS)
def test_training(device, program):
    assert printed(program, device.name) == printed(program, "cpu")
