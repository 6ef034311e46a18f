"""``tools/bench keras``: who agrees, what a row says, and that a back end which is not there is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.bench import keras_figures
from tools.bench.keras_workloads import FIRST_STEPS, WORKLOADS


def test_who_differs_from_most_is_not_measured():
    told = {"graphc": [2.0, 1.0], "jax": [2.0005, 1.0], "torch": [2.0, 1.2], "tensorflow": [float("nan"), 1.0]}
    notes = keras_figures.agreed(told)
    assert set(notes) == {"torch", "tensorflow"} and notes["torch"].startswith("wrong: 2.0e-01 off the others")


def test_a_row_compares_round_by_round():
    peers = keras_figures.row_of({"graphc": {}, "jax": {}}, {"graphc": [1.0, 4.0, 2.0], "jax": [3.0, 8.0, 4.0]})
    assert peers["jax"] == {"median": 4.0, "best": 3.0, "ratio": 2.0} and peers["graphc"]["ratio"] == 1.0
    slow = {"median": 0.5, "ratio": 0.5}
    table = keras_figures.table({
        "keras-mlp-fit@1": {"threads": 1, "peers": peers | {"torch": {"note": "not set up"}}},
        "keras-mlp-first@2": {"threads": 2, "peers": {"graphc": {"median": 1.0, "ratio": 1.0}, "jax": {
            "median": 2.0, "ratio": 2.0}, "torch": slow}},
        "import@1": {"threads": 1, "peers": {"graphc": {"median": 2.0}, "numpy": {"median": 1.9}}},
    }).splitlines()  # fmt: skip
    assert table[2] == "| keras-mlp-fit | 1 | 2 s | jax | 4 s | 2.00 | 1.5 | yes | torch: not set up |"
    assert table[3] == "| keras-mlp-first | 2 | 1 s | jax | 2 s | 2.00 | 3 | **no** | torch 0.50 |", "torch is aside"
    assert table[4] == "| import | 1 | 2 s | numpy | 1.9 s | +0.10 s | +0.3 s | yes |  |"


def test_first_steps_are_of_workloads_that_fit():
    assert all(WORKLOADS[f.workload].fits for f in FIRST_STEPS.values())


def test_what_is_not_there_is_said(tmp_path):
    options = SimpleNamespace(threads=1, rounds=1, seconds=0.01, backends=["torch"])
    for row in (keras_figures.first_step("keras-mlp-first", options, tmp_path),
                keras_figures.measure("keras-mlp-fit", options, tmp_path)):  # fmt: skip
        assert row == {"torch": {"note": "not set up (python tools/bench setup torch)"}}
    with pytest.raises(SystemExit, match="no workload keras-rnn-fit"):
        keras_figures.run(SimpleNamespace(environments=str(tmp_path), workloads=["keras-rnn-fit"]))


def test_graphc_is_measured(tmp_path):
    command = ["keras", "keras-predict-1", "--backends", "graphc", "--rounds", "1", "--seconds", "0.01"]
    tool = Path(keras_figures.__file__).parent
    done = subprocess.run([sys.executable, tool, *command, "--environments", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("| keras-predict-1 | 1 | ")
