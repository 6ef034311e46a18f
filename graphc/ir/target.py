"""Targets: what the machine that code is made for can do. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.dtype import DType
from graphc.ir.machine import DEFAULT, Machine


@dataclass(frozen=True)
class Target:
    """A CPU family.

    Attributes:
        vector_bits: width of one vector register; 0 for a machine without vectors.
        registers: number of vector registers.
        fma: fused multiply-add in hardware. Without it ``fma`` is a multiplication and an addition; see ``fuses``.
        masks: predicated loads and stores in hardware.
        bytes: how sums of products of four neighbouring bytes (``madd4``) are made: ``vnni`` (one instruction), ``madd``
            (products of 16-bit pairs), or nothing (32-bit arithmetic). All give the same integers.
        pointer_bits: width of an address.
        double: arithmetic of f64 in hardware; without it there is no fma of f64 either.
        threads: whether there is a system that starts threads.
        machine: what schedules assume beside that. Lowering alone looks at it.
    """

    name: str
    triple: str
    cpu: str
    features: str
    vector_bits: int
    registers: int
    fma: bool
    masks: bool = False
    bytes: str = ""
    pointer_bits: int = 64
    double: bool = True
    threads: bool = True
    machine: Machine = DEFAULT

    def lanes(self, dtype: DType) -> int:
        """Elements of ``dtype`` in one vector register; 1 for a machine without vectors."""
        return max(1, self.vector_bits // max(dtype.bits, 8))

    def fuses(self, dtype: DType) -> bool:
        """Whether ``fma`` of a float type is rounded once."""
        return self.fma and (self.double or dtype.bits < 64)

    @property
    def is_wasm(self) -> bool:
        """Whether its code is WebAssembly; that of all others is in ELF files."""
        return self.triple.startswith("wasm")

    @property
    def largest(self) -> int:
        """Bytes of the largest array that programs for it take."""
        return 1 << (46 if self.pointer_bits == 64 else 31)


_V2 = "+sse4.2,+popcnt,+cx16,+sahf"
_V3 = "+avx2,+fma,+bmi,+bmi2,+f16c,+lzcnt,+movbe,+popcnt,+cx16,+sse4.2"
_V4 = _V3 + ",+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl,+evex512"

X86_64_V2 = Target("x86-64-v2", "x86_64-unknown-linux-gnu", "x86-64-v2", _V2, 128, 16, False, bytes="madd")
X86_64_V3 = Target("x86-64-v3", "x86_64-unknown-linux-gnu", "x86-64-v3", _V3, 256, 16, True, bytes="madd")
X86_64_V4 = Target("x86-64-v4", "x86_64-unknown-linux-gnu", "x86-64-v4", _V4, 512, 32, True, True, "madd")
X86_64_VNNI = Target(
    "x86-64-v4-vnni", "x86_64-unknown-linux-gnu", "x86-64-v4", _V4 + ",+avx512vnni", 512, 32, True, True, "vnni"
)
AARCH64 = Target("aarch64", "aarch64-unknown-linux-gnu", "generic", "+neon", 128, 32, True)
X86_64 = Target("x86-64", "x86_64-unknown-linux-gnu", "x86-64", "", 0, 16, False)
RISCV64 = Target("riscv64", "riscv64-unknown-linux-gnu", "generic-rv64", "+m,+a,+f,+d,+c", 0, 32, True)
WASM32 = Target(
    "wasm32", "wasm32-unknown-unknown", "generic", "+simd128,+bulk-memory,+sign-ext,+nontrapping-fptoint", 128, 16, False,
    pointer_bits=32, threads=False,
)  # fmt: skip
# LLVM takes a triple of three parts for a system that has no EABI, and calls helpers by other rules.
THUMBV7EM = Target(
    "thumbv7em", "thumbv7em-unknown-none-eabihf", "cortex-m4", "+vfp4d16sp", 0, 32, True,
    pointer_bits=32, double=False, threads=False,
)  # fmt: skip

TARGETS = {
    t.name: t
    for t in (X86_64, X86_64_V2, X86_64_V3, X86_64_V4, X86_64_VNNI, AARCH64, RISCV64, WASM32, THUMBV7EM)
}
