"""The builder with all that the formulas of ``codegen.scalar`` ask of it: every opcode, every native dtype and lane count."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from graphc.codegen.llvm import half
from graphc.codegen.llvm.builder import ATTRIBUTES, Builder, Value, element_type, register_type, suffix
from graphc.codegen.llvm.byte_products import byte_products
from graphc.codegen.scalar.primitives import primitive
from graphc.codegen.scalar.register import Register
from graphc.codegen.scalar.rounding import round_to_integral
from graphc.ir.dtype import DType, i64

__all__ = ["Builder", "Instructions", "Value", "element_type", "register_type"]

_ROUNDING = ("sse4", "neon", "simd128")  # features with floor, ceil, trunc and roundeven as instructions


class Instructions(Builder):
    """Writes finished instructions for scalar primitives; no optimiser runs after it."""

    def scalar(self, op: str, attrs: dict, *args: Value) -> Value:
        """One primitive applied lane by lane, as ``codegen.scalar.primitives`` tells."""
        return primitive(self, op, attrs, args)

    has_brain = False

    @property
    def has_half(self) -> bool:
        return half.has_half(self.target)

    def fuses(self, dtype: DType) -> bool:
        return self.target.fuses(dtype)

    def negate(self, x: Value) -> Value:
        return self.emit(f"fneg {x.operand}", x.dtype, x.lanes)

    def rounded(self, mode: str, x: Value) -> Value:
        if any(name in self.target.features for name in _ROUNDING):
            return self.intrinsic(mode, x)
        return round_to_integral(self, mode, x)

    def saturated(self, x: Value, dtype: DType) -> Value:
        name = "fptosi.sat" if dtype.kind == "i" else "fptoui.sat"
        return self.call(f"{name}.{suffix(dtype, x.lanes)}.{suffix(x.dtype, x.lanes)}", dtype, x)

    def half_to_float(self, x: Value) -> Value:
        return half.half_to_float(self, x)

    def float_to_half(self, x: Value) -> Value:
        return half.float_to_half(self, x)

    def byte_products(self, x: Value, y: Value, z: Value) -> Value | None:
        return byte_products(self, x, y, z)

    def rarely(self, name: str, x: Value, results: tuple[DType, DType], test: Callable, usual: Callable, rare: Callable) -> list[Value]:
        """A call of a function with a branch, taken where any lane needs it; the others keep what is usual."""
        lanes = x.lanes
        name = f"{name}_v{lanes}"
        kind = f"{{ {', '.join([register_type(dtype, lanes) for dtype in results])} }}"
        self.declared.add(self._with_branch(name, x, kind, test, usual, rare))
        both = f"%v{next(self.names)}"
        self.lines.append(f"  {both} = call {kind} @{name}({x.operand})")
        return [self.emit(f"extractvalue {kind} {both}, {k}", dtype, lanes) for k, dtype in enumerate(results)]

    def _with_branch(self, name: str, x: Value, kind: str, test: Callable, usual: Callable, rare: Callable) -> str:
        """The definition of such a function, with the few instructions for usual arguments first."""
        lines: list[str] = []
        inside = Instructions(self.target, lines, count(), self.declared)
        size, lanes = Register(inside, Value("%size", x.dtype, x.lanes)), x.lanes
        small = usual(size)
        far = test(size)
        branch = far.value.text
        if lanes > 1:
            bits = inside.emit(f"bitcast {far.value.operand} to i{lanes}", i64, 1).text
            lines.append(f"  %far = icmp ne i{lanes} {bits}, 0")
            branch = "%far"
        lines += [f"  br i1 {branch}, label %large, label %out", "large:"]
        large = [x.where(far, near) for x, near in zip(rare(size), small, strict=True)]
        lines += ["  br label %out", "out:"]
        for place, (near, far) in enumerate(zip(small, large, strict=True)):
            lines.append(f"  %r{place} = phi {far.value.type} [ {near.value.text}, %entry ], [ {far.value.text}, %large ]")
        first, second = [f"{x.value.type} %r{k}" for k, x in enumerate(large)]
        lines += [f"  %one = insertvalue {kind} poison, {first}, 0", f"  %both = insertvalue {kind} %one, {second}, 1"]
        head = f"define internal {kind} @{name}({x.type} %size) {ATTRIBUTES} {{"
        return "\n".join((head, "entry:", *lines, f"  ret {kind} %both", "}"))
