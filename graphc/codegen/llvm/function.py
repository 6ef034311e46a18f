"""One LLVM function being written: its scopes, the values they hold, mutable state, and the finished text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from graphc.codegen.llvm.builder import ATTRIBUTES, Value
from graphc.codegen.llvm.instructions import Instructions
from graphc.errors import CompileError
from graphc.ir.target import Target

INLINE = "inline"  # part of the enclosing text: one copy of an unrolled body, one chunk of a vector loop
LOOP = "loop"  # runs many times: what does not depend on it is written in front of it
STEPS = "steps"  # the loop over the chunks of a vector loop, whose iterations are independent
GUARD = "guard"  # runs only if a loop has iterations: loads that the loop needs may be hoisted into it
BRANCH = "branch"  # runs under a condition: what is needed only here is written here

UNDEFINED = "poison"  # the text of a value nobody may look at

_PLAIN = re.compile(r"[A-Za-z0-9_.]+\Z")


class Text:
    """Finished lines and the label of the basic block that is still open at their end."""

    __slots__ = ("lines", "label")

    def __init__(self, label: str):
        self.lines: list[str] = []
        self.label = label


class Scope:
    """A region of a function; ``owned`` are the memo keys that end with it."""

    __slots__ = ("kind", "text", "owned")

    def __init__(self, kind: str, text: Text):
        self.kind = kind
        self.text = text
        self.owned: list = []


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """What an index variable stands for in a scope: ``base + offset + lane * (number of the lane)``. Made by ``binding``."""

    depth: int
    base: bool
    offset: int
    lane: int


@lru_cache(4096)
def binding(depth: int, base: bool, offset: int = 0, lane: int = 0) -> Binding:
    """The Binding of these numbers; equal ones are identical, so that what was found out under one holds for the other."""
    return Binding(depth, base, offset, lane)


class Function:
    """Where instructions go and which values already exist.

    A pure value is written in the outermost scope where its operands exist: the text of an outer scope may be continued
    while an inner loop is still being written, which places code in front of that loop.

    Attributes:
        builder: writes instructions into the text of the current place.
        memo: key -> (value, depth of the scope from which on it exists, whether it is pure).
        state: mutable values by key: a Let's variable, or (register array, element).
        bindings: loop variable -> Binding.
        lanes: lanes of the vector loop being written, 1 outside.
        mask: b1 lanes that are on, None for all.
    """

    def __init__(self, target: Target, names: Iterator[int], declared: set[str]):
        self.target = target
        self.names = names
        self.entry = Text("entry")
        self.frame: list[str] = []
        self.scopes = [Scope(LOOP, self.entry)]
        self.builder = Instructions(target, self.entry.lines, names, declared)
        self.memo: dict[object, tuple[Value, int, bool]] = {}
        self.passing: list = []
        self.state: dict[object, Value] = {}
        self.unread: set[str] = set()
        self.bindings: dict = {}
        self.lanes = 1
        self.mask: Value | None = None

    # ------------------------------------------------------------------------------------------ scopes

    @property
    def depth(self) -> int:
        """Number of the innermost scope."""
        return len(self.scopes) - 1

    @property
    def text(self) -> Text:
        return self.scopes[-1].text

    def open(self, kind: str, text: Text | None = None) -> Scope:
        """Enter a scope: inline in the current text, or with a text of its own."""
        scope = Scope(kind, text or self.scopes[-1].text)
        self.scopes.append(scope)
        self.builder.lines = scope.text.lines
        return scope

    def close(self) -> Scope:
        """Leave the innermost scope; its values are forgotten, its text stays with the caller."""
        scope = self.scopes.pop()
        for key in scope.owned:
            self.memo.pop(key, None)
        self.forget()
        self.builder.lines = self.scopes[-1].text.lines
        return scope

    def here(self) -> None:
        """Continue in the innermost scope."""
        self.builder.lines = self.scopes[-1].text.lines

    def place(self, depth: int) -> int:
        """Continue in the scope of this depth, or in the branch that needs the value; returns the depth chosen."""
        scopes = self.scopes
        while depth + 1 < len(scopes) and scopes[depth + 1].kind == BRANCH:
            depth += 1
        self.builder.lines = scopes[depth].text.lines
        return depth

    def fresh(self, stem: str) -> str:
        """A name no other label or value has."""
        return f"{stem}{next(self.names)}"

    # ------------------------------------------------------------------------------------------ values

    def keep(self, key, value: Value, depth: int, until: int | None = None) -> Value:
        """Remember a pure value until the scope it stands in ends, or the deeper one ``until``."""
        self.memo[key] = (value, depth, True)
        self.scopes[depth if until is None else until].owned.append(key)
        return value

    def keep_passing(self, key, value: Value) -> None:
        """Remember a value that is good for the present statement only."""
        self.memo[key] = (value, len(self.scopes) - 1, False)
        self.passing.append(key)

    def forget(self) -> None:
        """A statement ends: values read from memory or mutable state are no longer good."""
        if self.passing:
            for key in self.passing:
                self.memo.pop(key, None)
            self.passing.clear()

    def splat(self, value: Value, lanes: int, depth: int) -> Value:
        """A scalar of this depth in every lane, made once."""
        if value.lanes == lanes:
            return value
        key = (value.text, value.dtype, lanes)
        found = self.memo.get(key)
        if found is not None:
            return found[0]
        if value.number is not None:
            return self.keep(key, self.builder.const(value.number, value.dtype, lanes), 0)
        depth = self.place(depth)
        return self.keep(key, self.builder.splat(value, lanes), depth)

    def read(self, key) -> Value:
        """The present value of a mutable key."""
        value = self.state[key]
        self.unread.discard(value.text)
        return value

    def put(self, line: str) -> None:
        """Append a line that makes no value."""
        self.text.lines.append(line)

    # ---------------------------------------------------------------------------------------- finished

    def allocate(self, size: int) -> str:
        """The pointer to ``size`` bytes of the stack frame, aligned to 64."""
        name = f"%s{next(self.names)}"
        self.frame.append(f"  {name} = alloca [{max(size, 64)} x i8], align 64")
        return name

    def finish(self, head: str, result: str = "ret void") -> str:
        """The text of the function; ``head`` is everything up to the attributes."""
        lines = [f"{head} {ATTRIBUTES} {{", "entry:", *self.frame, *self.entry.lines, f"  {result}", "}", ""]
        return "\n".join(lines)


def quoted(prefix: str, name: str) -> str:
    """``prefix`` and ``name`` as an LLVM identifier without its sigil."""
    if _PLAIN.match(name):
        return prefix + name
    escaped = "".join(c if _PLAIN.match(c) else "".join(f"\\{b:02X}" for b in c.encode()) for c in name)
    return f'"{prefix}{escaped}"'


def joined(function: Function, arms: list[tuple[str, dict]], keys) -> list[str]:
    """The phis where arms meet; the merged values become the present ones.

    Args:
        arms: pairs (label at the end of the arm, values there).
    """
    lines = []
    for key in keys:
        values = [values[key] for _, values in arms]
        first = values[0]
        if all(v.text == first.text for v in values):
            function.state[key] = first
            continue
        function.unread.difference_update([v.text for v in values])
        lanes = max(v.lanes for v in values)
        if any(v.lanes != lanes for v in values):
            raise CompileError(f"{key} has other lanes in one branch than in the other")
        parts = ", ".join(f"[ {v.text}, %{label} ]" for (label, _), v in zip(arms, values))
        name = f"%v{next(function.names)}"
        lines.append(f"  {name} = phi {first.type} {parts}")
        function.state[key] = Value(name, first.dtype, lanes)
    return lines
