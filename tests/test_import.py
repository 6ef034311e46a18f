"""``import graphc`` is silent, starts nothing and does not load the compiler."""

import os
import subprocess
import sys
import sysconfig


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env={**os.environ})


def test_it_prints_nothing():
    for module in ("graphc", "graphc.v1"):
        done = run(f"import {module}")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_starts_no_thread():
    """NumPy's own linear algebra may start threads when it is imported; graphc adds none."""
    code = "import os, numpy\nn = lambda: len(os.listdir('/proc/self/task'))\na = n()\nimport graphc, graphc.v1\nprint(n() - a)"
    if sys.platform == "linux":
        assert run(code).stdout.strip() == "0"


def test_it_loads_no_compiler():
    done = run("import sys, graphc, graphc.v1\nprint([m for m in ('llvmlite', 'networkx', 'pycuda') if m in sys.modules])")
    assert done.stdout.strip() == "[]"


def test_what_it_needs_is_what_it_declares():
    """Outside the standard library only NumPy and ml_dtypes are imported by a run that compiles nothing."""
    code = (
        "import sys\nbefore = set(sys.modules)\nimport graphc.v1\n"
        "print(*sorted({m.partition('.')[0] for m in set(sys.modules) - before}))"
    )
    names = set(run(code).stdout.split())
    standard = set(sys.stdlib_module_names) | {"sysconfig", f"_sysconfigdata__{sys.platform}_{sysconfig.get_config_var('MULTIARCH')}"}
    foreign = {n for n in names - standard if not n.startswith("_")}
    assert foreign <= {"graphc", "numpy", "ml_dtypes"}, foreign


def test_the_first_tensor_loads_no_converter_and_no_pipelines():
    code = "import sys, graphc as tf\ntf.constant(1.0)\nprint([m for m in sys.modules if m.startswith(%r)])"
    for package in ("graphc.api.autograph", "graphc.api.data.", "graphc.api.emit", "google.protobuf"):
        assert run(code % package).stdout.strip() == "[]", package
