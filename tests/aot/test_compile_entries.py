"""``graphc compile`` of several models into one set of files."""

import shutil
import subprocess

import numpy as np
import pytest

import graphc
import graphc.v1 as tf
from graphc import aot
from graphc.aot import Entry, entry_files, write_files
from graphc.cli import main
from graphc.errors import UsageError
from graphc.runtime.elf_archive import defined_names

MODEL = """
import graphc.v1 as tf

x = tf.placeholder(tf.float32, [None, 8], name="rows")
w = tf.get_variable("w", [8, 3], initializer=tf.random_normal_initializer(seed=1))
predict = tf.nn.relu(tf.matmul(x, w), name="y")
train = [tf.reduce_mean(predict), tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(predict))]
"""
CALLS = r"""
#include <stdio.h>
#include "net.h"
int main(void) {
  static _Alignas(64) char arena[1 << 16];
  _Alignas(64) float x[2][8] = {{0}}, y[32] = {0}, w[32] = {0}, loss[16] = {0};
  for (int k = 0; k < 16; ++k) x[0][k] = (float)k;
  for (int k = 0; k < 24; ++k) w[k] = 1;
  int64_t dims[1] = {2};
  net_train_threads(2);
  const void *in[] = {x}, *first[] = {x, w};
  void *out[] = {y}, *step[] = {loss, w};
  if (net_predict(in, out, dims, arena) || net_train(first, step, dims, arena)) return 1;
  for (int k = 0; k < 6; ++k) printf("%.9g ", y[k]);
  printf("%.9g %.9g\n", loss[0], w[0]);
  return 0;
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with net.py, and what it is compiled to; not to be changed."""
    folder = tmp_path_factory.mktemp("entries")
    (folder / "net.py").write_text(MODEL)
    assert main(["compile", str(folder / "net.py"), "--entry", "predict", "--entry", "train", "-o", str(folder)]) == 0
    return folder


def test_each_has_its_files_and_all_have_one_library(folder):
    expected = {f"net_{e}{f}" for e in ("predict", "train") for f in (".gc", ".o", "_main.c")} | {"net.a", "net.so", "net.h", "net.py"}
    assert {path.name for path in folder.iterdir() if path.name != "__pycache__"} == expected
    names = [name.decode() for e in ("predict", "train") for name in defined_names((folder / f"net_{e}.o").read_bytes())]
    twice = {name for name in names if names.count(name) > 1}
    assert twice and all(name.startswith("gc_") for name in twice)  # the pool of threads, which is weak


def test_they_are_loaded_by_name(folder):
    x = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
    w = np.ones((8, 3), np.float32)
    for name, arrays in (("net_predict", [x]), ("net_train", [x, w])):
        expected = graphc.load(folder / f"{name}.gc")(*arrays)
        found = graphc.load(folder / "net.so", name)(*arrays)
        assert [a.tobytes() for a in found] == [a.tobytes() for a in expected]
    for entry, words in ((None, "say which is meant"), ("train", "there is no 'train'")):
        with pytest.raises(UsageError, match=f"net.so has the functions net_predict, net_train: {words}"):
            graphc.load(folder / "net.so", entry)
    np.savez(folder.parent / "in.npz", rows=x, w=w)
    assert main(["run", f"{folder}/net.so:net_train", "-i", f"{folder.parent}/in.npz", "-o", f"{folder.parent}/out.npz"]) == 0
    assert [a.tobytes() for a in aot.read_arrays(folder.parent / "out.npz").values()] == [a.tobytes() for a in found]
    with pytest.raises(UsageError, match="a container, which has one"):
        graphc.load(folder / "net_train.gc", "net_train")


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_c_program_uses_both(folder, tmp_path):
    (tmp_path / "main.c").write_text(CALLS)
    x = np.zeros((2, 8), np.float32)
    x.reshape(-1)[:] = np.arange(16)
    (y,) = graphc.load(folder / "net_predict.gc")(x)
    loss, w = graphc.load(folder / "net_train.gc")(x, np.ones((8, 3), np.float32))
    expected = " ".join([*(f"{v:.9g}" for v in y.ravel()), f"{loss:.9g}", f"{w[0, 0]:.9g}"])
    command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{folder}", str(tmp_path / "main.c")]
    for library in ("net.a", "net.so"):
        program = tmp_path / f"{library}.exe"
        subprocess.run([*command, str(folder / library), "-o", str(program), "-lpthread"], check=True)
        assert subprocess.run([program], check=True, capture_output=True, text=True).stdout.strip() == expected
    for entry in ("predict", "train"):  # the examples know the common header and library
        source = [f"net_{entry}_main.c", "net.a", "-o", str(tmp_path / entry), "-lpthread"]
        subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", *source], check=True, cwd=folder)
        subprocess.run([tmp_path / entry], check=True, capture_output=True)


def test_weights_of_each_are_a_file_of_their_own(predictor, tmp_path):
    aot.compile({"one": predictor.graph, "two": predictor.graph}, tmp_path / "my-net.gc", separate_weights=True)
    assert {"my-net_one.weights", "my-net_two.weights", "my-net.so", "my-net.h"} <= {p.name for p in tmp_path.iterdir()}
    model = graphc.load(tmp_path / "my-net.so", "my_net_two")
    assert model(predictor.data(3))[0].tobytes() == predictor.answer(3).tobytes()
    (tmp_path / "my-net_one.weights").unlink()
    with pytest.raises(OSError, match="my_net_one.weights"):
        graphc.load(tmp_path / "my-net.so", "my_net_one")


def test_what_runs_on_the_host_is_in_no_library(predictor, tmp_path):
    with tf.Graph().as_default() as graph:
        text = tf.placeholder(tf.string, [None], name="text")
        host = tf.freeze(tf.Session(graph=graph), [text], [tf.strings.upper(text)], name="host")
    notes = []
    aot.compile({"native": predictor.graph, "host": host}, f"{tmp_path}/m/", on_note=notes.append)
    assert notes == ["nothing for programs in C of host: some of its operations run on the host, through Python"]
    assert {p.name for p in (tmp_path / "m").iterdir()} == {
        "model_native.gc", "model_host.gc", "model_native.o", "model_native_main.c", "model.a", "model.so", "model.h",
    }  # fmt: skip


def test_names_that_cannot_be(predictor, folder, tmp_path):
    one = Entry(predictor.graph)
    for names, words in ((("a-b",), "'a-b' cannot name a function"), (("run", "run_arena"), "the name m_run_arena is needed by both"),
                         (("run", "Run"), "needed by both")):  # fmt: skip
        with pytest.raises(UsageError, match=words):
            write_files(entry_files(dict.fromkeys(names, one), tmp_path / "m.gc"))
    for model, words in ((f"{folder}/net.py:train", "train is a list"), (f"{folder}/net_train.gc", "has one"), (predictor.graph, "is a Graph")):
        with pytest.raises(UsageError, match=words):
            aot.compile(model, tmp_path / "m.gc", entry=["predict"])
    with pytest.raises(UsageError, match="defines no 'predicts'; it defines .*predict"):
        aot.compile(f"{folder}/net.py", tmp_path / "m.gc", entry=["predicts"])
    with pytest.raises(UsageError, match="no 'b' among the models; there are a"):
        aot.compile({"a": predictor.graph}, tmp_path / "m.gc", entry=["b"])
    assert list(tmp_path.iterdir()) == []
