"""What kernels need of a multiprocessor, as the compiler says in its log, and how many threads of them run on one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from graphc.ir.gpu import Gpu

_ENTRY = re.compile(r"Compiling entry function '(\S+)'")
_SUBJECT = re.compile(r"Function properties for (\S+)")
_STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")
_WARP = 32
_REGISTER_UNIT = 256  # registers of a warp are a multiple of it
_QUARTERS = 4  # of a multiprocessor, each with a fourth of its registers
_BLOCKS = {(7, 5): 16, (8, 6): 16, (8, 9): 24, (12, 0): 24}  # of a multiprocessor; 32 in the others
_SHARED_UNIT, _SYSTEM = 128, 1 << 10  # bytes of shared memory: their unit, and those of each block that the system takes
_MULTIPROCESSOR_SHARED = {(7, 5): 64 << 10}  # where it is not one block's at the most and the system's


@dataclass(frozen=True)
class Resources:
    """What a kernel needs, or a function that it calls.

    Attributes:
        registers: of a thread; None of a function that a kernel calls.
        stack, spill_stores, spill_loads: bytes of a thread in local memory.
        shared: bytes of a block whose place the compiler knows, beside what a launch adds.
    """

    name: str
    registers: int | None
    stack: int = 0
    spill_stores: int = 0
    spill_loads: int = 0
    shared: int = 0

    @property
    def spills(self) -> int:
        """Bytes that a thread moves to and from local memory as it has too few registers."""
        return self.spill_stores + self.spill_loads


@dataclass(frozen=True)
class Occupancy:
    """How much of a multiprocessor a kernel fills.

    Attributes:
        blocks: that run there at a time. warps: of these blocks; ``most`` would be possible.
        limit: what there would have to be more of: ``threads``, ``registers``, ``shared memory`` or ``blocks``.
    """

    blocks: int
    warps: int
    most: int
    limit: str

    @property
    def fraction(self) -> float:
        """Of the warps that would be possible."""
        return self.warps / self.most


def resources(log: str) -> dict[str, Resources]:
    """What each function of a module needs, by name, from what a compiler said with ``--ptxas-options=-v``."""
    found: dict[str, Resources] = {}
    entry = subject = None
    for line in log.splitlines():
        if match := _ENTRY.search(line):
            entry = subject = match[1]
        elif match := _SUBJECT.search(line):
            subject = match[1]
        elif (match := _STACK.search(line)) and subject:
            known = found.get(subject, Resources(subject, None))
            found[subject] = Resources(subject, known.registers, *map(int, match.groups()), known.shared)
        elif (match := _USED.search(line)) and entry:
            known, shared = found.get(entry, Resources(entry, None)), _SHARED.search(line)
            moved = (known.stack, known.spill_stores, known.spill_loads)
            found[entry] = Resources(entry, int(match[1]), *moved, int(shared[1]) if shared else 0)
    return found


def occupancy(gpu: Gpu, threads: int, registers: int, shared: int) -> Occupancy:
    """How many blocks run on a multiprocessor at a time, as NVIDIA's occupancy calculator counts them.

    Args:
        threads: of a block. registers: of a thread. shared: bytes of a block, all together.
    """
    warps = -(-threads // _WARP)
    most = gpu.block_threads // _WARP
    limits = dict(_limits(gpu, warps, most, registers, shared))
    limit = min(limits, key=limits.get)
    return Occupancy(limits[limit], limits[limit] * warps, most, limit)


def _limits(gpu: Gpu, warps: int, most: int, registers: int, shared: int) -> Iterator[tuple[str, int]]:
    """(what it is of, blocks at the most) for everything that blocks share."""
    yield "threads", most // warps
    yield "blocks", _BLOCKS.get(gpu.capability, 32)
    if registers:
        of_warp = -(-registers * _WARP // _REGISTER_UNIT) * _REGISTER_UNIT
        fitting = gpu.registers // _QUARTERS // of_warp * _QUARTERS
        whole = -(-warps // _QUARTERS) * _QUARTERS
        yield "registers", fitting // warps if of_warp * whole <= gpu.registers else 0
    system = _SYSTEM if gpu.capability >= (8, 0) else 0
    if shared + system:
        there = _MULTIPROCESSOR_SHARED.get(gpu.capability, gpu.shared_bytes + system)
        unit = _SHARED_UNIT if gpu.capability >= (8, 0) else 2 * _SHARED_UNIT
        taken = -(-(shared + system) // unit) * unit
        yield "shared memory", there // taken if shared <= gpu.shared_bytes else 0
