"""The benchmark's command line used wrongly: what is wrong is said in one line, and kept results stay as they are."""

from __future__ import annotations

import json

import pytest

from tools.bench import cli, environments, results
from tools.bench.cli import main, parser


def said(capsys, *arguments: str) -> str:
    """What a refused command line says, on one line."""
    with pytest.raises(SystemExit) as refused:
        main(list(arguments))
    text = refused.value.code if type(refused.value.code) is str else capsys.readouterr().err.splitlines()[-1]
    assert "\n" not in text and "Traceback" not in text
    return text


def book(**changes) -> str:
    return json.dumps(results.empty() | changes)


@pytest.fixture
def unmeasured(monkeypatch):
    """Nothing may be measured."""

    def fail(*arguments):
        raise AssertionError("measured")

    for name in ("measure", "Starts", "Pool"):
        monkeypatch.setattr(cli, name, fail)
    monkeypatch.setattr(results, "limits", fail)


@pytest.mark.parametrize("command", [("--help",), ("run", "--help"), ("setup", "--help"), ("report", "--help"),
                                     ("promises", "--help")])  # fmt: skip
def test_help(command, capsys):
    with pytest.raises(SystemExit) as done:
        main(list(command))
    assert done.value.code == 0 and "usage: python tools/bench" in capsys.readouterr().out


def test_the_list(capsys):
    main(["list"])
    assert "gemm-512" in capsys.readouterr().out


@pytest.mark.parametrize("command, text", [
    ((), "required: COMMAND"),
    (("measure",), "invalid choice: 'measure'"),
    (("run", "conv9"), "no workload matches conv9; python tools/bench list shows them"),
    (("run", "mlp-1", "--peers", "caffe"), "no peers caffe; there are graphc, numpy"),
    (("run", "--threads", "0"), "argument --threads: 0 is less than 1"),
    (("run", "--threads", "100000"), "cores, not 100000"),
    (("run", "--threads", "two"), "argument --threads: invalid cores value: 'two'"),
    (("run", "--rounds", "0"), "argument --rounds: 0 is less than 1"),
    (("run", "--seconds", "-1"), "argument --seconds: -1 is no time to measure in"),
    (("run", "--seconds", "nan"), "argument --seconds: nan is no time"),
    (("setup", "caffe"), "invalid choice: 'caffe'"),
    (("setup",), "required: peers"),
    (("report",), "required: FILE"),
])  # fmt: skip
def test_words_that_are_wrong(command, text, capsys, unmeasured):
    assert text in said(capsys, *command)


@pytest.mark.parametrize("content, text", [
    ('{"rows"', "is no JSON, and stays as it is"),
    ("[]", "holds no results of python tools/bench run, and stays as it is"),
    ('{"rows": {}}', "holds no results"),
    (book(rows=[]), "holds no results"),
    (book(machine="an abacus"), "the results of another machine, an abacus; this one is"),
])  # fmt: skip
def test_files_that_are_no_results(content, text, tmp_path, capsys, unmeasured):
    kept = tmp_path / "kept.json"
    kept.write_text(content)
    assert text in said(capsys, "run", "mlp-1", "--json", str(kept))
    assert text in said(capsys, "run", "mlp-1", "--cold", "--json", str(kept))
    if "abacus" not in content:
        assert text in said(capsys, "report", str(kept))
    assert kept.read_text() == content


def test_places_that_are_not_there(tmp_path, capsys, unmeasured):
    nowhere, kept = tmp_path / "nowhere" / "x", tmp_path / "kept.json"
    kept.write_text(book())
    assert "is no folder that can be written to" in said(capsys, "run", "mlp-1", "--json", str(nowhere))
    assert said(capsys, "report", str(nowhere)) == f"{nowhere}: No such file or directory"
    assert said(capsys, "report", str(kept), "--write", str(nowhere)) == f"{nowhere}: No such file or directory"
    assert said(capsys, "report", str(kept), "--plot", str(nowhere)) == f"{nowhere}: No such file or directory"
    assert said(capsys, "promises", "--write", str(nowhere)) == f"{nowhere}: No such file or directory"
    kept.with_suffix(".md").write_text("no markers")
    assert "there is no <!-- promises -->" in said(capsys, "promises", "--write", str(kept.with_suffix(".md")))
    assert "has none of the markers" in said(capsys, "report", str(kept), "--write", str(kept.with_suffix(".md")))
    file = tmp_path / "file"
    file.write_text("")
    assert "Not a directory" in said(capsys, "setup", "jax", "--into", str(file / "inside"))


def test_a_missing_environment_costs_no_figures(tmp_path):
    figures, missing = {"median": 1e-3, "ratio": 2.0}, {"note": f"{environments.NOT_SET_UP} (python ...)"}
    made = results.empty()
    for row in ({"graphc": figures, "jax": figures, "torch": missing}, {"graphc": figures, "jax": missing}):
        results.merge(made, "mlp-1", 1, {"peers": row}, {"fma": 1.0, "copy": 1.0, "read": 1.0})
    assert made["rows"]["mlp-1@1"]["peers"] == {"graphc": figures, "jax": figures, "torch": missing}
    assert results.complete(made, "mlp-1", 1, ["graphc", "jax"])
    assert not results.complete(made, "mlp-1", 1, ["graphc", "torch"])  # it may have been set up since then
    results.merge(made, "mlp-1", 1, {"peers": {"jax": {"note": "wrong: error 1"}}}, {"fma": 1.0, "copy": 1.0, "read": 1.0})
    assert "median" not in made["rows"]["mlp-1@1"]["peers"]["jax"]
    results.write(made, str(tmp_path / "kept.json"))
    assert results.to_fill(str(tmp_path / "kept.json")) == made and len(list(tmp_path.iterdir())) == 1


def test_a_run_that_is_interrupted_keeps_what_it_has(tmp_path, monkeypatch, capsys):
    kept, rows = tmp_path / "kept.json", iter([{"peers": {"graphc": {"median": 1.0, "ratio": 1.0}}}])

    def one_only(*arguments):
        for row in rows:
            return row
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "measure", one_only)
    monkeypatch.setattr(results, "limits", lambda threads: {"fma": 1.0, "int8": 1.0, "copy": 1.0, "read": 1.0})
    assert "interrupted" in said(capsys, "run", "mlp-1", "mlp-32", "--peers", "numpy", "--json", str(kept))
    assert list(json.loads(kept.read_text())["rows"]) == ["mlp-1@1"]


def test_defaults():
    options = parser().parse_args(["run"])
    assert (options.threads, options.rounds, options.seconds) == ([1], 5, 0.2)
