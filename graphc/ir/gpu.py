"""GPUs: what the device that kernels are made for can do. Data only."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphc.ir.machine import DEFAULT, Machine
from graphc.ir.target import X86_64, Target

CUDA, EMULATED = "cuda", "cuda-emulated"  # kinds of devices, and what names of targets begin with


@dataclass(frozen=True)
class Gpu:
    """A family of CUDA devices.

    Attributes:
        name: of the target, such as ``cuda:sm_90a``, or ``cuda-emulated:sm_90a`` where a C++ compiler makes the kernels
            into code for the CPU.
        arch: as compilers call it.
        capability: the least compute capability of a device that runs the code, as (major, minor). Code for an arch that
            ends in ``a`` runs on devices of that very capability.
        shared_bytes: shared memory of one block at the most.
        block_threads: threads of a multiprocessor at the most.
        registers: 32-bit registers of a multiprocessor.
        multiprocessors: of a large device of the family; schedules make that many blocks, several times over.
        machine: what the nests of CPUs assume, where they are used.
        tf32: tensor cores may make products of f32, whose operands they round to 11 bits.
    """

    name: str
    arch: str
    capability: tuple[int, int]
    shared_bytes: int
    block_threads: int
    multiprocessors: int
    registers: int = 1 << 16
    machine: Machine = DEFAULT
    tf32: bool = False

    @property
    def is_emulated(self) -> bool:
        """Whether its kernels run on the CPU, to be tested."""
        return self.name.startswith(EMULATED)

    @property
    def is_exact(self) -> bool:
        """Whether its code runs on devices of its very capability alone."""
        return self.arch.endswith("a")

    def runs_on(self, capability: tuple[int, int]) -> bool:
        """Whether devices of a compute capability run its code: those of its own generation from its capability on."""
        if self.is_exact:
            return capability == self.capability
        return capability[0] == self.capability[0] and capability >= self.capability

    @property
    def has_async_copies(self) -> bool:
        """``cp.async`` and ``mma.sync`` of bf16 and tf32."""
        return self.capability >= (8, 0)

    @property
    def has_warpgroups(self) -> bool:
        """``wgmma`` and TMA with its barriers."""
        return self.arch == "sm_90a"

    @property
    def scalar(self) -> Target:
        """A CPU without vectors: nests that are made for it suit a thread."""
        return replace(_THREAD, machine=self.machine)

    @property
    def largest(self) -> int:
        """Bytes of the largest array that programs for it take."""
        return 1 << 46


_THREAD = replace(X86_64, name="thread", fma=True)
_ARCHS = (
    ("sm_75", (7, 5), 64 << 10, 1024, 40),
    ("sm_80", (8, 0), 163 << 10, 2048, 108),
    ("sm_86", (8, 6), 99 << 10, 1536, 84),
    ("sm_89", (8, 9), 99 << 10, 1536, 128),
    ("sm_90", (9, 0), 227 << 10, 2048, 132),
    ("sm_90a", (9, 0), 227 << 10, 2048, 132),
    ("sm_100", (10, 0), 227 << 10, 2048, 148),
    ("sm_120", (12, 0), 99 << 10, 1536, 170),
)  # shared memory and threads: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"
GPUS = {f"{kind}:{arch[0]}": Gpu(f"{kind}:{arch[0]}", *arch) for kind in (CUDA, EMULATED) for arch in _ARCHS}
