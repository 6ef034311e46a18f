"""tf.train.Checkpoint and CheckpointManager: variables found by the ways to them, in TensorFlow's files."""

import base64
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import ml_dtypes  # noqa: F401  registers bfloat16
import numpy as np
import pytest

import graphc as tf
import graphc.v1 as v1
from graphc.errors import (
    DataLossError, DtypeError, NotFoundError, ResourceExhaustedError, ShapeError, UsageError,
)  # fmt: skip
from graphc.formats import atomic

DATA = Path(__file__).parents[1] / "formats" / "data"


class Model:
    """As the one in TensorFlow that made ``object.json``."""

    def __init__(self, scale=1):
        self.w = tf.Variable(np.array([1, 2], np.float32) * scale, name="weights")
        self.items = [tf.Variable(np.int32(3 * scale)), tf.Variable(np.int32(4 * scale))]
        self.d = {"a": tf.Variable(np.float32(5 * scale)), "b/c": [tf.Variable(b"six" if scale else b"")]}
        self.size, self.label, self.function = 3, "text", print


def checkpoint(scale=1):
    return tf.train.Checkpoint(model=Model(scale), step=tf.Variable(np.int64(8 * scale)))


def values(ckpt) -> list:
    model = ckpt.model
    found = [model.w, *model.items, model.d["a"], *model.d["b/c"], ckpt.step]
    return [v.numpy().tolist() if hasattr(v.numpy(), "tolist") else v.numpy() for v in found]


EXPECTED = [[1, 2], 3, 4, 5, b"six", 8]


def test_reads_a_checkpoint_of_tensorflow_and_writes_it_again(tmp_path):
    for file, content in json.loads((DATA / "object.json").read_text()).items():
        (tmp_path / file).write_bytes(base64.b64decode(content))
    ckpt = checkpoint(0)
    status = ckpt.restore(str(tmp_path / "object-1"))
    assert status.assert_consumed() is status
    assert values(ckpt) == EXPECTED and int(ckpt.save_counter) == 1
    own = ckpt.write(tmp_path / "own")
    for end in (".index", ".data-00000-of-00001"):
        assert Path(own + end).read_bytes() == (tmp_path / f"object-1{end}").read_bytes()


def test_save_and_restore(tmp_path):
    ckpt = checkpoint()
    path = ckpt.save(tmp_path / "deep" / "ckpt")
    assert path == str(tmp_path / "deep" / "ckpt-1") and int(ckpt.save_counter) == 1
    assert (tmp_path / "deep" / "checkpoint").read_text().splitlines()[0] == 'model_checkpoint_path: "ckpt-1"'
    other = checkpoint(0)
    other.restore(tf.train.latest_checkpoint(str(tmp_path / "deep"))).assert_consumed()
    assert values(other) == EXPECTED
    assert other.save(tmp_path / "deep" / "ckpt").endswith("ckpt-2")
    assert dict(tf.train.list_variables(path))["model/w/.ATTRIBUTES/VARIABLE_VALUE"] == [2]
    assert tf.train.load_variable(path, "model/d/b.Sc/0/.ATTRIBUTES/VARIABLE_VALUE") == b"six"


def test_root(tmp_path):
    path = tf.train.Checkpoint(Model(), extra=tf.Variable(1.5)).write(tmp_path / "x")
    names = [name for name, _ in tf.train.list_variables(path)]
    assert "w/.ATTRIBUTES/VARIABLE_VALUE" in names and "extra/.ATTRIBUTES/VARIABLE_VALUE" in names
    model = Model(0)
    tf.train.Checkpoint(model).read(path).assert_existing_objects_matched()
    assert model.w.numpy().tolist() == [1, 2]


def test_objects_that_are_shared_or_refer_to_each_other(tmp_path):
    a, b = Model(), Model(2)
    a.other, b.other, a.same = b, a, a.w
    path = tf.train.Checkpoint(a=a).write(tmp_path / "x")
    names = [n for n, _ in tf.train.list_variables(path) if n.endswith("VALUE")]
    assert len(names) == 10 and "a/same/.ATTRIBUTES/VARIABLE_VALUE" not in names
    c, d = Model(0), Model(0)
    c.other, d.other, c.same = d, c, c.w
    tf.train.Checkpoint(a=c).restore(path).assert_consumed()
    assert d.w.numpy().tolist() == [2, 4] and c.same is c.w


def test_what_comes_later(tmp_path):
    path = checkpoint().save(tmp_path / "ckpt")
    ckpt = tf.train.Checkpoint(step=tf.Variable(np.int64(0)))
    status = ckpt.restore(path)
    status.assert_existing_objects_matched()
    with pytest.raises(AssertionError, match="belong to no variable: model/w/"):
        status.assert_consumed()
    ckpt.model = Model(0)
    assert values(ckpt) == EXPECTED
    status.assert_consumed()
    ckpt.model.w.assign([7, 7])
    ckpt.more = tf.Variable(1.0)
    assert ckpt.model.w.numpy().tolist() == [7, 7]  # is not restored twice
    ckpt.model.items.append(tf.Variable(1))
    with pytest.raises(UsageError, match="has no value for 2 variables"):
        status.assert_existing_objects_matched()
    assert status.expect_partial() is status
    status.run_restore_ops()
    status.initialize_or_restore()


def test_nothing_belongs_together(tmp_path):
    path = checkpoint().save(tmp_path / "ckpt")
    other = tf.train.Checkpoint(w=tf.Variable(1.0, name="mine"))
    status = other.restore(path)
    for check in (status.assert_consumed, status.assert_existing_objects_matched):
        with pytest.raises(AssertionError, match="no value for 1 variables: mine:0; it has: .*model/w"):
            check()
    with pytest.raises(AssertionError, match="no variable has a value"):
        status.assert_nontrivial_match()
    with pytest.raises(UsageError, match="the path is None"):
        other.restore(None).assert_consumed()
    other.restore(None).initialize_or_restore()


def test_what_does_not_fit_changes_nothing(tmp_path):
    path = checkpoint().save(tmp_path / "ckpt")
    ckpt = checkpoint(0)
    ckpt.model.items[1] = tf.Variable(np.float32(0), name="b")
    ckpt.model.w = tf.Variable(np.zeros(3, np.float32), name="a")
    with pytest.raises(ShapeError, match="does not fit 2 variables; nothing was restored") as caught:
        ckpt.restore(path)
    words = "model/w/.ATTRIBUTES/VARIABLE_VALUE  variable a:0 is float32[3], but the checkpoint has float32[2]"
    assert words in str(caught.value)
    assert "variable b:0 is float32[], but the checkpoint has int32[]" in str(caught.value)
    assert int(ckpt.step) == 0
    with pytest.raises(DtypeError, match="int64"):
        tf.train.Checkpoint(step=tf.Variable(1.0)).restore(path)


def test_a_checkpoint_of_a_saver(tmp_path):
    with v1.Graph().as_default(), v1.Session() as sess:
        v1.Variable([1.0, 2.0], name="weights")
        sess.run(v1.global_variables_initializer())
        path = v1.train.Saver().save(sess, str(tmp_path / "m"), write_meta_graph=False)
    model = tf.train.Checkpoint(inner={"w": tf.Variable([0.0, 0.0], name="weights")})
    model.restore(path).assert_consumed()
    assert model.inner["w"].numpy().tolist() == [1, 2]


def test_a_saver_reads_a_checkpoint_of_objects(tmp_path):
    path = checkpoint().save(tmp_path / "ckpt")
    with v1.Graph().as_default(), v1.Session() as sess:
        w = v1.Variable([0.0, 0.0], name="weights")
        v1.train.Saver().restore(sess, path)
        assert sess.run(w).tolist() == [1, 2]


@pytest.mark.parametrize("value", [5, "text", np.zeros(3), Model, None])
def test_what_cannot_hold_variables(value):
    with pytest.raises(UsageError, match="w must be a variable, or a list, dict or object"):
        tf.train.Checkpoint(w=value)


def test_variables_of_a_graph():
    with v1.Graph().as_default():
        w = v1.Variable(1.0)
    with pytest.raises(UsageError, match="use tf.train.Saver"):
        tf.train.Checkpoint(w=w)
    with pytest.raises(UsageError, match="use tf.train.Saver"):
        tf.train.Checkpoint(ws=[w]).write("unused")


def test_missing_and_damaged(tmp_path):
    ckpt = checkpoint()
    path = ckpt.save(tmp_path / "ckpt")
    with pytest.raises(NotFoundError, match="there is no checkpoint .*there are: ckpt-1"):
        ckpt.restore(tmp_path / "ckpt")
    with pytest.raises(UsageError, match="pass the prefix"):
        ckpt.restore(path + ".index")
    ckpt.restore(str(tmp_path))  # a folder means its latest one
    data = Path(f"{path}.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[-1] ^= 1
    data.write_bytes(content)
    with pytest.raises(DataLossError, match="damaged"):
        checkpoint(0).restore(path)


def test_a_full_disk(tmp_path, monkeypatch):
    ckpt = checkpoint()
    manager = tf.train.CheckpointManager(ckpt, tmp_path, max_to_keep=1)
    kept = manager.save()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "write", full)
        with pytest.raises(ResourceExhaustedError, match="no space is left"):
            manager.save()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    assert manager.latest_checkpoint == kept and int(ckpt.save_counter) == 1
    assert manager.save().endswith("ckpt-2")


# -------------------------------------------------------------------------------------------- manager


def test_only_the_latest_are_kept(tmp_path):
    manager = tf.train.CheckpointManager(checkpoint(), str(tmp_path), max_to_keep=2)
    assert manager.latest_checkpoint is None and manager.checkpoints == []
    paths = [manager.save() for _ in range(4)]
    assert manager.checkpoints == paths[2:] and manager.latest_checkpoint == paths[3]
    assert {n.partition(".")[0] for n in os.listdir(tmp_path)} == {"checkpoint", "ckpt-3", "ckpt-4"}
    lines = (tmp_path / "checkpoint").read_text().splitlines()
    assert lines[:3] == [
        'model_checkpoint_path: "ckpt-4"',
        'all_model_checkpoint_paths: "ckpt-3"',
        'all_model_checkpoint_paths: "ckpt-4"',
    ]
    times = [line.partition(":")[0] for line in lines[3:]]
    assert times == ["all_model_checkpoint_timestamps"] * 2 + ["last_preserved_timestamp"]
    ckpt = checkpoint(0)
    again = tf.train.CheckpointManager(ckpt, str(tmp_path), max_to_keep=2)
    assert again.checkpoints == paths[2:]
    assert again.restore_or_initialize() == paths[3] and values(ckpt) == EXPECTED
    assert again.save().endswith("ckpt-5")
    assert again.save(checkpoint_number=100).endswith("ckpt-100")


def test_intervals(tmp_path):
    ckpt, called = checkpoint(), []
    manager = tf.train.CheckpointManager(ckpt, tmp_path, 3, step_counter=ckpt.step, checkpoint_interval=5,
                                         init_fn=lambda: called.append(1), checkpoint_name="m")  # fmt: skip
    assert manager.restore_or_initialize() is None and called == [1]
    assert manager.save().endswith("m-1") and manager.save() is None
    assert manager.save(check_interval=False).endswith("m-2")
    ckpt.step.assign_add(5)
    assert manager.save().endswith("m-3")
    assert manager.directory == str(tmp_path) and manager.checkpoint is ckpt and manager.checkpoint_interval == 5


def test_some_are_kept_for_good(tmp_path):
    manager = tf.train.CheckpointManager(checkpoint(), tmp_path, 1, keep_checkpoint_every_n_hours=1e-9)
    paths = [manager.save() for _ in range(3)]
    assert manager.checkpoints == paths[2:] and all(os.path.exists(f"{p}.index") for p in paths)


def test_wrong_arguments(tmp_path):
    with pytest.raises(UsageError, match="max_to_keep"):
        tf.train.CheckpointManager(checkpoint(), tmp_path, 0)
    with pytest.raises(UsageError, match="step_counter"):
        tf.train.CheckpointManager(checkpoint(), tmp_path, 1, checkpoint_interval=3)
    with pytest.raises(UsageError, match="no file name"):
        checkpoint().write(f"{tmp_path}/")


# -------------------------------------------------------------------------------------------- outside


def test_names_are_in_both_interfaces():
    for name in ("Checkpoint", "CheckpointManager", "latest_checkpoint", "list_variables", "load_checkpoint",
                 "load_variable", "get_checkpoint_state", "checkpoints_iterator"):  # fmt: skip
        assert callable(getattr(tf.train, name)) and callable(getattr(v1.train, name))


def test_nothing_is_loaded_before_it_is_needed():
    script = ("import sys, graphc.v1 as tf, graphc; tf.train, graphc.train.Checkpoint; "
              "print([m for m in sys.modules if m.startswith(('google', 'tensorboardX'))])")  # fmt: skip
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert out.stdout.strip() == "[]", out.stderr


def test_tensorflow_reads_and_writes_the_same(tmp_path):
    real = pytest.importorskip("tensorflow", reason="needs TensorFlow")
    kinds = ("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64 "
             "complex128").split()  # fmt: skip
    arrays = {k: np.arange(6).reshape(2, 3).astype(tf.as_dtype(k).numpy) for k in kinds}
    own = tf.train.Checkpoint(kinds={k: tf.Variable(a) for k, a in arrays.items()}, words=tf.Variable([b"a", b"bc"]))
    path = own.save(tmp_path / "own")
    twins = {k: real.Variable(np.zeros_like(a)) for k, a in arrays.items()}
    theirs = real.train.Checkpoint(kinds=twins, words=real.Variable([b"", b""]))
    theirs.restore(path).assert_consumed()
    assert all((twins[k].numpy() == a).all() for k, a in arrays.items())
    assert theirs.words.numpy().tolist() == [b"a", b"bc"]
    back = theirs.save(str(tmp_path / "theirs"))
    fresh = tf.train.Checkpoint(kinds={k: tf.Variable(np.zeros_like(a)) for k, a in arrays.items()},
                                words=tf.Variable([b"", b""]))  # fmt: skip
    fresh.restore(back).assert_consumed()
    assert all((fresh.kinds[k].numpy() == a).all() for k, a in arrays.items())
    assert fresh.words.numpy().tolist() == [b"a", b"bc"]
