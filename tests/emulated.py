"""Runs programs for machines that this one is not: many of them as one static executable, under qemu-user.

The executable needs no C library: our own linker makes it, it reads one image of its memory (inputs, constants, poisoned outputs),
calls every program, writes the image back, and exits.
"""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from graphc.codegen.llvm.module import program_text
from graphc.ir.graph import Graph
from graphc.ir.node import symbol
from graphc.ir.program import Program
from graphc.ir.target import Target
from graphc.prims.interpret import bind_symbols, concrete, dim_value
from graphc.runtime.elf import link_shared
from graphc.runtime.host import runs_here
from graphc.runtime.jit import Batch
from graphc.runtime.pool import pool_text

GUARD = 64  # poisoned bytes behind every buffer, which must survive
BASE = 0x10000000  # where the executable is loaded
START = """
@gc_memory = internal global [{size} x i8] zeroinitializer, align 64
@gc_tables = internal global [{many} x ptr] [{pointers}]
{declarations}

define internal i64 @gc_system(i64 %number, i64 %a, i64 %b, i64 %c) nounwind noinline prologue [{bytes} x i8] c"{code}" {{
  unreachable
}}

; read or write, until all of the memory is there
define internal void @transfer(i64 %number, i64 %file) nounwind {{
entry:
  %begin = ptrtoint ptr @gc_memory to i64
  br label %loop
loop:
  %done = phi i64 [ 0, %entry ], [ %sum, %some ]
  %at = add i64 %begin, %done
  %left = sub i64 {size}, %done
  %moved = call i64 @gc_system(i64 %number, i64 %file, i64 %at, i64 %left)
  %sum = add i64 %done, %moved
  %bad = icmp sle i64 %moved, 0
  br i1 %bad, label %fail, label %some
some:
  %more = icmp slt i64 %sum, {size}
  br i1 %more, label %loop, label %end
fail:
  %x = call i64 @gc_system(i64 {exit}, i64 99, i64 0, i64 0)
  unreachable
end:
  ret void
}}

define void @gc_start() nounwind "stackrealign" {{
  call void @transfer(i64 {read}, i64 0)
{calls}
  call void @transfer(i64 {write}, i64 1)
  %x = call i64 @gc_system(i64 {exit}, i64 0, i64 0, i64 0)
  unreachable
}}
"""
CALL = """\
  %code{k} = call i32 @gc_main{program}(ptr {inputs}, ptr {outputs}, ptr {dims}, ptr {constants}, ptr {arena})
  store i32 %code{k}, ptr {code}, align 4"""
MEMORY = """
define ptr @memset(ptr %to, i32 %value, i64 %size) nounwind {
entry:
  %byte = trunc i32 %value to i8
  %none = icmp eq i64 %size, 0
  br i1 %none, label %end, label %loop
loop:
  %k = phi i64 [ 0, %entry ], [ %next, %loop ]
  %at = getelementptr i8, ptr %to, i64 %k
  store volatile i8 %byte, ptr %at
  %next = add i64 %k, 1
  %more = icmp ult i64 %next, %size
  br i1 %more, label %loop, label %end
end:
  ret ptr %to
}

define ptr @memcpy(ptr %to, ptr %from, i64 %size) nounwind {
  %same = call ptr @memmove(ptr %to, ptr %from, i64 %size)
  ret ptr %same
}

define ptr @memmove(ptr %to, ptr %from, i64 %size) nounwind {
entry:
  %down = icmp ult ptr %from, %to
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %next, %loop ]
  %more = icmp ult i64 %k, %size
  br i1 %more, label %loop, label %end
loop:
  %next = add i64 %k, 1
  %last = sub i64 %size, %next
  %j = select i1 %down, i64 %last, i64 %k
  %p = getelementptr i8, ptr %from, i64 %j
  %q = getelementptr i8, ptr %to, i64 %j
  %byte = load volatile i8, ptr %p
  store volatile i8 %byte, ptr %q
  br label %head
end:
  ret ptr %to
}
"""
@dataclass(frozen=True)
class System:
    """Linux on one kind of processor.

    Attributes:
        read, write, exit: numbers of system calls.
        relative: the relocation of an address in the file.
        code: a system call with a number and three arguments as machine code, since LLVM reads no other machine's assembly.
    """

    read: int
    write: int
    exit: int
    relative: int
    code: bytes


SYSTEMS = {
    "x86_64": System(0, 1, 60, 8, bytes.fromhex("4889f8 4889f7 4889d6 4889ca 0f05 c3")),  # mov rax, rdi; ...; syscall; ret
    "aarch64": System(63, 64, 93, 1027, struct.pack("<6I", 0xAA0003E8, 0xAA0103E0, 0xAA0203E1, 0xAA0303E2, 0xD4000001, 0xD65F03C0)),
    "riscv64": System(63, 64, 93, 3, struct.pack("<6I", 0x50893, 0x58513, 0x60593, 0x68613, 0x73, 0x8067)),
}


@dataclass(frozen=True)
class Run:
    """A Program without host steps, the graph that it was made of, and one array per input."""

    program: Program
    graph: Graph
    arrays: tuple


def executable(target: Target, texts: list[str]) -> bytes:
    """A static program of modules, one of which defines ``void gc_start()``, which never returns."""
    with Batch(target) as batch:
        for text in texts:
            batch.add(text)
        return _fixed(link_shared(batch.objects(), ["gc_start"], needed=()), SYSTEMS[target.triple.split("-")[0]].relative)


def needs_emulator(target: Target) -> pytest.MarkDecorator:
    """Skips where code for a target runs neither by itself nor under qemu-user."""
    missing = not runs_here(target) and shutil.which(_emulator(target)) is None
    return pytest.mark.skipif(missing, reason=f"needs {_emulator(target)}, of the Debian package qemu-user")


def emulate(target: Target, runs: list[Run]) -> list[tuple[np.ndarray, ...]]:
    """The outputs of every run, computed by code for ``target`` in one process of a machine like that.

    Arrays are not aligned but for their elements. Nothing may be written around what is an output or scratch memory.
    """
    memory = _Memory()
    places = [_placed(memory, run) for run in runs]
    first = {id(run.program): k for k, run in reversed([*enumerate(runs)])}  # runs of one program share its code
    texts = [program_text(replace(runs[k].program, name="p"), target, f"gc_main{k}") for k in first.values()]
    start = _start(target, places, [first[id(run.program)] for run in runs], memory.size)
    program = executable(target, [start, pool_text(target, threads=False), MEMORY, *texts])
    command = [] if runs_here(target) else [_emulator(target)]
    with tempfile.TemporaryDirectory(prefix="graphc-emulated-") as folder:
        path = Path(folder) / "run"
        path.write_bytes(program)
        path.chmod(0o755)
        image = memory.image()
        done = subprocess.run([*command, path], input=image.tobytes(), capture_output=True, timeout=300)
    assert done.returncode == 0, f"{target.name}: the process ended with {done.returncode} {done.stderr.decode()[-500:]}"
    after = np.frombuffer(done.stdout, np.uint8)
    changed = np.flatnonzero(memory.kept & (after != image))
    assert not changed.size, f"{target.name}: memory was written that is no output, at {changed[:8]}"
    return [_outputs(target, run, place, after) for run, place in zip(runs, places)]


def cross_loader(target: Target) -> list[str]:
    """The command that runs a shared object with an entry point on another machine, with the C library of that machine.

    Skips the test where there is none.
    """
    machine = target.triple.split("-")[0]
    root = Path(f"/usr/{machine}-linux-gnu")
    loader = next((root / "lib").glob("ld-linux-*.so.1"), None)
    if shutil.which(_emulator(target)) is None or loader is None:
        pytest.skip(f"needs {_emulator(target)} and a C library in {root}")
    return [_emulator(target), "-L", str(root), str(loader)]


def _emulator(target: Target) -> str:
    return f"qemu-{target.triple.split('-')[0]}"


class _Memory:
    """The memory of a process while it is laid out: poison, and arrays in it."""

    def __init__(self):
        self.size = 0
        self.contents: list[tuple[int, np.ndarray]] = []
        self.open: list[tuple[int, int]] = []

    def take(self, size: int, shift: int = 0, content: np.ndarray | None = None, writable: bool = True) -> int:
        """The offset of new memory, ``shift`` behind a multiple of 64 bytes."""
        begin = -(-self.size // 64) * 64 + shift
        self.size = -(-(begin + size + GUARD) // 64) * 64
        if content is not None:
            self.contents.append((begin, content))
        if writable:
            self.open.append((begin, size))
        return begin

    def image(self) -> np.ndarray:
        """Every byte before the run."""
        image = np.full(self.size, 0xFF, np.uint8)
        for begin, content in self.contents:
            image[begin : begin + content.size] = content
        return image

    @property
    def kept(self) -> np.ndarray:
        """Which bytes must be the same after the run."""
        kept = np.ones(self.size, bool)
        for begin, size in self.open:
            kept[begin : begin + size] = False
        return kept


@dataclass(frozen=True)
class _Place:
    """Where in memory one run finds and leaves what."""

    inputs: list[int]
    outputs: list[int]
    dims: int
    constants: int
    arena: int
    code: int
    shapes: list[tuple[int, ...]]


def _placed(memory: _Memory, run: Run) -> _Place:
    signature = run.program.signature
    env = bind_symbols(run.graph.inputs, run.arrays)
    over = {i: o for o, i in signature.donated}
    inputs = []
    for k, array in enumerate(run.arrays):
        raw = np.frombuffer(np.asarray(array, order="C").tobytes(), np.uint8)
        inputs.append(memory.take(raw.size, array.dtype.itemsize, raw, k in over))
    donated, types = dict(signature.donated), [concrete(p.type, env) for p in signature.outputs]
    sizes = [int(np.prod(t.shape, dtype=np.int64)) * t.dtype.size for t in types]
    outputs = [inputs[donated[k]] if k in donated else memory.take(sizes[k], t.dtype.size) for k, t in enumerate(types)]
    dims = np.array([env[symbol(s)] for s in signature.symbols], np.int64).view(np.uint8)
    constants = np.frombuffer(run.program.constants.view, np.uint8)
    return _Place(
        inputs, outputs, memory.take(dims.size, 0, dims, False), memory.take(constants.size, 0, constants, False),
        memory.take(dim_value(signature.arena, env)), memory.take(4), [t.shape for t in types],
    )  # fmt: skip


def _outputs(target: Target, run: Run, place: _Place, after: np.ndarray) -> tuple[np.ndarray, ...]:
    code = int(after[place.code : place.code + 4].view(np.int32)[0])
    assert code == 0, f"{run.program.name} on {target.name}: code {code}"
    found = []
    for at, shape, param in zip(place.outputs, place.shapes, run.program.signature.outputs):
        dtype = param.type.dtype
        size = int(np.prod(shape, dtype=np.int64)) * dtype.size
        found.append(after[at : at + size].copy().view(dtype.numpy).reshape(shape))
    return tuple(found)


def _start(target: Target, places: list[_Place], programs: list[int], size: int) -> str:
    """The module that reads ``size`` bytes, runs everything, and writes them."""
    system = SYSTEMS[target.triple.split("-")[0]]
    tables: list[int] = []
    calls = []

    def table(offsets: list[int]) -> str:
        tables.extend(offsets or [0])
        return f"getelementptr (ptr, ptr @gc_tables, i64 {len(tables) - len(offsets or [0])})"

    for k, place in enumerate(places):
        calls.append(CALL.format(
            k=k, program=programs[k], inputs=table(place.inputs), outputs=table(place.outputs), dims=_address(place.dims),
            constants=_address(place.constants), arena=_address(place.arena), code=_address(place.code)))  # fmt: skip
    declarations = "\n".join(f"declare i32 @gc_main{k}(ptr, ptr, ptr, ptr, ptr)" for k in sorted({*programs}))
    pointers = ", ".join(f"ptr {_address(at)}" for at in tables)
    return START.format(
        size=size, many=len(tables), pointers=pointers, declarations=declarations, calls="\n".join(calls),
        read=system.read, write=system.write, exit=system.exit,
        bytes=len(system.code), code="".join(f"\\{b:02X}" for b in system.code),
    )  # fmt: skip


def _address(offset: int) -> str:
    return f"getelementptr (i8, ptr @gc_memory, i64 {offset})"


def _fixed(library: bytes, relative: int) -> bytes:
    """A shared object without imports as an executable at ``BASE``: what a loader would do is done."""
    elf, data = ELFFile(io.BytesIO(library)), bytearray(library)
    symbols = elf.get_section_by_name(".dynsym")
    missing = [s.name for s in symbols.iter_symbols() if s.name and s.entry.st_shndx == "SHN_UNDEF"]
    assert not missing, f"code needs {', '.join(missing)} of a C library"
    struct.pack_into("<H", data, 16, 2)
    struct.pack_into("<Q", data, 24, BASE + symbols.get_symbol_by_name("gc_start")[0].entry.st_value)
    for k, segment in enumerate(elf.iter_segments()):
        at = elf.header.e_phoff + k * elf.header.e_phentsize
        if segment.header.p_type == "PT_DYNAMIC":
            struct.pack_into("<I", data, at, 0)
        struct.pack_into("<QQ", data, at + 16, *[BASE + segment.header.p_vaddr] * 2)
    relocations = elf.get_section_by_name(".rela.dyn")
    for relocation in relocations.iter_relocations() if relocations else ():
        assert relocation.entry.r_info_type == relative
        (at,) = elf.address_offsets(relocation.entry.r_offset)
        struct.pack_into("<Q", data, at, BASE + relocation.entry.r_addend)
    return bytes(data)
