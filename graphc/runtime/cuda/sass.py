"""The machine code of kernels as text, and how many instructions of which kind are in it."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from graphc.errors import DeviceUnavailable
from graphc.runtime.cuda.toolkit import program

_SECTION = re.compile(r"^//-+ \.text\.(\S+)")
_INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]+\*/\s+(?:\{\s*)?(?:@!?\w+\s+)?([A-Z][A-Z0-9_]*)((?:\.\w+)*)(.*)")
_DIRECTIVE = re.compile(r"^\s*\.(section|align|global|type|size|other|weak|local|headerflags)\b|^\s*//")
_MOVES = ("LDG", "STG", "LD", "ST", "LDS", "STS", "LDL", "STL", "LDGSTS", "LDC", "ULDC", "LDCU")
_BITS = {"128": 128, "64": 64, "U16": 16, "S16": 16, "16": 16, "U8": 8, "S8": 8}  # of what they move; 32 if they do not say
_UNIFORM = ("UFFMA", "UFADD", "UFMUL", "UFMNMX", "UFSEL", "UFSET", "UFSETP")  # once for a warp
_KINDS = {
    "global memory": ("LDG", "STG", "LD", "ST", "LDGSTS", "ATOM", "ATOMG", "RED", "REDG", "UTMALDG", "UTMASTG", "UBLKCP", "CCTL"),
    "shared memory": ("LDS", "STS", "LDSM", "STSM", "ATOMS", "SYNCS"),
    "local memory": ("LDL", "STL"),
    "tensor cores": ("HMMA", "IMMA", "DMMA", "BMMA", "QMMA", "OMMA", "HGMMA", "IGMMA", "QGMMA", "BGMMA", "UTCHMMA", "UTCQMMA", "UTCIMMA"),
    "f32": ("FFMA", "FADD", "FMUL", "FMNMX", "FSEL", "FSET", "FSETP", "FCHK", "FSWZADD", "FRND", "FFMA2", "FADD2", "FMUL2", "FMNMX3", *_UNIFORM),
    "f64": ("DFMA", "DADD", "DMUL", "DSETP", "DMNMX"),
    "f16": ("HFMA2", "HADD2", "HMUL2", "HSET2", "HSETP2", "HMNMX2"),
    "functions": ("MUFU",),
    "conversions": ("F2F", "F2FP", "F2I", "F2IP", "I2F", "I2FP", "I2I", "I2IP"),
    "across a warp": ("SHFL", "VOTE", "VOTEU", "MATCH", "REDUX", "CREDUX", "WARPSYNC"),
    "barriers": ("BAR", "MEMBAR", "DEPBAR", "LDGDEPBAR", "ERRBAR", "FENCE", "WARPGROUP", "UCGABAR_ARV", "UCGABAR_WAIT"),
    "control": ("BRA", "BRX", "EXIT", "CALL", "RET", "BSSY", "BSYNC", "BREAK", "JMP", "YIELD", "NANOSLEEP"),
}  # everything else computes integers, addresses and conditions, or moves registers
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_OTHERS = "integers and moves"


@dataclass(frozen=True)
class Sass:
    """A kernel's machine code.

    Attributes:
        text: one instruction a line.
        counts: how often each instruction stands there, by name; those that move data have the bits that a thread moves
            (``LDG.128``).
    """

    kernel: str
    text: str
    counts: Counter[str]

    @property
    def kinds(self) -> dict[str, Counter[str]]:
        """The counts by what the instructions work on."""
        found: dict[str, Counter[str]] = {kind: Counter() for kind in (*_KINDS, _OTHERS)}
        for name, count in self.counts.items():
            found[_KIND_OF.get(name.partition(".")[0], _OTHERS)][name] += count
        return {kind: counts for kind, counts in found.items() if counts}

    def table(self) -> list[str]:
        """The counts as lines, one for each kind."""
        rows = [(kind, counts.total(), counts.most_common()) for kind, counts in self.kinds.items()]
        width = max((len(kind) for kind, _, _ in rows), default=0)
        return [
            f"{kind:{width}}  {total:5d}" + (f"  {', '.join(f'{name} {count}' for name, count in each)}" if kind != _OTHERS else "")
            for kind, total, each in rows
        ]


def disassemble(cubin: bytes) -> dict[str, Sass]:
    """The machine code of every kernel in a cubin, by name.

    Raises:
        DeviceUnavailable: there is no disassembler, or it is too old for this code.
    """
    tool = program("nvdisasm")
    if tool is None:
        raise DeviceUnavailable("there is no nvdisasm, which shows machine code: pip install 'graphc[cuda-tools]', or a CUDA toolkit")
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        done = subprocess.run([tool, "--print-code", file.name], capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise DeviceUnavailable(f"{Path(tool).name} cannot read this code: {done.stderr.strip() or done.stdout.strip()}")
    return read_listing(done.stdout)


def read_listing(listing: str) -> dict[str, Sass]:
    """The kernels of what ``nvdisasm --print-code`` prints."""
    bodies: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in listing.splitlines():
        section = _SECTION.match(line)
        if section:
            lines = bodies.setdefault(section[1], [])
        elif line.strip() and not _DIRECTIVE.match(line):
            lines.append(line.rstrip())
    return {name: Sass(name, "\n".join(lines), _counts(lines)) for name, lines in bodies.items()}


def _counts(lines: list[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in lines:
        instruction = _INSTRUCTION.match(line)
        if instruction and instruction[1] != "NOP":  # which fills up the end
            name, parts = instruction[1], instruction[2].split(".")
            if name == "HFMA2" and "-RZ, RZ" in instruction[3]:  # 0 * 0 and a constant
                name = "MOV"
            bits = next((_BITS[part] for part in parts if part in _BITS), 32)
            found[f"{name}.{bits}" if name in _MOVES else name] += 1
    return found
