"""Flags, ``tf.app.run``, logging, and the small modules that programs of TensorFlow 1 ask for paths and versions."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import graphc.v1 as tf
from graphc import errors

_ROOT = str(Path(tf.__file__).parents[2])


def program(folder, text: str, *arguments) -> subprocess.CompletedProcess:
    """Run a program of its own: flags belong to a process."""
    path = folder / "program.py"
    path.write_text("import graphc.v1 as tf\n" + text)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([_ROOT, *filter(None, sys.path)]))
    return subprocess.run([sys.executable, str(path), *arguments], capture_output=True, text=True, env=environment,
                          timeout=60, check=False)  # fmt: skip


_DEFINED = """
flags = tf.app.flags
flags.DEFINE_float("learning_rate", 0.01, "How fast.")
flags.DEFINE_integer("steps", 100, "How long.")
flags.DEFINE_string("data_dir", "/tmp/data", "Where.")
flags.DEFINE_boolean("fake_data", False, "Whether.")
flags.DEFINE_enum("kind", "a", ["a", "b"], "Which.")
flags.DEFINE_list("layers", ["1", "2"], "How many.")
tf.flags.DEFINE_multi_integer("k", [1], "Several.")
FLAGS = flags.FLAGS
"""


@pytest.fixture(autouse=True)
def absl():
    pytest.importorskip("absl.flags", reason="flags are absl's")


def test_flags_are_read_when_they_are_first_asked_for(tmp_path):
    done = program(tmp_path, _DEFINED + "print(FLAGS.learning_rate, FLAGS.steps, FLAGS.data_dir, FLAGS.fake_data, "
                   "FLAGS.kind, FLAGS.layers, FLAGS.k)", "--learning_rate=0.5", "--steps", "7", "--fake_data",
                   "--kind=b", "--layers=3,4", "--k=5", "--k=6")  # fmt: skip
    assert done.stdout.split("\n")[0] == "0.5 7 /tmp/data True b ['3', '4'] [5, 6]", done.stderr


def test_main_gets_what_is_no_flag(tmp_path):
    text = _DEFINED + """
def main(argv):
    print(argv[1:], FLAGS.steps)
    FLAGS.steps = 9
    print(FLAGS.steps, "steps" in FLAGS, "other" in FLAGS)
    return 3

if __name__ == "__main__":
    tf.app.run()
"""
    done = program(tmp_path, text, "--steps=8", "--unknown=1", "rest")
    assert done.stdout.split("\n")[:2] == ["['--unknown=1', 'rest'] 8", "9 True False"], done.stderr
    assert done.returncode == 3


def test_main_and_arguments_may_be_given(tmp_path):
    text = _DEFINED + "tf.app.run(main=lambda argv: print(argv, FLAGS.steps), argv=['p', '--steps=2', 'x'])"
    done = program(tmp_path, text)
    assert (done.stdout, done.returncode) == ("['p', 'x'] 2\n", 0), done.stderr


def test_required_and_validated_flags(tmp_path):
    text = _DEFINED + """
tf.flags.DEFINE_string("model", None, "Which.")
tf.flags.mark_flag_as_required("model")
tf.flags.register_validator("steps", lambda v: v > 0, "must be positive")
tf.app.run(main=lambda argv: print(FLAGS.model))
"""
    assert "--model" in program(tmp_path, text).stderr
    assert "must be positive" in program(tmp_path, text, "--model=m", "--steps=-1").stderr
    assert program(tmp_path, text, "--model=m").stdout == "m\n"


def test_old_names_of_arguments_and_help(tmp_path):
    text = """
tf.app.flags.DEFINE_integer(flag_name="depth", default_value=3, docstring="How deep it is.")
tf.app.run(main=lambda argv: print(tf.app.flags.FLAGS.depth))
"""
    done = program(tmp_path, text)
    assert done.stdout == "3\n" and "flag_name, default_value, docstring are called name, default, help" in done.stderr
    assert "How deep it is." in program(tmp_path, text, "--help").stdout


def test_a_program_may_have_a_log_dir(tmp_path):
    text = """
tf.app.flags.DEFINE_string("log_dir", "logs", "Where summaries go.")
tf.app.run(main=lambda argv: print(tf.app.flags.FLAGS.log_dir))
"""
    assert program(tmp_path, text).stdout == "logs\n"
    assert program(tmp_path, text, "--log_dir=other").stdout == "other\n"


def test_unknown_flags(tmp_path):
    done = program(tmp_path, _DEFINED + """
try:
    FLAGS.nothing
except AttributeError as error:
    print(error)
print(len(FLAGS) == len(list(FLAGS)), FLAGS["steps"].value, "steps" in dir(FLAGS), "--steps" in str(FLAGS))
""")
    assert "there is no flag 'nothing'" in done.stdout, done.stderr
    assert done.stdout.rstrip().endswith("True 100 True True")


def test_a_program_without_main(tmp_path):
    done = program(tmp_path, "tf.app.run()")
    assert "there is no function main to run" in done.stderr and done.returncode


def test_without_the_library(monkeypatch):
    from graphc.v1 import flags

    flags._absl.cache_clear()
    monkeypatch.setitem(sys.modules, "absl.flags", None)
    monkeypatch.setitem(sys.modules, "absl.app", None)
    with pytest.raises(errors.UnavailableError, match=r"needs absl-py: pip install 'graphc\[app\]'"):
        tf.app.flags.DEFINE_string("x", "", "")
    with pytest.raises(errors.UnavailableError, match=r"needs absl-py: pip install 'graphc\[app\]'"):
        tf.flags.FLAGS.x
    with pytest.raises(errors.UnavailableError, match=r"tf.app.run needs absl-py"):
        tf.app.run(main=print)


def test_attributes_that_absl_has_not():
    with pytest.raises(AttributeError, match="no attribute 'DEFINE_nothing'"):
        tf.flags.DEFINE_nothing
    assert {"FLAGS", "DEFINE_string", "DEFINE_enum", "mark_flag_as_required"} <= set(dir(tf.flags))


# ------------------------------------------------------------------------------------------------ logging


@pytest.fixture
def verbosity():
    before = logging.getLogger("graphc").level
    yield
    logging.getLogger("graphc").setLevel(before)


def test_logging(caplog, verbosity):
    log = tf.logging
    assert (log.DEBUG, log.INFO, log.WARN, log.ERROR, log.FATAL) == (10, 20, 30, 40, 50)
    log.set_verbosity(log.INFO)
    assert log.get_verbosity() == log.INFO and log.get_logger().name == "graphc"
    log.debug("hidden")
    log.info("one %d", 1)
    log.warn("two")
    log.warning("three")
    log.error("four")
    log.fatal("five")
    log.log(log.ERROR, "six %s", "x")
    log.log_if(log.WARN, "seven", True)
    log.log_if(log.WARN, "hidden", False)
    log.TaskLevelStatusMessage("eight")
    log.vlog(1, "hidden")
    for k in range(5):
        log.log_first_n(log.INFO, "first %d", 2, k)
        log.log_every_n(log.INFO, "every %d", 2, k)
    log.flush()
    assert [r.getMessage() for r in caplog.records] == [
        "one 1", "two", "three", "four", "five", "six x", "seven", "eight", "first 0", "every 0", "first 1", "every 2",
        "every 4",
    ]  # fmt: skip
    log.set_verbosity("DEBUG")
    log.vlog(1, "now")
    assert caplog.records[-1].getMessage() == "now"


# ---------------------------------------------------------------------------------- paths, versions, records


def test_resources_beside_this_file():
    loader = tf.resource_loader
    assert loader.get_data_files_path() == os.path.dirname(__file__)
    assert loader.get_path_to_datafile("x.txt") == os.path.join(os.path.dirname(__file__), "x.txt")
    assert b"Resources" not in loader.load_resource("conftest.py") and loader.readahead_file_path("p") == "p"
    with pytest.raises(errors.NotFoundError, match="nothing.txt"):
        loader.load_resource("nothing.txt")


def test_versions_and_build():
    assert tf.version.VERSION == tf.sysconfig.VERSION and isinstance(tf.version.GRAPH_DEF_VERSION, int)
    assert tf.GIT_VERSION == tf.version.GIT_VERSION and tf.COMPILER_VERSION and tf.MONOLITHIC_BUILD == 0
    assert tf.CXX11_ABI_FLAG in (0, 1) and tf.sysconfig.get_build_info()["is_cuda_build"] is False
    assert os.path.isfile(os.path.join(tf.sysconfig.get_lib(), "errors.py"))
    with pytest.raises(errors.UnavailableError, match="no headers"):
        tf.sysconfig.get_include()


def test_the_profiler_names_what_to_use():
    with pytest.raises(errors.UnavailableError, match="graphc inspect"):
        tf.profiler.profile(tf.get_default_graph())
    with pytest.raises(errors.UnavailableError, match="ProfileOptionBuilder.float_operation: not available"):
        tf.profiler.ProfileOptionBuilder.float_operation()


@pytest.mark.parametrize("kind", ["NONE", "ZLIB", "GZIP"])
def test_records_with_numbered_compressions(tmp_path, kind):
    io, path = tf.python_io, str(tmp_path / "records")
    options = io.TFRecordOptions(getattr(io.TFRecordCompressionType, kind))
    with io.TFRecordWriter(path, options) as writer:
        writer.write(b"a" * 100)
    assert list(io.tf_record_iterator(path, options)) == [b"a" * 100]
    assert tf.gfile.Exists(path) and tf.gfile.Glob(str(tmp_path / "*")) == [path]
