"""Single operations as statements of C++, for the bodies of device functions; the formulas are those of ``codegen.scalar``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from graphc.codegen.cuda.types import is_real, literal, signed_type, unsigned_type, value_type, wrapped
from graphc.codegen.scalar.primitives import primitive
from graphc.codegen.scalar.register import Register
from graphc.ir.dtype import DType, b1, bf16, f16, f32, i64

INLINE = "static __device__ __forceinline__"
_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_BITWISE = {"and": "&", "or": "|", "xor": "^"}
_PREDICATES = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_ROUNDINGS = {"roundeven": "rint", "floor": "floor", "ceil": "ceil", "trunc": "trunc"}


@dataclass(slots=True)
class Value:
    """A local constant or a literal. ``number`` is the value of a literal, None where it is not known."""

    text: str
    dtype: DType
    number: object = None
    lanes: int = 1


class Builder:
    """Appends statements to ``lines``; a ``codegen.scalar.builder.Builder`` for one lane.

    Attributes:
        lines: the statements, indented by two.
        declared: name -> text of what the module needs before: other functions and tables, in the order of their need.
    """

    has_half = has_brain = True

    def __init__(self, lines: list[str], names: Iterator[int], declared: dict[str, str]):
        self.lines = lines
        self.names = names
        self.declared = declared

    def scalar(self, op: str, attrs: dict, *args: Value) -> Value:
        """One primitive, as ``codegen.scalar.primitives`` tells."""
        return primitive(self, op, attrs, args)

    def emit(self, text: str, dtype: DType) -> Value:
        """Append ``const T name = text;`` and return the value."""
        name = f"v{next(self.names)}"
        self.lines.append(f"  const {value_type(dtype)} {name} = {text};")
        return Value(name, dtype)

    def fuses(self, dtype: DType) -> bool:
        return True

    def const(self, number, dtype: DType, lanes: int = 1) -> Value:
        if dtype.is_integer:
            number = wrapped(number, dtype)
        return Value(literal(number, dtype), dtype, number)

    def arithmetic(self, name: str, x: Value, y: Value) -> Value:
        sign = _OPERATORS[name]
        if is_real(x.dtype):
            return self.emit(f"{x.text} {sign} {y.text}", x.dtype)
        wide = "unsigned long long" if x.dtype.bits == 64 else "unsigned int"  # only unsigned integers wrap in C++
        if value_type(x.dtype) == wide:
            return self.emit(f"{x.text} {sign} {y.text}", x.dtype)
        return self.emit(f"({value_type(x.dtype)})(({wide}){x.text} {sign} ({wide}){y.text})", x.dtype)

    def binary(self, opcode: str, x: Value, y: Value) -> Value:
        kind, bits = value_type(x.dtype), unsigned_type(x.dtype)
        cast = "" if x.dtype.bits >= 32 or x.dtype is b1 else f"({kind})"
        if opcode in _BITWISE:
            inner = f"{x.text} {_BITWISE[opcode]} {y.text}"
            return self.emit(f"{cast}({inner})" if cast else inner, x.dtype)
        if opcode == "shl":
            return self.emit(f"({kind})(({bits}){x.text} << {y.text})", x.dtype)
        if opcode == "lshr":
            return self.emit(f"({kind})(({bits}){x.text} >> {y.text})", x.dtype)
        if opcode == "ashr":
            return self.emit(f"({kind})(({signed_type(x.dtype)}){x.text} >> {y.text})", x.dtype)
        signed = signed_type(x.dtype) if opcode == "sdiv" else bits
        return self.emit(f"({kind})(({signed}){x.text} / ({signed}){y.text})", x.dtype)

    def compare(self, predicate: str, x: Value, y: Value) -> Value:
        if predicate == "uno":
            return self.emit(f"{x.text} != {x.text}" if x.text == y.text else f"{x.text} != {x.text} || {y.text} != {y.text}", b1)
        if predicate == "one":
            return self.emit(f"{x.text} < {y.text} || {x.text} > {y.text}", b1)
        return self.emit(f"{x.text} {_PREDICATES[predicate]} {y.text}", b1)

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        return self.emit(f"{condition.text} ? {x.text} : {y.text}", x.dtype)

    def negate(self, x: Value) -> Value:
        return self.emit(f"-({x.text})" if x.number is not None else f"-{x.text}", x.dtype)

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        return self.emit(f"{real_function('fma', x.dtype)}({x.text}, {y.text}, {z.text})", x.dtype)

    def intrinsic(self, name: str, *args: Value) -> Value:
        dtype = args[0].dtype
        if name == "ctpop":
            count = "__popcll" if dtype.bits == 64 else "__popc"
            return self.emit(f"({value_type(dtype)}){count}(({unsigned_type(dtype)}){args[0].text})", dtype)
        return self.emit(f"{real_function(name, dtype)}({', '.join([x.text for x in args])})", dtype)

    def rounded(self, mode: str, x: Value) -> Value:
        return self.emit(f"{real_function(_ROUNDINGS[mode], x.dtype)}({x.text})", x.dtype)

    def convert(self, opcode: str, x: Value, dtype: DType) -> Value:
        text = x.text
        if opcode in ("sext", "zext") and dtype.is_integer and x.dtype is not b1:
            source = signed_type(x.dtype) if opcode == "sext" else unsigned_type(x.dtype)
            text = text if source == value_type(x.dtype) else f"({source}){text}"
        return self.emit(f"({value_type(dtype)}){text}", dtype)

    def saturated(self, x: Value, dtype: DType) -> Value:
        """Compared with the first floats outside of the range, whatever a conversion beyond it gives."""
        low = -(2 ** (dtype.bits - 1)) if dtype.kind == "i" else 0
        high = 2 ** (dtype.bits - (dtype.kind == "i")) - 1
        above = self.compare("ge", x, self.const(float(high + 1), x.dtype))
        below = self.compare("le", x, self.const(float(low), x.dtype))
        inside = f"{above.text} || {below.text} || {x.text} != {x.text}"
        edge = f"{above.text} ? {literal(high, dtype)} : {below.text} ? {literal(low, dtype)} : {literal(0, dtype)}"
        return self.emit(f"{inside} ? ({edge}) : ({value_type(dtype)}){x.text}", dtype)

    def reinterpret(self, x: Value, dtype: DType) -> Value:
        kind, source = value_type(dtype), value_type(x.dtype)
        if kind == source:
            return Value(x.text, dtype)
        if is_real(x.dtype):
            bits = f"__float_as_int({x.text})" if x.dtype is f32 else f"__double_as_longlong({x.text})"
            return self.emit(bits if dtype.kind == "i" else f"({kind}){bits}", dtype)
        if is_real(dtype):
            signed = signed_type(x.dtype)
            bits = x.text if signed == source else f"({signed}){x.text}"
            return self.emit(f"__int_as_float({bits})" if dtype is f32 else f"__longlong_as_double({bits})", dtype)
        return self.emit(f"({kind}){x.text}" if x.number is None else f"({kind})({x.text})", dtype)

    def half_to_float(self, x: Value) -> Value:
        return self.emit(f"gc_float_of_half({x.text})", f32)

    def float_to_half(self, x: Value) -> Value:
        return self.emit(f"gc_half_of_float({x.text})", f16)

    def float_to_brain(self, x: Value) -> Value:
        return self.emit(f"gc_brain_of_float({x.text})", bf16)

    def byte_products(self, x: Value, y: Value, z: Value) -> Value | None:
        return self.emit(f"gc_byte_products({x.text}, {y.text}, {z.text})", z.dtype)

    def load_table(self, name: str, words: tuple[int, ...], index: Value) -> Value:
        name = f"gc_{name.removeprefix('graphc_')}"
        rows = [", ".join(f"{literal(word, i64)}" for word in words[k : k + 4]) for k in range(0, len(words), 4)]
        body = ",\n  ".join(rows)
        self.declared.setdefault(name, f"static __device__ const long long {name}[{len(words)}] = {{\n  {body}\n}};\n")
        return self.emit(f"{name}[{index.text}]", i64)

    def rarely(self, name: str, x: Value, results: tuple[DType, DType], test: Callable, usual: Callable, rare: Callable) -> list[Value]:
        if name not in self.declared:
            self.declared[name] = self._with_branch(name, x.dtype, results, test, usual, rare)
        values = [Value(f"v{next(self.names)}", dtype) for dtype in results]
        self.lines += [f"  {value_type(v.dtype)} {v.text};" for v in values]
        self.lines.append(f"  {name}({x.text}, {', '.join([v.text for v in values])});")
        return values

    def _with_branch(self, name: str, dtype: DType, results: tuple, test: Callable, usual: Callable, rare: Callable) -> str:
        lines = [f"{INLINE} void {name}({value_type(dtype)} x, " + ", ".join(f"{value_type(r)}& r{k}" for k, r in enumerate(results)) + ") {"]
        inside = Builder(lines, count(), self.declared)
        x = Register(inside, Value("x", dtype))
        lines.append(f"  if ({test(x).value.text}) {{")
        lines += _branch(inside, rare, x)
        lines.append("  } else {")
        lines += _branch(inside, usual, x)
        return "\n".join((*lines, "  }", "}", ""))


def _branch(builder: Builder, maker: Callable, x: Register) -> list[str]:
    """The statements that give the results r0, r1 what a maker makes of ``x``."""
    around, builder.lines = builder.lines, []
    made = maker(x)
    lines = builder.lines + [f"  r{k} = {part.value.text};" for k, part in enumerate(made)]
    builder.lines = around
    return [f"  {line}" for line in lines]


def real_function(name: str, dtype: DType) -> str:
    """C's name of a function of f32 or f64."""
    return f"{name}f" if dtype is f32 else name
