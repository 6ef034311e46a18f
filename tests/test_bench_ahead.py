"""``tools/bench ahead``: the files that are measured are there, and the program that calls them gets through."""

from __future__ import annotations

import shutil

import pytest

from tools.bench import ahead_figures


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_call_from_c_and_from_python_is_measured(tmp_path):
    rows = list(ahead_figures.bench_call(tmp_path))
    assert [row.what for row in rows][0] == "one addition, called from C" and len(rows) == 3
    assert all(float(row.figure.split()[0]) > 0 for row in rows)


def test_sizes_are_those_of_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(ahead_figures, "CC", None)
    rows = {row.what: row for row in ahead_figures.bench_object(tmp_path)}
    weights = (64 * 512 + 512 + 512 * 10 + 10) * 4
    assert float(rows["the same: weights"].figure.split()[0]) * 1000 >= weights
    assert len(rows) == 3 and next(iter(rows.values())).good
