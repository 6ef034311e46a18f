"""How the released Keras gets graphc as its back end: the doors, and what is said where it cannot be."""

import ast
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

import graphc as tf
from graphc import keras
from graphc.errors import UsageError
from graphc.keras import __main__ as start
from graphc.keras import loading


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=env, timeout=120)


def test_modules_of_keras_have_one_life_under_both_names():
    import graphc.keras.datasets.mnist as mnist
    from graphc.keras import layers, ops
    from graphc.keras.layers import Dense

    inner = sys.modules["keras"]
    assert keras.backend.backend() == "graphc" and tf.keras is keras
    assert layers is inner.layers and ops is inner.ops and Dense is inner.layers.Dense and mnist is inner.datasets.mnist
    assert inner.layers.__spec__.name == "keras.layers", "importing by our name changed Keras' module"
    assert keras.__version__ == inner.__version__ and "Sequential" in dir(keras) and "keras" in dir(tf)
    with pytest.raises(ModuleNotFoundError, match="graphc.keras.nothing"):
        import graphc.keras.nothing  # noqa: F401
    with pytest.raises(AttributeError, match="'keras' has no attribute 'nothing'"):
        keras.nothing


def test_an_unchanged_program_runs(tmp_path):
    program = tmp_path / "train.py"
    (tmp_path / "beside.py").write_text("")
    program.write_text(
        "import sys, keras, beside\nprint(keras.backend.backend(), sys.argv[1:], __name__, len(keras.ops.ones((3,)).numpy()))\n"
    )
    done = run("-m", "graphc.keras", str(program), "--epochs", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "graphc ['--epochs', '2'] __main__ 3\n", "")
    done = run("-m", "graphc.keras", "-m", "train", "x", PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    assert (done.returncode, done.stdout) == (0, "graphc ['x'] __main__ 3\n"), done.stderr


def test_what_cannot_be_run_is_said(monkeypatch, capsys):
    for given, words in (([], "usage: python -m graphc.keras"), (["none.py"], "there is no program none.py")):
        monkeypatch.setattr(sys, "argv", ["graphc.keras", *given])
        assert start.main() == 2
        assert words in capsys.readouterr().err


def test_a_keras_that_runs_on_something_else_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras.src.backend", SimpleNamespace(backend=lambda: "torch"))
    with pytest.raises(UsageError, match="its back end 'torch': a process has one.*python -m graphc.keras"):
        loading.provide()


def test_a_keras_that_is_not_known_is_refused(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras.src.backend")
    monkeypatch.setattr(loading, "_installed", lambda: "3.99.0")
    with pytest.raises(ImportError, match=r"Keras 3\.99\.0 is not one that .* Tested: Keras 3\.15 \(pip install"):
        loading.provide()
    monkeypatch.setattr(loading, "_installed", lambda: None)
    with pytest.raises(ImportError, match=r"pip install 'graphc\[keras\]'"):
        loading.provide()


def test_a_module_that_chooses_its_back_end_otherwise_is_refused():
    chain = 'if backend() == "jax":\n    import a\nelse:\n    raise RuntimeError("x")'
    made = ast.unparse(loading._with_branch(ast.parse(chain), "keras.src.layers.layer"))
    assert "elif backend() == 'graphc':\n    from graphc.keras.keras_graphc.layer import" in made and "raise" in made
    for other in ("import a", 'if backend() == "jax":\n    import a', "if x == 1:\n    import a\nelse:\n    raise E"):
        with pytest.raises(ImportError, match="does not choose a back end by its name"):
            loading._with_branch(ast.parse(other), "keras.src.layers.layer")


def test_providing_it_twice_is_harmless():
    before = list(sys.meta_path)
    loading.provide()
    assert sys.meta_path == before
