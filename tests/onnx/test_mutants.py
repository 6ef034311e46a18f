"""Mutants and bombs: every hostile model is refused with a clear error, or runs, in bounded time and memory.

``tools/fuzz_onnx.py`` tries many more; ``GRAPHC_FUZZ_ONNX=2000`` here, or ``5000:7000`` for the seeds from 5000 on.
"""

from __future__ import annotations

import os

import pytest

from graphc.onnx import load
from tests.fuzz.onnx_bombs import BOMBS
from tests.fuzz.onnx_models import cases
from tests.fuzz.onnx_mutate import mutant
from tests.fuzz.onnx_worker import Worker

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs limits on processes")
QUICK, STEP = 500, 25
RUNS = 8  # of so many mutants one is also run


def seeds() -> range:
    first, _, last = os.environ.get("GRAPHC_FUZZ_ONNX", str(QUICK)).rpartition(":")
    return range(int(first or 0), int(last))


@pytest.fixture(scope="module")
def worker():
    made = Worker()
    yield made
    made.close()


@pytest.mark.parametrize("first", seeds()[::STEP])
def test_mutants(worker, first):
    for seed in range(first, min(first + STEP, seeds().stop)):
        outcome = worker.check(str(seed), "load" if seed % RUNS else "run")
        assert outcome.startswith("fine"), f"seed {seed}: {outcome}"


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(worker, name):
    outcome = worker.check(name.replace(" ", "_"), "run")
    assert outcome.startswith("fine"), outcome


def test_a_worker_survives(worker):
    assert "took more than" in worker.check("_hang") and "code" in worker.check("_crash")
    assert "MemoryError" in worker.check("_memory")
    assert worker.check("constant_negative").startswith("fine ShapeError")


def test_the_models_are_good(tmp_path):
    for case in cases():
        for name, content in case.files.items():
            (tmp_path / name).write_bytes(content)
        assert load(case.model.SerializeToString(), folder=tmp_path).problems() == [], case.name


def test_a_seed_always_makes_the_same_mutant():
    assert [mutant(s).data for s in range(30)] == [mutant(s).data for s in range(30)]
    assert len({mutant(s).data for s in range(100)}) > 90
