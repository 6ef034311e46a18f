"""Which processors a library says that it runs on: asked of the library itself, on processors that qemu plays."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from graphc.ir.target import TARGETS, X86_64
from graphc.runtime.cpu_check import check_text
from graphc.runtime.cpu_levels import FEATURES, LEVELS
from graphc.runtime.host import host_target, run_by
from graphc.runtime.jit import assembly
from tests.emulated import executable

EXIT = r"""
declare i32 @ok()
define internal void @leave(i32 %code) nounwind noinline prologue [9 x i8] c"\B8\3C\00\00\00\0F\05\0F\0B" {
  unreachable
}
define void @gc_start() nounwind {
  %code = call i32 @ok()
  call void @leave(i32 %code)
  unreachable
}
"""  # mov eax, 60; syscall
PROCESSORS = {"qemu64": "x86-64", "Nehalem": "x86-64-v2", "Haswell": "x86-64-v3"}


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="needs qemu-x86_64, of the Debian package qemu-user")
@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_processor_is_told_what_it_can_run(processor, tmp_path):
    for name in LEVELS:
        program = tmp_path / name
        program.write_bytes(executable(X86_64, [EXIT, check_text(TARGETS[name], "ok")]))
        program.chmod(0o755)
        done = subprocess.run(["qemu-x86_64", "-cpu", processor, program], capture_output=True, timeout=60)
        assert done.returncode == (name in run_by(PROCESSORS[processor])), f"{processor} {name} {done.stderr}"


@pytest.mark.skipif(host_target().name not in LEVELS, reason="needs an x86-64 processor")
def test_this_processor_answers_as_the_system_does(tmp_path, monkeypatch):
    monkeypatch.delenv("GRAPHC_TARGET", raising=False)
    best = host_target.__wrapped__().name
    for name in LEVELS:
        program = tmp_path / name
        program.write_bytes(executable(X86_64, [EXIT, check_text(TARGETS[name], "ok")]))
        program.chmod(0o755)
        assert subprocess.run([program], timeout=60).returncode == (name in run_by(best))


def test_levels_hold_all_that_their_targets_use():
    named = {"bmi": "bmi1", "lzcnt": "abm", "sahf": "lahf_lm", "avx512vnni": "avx512_vnni", "evex512": "avx512f"}
    for name, needs in LEVELS.items():
        features = [f[1:].replace(".", "_") for f in TARGETS[name].features.split(",") if f]
        assert {named.get(f, f) for f in features} <= needs <= set(FEATURES)


@pytest.mark.parametrize("name", ["x86-64", "aarch64", "riscv64"])
def test_every_processor_of_a_family_is_good_enough_for_its_least_target(name):
    text = check_text(TARGETS[name], "ok")
    assert re.fullmatch(r"define i32 @ok\(\) nounwind \{\n  ret i32 1\n\}\n", text)
    assert "ok:" in assembly(text, TARGETS[name])
