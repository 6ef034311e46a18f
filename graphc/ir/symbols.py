"""What kernels for GPUs are called in a module: their names in the IR, where C++ takes them."""

from __future__ import annotations

import re

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TAKEN = re.compile(r"gc_|__|_[A-Z]")  # beginnings that belong to the prelude and to compilers
_KEYWORDS = frozenset("""
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl const constexpr
const_cast continue decltype default delete do double dynamic_cast else enum explicit export extern false float for friend
goto if inline int long main mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template this thread_local
throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
threadIdx blockIdx blockDim gridDim warpSize fma fmaf fabs fabsf sqrt sqrtf rint rintf floor floorf ceil ceilf trunc truncf
copysign copysignf linux unix
""".split())
_ESCAPED = "named_"


def is_identifier(name: str) -> bool:
    """Whether C++ takes a name, and neither compilers nor the emitter's own functions begin theirs like it."""
    return _IDENTIFIER.match(name) is not None and not _TAKEN.match(name) and name not in _KEYWORDS


def symbol_of(name: str) -> str:
    """The symbol of a kernel in a module, which no other name of a kernel has."""
    if is_identifier(name) and not name.startswith(_ESCAPED):
        return name
    return _ESCAPED + "".join(c if c.isascii() and c.isalnum() else "".join(f"_x{b:02x}" for b in c.encode()) for c in name)
