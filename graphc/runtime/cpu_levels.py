"""What the levels of x86-64 processors ask for: features by their names in /proc/cpuinfo, and where ``cpuid`` tells of them."""

from __future__ import annotations

FEATURES = {  # name -> (leaf, register, bit)
    "pni": (1, "ecx", 0), "ssse3": (1, "ecx", 9), "fma": (1, "ecx", 12), "cx16": (1, "ecx", 13), "sse4_1": (1, "ecx", 19),
    "sse4_2": (1, "ecx", 20), "movbe": (1, "ecx", 22), "popcnt": (1, "ecx", 23), "avx": (1, "ecx", 28), "f16c": (1, "ecx", 29),
    "bmi1": (7, "ebx", 3), "avx2": (7, "ebx", 5), "bmi2": (7, "ebx", 8), "avx512f": (7, "ebx", 16), "avx512dq": (7, "ebx", 17),
    "avx512cd": (7, "ebx", 28), "avx512bw": (7, "ebx", 30), "avx512vl": (7, "ebx", 31), "avx512_vnni": (7, "ecx", 11),
    "lahf_lm": (0x80000001, "ecx", 0), "abm": (0x80000001, "ecx", 5),
}  # fmt: skip
_V2 = frozenset({"pni", "ssse3", "cx16", "sse4_1", "sse4_2", "popcnt", "lahf_lm"})
_V3 = _V2 | {"avx", "avx2", "fma", "bmi1", "bmi2", "f16c", "movbe", "abm"}
_V4 = _V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
LEVELS = {  # name of a target -> its features; the best first, and each runs the code of all that follow
    "x86-64-v4-vnni": _V4 | {"avx512_vnni"},
    "x86-64-v4": _V4,
    "x86-64-v3": _V3,
    "x86-64-v2": _V2,
    "x86-64": frozenset(),
}
