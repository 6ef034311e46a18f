"""The support library: kept in the cache, tested before it is believed, replaced by ctypes where it does not fit."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphc.errors import CompileError
from graphc.ir import dtype as dt
from graphc.ir.node import INDEX, make, symbol, symbol_name
from graphc.ir.program import Param, Signature
from graphc.ir.type import Type
from graphc.runtime import call_layout, call_test
from graphc.runtime.arguments import Arguments
from graphc.runtime.dims import evaluate, symbols_of
from graphc.runtime.support import load_support

RUN = """
import sys
from graphc.runtime.support import load_support
support = load_support()
assert support.native_calls, support.reason
print("compiled" if any("llvmlite" in m for m in sys.modules) else "found")
"""


def run_child(code, **variables):
    environment = {**os.environ, **variables}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_the_second_process_does_not_compile(tmp_path):
    runs = [run_child(RUN, GRAPHC_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    assert runs == [["compiled"], ["found"]]
    assert run_child(RUN, GRAPHC_CACHE_DIR=str(tmp_path), GRAPHC_CACHE="off") == ["compiled"]


def test_there_is_one_library_in_a_process():
    assert load_support() is load_support()


def test_the_layout_is_as_expected_here():
    assert call_layout.why_unusable() == ""
    assert call_test.why_wrong(load_support().library) == ""


@pytest.mark.parametrize("condition", range(len(call_layout._CONDITIONS)))
def test_any_unexpected_layout_is_reported(monkeypatch, condition):
    conditions = list(call_layout._CONDITIONS)
    reason = conditions[condition][1]

    def raises():
        raise ValueError("odd")

    for check, words in ((lambda: False, reason), (raises, f"{reason} (ValueError: odd)")):
        conditions[condition] = (check, reason)
        monkeypatch.setattr(call_layout, "_CONDITIONS", tuple(conditions))
        assert call_layout.why_unusable() == words


def test_a_wrong_answer_in_the_start_up_test_is_reported(monkeypatch):
    monkeypatch.setattr(call_test, "_CHECKS", ((lambda call: False, "wrong results"),))
    assert "wrong results" in call_test.why_wrong(load_support().library)
    monkeypatch.setattr(call_test, "_CHECKS", ((lambda call: call.absent, ""),))
    assert "AttributeError" in call_test.why_wrong(load_support().library)


BARE = """
import os, sys, warnings
warnings.simplefilter("ignore")
if "--no-memfd" in MODE:
    del os.memfd_create
if "--no-proc" in MODE:
    from graphc.runtime import library
    library._fresh_path = lambda descriptor: f"/dev/null/{descriptor}"
from small_programs import add_scalars
from graphc.errors import CompileError
try:
    print(float(add_scalars().bind(single=True)(1.0, 2.0)))
except CompileError as error:
    print("TMPDIR" if "TMPDIR may name a folder" in str(error) else error)
"""


@pytest.mark.parametrize("mode", ("", "--no-memfd", "--no-proc"))
@pytest.mark.parametrize("folder", ("", "/dev/null/nothing"))
def test_bare_surroundings(mode, folder, monkeypatch):
    """No home, no cache folder, no place for temporary files, no nameless files: one of the last two will do."""
    monkeypatch.delenv("HOME", raising=False)
    code = BARE.replace("MODE", repr(mode))
    if folder:  # tempfile would try other folders, but not if it is told which one
        code = "import tempfile; tempfile.tempdir = '/dev/null/nothing'\n" + code
    answer = run_child(code, GRAPHC_CACHE_DIR="/dev/null/nothing", TMPDIR=folder)
    assert answer == (["TMPDIR"] if mode and folder else ["3.0"])


FALL_BACK = """
from graphc.ir.program import Param, Signature
from graphc.ir.type import Type
from graphc.runtime import call_layout
call_layout.why_unusable = lambda: "no reason"
from graphc.runtime.executable import call_path
from small_programs import add_scalars
assert call_path() == "ctypes"
assert add_scalars().bind(single=True)(1.0, 2.0) == 3
print("good")
"""


def test_programs_run_without_native_calls():
    assert run_child(FALL_BACK) == ["good"]


def test_dimensions_are_evaluated():
    n, m = symbol("n"), symbol("m")
    expression = (n * 28 + m) // 3 - n % 5
    assert evaluate(expression, {"n": 7, "m": 4}) == (7 * 28 + 4) // 3 - 7 % 5
    assert evaluate(12, {}) == 12
    assert symbols_of((expression, 3, n)) == {"n", "m"}
    assert symbol_name(n) == "n" and symbol_name(expression) is None and symbol_name(4) is None
    with pytest.raises(CompileError, match="the size m is needed"):
        evaluate(expression, {"n": 7})


def test_deep_dimensions_need_no_recursion():
    deep = symbol("n")
    for _ in range(5000):
        deep = make("max", (deep, deep), (), INDEX)
    assert evaluate(deep, {"n": 9}) == 9
    assert symbols_of((deep,)) == {"n"}


def test_inputs_take_plain_symbols_only():
    odd = Signature((Param("x", Type(dt.f32, (symbol("n") * 2,))),), (), ("n",))
    with pytest.raises(CompileError, match="no symbol of the program"):
        Arguments("f", odd)


def test_the_words_for_native_code_are_addresses():
    words = call_layout.python_addresses(load_support().library.address("gc_handler"))
    assert words.dtype == np.uint64 and len(words) == 23 and (words > 4096).all()
