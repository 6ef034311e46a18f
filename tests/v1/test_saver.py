"""Saver: checkpoints of sessions, their names, what is kept, and what happens when something does not fit."""

import base64
import errno
import json
import os
import threading
import time
from pathlib import Path

import ml_dtypes  # noqa: F401  registers bfloat16
import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import (
    DataLossError, DtypeError, GraphcWarning, GraphError, InvalidArgumentError, NotFoundError, PermissionDeniedError,
    ResourceExhaustedError, ShapeError, StateError, UsageError,
)  # fmt: skip
from graphc.formats import atomic
from graphc.v1.saving import saver as saver_module
from graphc.v1.saving.io_ops import restore_v2, save_v2

DATA = Path(__file__).parents[1] / "formats" / "data"
KINDS = [
    tf.bool, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64, tf.float16, tf.bfloat16,
    tf.float32, tf.float64, tf.complex64, tf.complex128,
]  # fmt: skip


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def value(kind) -> np.ndarray:
    array = np.arange(6).reshape(2, 3)
    return (array - 1j * array if kind.is_complex else array).astype(kind.numpy)


def model():
    w = tf.get_variable("dense/kernel", initializer=np.arange(6, dtype=np.float32).reshape(2, 3))
    b = tf.get_variable("dense/bias", initializer=np.ones(3, np.float32))
    return w, b


def saved(folder, name="model.ckpt", **kwargs):
    """A checkpoint of ``model``; session, saver, prefix."""
    model()
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    saver = tf.train.Saver(**kwargs)
    return sess, saver, saver.save(sess, str(folder / name))


def test_save_and_restore(tmp_path):
    w, b = model()
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        prefix = saver.save(sess, str(tmp_path / "model.ckpt"), global_step=3, write_meta_graph=False)
        assert prefix == str(tmp_path / "model.ckpt-3")
        sess.run([w.assign(w * 0), b.assign(b * 9)])
        saver.restore(sess, prefix)
        assert sess.run(w).tolist() == [[0, 1, 2], [3, 4, 5]] and sess.run(b).tolist() == [1, 1, 1]
    with tf.Session() as sess:
        saver.restore(sess, prefix)  # without an initializer
        assert sess.run(w + b).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "model.ckpt-3.data-00000-of-00001", "model.ckpt-3.index"]
    assert tf.train.latest_checkpoint(str(tmp_path)) == prefix
    assert tf.train.list_variables(prefix) == [("dense/bias", [3]), ("dense/kernel", [2, 3])]


@pytest.mark.parametrize("kind", KINDS, ids=lambda d: d.name)
def test_every_dtype(tmp_path, kind):
    v = tf.Variable(value(kind), name="v")
    with tf.Session() as sess:
        sess.run(v.initializer)
        prefix = tf.train.Saver().save(sess, str(tmp_path / "m"), write_meta_graph=False)
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, prefix)
        found = sess.run(v)
    assert found.dtype == kind.numpy and (found == value(kind)).all()
    assert (tf.train.load_variable(prefix, "v") == value(kind)).all()


def test_reads_a_checkpoint_of_tensorflow(tmp_path):
    for file, content in json.loads((DATA / "saver.json").read_text()).items():
        (tmp_path / file).write_bytes(base64.b64decode(content))
    made = [tf.Variable(value(d) * 0 if d is not tf.bool else ~value(d), name=f"kinds/{d.name}") for d in KINDS]
    parts = tf.Variable(np.zeros((100, 3), np.float32), name="parts")
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, str(tmp_path / "model.ckpt-7"))
        for kind, found in zip(KINDS, sess.run(made)):
            assert (found == value(kind)).all()
        assert sess.run(parts).tolist() == np.arange(300).reshape(100, 3).tolist()


def test_operations_of_the_graph(tmp_path):
    """Names and inputs as TensorFlow's; running them saves and restores, too."""
    w, _ = model()
    saver = tf.train.Saver()
    definition = saver.as_saver_def()
    names = [definition.filename_tensor_name, definition.save_tensor_name, definition.restore_op_name]
    assert names == ["save/Const:0", "save/control_dependency:0", "save/restore_all"]
    assert [op.name for op in tf.get_default_graph().get_operations() if op.name.startswith("save")] == [
        "save/filename/input", "save/filename", "save/Const", "save/SaveV2/tensor_names",
        "save/SaveV2/shape_and_slices", "save/SaveV2", "save/control_dependency", "save/RestoreV2/tensor_names",
        "save/RestoreV2/shape_and_slices",
        "save/RestoreV2", "save/Assign", "save/Assign_1", "save/restore_all",
    ]  # fmt: skip
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        path = str(tmp_path / "m")
        assert sess.run("save/control_dependency:0", {"save/Const:0": path}) == path.encode()
        sess.run(w.assign(w * 0))
        sess.run("save/restore_all", {"save/Const:0": path})
        assert sess.run(w)[1, 2] == 5
        saver.restore(sess, path)
    assert tf.train.Saver(name="other").as_saver_def().restore_op_name == "other/restore_all"
    assert tf.train.Saver().as_saver_def().restore_op_name == "save_1/restore_all"


def test_a_finalized_graph_can_be_saved(tmp_path):
    w, _ = model()
    deferred = tf.train.Saver(defer_build=True)
    tf.get_default_graph().finalize()
    with tf.Session() as sess:
        sess.run([v.initializer for v in tf.global_variables()])
        prefix = deferred.save(sess, str(tmp_path / "m"), write_meta_graph=False)
        tf.train.Saver().restore(sess, prefix)
        assert sess.run(w)[1, 2] == 5


def test_names_of_a_dict(tmp_path):
    w, b = model()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        prefix = tf.train.Saver({"old/w": w}).save(sess, str(tmp_path / "m"), write_meta_graph=False)
        assert tf.train.list_variables(prefix) == [("old/w", [2, 3])]
        sess.run(w.assign(w + 1))
        tf.train.Saver({"old/w": w}).restore(sess, prefix)
        assert sess.run(w)[0, 0] == 0
        with pytest.raises(NotFoundError, match="dense/bias  is not in the checkpoint"):
            tf.train.Saver([b]).restore(sess, prefix)


def test_step_numbers(tmp_path):
    sess, saver, _ = saved(tmp_path, pad_step_number=True)
    step = tf.train.create_global_step()
    sess.run(step.assign(12))
    assert saver.save(sess, str(tmp_path / "m"), step, write_meta_graph=False) == str(tmp_path / "m-00000012")
    assert saver.save(sess, str(tmp_path / "m"), np.int64(7), write_meta_graph=False) == str(tmp_path / "m-00000007")
    with pytest.raises(UsageError, match="global_step must be a number"):
        saver.save(sess, str(tmp_path / "m"), "many")


def test_only_the_latest_are_kept(tmp_path):
    sess, saver, _ = saved(tmp_path, max_to_keep=2)
    for step in range(4):
        saver.save(sess, str(tmp_path / "m"), step)
    assert saver.last_checkpoints == [str(tmp_path / "m-2"), str(tmp_path / "m-3")]
    left = {name.partition(".")[0] for name in os.listdir(tmp_path)}
    assert left == {"checkpoint", "m-2", "m-3"}
    text = (tmp_path / "checkpoint").read_text().splitlines()
    assert text == [
        f'model_checkpoint_path: "{tmp_path}/m-3"',
        f'all_model_checkpoint_paths: "{tmp_path}/m-2"',
        f'all_model_checkpoint_paths: "{tmp_path}/m-3"',
    ]
    again = tf.train.Saver(max_to_keep=2)
    again.recover_last_checkpoints(tf.train.get_checkpoint_state(str(tmp_path)).all_model_checkpoint_paths)
    again.save(sess, str(tmp_path / "m"), 9, write_meta_graph=False)
    assert again.last_checkpoints == [str(tmp_path / "m-3"), str(tmp_path / "m-9")]
    assert not (tmp_path / "m-2.index").exists()


def test_some_are_kept_for_good(tmp_path):
    sess, saver, _ = saved(tmp_path, max_to_keep=1, keep_checkpoint_every_n_hours=1e-9)
    for step in range(3):
        saver.save(sess, str(tmp_path / "m"), step, write_meta_graph=False)
    assert {"m-0.index", "m-1.index", "m-2.index"} <= set(os.listdir(tmp_path))
    assert saver.last_checkpoints == [str(tmp_path / "m-2")]


def test_all_are_kept(tmp_path):
    sess, saver, _ = saved(tmp_path, max_to_keep=None)
    for step in range(7):
        saver.save(sess, str(tmp_path / "m"), step, write_meta_graph=False)
    assert len([n for n in os.listdir(tmp_path) if n.endswith(".index")]) == 8


def test_relative_paths_survive_a_move(tmp_path):
    (tmp_path / "a").mkdir()
    saved(tmp_path / "a", save_relative_paths=True)
    assert (tmp_path / "a" / "checkpoint").read_text().startswith('model_checkpoint_path: "model.ckpt"')
    (tmp_path / "a").rename(tmp_path / "b")
    assert tf.train.latest_checkpoint(str(tmp_path / "b")) == str(tmp_path / "b" / "model.ckpt")


def test_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sess, saver, _ = saved(tmp_path)
    assert saver.save(sess, "m", write_meta_graph=False) == "m"
    assert tf.train.latest_checkpoint(".") == "./m"
    assert saver.save(sess, "./sub/m", write_meta_graph=False) == "./sub/m"
    assert (tmp_path / "sub" / "checkpoint").read_text().startswith('model_checkpoint_path: "m"')
    saver.restore(sess, tf.train.latest_checkpoint("sub"))


def test_state_is_not_written(tmp_path):
    model()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        saver = tf.train.Saver()
        saver.save(sess, str(tmp_path / "m"), write_meta_graph=False, write_state=False)
        saver.save(sess, str(tmp_path / "n"), write_meta_graph=False, latest_filename="newest")
    assert sorted(n for n in os.listdir(tmp_path) if "." not in n) == ["newest"]
    assert tf.train.latest_checkpoint(str(tmp_path), "newest") == str(tmp_path / "n")
    assert tf.train.latest_checkpoint(str(tmp_path)) is None


# ------------------------------------------------------------------------------------------- mistakes


def test_everything_that_does_not_fit_is_listed(tmp_path):
    _, _, prefix = saved(tmp_path)
    with tf.Graph().as_default():
        good = tf.get_variable("dense/bias", initializer=np.zeros(3, np.float32))
        tf.get_variable("dense/kernel", initializer=np.zeros((2, 4), np.float32))
        other = tf.Variable(np.zeros(3, np.int32), name="twin")
        tf.get_variable("dense_1/kernel", initializer=np.zeros(3))
        chosen = [v for v in tf.global_variables() if v is not other]
        saver = tf.train.Saver({v.op.name: v for v in chosen})
        with tf.Session() as fresh:
            fresh.run(good.initializer)
            with pytest.raises(NotFoundError) as caught:
                saver.restore(fresh, prefix)
            lines = str(caught.value).splitlines()
            assert "does not fit 2 of the 3 variables; nothing was restored" in lines[0]
            words = "  dense/kernel  is float32[2, 4], but the checkpoint has float32[2, 3]   test_saver.py:"
            assert lines[1].startswith(words)
            assert "dense_1/kernel  is not in the checkpoint; the closest names there: dense/kernel" in lines[2]
            assert "test_saver.py" in lines[3]
            assert fresh.run(good).tolist() == [0, 0, 0]  # as it was
            with pytest.raises(DtypeError, match=r"int32\[3\], but the checkpoint has float32\[3\]"):
                tf.train.Saver({"dense/bias": other}).restore(fresh, prefix)
            with pytest.raises(ShapeError, match=r"float32\[2, 4\]"):
                tf.train.Saver([tf.global_variables()[1]]).restore(fresh, prefix)


def test_another_shape_with_as_many_elements(tmp_path):
    _, _, prefix = saved(tmp_path)
    flat = tf.Variable(np.zeros((3, 2), np.float32))
    saver = tf.train.Saver({"dense/kernel": flat}, reshape=True)
    with tf.Session() as sess:
        saver.restore(sess, prefix)
        assert sess.run(flat).tolist() == [[0, 1], [2, 3], [4, 5]]
        sess.run(flat.assign(flat * 0))
        sess.run(saver.as_saver_def().restore_op_name, {saver.as_saver_def().filename_tensor_name: prefix})
        assert sess.run(flat).tolist() == [[0, 1], [2, 3], [4, 5]]


def test_what_is_not_initialised_is_named(tmp_path):
    _, b = model()
    c = tf.Variable(1.0, name="c")
    with tf.Session() as sess:
        sess.run(b.initializer)
        with pytest.raises(StateError, match="uninitialised variables c, dense/kernel; run the initializer") as caught:
            tf.train.Saver().save(sess, str(tmp_path / "m"))
        assert "c  is variable c   test_saver.py" in str(caught.value)
        assert os.listdir(tmp_path) == []
        tf.train.Saver([b]).save(sess, str(tmp_path / "m"), write_meta_graph=False)
        assert c is not None


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        (None, UsageError, "save_path is None"),
        ("nowhere/m", ValueError, "there is no checkpoint"),
        ("nowhere/m", NotFoundError, "there is no checkpoint"),
        ("model.ckpt.index", UsageError, "pass the prefix .*model.ckpt', not the file 'model.ckpt.index'"),
        ("model.ckpt.data-00000-of-00001", UsageError, "pass the prefix"),
        ("", UsageError, "is a folder"),
        (5, UsageError, "must be a string"),
    ],
)
def test_paths_that_are_no_checkpoint(tmp_path, path, kind, words):
    sess, saver, _ = saved(tmp_path)
    with pytest.raises(kind, match=words):
        saver.restore(sess, os.path.join(tmp_path, path) if isinstance(path, str) else path)


def test_wrong_paths_to_save(tmp_path):
    sess, saver, _ = saved(tmp_path)
    wrong = {f"{tmp_path}/": "no file name", "": "no file name", 7: "must be a string"}
    for path, words in {**wrong, str(tmp_path / "checkpoint"): "which checkpoint is the latest"}.items():
        with pytest.raises(UsageError, match=words):
            saver.save(sess, path)
    with pytest.raises(UsageError, match="without a folder"):
        saver.save(sess, str(tmp_path / "m"), latest_filename="a/b")


def test_sessions_that_cannot_be_meant(tmp_path):
    sess, saver, prefix = saved(tmp_path)
    for other in (None, tf, "session"):
        with pytest.raises(UsageError, match="sess must be a tf.Session"):
            saver.save(other, prefix)
    with tf.Graph().as_default(), pytest.raises(GraphError, match="dense/bias belongs to another graph"):
        saver.restore(tf.Session(), prefix)
    sess.close()
    for call in (saver.save, saver.restore):
        with pytest.raises(StateError, match="session is closed"):
            call(sess, prefix)


def test_variables_that_cannot_be_meant():
    with pytest.raises(UsageError, match="no variables to save"):
        tf.train.Saver()
    assert tf.train.Saver(allow_empty=True).as_saver_def().restore_op_name == ""
    w, b = model()
    with pytest.raises(DtypeError, match="must hold variables.*no value of its own"):
        tf.train.Saver([w + 1])
    with pytest.raises(DtypeError, match="must hold variables"):
        tf.train.Saver([3])
    with pytest.raises(UsageError, match="same name 'x'"):
        tf.train.Saver({"x": [w, b]})
    assert tf.train.Saver([w, w]).as_saver_def().max_to_keep == 5
    with tf.Graph().as_default():
        foreign = tf.Variable(1.0)
    with pytest.raises(GraphError, match="several graphs"):
        tf.train.Saver([w, foreign])


def test_a_damaged_file_changes_nothing(tmp_path):
    sess, saver, prefix = saved(tmp_path)
    w, b = tf.global_variables()
    sess.run([w.assign(w + 1), b.assign(b + 1)])
    data = Path(f"{prefix}.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[-1] ^= 1  # of the second tensor
    data.write_bytes(content)
    with pytest.raises(DataLossError, match="tensor 'dense/kernel' .* is damaged"):
        saver.restore(sess, prefix)
    assert sess.run(b).tolist() == [2, 2, 2]
    data.unlink()
    with pytest.raises(NotFoundError, match="data-00000-of-00001"):
        saver.restore(sess, prefix)
    assert sess.run(w)[0, 0] == 1


@pytest.mark.parametrize("name", ["write", "fsync"])
def test_a_full_disk(tmp_path, monkeypatch, name):
    sess, saver, prefix = saved(tmp_path)
    w, _ = tf.global_variables()
    sess.run(w.assign(w + 1))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, name, full)
        with pytest.raises(ResourceExhaustedError, match="no space is left on the disk.*unchanged"):
            saver.save(sess, prefix)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    assert sess.run(w)[0, 0] == 1
    assert saver.last_checkpoints == [prefix]
    saver.save(sess, prefix)
    saver.restore(sess, prefix)
    assert sess.run(w)[0, 0] == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    sess, saver, prefix = saved(tmp_path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionDeniedError, match="save"):
            saver.save(sess, prefix)
    finally:
        tmp_path.chmod(0o700)


def test_a_damaged_state_file(tmp_path):
    saved(tmp_path)
    (tmp_path / "checkpoint").write_text("nonsense {")
    with pytest.warns(GraphcWarning, match="damaged"):
        assert tf.train.latest_checkpoint(str(tmp_path)) is None
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "gone"\n')
    with pytest.warns(GraphcWarning, match="no such checkpoint"):
        assert tf.train.latest_checkpoint(str(tmp_path)) is None
    assert tf.train.latest_checkpoint(str(tmp_path / "nowhere")) is None


# ---------------------------------------------------------------------------------------------- together


def test_saving_beside_training(tmp_path):
    """Both parts of a checkpoint are of the same moment, also while another thread trains; no file is damaged."""
    a, b = tf.Variable(np.zeros(50_000), name="a"), tf.Variable(np.zeros(50_000), name="b")
    step = tf.group(a.assign_add(np.ones(50_000)), b.assign_add(np.ones(50_000)))
    saver = tf.train.Saver(max_to_keep=2)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(step)
        running = threading.Event()
        running.set()

        def train():
            while running.is_set():
                sess.run(step)
                time.sleep(0.001)

        thread = threading.Thread(target=train)
        thread.start()
        try:
            for number in range(20):
                prefix = saver.save(sess, str(tmp_path / "m"), number, write_meta_graph=False)
                one, other = (tf.train.load_variable(prefix, name) for name in "ab")
                assert (one == one[0]).all() and (one == other).all()
                saver.restore(sess, prefix)
        finally:
            running.clear()
            thread.join()


def test_readers(tmp_path):
    _, _, prefix = saved(tmp_path)
    for reader in (tf.train.NewCheckpointReader(prefix), tf.train.load_checkpoint(str(tmp_path))):
        assert reader.get_variable_to_shape_map() == {"dense/bias": [3], "dense/kernel": [2, 3]}
        assert reader.get_variable_to_dtype_map() == {"dense/bias": tf.float32, "dense/kernel": tf.float32}
        assert reader.has_tensor("dense/bias") and not reader.has_tensor("bias")
        assert reader.get_tensor("dense/bias").tolist() == [1, 1, 1]
        assert reader.debug_string() == b"dense/bias (DT_FLOAT) [3]\ndense/kernel (DT_FLOAT) [2,3]\n"
    assert tf.train.load_variable(prefix, "dense/bias:0").tolist() == [1, 1, 1]
    with pytest.raises(NotFoundError, match="has no checkpoint"):
        tf.train.list_variables(str(tmp_path.parent))
    assert tf.train.checkpoint_exists(prefix) and not tf.train.checkpoint_exists(prefix + "x")
    assert len(tf.train.get_checkpoint_mtimes([prefix, prefix + "x"])) == 1
    tf.train.remove_checkpoint(prefix)
    assert not [n for n in os.listdir(tmp_path) if n.startswith("model")]


def test_state_messages(tmp_path):
    state = tf.train.generate_checkpoint_state_proto("dir", "dir/m-2", ["dir/m-1"])
    assert list(state.all_model_checkpoint_paths) == ["m-1", "m-2"] and state.model_checkpoint_path == "m-2"
    with pytest.raises(UsageError, match="1 timestamps for 2 paths"):
        tf.train.generate_checkpoint_state_proto("dir", "m-2", ["m-1"], [1.0])
    tf.train.update_checkpoint_state(str(tmp_path), str(tmp_path / "m"), all_model_checkpoint_timestamps=[2.5])
    assert list(tf.train.get_checkpoint_state(str(tmp_path)).all_model_checkpoint_timestamps) == [2.5]
    with pytest.raises(UsageError, match="has the name of the file"):
        tf.train.update_checkpoint_state(str(tmp_path), str(tmp_path / "checkpoint"))


def test_iterating_over_checkpoints(tmp_path):
    _, _, prefix = saved(tmp_path)
    assert list(tf.train.checkpoints_iterator(str(tmp_path), timeout=0)) == [prefix]
    asked = []

    def is_over():
        asked.append(1)
        return len(asked) > 1

    found = tf.train.checkpoints_iterator(str(tmp_path), timeout=0, timeout_fn=is_over)
    assert list(found) == [prefix] and len(asked) == 2


def test_saver_definitions(tmp_path):
    w, _ = model()
    saver = tf.train.Saver({"kernel": w}, max_to_keep=3, keep_checkpoint_every_n_hours=2.0, name="s")
    again = tf.train.Saver.from_proto(saver.to_proto())
    assert again.as_saver_def() == saver.as_saver_def()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        prefix = again.save(sess, str(tmp_path / "m"), write_meta_graph=False)
    assert tf.train.list_variables(prefix) == [("kernel", [2, 3])]
    assert saver.to_proto("other") is None
    assert saver.to_proto("s").restore_op_name == "restore_all"


def test_parts_of_a_variable(tmp_path):
    def parts(count):
        return tf.get_variable("w", [10, 3], initializer=tf.random_uniform_initializer(), dtype=tf.float32,
                               partitioner=tf.fixed_size_partitioner(count))  # fmt: skip

    w = parts(3)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(sess, str(tmp_path / "m"), write_meta_graph=False)
        whole = sess.run(tf.convert_to_tensor(w))
    assert tf.train.list_variables(prefix) == [("w", [10, 3])]
    assert (tf.train.load_variable(prefix, "w") == whole).all()
    with tf.Graph().as_default(), tf.Session() as sess:  # in other parts, and in one
        again = parts(2)
        tf.train.Saver().restore(sess, prefix)
        assert (sess.run(tf.convert_to_tensor(again)) == whole).all()
    with tf.Graph().as_default(), tf.Session() as sess:
        again = tf.get_variable("w", [10, 3])
        tf.train.Saver({"w": again}).restore(sess, prefix)
        assert (sess.run(again) == whole).all()


def test_what_optimizers_keep_beside_parts(tmp_path):
    w = tf.get_variable("w", [6, 2], partitioner=tf.fixed_size_partitioner(3))
    tf.train.AdamOptimizer().minimize(tf.reduce_sum(tf.convert_to_tensor(w) ** 2))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(sess, str(tmp_path / "m"), write_meta_graph=False)
    wanted = [("beta1_power", []), ("beta2_power", []), ("w", [6, 2]), ("w/Adam", [6, 2]), ("w/Adam_1", [6, 2])]
    assert tf.train.list_variables(prefix) == wanted


def test_many_names_that_are_missing_are_found_out_soon(tmp_path):
    for i in range(300):
        tf.get_variable(f"old/layer_{i}/kernel", [1])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(sess, str(tmp_path / "m"), write_meta_graph=False)
    with tf.Graph().as_default(), tf.Session() as sess:
        for i in range(300):
            tf.get_variable(f"new/layer_{i}/kernel", [1])
        began = time.monotonic()
        with pytest.raises(NotFoundError, match="new/layer_0/kernel .*there: old/layer_0/kernel"):
            tf.train.Saver().restore(sess, prefix)
        assert time.monotonic() - began < 10


def test_tensors_without_variables(tmp_path):
    """The operations by themselves; strings, which no variable holds, and shapes that are found out."""
    path = str(tmp_path / "m")
    words, numbers = tf.constant(["one", "", "three"]), tf.placeholder(tf.float32, [None])
    save = save_v2(path, ["words", "n"], ["", ""], [words, numbers])
    found = restore_v2(path, ["n", "words"], ["", ""], [tf.float32, tf.string])
    with tf.Session() as sess:
        sess.run(save, {numbers: [1, 2]})
        first, second = sess.run(found)
        assert first.tolist() == [1, 2] and second.tolist() == [b"one", b"", b"three"]
        with pytest.raises(InvalidArgumentError, match="1 names, 2 slices"):
            sess.run(restore_v2(path, ["n"], ["", ""], [tf.float32]))
        with pytest.raises(NotFoundError, match="no tensor 'x'"):
            sess.run(restore_v2(path, ["x"], [""], [tf.float32]))


# ------------------------------------------------------------------------------------------- meta graphs


def test_a_graph_with_its_values(tmp_path):
    """The program that reads needs nothing of the one that wrote."""
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    w, b = model()
    tf.add_to_collection("out", tf.nn.relu(tf.matmul(x, w) + b, name="y"))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        prefix = tf.train.Saver({"kernel": w, "bias": b}, max_to_keep=3).save(sess, str(tmp_path / "m"), global_step=1)
    assert os.path.isfile(f"{prefix}.meta")
    with tf.Graph().as_default():
        saver = tf.train.import_meta_graph(f"{prefix}.meta")
        assert saver.as_saver_def().max_to_keep == 3
        with tf.Session() as sess:
            saver.restore(sess, prefix)
            assert sess.run(tf.get_collection("out")[0], {"x:0": [[1, 2]]}).tolist() == [[7, 10, 13]]
            again = saver.save(sess, str(tmp_path / "again"))
    assert tf.train.list_variables(again) == [("bias", [3]), ("kernel", [2, 3])]
    with tf.Graph().as_default():
        saver, (y,) = tf.train.import_meta_graph(f"{again}.meta", import_scope="net", return_elements=["y:0"])
        assert y.name == "net/y:0"
        with tf.Session() as sess:
            saver.restore(sess, prefix)
            assert sess.run(y, {"net/x:0": [[0, 0]]}).tolist() == [[1, 1, 1]]


def test_the_graph_beside_a_checkpoint_is_that_of_its_time(tmp_path):
    sess, saver, prefix = saved(tmp_path)
    first = Path(f"{prefix}.meta").read_bytes()
    again = saver.save(sess, str(tmp_path / "again"))
    assert Path(f"{again}.meta").read_bytes() == first
    tf.add_to_collection("later", tf.constant(1.0, name="later"))
    saver.save(sess, prefix)
    with tf.Graph().as_default():
        tf.train.import_meta_graph(f"{prefix}.meta")
        assert tf.get_collection("later")[0].name == "later:0"


def test_a_graph_that_cannot_be_written_is_warned_of(tmp_path, monkeypatch):
    sess, saver, _ = saved(tmp_path)

    def refused(*args, **kwargs):
        raise UsageError("not this one")

    monkeypatch.setattr("graphc.v1.saving.meta_graph.meta_graph_of", refused)
    tf.constant(1.0)
    with pytest.warns(GraphcWarning, match="is written, but the graph beside it cannot be: not this one"):
        prefix = saver.save(sess, str(tmp_path / "other"))
    saver.restore(sess, prefix)


def test_meta_graphs_in_files(tmp_path):
    model()
    saver = tf.train.Saver()
    tf.train.Saver(name="second")
    meta = saver.export_meta_graph(str(tmp_path / "a.meta"), as_text=True)
    assert (tmp_path / "a.meta").read_text().startswith("meta_info_def {")
    assert meta.saver_def == saver.as_saver_def()
    assert tf.train.export_meta_graph(saver_def=None).saver_def.restore_op_name == ""
    kept = {n.name for n in saver.export_meta_graph(clear_extraneous_savers=True).graph_def.node}
    assert "save/RestoreV2" in kept and not [n for n in kept if n.startswith("second")]
    with pytest.raises(NotFoundError, match="nowhere.meta"):
        tf.train.import_meta_graph(str(tmp_path / "nowhere.meta"))
    with pytest.raises(UsageError, match="unknown arguments other"):
        tf.train.import_meta_graph(meta, other=1)
    with tf.Graph().as_default():
        assert tf.train.import_meta_graph(str(tmp_path / "a.meta")).as_saver_def().restore_op_name == "save/restore_all"
    with tf.Graph().as_default():
        tf.constant(1.0)
        empty = tf.train.export_meta_graph()
    with tf.Graph().as_default():
        assert tf.train.import_meta_graph(empty) is None


# ----------------------------------------------------------------------------------------- warm starts


def test_initializers_from_a_checkpoint(tmp_path):
    _, _, prefix = saved(tmp_path)
    with tf.Graph().as_default():
        with tf.variable_scope("net"):
            w, b = tf.get_variable("kernel", [2, 3]), tf.get_variable("bias", [3])
        other = tf.get_variable("other", initializer=5.0)
        tf.train.init_from_checkpoint(str(tmp_path), {"dense/": "net/"})
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            assert sess.run(w)[1].tolist() == [3, 4, 5] and sess.run(b).tolist() == [1, 1, 1] and sess.run(other) == 5
    with tf.Graph().as_default():
        w, b = tf.get_variable("kernel", [2, 3]), tf.get_variable("bias", initializer=np.zeros(3, np.float32))
        tf.train.init_from_checkpoint(prefix, {"dense/kernel": w})
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            assert sess.run(w)[1, 2] == 5 and sess.run(b).tolist() == [0, 0, 0]
        tf.train.init_from_checkpoint(prefix, [("dense/bias", "bias")])
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            assert sess.run(b).tolist() == [1, 1, 1]
        for entry, kind, words in (
            ({"dense/bias": "bios"}, UsageError, "no variable 'bios' .*closest names: bias"),
            ({"dense/bios": b}, NotFoundError, "not in the checkpoint under the name 'dense/bios'.*dense/bias"),
            ({"dense/bias": w}, ShapeError, r"float32\[2, 3\], but the checkpoint has float32\[3\]"),
            ({"sparse/": "/"}, NotFoundError, "has no sparse/bias, sparse/kernel"),
            ({"dense/": "nothing/"}, UsageError, "no variable in the scope"),
        ):
            with pytest.raises(kind, match=words):
                tf.train.init_from_checkpoint(prefix, entry)


def test_warm_start(tmp_path):
    _, _, prefix = saved(tmp_path)
    with tf.Graph().as_default():
        w, b = tf.get_variable("dense/kernel", [2, 3]), tf.get_variable("dense/b", [3])
        tf.train.warm_start(prefix, "dense/.*", var_name_to_prev_var_name={"dense/b": "dense/bias"})
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            assert sess.run(w)[1, 2] == 5 and sess.run(b).tolist() == [1, 1, 1]
        with pytest.raises(UsageError, match="none of the variables"):
            tf.train.warm_start(prefix, [w], var_name_to_prev_var_name={"x": "y"})
        with pytest.raises(UsageError, match="not supported"):
            tf.train.warm_start(prefix, var_name_to_vocab_info={"x": 1})
        tf.train.warm_start(prefix, None)


# --------------------------------------------------------------------------------- beside TensorFlow


def test_tensorflow_reads_and_writes_the_same(tmp_path):
    """Every dtype in both directions, and the graph."""
    real = pytest.importorskip("tensorflow", reason="needs TensorFlow").compat.v1
    x = tf.placeholder(tf.float32, [None], name="x")
    made = {d.name: tf.Variable(value(d), name=f"k/{d.name}") for d in KINDS}
    y = tf.add(x * 2.0, tf.reduce_sum(tf.cast(made["float32"], tf.float32)), name="y")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(sess, str(tmp_path / "own"))
        expected = sess.run(y, {x: [1.0, 2.0]})
    with real.Graph().as_default(), real.Session() as sess:
        twins = {d.name: real.Variable(np.zeros((2, 3), d.numpy), name=f"k/{d.name}", use_resource=True) for d in KINDS}
        saver = real.train.Saver()
        saver.restore(sess, prefix)
        for kind in KINDS:
            found = sess.run(twins[kind.name])
            assert found.dtype == kind.numpy and (found == value(kind)).all()
        theirs = saver.save(sess, str(tmp_path / "theirs"), write_meta_graph=False)
    for end in (".index", ".data-00000-of-00001"):
        assert Path(prefix + end).read_bytes() == Path(theirs + end).read_bytes()
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, theirs)
        for kind in KINDS:
            assert (sess.run(made[kind.name]) == value(kind)).all()
    with real.Graph().as_default(), real.Session() as sess:
        saver = real.train.import_meta_graph(f"{prefix}.meta")
        saver.restore(sess, prefix)
        assert sess.run("y:0", {"x:0": [1.0, 2.0]}).tolist() == expected.tolist()
        last = saver.save(sess, str(tmp_path / "last"))
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.train.import_meta_graph(f"{last}.meta").restore(sess, last)
        assert sess.run("y:0", {"x:0": [1.0, 2.0]}).tolist() == expected.tolist()


def test_the_latest_checkpoint_is_the_one_begun_last(tmp_path, monkeypatch):
    v = tf.Variable(1.0)
    saver, begun, go_on = tf.train.Saver(), threading.Event(), threading.Event()
    write = saver_module.write_values

    def slow_first(session, saveables, prefix):
        if prefix.endswith("-1"):
            begun.set()
            go_on.wait(10)
        write(session, saveables, prefix)

    monkeypatch.setattr(saver_module, "write_values", slow_first)
    with tf.Session() as sess:
        sess.run(v.initializer)
        first = threading.Thread(target=lambda: saver.save(sess, str(tmp_path / "m"), global_step=1))
        first.start()
        begun.wait(10)
        second = threading.Thread(target=lambda: saver.save(sess, str(tmp_path / "m"), global_step=2))
        second.start()
        go_on.set()
        first.join()
        second.join()
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("m-2")
