"""Starts of peers: how many are made of whom, and what is told of them."""

from __future__ import annotations

import pytest

from tools.bench import starts
from tools.bench.workloads import WORKLOADS


@pytest.fixture
def made(monkeypatch):
    """The peers that were started, by name; torch is slow, jax is not there, numpy computes something else."""
    found = []

    def one_start(workload, name, threads, environments, caches, right, python):
        found.append(name)
        if name == "jax":
            raise starts.Missing("not set up")
        if name == "numpy":
            return {"note": "wrong results"}
        seconds = 2 * starts.SLOW if name == "torch" else len(found) / 10
        return {"import": 0.1, "compile": seconds, "memory": 1e6}

    monkeypatch.setattr(starts, "one_start", one_start)
    monkeypatch.setattr(starts, "reference", lambda workload, ops: ())
    return found


def test_who_is_slow_is_measured_once(made, tmp_path):
    said = []
    measured = starts.Starts(1, tmp_path, 3, str(tmp_path), said.append)
    first = measured.measure(WORKLOADS["mlp-1"], ["graphc", "torch", "jax", "numpy"])
    assert made == ["graphc"] * 7 + ["torch"] * 3 + ["jax", "numpy"]
    assert first["graphc"] == {"import": 0.1, "compile": 0.4, "cached": 0.5, "memory": 1e6}
    assert first["jax"] == {"note": "not set up"} and first["numpy"] == {"note": "wrong results"}
    assert len(said) == 4 and said[2] == "mlp-1: jax: not set up"
    made.clear()
    measured.measure(WORKLOADS["lenet-1"], ["torch"])
    assert made == ["torch"] * 2  # most of its bytecode is there
