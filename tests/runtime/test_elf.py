"""Our linker: its files as other tools read them, as the loader runs them, and what it refuses."""

import ctypes
import io
import struct
import subprocess

import pytest
from elftools.elf.elffile import ELFFile

from graphc.errors import CompileError
from graphc.ir.target import AARCH64, RISCV64, X86_64
from graphc.runtime.elf import link_shared
from graphc.runtime.elf_object import read_object
from graphc.runtime.host import host_target
from graphc.runtime.jit import compile_object
from graphc.runtime.library import Library
from graphc.runtime.pool import pool_text
from tests.emulated import cross_loader

LEAF = """
@table = internal constant [4 x i32] [i32 10, i32 20, i32 30, i32 40]
@names = internal constant [2 x ptr] [ptr @table, ptr @leaf]
@count = internal global i32 5
@zeros = internal global [100000 x i64] zeroinitializer, align 64
@shared = global i32 7

define i32 @leaf(i32 %x) nounwind {
  %index = and i32 %x, 3
  %at = getelementptr [4 x i32], ptr @table, i32 0, i32 %index
  %value = load i32, ptr %at
  %old = load i32, ptr @count
  %new = add i32 %old, 1
  store i32 %new, ptr @count
  %sum = add i32 %value, %old
  %far = getelementptr [100000 x i64], ptr @zeros, i64 0, i64 99999
  %zero = load i64, ptr %far
  %zero32 = trunc i64 %zero to i32
  %all = add i32 %sum, %zero32
  ret i32 %all
}

define ptr @name(i64 %i) nounwind {
  %at = getelementptr [2 x ptr], ptr @names, i64 0, i64 %i
  %p = load ptr, ptr %at
  ret ptr %p
}
"""
USER = """
@shared = external global i32
@stdout = external global ptr
declare i32 @leaf(i32)
declare ptr @name(i64)
declare i64 @strlen(ptr)
@word = private constant [6 x i8] c"hello\\00"

define i32 @user(i32 %x) nounwind {
  %a = call i32 @leaf(i32 %x)
  %b = call i32 @indirect(i32 %x)
  %sum = add i32 %a, %b
  %seven = load i32, ptr @shared
  %more = add i32 %sum, %seven
  %length = call i64 @strlen(ptr @word)
  %length32 = trunc i64 %length to i32
  %all = add i32 %more, %length32
  ret i32 %all
}

define linkonce_odr i32 @indirect(i32 %x) noinline nounwind {
  %f = call ptr @name(i64 1)
  %value = call i32 %f(i32 %x)
  ret i32 %value
}

define ptr @imported_data() nounwind {
  %p = load ptr, ptr @stdout
  ret ptr %p
}
"""
AGAIN = "define linkonce_odr i32 @indirect(i32 %x) noinline nounwind {\n  ret i32 1000\n}\n"
EXPORTS = ["user", "leaf", "imported_data"]
LINKED = (X86_64, AARCH64, RISCV64)


def linked(target, **options) -> bytes:
    return link_shared([compile_object(text, target) for text in (USER, LEAF, AGAIN)], EXPORTS, **options)


@pytest.mark.parametrize("target", LINKED, ids=lambda t: t.name)
def test_other_tools_read_the_file(target):
    elf = ELFFile(io.BytesIO(linked(target, needed=("libc.so.6", "libm.so.6"))))
    assert elf.header.e_type == "ET_DYN"
    assert elf.get_machine_arch() == {"x86-64": "x64", "aarch64": "AArch64", "riscv64": "RISC-V"}[target.name]
    dynamic = elf.get_section_by_name(".dynamic")
    assert [t.needed for t in dynamic.iter_tags("DT_NEEDED")] == ["libc.so.6", "libm.so.6"]
    symbols = {s.name: s for s in elf.get_section_by_name(".dynsym").iter_symbols()}
    assert set(symbols) == {"", "strlen", "stdout", *EXPORTS}
    assert symbols["strlen"].entry.st_shndx == "SHN_UNDEF"
    text = elf.get_section(symbols["user"].entry.st_shndx)
    assert text.name.startswith(".text")
    assert text["sh_addr"] <= symbols["user"].entry.st_value < text["sh_addr"] + text["sh_size"]


@pytest.mark.parametrize("target", LINKED, ids=lambda t: t.name)
def test_no_memory_is_both_writable_and_executable(target):
    elf = ELFFile(io.BytesIO(linked(target)))
    loads = [s for s in elf.iter_segments() if s["p_type"] == "PT_LOAD"]
    assert sorted(s["p_flags"] for s in loads) == [4, 5, 6]
    page = max(s["p_align"] for s in loads)
    for one, other in zip(loads, loads[1:]):
        assert (one["p_vaddr"] + one["p_memsz"] - 1) // page < other["p_vaddr"] // page
    for segment in loads:
        assert segment["p_vaddr"] % segment["p_align"] == segment["p_offset"] % segment["p_align"]
    (stack,) = [s for s in elf.iter_segments() if s["p_type"] == "PT_GNU_STACK"]
    assert stack["p_flags"] & 1 == 0


@pytest.mark.parametrize("target", LINKED, ids=lambda t: t.name)
def test_the_hash_table_finds_every_symbol(target):
    elf = ELFFile(io.BytesIO(linked(target)))
    hash_section = elf.get_section_by_name(".hash")
    for symbol in list(elf.get_section_by_name(".dynsym").iter_symbols())[1:]:
        assert hash_section.get_symbol(symbol.name).name == symbol.name
    assert hash_section.get_symbol("absent") is None


def test_the_loader_runs_it():
    library = Library(linked(host_target()))
    user = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32)(library.address("user"))
    assert user(2) == (30 + 5) + (30 + 6) + 7 + 5
    assert user(3) == (40 + 7) + (40 + 8) + 7 + 5
    stdout = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stdout").value
    assert ctypes.CFUNCTYPE(ctypes.c_void_p)(library.address("imported_data"))() == stdout
    with pytest.raises(CompileError, match="no symbol 'name'"):
        library.address("name")
    assert "user" in library and "name" not in library


def test_loading_from_a_path(tmp_path, monkeypatch):
    (tmp_path / "a.so").write_bytes(linked(host_target()))
    library = Library(tmp_path / "a.so")
    assert ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32)(library.address("leaf"))(0) == 15
    (tmp_path / "b.so").write_bytes(b"text")
    with pytest.raises(CompileError, match="cannot load compiled code: [^(]*$"):
        Library(tmp_path / "b.so")
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(CompileError, match="libraries for Linux, and this is darwin"):
        Library(tmp_path / "b.so")


def test_libraries_from_bytes_are_told_apart_even_while_both_are_loaded():
    def returning(value):
        text = f"define i32 @f() nounwind {{\n  ret i32 {value}\n}}\n"
        return Library(link_shared([compile_object(text, host_target())], ["f"]))

    libraries = [returning(k) for k in range(20)]
    assert [ctypes.CFUNCTYPE(ctypes.c_int32)(lib.address("f"))() for lib in libraries] == list(range(20))


RUN = """
declare i32 @user(i32)
declare void @exit(i32) noreturn
declare void @gc_parallel(ptr, ptr, i64, i64)
declare void @gc_pool_configure(i32)

define internal void @part(ptr %sum, i64 %begin, i64 %end) nounwind {
  %size = sub i64 %end, %begin
  %size32 = trunc i64 %size to i32
  %old = atomicrmw add ptr %sum, i32 %size32 seq_cst
  ret void
}

define void @start() nounwind {
  %sum = alloca i32
  store i32 0, ptr %sum
  call void @gc_pool_configure(i32 3)
  call void @gc_parallel(ptr @part, ptr %sum, i64 90, i64 1)
  call void @gc_parallel(ptr @part, ptr %sum, i64 7, i64 1)
  %parallel = load i32, ptr %sum
  %user = call i32 @user(i32 2)
  %code = add i32 %parallel, %user
  call void @exit(i32 %code)
  unreachable
}
"""


@pytest.mark.parametrize("target", (AARCH64, RISCV64), ids=lambda t: t.name)
def test_the_loader_of_another_machine_runs_it(target, tmp_path):
    """The dynamic loader runs a shared object with an entry point like a program; the pool starts threads."""
    command = cross_loader(target)
    texts = (RUN, USER, LEAF, AGAIN, pool_text(target))
    data = bytearray(link_shared([compile_object(text, target) for text in texts], ["start"]))
    symbols = ELFFile(io.BytesIO(data)).get_section_by_name(".dynsym")
    struct.pack_into("<Q", data, 24, symbols.get_symbol_by_name("start")[0].entry.st_value)
    (tmp_path / "run.so").write_bytes(data)
    assert subprocess.run([*command, str(tmp_path / "run.so")], timeout=60).returncode == 97 + 83


def test_lower_parts_of_addresses_find_their_upper_part():
    data = bytearray(compile_object(LEAF, RISCV64))
    elf = ELFFile(io.BytesIO(data))
    section = elf.get_section_by_name(".rela.text")
    (at,) = [k for k, r in enumerate(section.iter_relocations()) if r.entry.r_info_type == 23][:1]
    struct.pack_into("<Q", data, section["sh_offset"] + 24 * at, 0)  # the upper part is moved away
    with pytest.raises(CompileError, match="R_RISCV_PCREL_LO12.* is no instruction with the upper bits"):
        link_shared([bytes(data)], ["leaf"])


def test_refusals_name_what_is_wrong():
    x86, arm = (compile_object(LEAF, t) for t in (X86_64, AARCH64))
    with pytest.raises(CompileError, match="cannot export absent"):
        link_shared([x86], ["absent"])
    with pytest.raises(CompileError, match="aarch64, x86-64"):
        link_shared([x86, arm], ["leaf"])
    with pytest.raises(CompileError, match="'leaf' is defined in two"):
        link_shared([x86, x86], ["leaf"])
    other = bytearray(x86)
    struct.pack_into("<H", other, 18, 40)
    with pytest.raises(CompileError, match="machine 40; only .* x86-64, aarch64, riscv64"):
        link_shared([bytes(other)], ["leaf"])
    with pytest.raises(CompileError, match="no machine"):
        link_shared([], [])


def test_an_unknown_relocation_is_named():
    data = bytearray(compile_object(USER, X86_64))
    elf = ELFFile(io.BytesIO(data))
    section = elf.get_section_by_name(".rela.text")
    struct.pack_into("<I", data, section["sh_offset"] + 8, 99)
    with pytest.raises(CompileError, match="relocation type 99 of x86-64 against '.*' in .text"):
        link_shared([bytes(data)], ["user"])


def test_thread_local_variables_are_refused():
    text = "@v = thread_local global i32 1\ndefine ptr @f() nounwind {\n  ret ptr @v\n}\n"
    with pytest.raises(CompileError, match="thread-local"):
        link_shared([compile_object(text, X86_64)], ["f"])


def test_damaged_objects_are_refused_not_crashed_on():
    data = compile_object(LEAF, X86_64)
    for size in range(0, len(data), 7):
        with pytest.raises(CompileError):
            read_object(data[:size])
    for position in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        try:
            link_shared([bytes(damaged)], ["leaf"])
        except CompileError:
            pass
