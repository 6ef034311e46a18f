"""Static libraries, as the tools of the system read them."""

import shutil
import struct
import subprocess

import pytest

from graphc.errors import CompileError
from graphc.ir.target import TARGETS
from graphc.runtime import elf_archive as module
from graphc.runtime.elf_archive import archive, defined_names
from graphc.runtime.host import host_target
from graphc.runtime.jit import compile_object

ONE = "define i32 @one() {\n  ret i32 1\n}\ndefine weak hidden i32 @shared() {\n  ret i32 3\n}\n"
TWO = "declare i32 @one()\ndefine i32 @two() {\n  %a = call i32 @one()\n  %b = add i32 %a, %a\n  ret i32 %b\n}\n"
LONG = "a_name_of_more_than_sixteen.o"
needs_binutils = pytest.mark.skipif(not all(map(shutil.which, ("ar", "nm"))), reason="needs ar and nm")


@pytest.fixture
def library(tmp_path):
    target = host_target()
    path = tmp_path / "libboth.a"
    members = {"two.o": compile_object(TWO, target), LONG: compile_object(ONE, target)}
    path.write_bytes(b"".join(archive(members)))
    return path


def shown(*command):
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout


@needs_binutils
def test_ar_and_nm_read_it(library):
    assert shown("ar", "t", library).split() == ["two.o", LONG]
    index = shown("nm", "-s", library).split("\n\n")[0]
    assert {"two in two.o", f"one in {LONG}", f"shared in {LONG}"} <= set(index.splitlines())
    assert "1970" in shown("ar", "tv", library) and "0/0" in shown("ar", "tv", library)


@needs_binutils
def test_ar_writes_the_same_bytes(library, tmp_path):
    shown("ar", "x", "--output", tmp_path, library)
    shown("ar", "rcsD", tmp_path / "theirs.a", tmp_path / "two.o", tmp_path / LONG)
    assert (tmp_path / "theirs.a").read_bytes() == library.read_bytes()


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_linker_takes_what_it_needs_by_the_index(library, tmp_path):
    (tmp_path / "main.c").write_text("int two(void);\nint main(void) { return two() == 2 ? 0 : 1; }\n")
    shown("cc", tmp_path / "main.c", library, "-o", tmp_path / "main")
    shown(tmp_path / "main")


@pytest.mark.parametrize("target", TARGETS)
def test_the_index_points_at_members_of_every_target(target):
    code = compile_object(ONE, TARGETS[target])
    assert sorted(defined_names(code)) == [b"one", b"shared"]
    data = b"".join(archive({"a.o": code, "b.o": compile_object(TWO, TARGETS[target])}))
    count, *places = struct.unpack_from(">4I", data, 68)
    assert count == 3 and places[0] == places[1]
    assert [data[p : p + 4] for p in places] == [b"a.o/", b"a.o/", b"b.o/"]
    assert all(data[p + 60 : p + 64] == code[:4] for p in places)


def test_what_is_too_large_is_refused(monkeypatch):
    code = compile_object(ONE, host_target())
    monkeypatch.setattr(module, "_LARGEST_SIZE", len(code) - 1)
    with pytest.raises(CompileError, match="does not fit"):
        archive({"a.o": code})
