"""Kernels of convolutions read and write nothing outside of their arrays: pages beside these are forbidden."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.native import host_targets

RUNNER = Path(__file__).with_name("guard_pages.py")


pytestmark = pytest.mark.skipif(not host_targets() or sys.platform != "linux", reason="needs an x86-64 CPU and Linux")


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(RUNNER), *words], capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("words", [(), ("0:6",), ("empty",)], ids=["forms", "networks", "empty"])
def test_nothing_outside_is_touched(words):
    done = run(*words)
    last = done.stdout.splitlines()[-1:]
    assert done.returncode == 0 and last == ["done"], f"{last} ended with {done.returncode}: {done.stderr[-2000:]}"


def test_the_pages_are_forbidden():
    assert run("behind").returncode == -signal.SIGSEGV
