"""Text to object code: what comes out for each target, and what an error in the text looks like."""

import subprocess
import sys

import pytest

from graphc.errors import CompileError
from graphc.ir.target import AARCH64, RISCV64, X86_64, X86_64_V3, Target
from graphc.runtime.elf_object import MACHINES, read_object
from graphc.runtime.jit import assembly, compile_object
from graphc.runtime.pool import pool_text

TEXT = "define i32 @f(i32 %x) nounwind {\n  %y = add i32 %x, 1\n  ret i32 %y\n}\n"


def test_objects_are_for_the_target():
    assert MACHINES[read_object(compile_object(TEXT, X86_64_V3)).machine] == "x86-64"
    assert MACHINES[read_object(compile_object(TEXT, AARCH64)).machine] == "aarch64"


def test_the_same_text_gives_the_same_object():
    assert compile_object(TEXT, X86_64_V3) == compile_object(TEXT, X86_64_V3)


def test_assembly_is_text():
    assert "f:" in assembly(TEXT, X86_64)


@pytest.mark.parametrize("target", (X86_64, AARCH64, RISCV64), ids=lambda t: t.name)
def test_the_pool_compiles_for_every_target(target):
    assert compile_object(pool_text(target), target).startswith(b"\x7fELF")


def test_a_target_without_threads_runs_serially():
    wasm = Target("wasm32", "wasm32-unknown-unknown", "generic", "", 128, 16, False)
    text = pool_text(wasm)
    assert "pthread" not in text and "@gc_parallel" in text and "@gc_pool_configure" in text


def test_a_system_without_a_pool_is_named():
    with pytest.raises(CompileError, match="no thread pool for x86_64-pc-windows"):
        pool_text(Target("win", "x86_64-pc-windows-msvc", "x86-64", "", 0, 16, False))


def test_an_error_shows_the_line():
    wrong = TEXT.replace("ret i32 %y", "ret i64 %y")
    with pytest.raises(CompileError) as info:
        compile_object(wrong, X86_64)
    assert "line 3" in str(info.value) and "> 3:   ret i64 %y" in str(info.value)


def test_an_unknown_machine_is_named():
    with pytest.raises(CompileError, match="pdp11"):
        compile_object(TEXT, Target("pdp11", "pdp11-unknown-none", "", "", 0, 8, False))


def test_the_runtime_is_imported_without_the_compiler():
    code = "import sys, graphc.runtime.executable, graphc.runtime.cache; assert not [m for m in sys.modules if 'llvmlite' in m]"
    subprocess.run([sys.executable, "-c", code], check=True)
