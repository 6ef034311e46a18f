"""Text to object code: what comes out for each target, and what an error in the text looks like."""

import subprocess
import sys
import threading

import pytest

from graphc.errors import CompileError
from graphc.ir.target import AARCH64, RISCV64, WASM32, X86_64, X86_64_V3, Target
from graphc.runtime.elf_object import MACHINES, read_object
from graphc.runtime import jit
from graphc.runtime.jit import Batch, assembly, compile_object
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
    text = pool_text(WASM32)
    assert "pthread" not in text and "@gc_parallel" in text and "@gc_pool_configure" in text


def test_a_system_without_a_pool_is_named():
    with pytest.raises(CompileError, match="no thread pool for x86_64-pc-windows"):
        pool_text(Target("win", "x86_64-pc-windows-msvc", "x86-64", "", 0, 16, False))


def test_an_error_shows_the_line():
    wrong = TEXT.replace("ret i32 %y", "ret i64 %y")
    with pytest.raises(CompileError) as info:
        compile_object(wrong, X86_64)
    assert "line 3" in str(info.value) and "> 3:   ret i64 %y" in str(info.value)


def numbered(k, functions=20):
    return "\n".join(TEXT.replace("@f", f"@f{k}_{j}").replace("1\n", f"{k}\n") for j in range(functions))


@pytest.mark.parametrize("threads", (0, 1, 3))
def test_a_batch_makes_the_same_objects_whoever_compiles_them(monkeypatch, threads):
    monkeypatch.setattr(jit, "usable_cpus", lambda: threads + 1)
    monkeypatch.setattr(jit, "_WORTH_A_THREAD", 1)
    texts = [numbered(k) for k in range(12)]
    with Batch(X86_64_V3) as batch:
        for text in texts:
            batch.add(text)
        found = batch.objects()
    assert found == [compile_object(text, X86_64_V3) for text in texts]


def test_a_batch_works_where_llvmlite_does_not_tell_its_library_and_no_thread_starts(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(jit, "_LIBRARY", None)
    monkeypatch.setattr(jit, "usable_cpus", lambda: 4)
    monkeypatch.setattr(jit, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(jit.threading.Thread, "start", refuse)
    with Batch(X86_64_V3) as batch:
        batch.add(TEXT)
        assert batch.objects() == [compile_object(TEXT, X86_64_V3)]


def test_a_batch_that_fails_leaves_no_thread(monkeypatch):
    monkeypatch.setattr(jit, "usable_cpus", lambda: 4)
    monkeypatch.setattr(jit, "_WORTH_A_THREAD", 1)
    with pytest.raises(CompileError, match="line 3"), Batch(X86_64_V3) as batch:
        for k in range(6):
            batch.add(numbered(k))
        batch.add(TEXT.replace("ret i32 %y", "ret i64 %y"))
    assert not [t for t in threading.enumerate() if t.name == "graphc-compile"]


def test_what_a_thread_could_not_compile_is_told(monkeypatch):
    def broken(machine, module):
        raise RuntimeError("no such instruction")

    monkeypatch.setattr(jit, "_encode", broken)
    with pytest.raises(CompileError, match="no such instruction"), Batch(X86_64_V3) as batch:
        batch.add(TEXT)
        batch.objects()


def test_an_unknown_machine_is_named():
    with pytest.raises(CompileError, match="pdp11"):
        compile_object(TEXT, Target("pdp11", "pdp11-unknown-none", "", "", 0, 8, False))


def test_the_runtime_is_imported_without_the_compiler():
    code = "import sys, graphc.runtime.executable, graphc.runtime.cache; assert not [m for m in sys.modules if 'llvmlite' in m]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_target_changes_the_code_of_another():
    cases = "\n".join(f"i32 {k}, label %l{k}" for k in range(2))
    blocks = "\n".join(f"l{k}:\n  call void @g(i32 {k + 5})\n  ret void" for k in range(2))
    text = f"declare void @g(i32)\ndefine void @f(i32 %x) {{\nswitch i32 %x, label %no [{cases}]\n{blocks}\nno:\n  ret void\n}}\n"
    before = compile_object(text, X86_64)
    compile_object(text, WASM32)  # LLVM lowers the least size of jump tables for all
    assert compile_object(text, X86_64) == before
