"""Names of an IR as identifiers of C++."""

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


def symbol_of(name: str) -> str:
    """The name of a kernel in a module, which no other name of a kernel has."""
    if _IDENTIFIER.match(name) and not _TAKEN.match(name) and name not in _KEYWORDS and "_x" not in name:
        return name
    return "k_" + "".join(c if c.isascii() and c.isalnum() else "".join(f"_x{b:02x}" for b in c.encode()) for c in name)


class Names:
    """Identifiers of one kernel, each for one name of the IR."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._used: set[str] = set()
        self._counts: dict[str, int] = {}

    def of(self, name: str) -> str:
        """The identifier for a name; the name itself where it is one."""
        found = self._of.get(name)
        if found is None:
            plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
            if not _IDENTIFIER.match(plain) or _TAKEN.match(plain) or plain in _KEYWORDS:
                plain = f"v_{plain.lstrip('_')}"
            found = plain
            number = 1
            while found in self._used:
                number += 1
                found = f"{plain}_{number}"
            self._used.add(found)
            self._of[name] = found
        return found

    def fresh(self, stem: str) -> str:
        """An identifier that nothing has: the stem and a number."""
        while True:
            number = self._counts.get(stem, 0)
            self._counts[stem] = number + 1
            if f"{stem}{number}" not in self._used:
                self._used.add(f"{stem}{number}")
                return f"{stem}{number}"
