"""Device functions for scalar primitives, one per opcode and dtype, each made once per module."""

from __future__ import annotations

from itertools import count

from graphc.codegen.cuda.builder import INLINE, Builder, Value
from graphc.codegen.cuda.names import needed
from graphc.codegen.cuda.types import value_type
from graphc.ir.dtype import DType


class Functions:
    """The device functions that a module's kernels call.

    Attributes:
        texts: name -> definition, each after what it needs.
    """

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def name(self, op: str, attrs: dict, operands: tuple[DType, ...], number: object = None) -> str:
        """The function for one opcode on these dtypes, such as ``gc_exp_f32``; made where it is not there yet.

        Args:
            number: the value of the last operand where it is a literal, which is no parameter then: divisors and exponents
                that are known have shorter formulas.

        Raises:
            CompileError: there is no such opcode for these operands.
        """
        name = f"gc_{op}_" + "_".join([d.short for d in ([attrs["dtype"]] if "dtype" in attrs else []) + list(operands[-1:])])
        if number is not None:
            name += f"_{'m' if number < 0 else ''}{abs(number)}"
        if name not in self.texts:
            self._make(name, op, attrs, operands, number)
        return name

    def _make(self, name: str, op: str, attrs: dict, operands: tuple[DType, ...], number: object) -> None:
        lines: list[str] = []
        builder = Builder(lines, count(), self.texts)
        parameters = [Value(letter, dtype) for letter, dtype in zip("xyz", operands)]
        args = list(parameters)
        if number is not None:
            parameters.pop()
            args[-1] = builder.const(number, operands[-1])
        result = builder.scalar(op, attrs, *args)
        head = ", ".join([f"{value_type(p.dtype)} {p.text}" for p in parameters])
        lines = needed(lines, {result.text})
        lines = [f"{INLINE} {value_type(result.dtype)} {name}({head}) {{", *lines, f"  return {result.text};", "}", ""]
        self.texts[name] = "\n".join(lines)

    def fold(self, combine: str, dtype: DType, size: int) -> str:
        """The function that combines the elements of a register array: the second half on the first, and so on."""
        name = f"gc_fold_{combine}_{dtype.short}_{size}"
        if name not in self.texts:
            lines: list[str] = []
            builder = Builder(lines, count(), self.texts)
            result = builder.scalar(combine, {}, Value("part[k]", dtype), Value("part[k + half]", dtype))
            kind, text = value_type(dtype), [f"template <class A> {INLINE} {value_type(dtype)} {name}(const A& from) {{"]
            text += [f"  {kind} part[{size}];", "#pragma unroll", f"  for (int k = 0; k < {size}; ++k) part[k] = from[k];"]
            half = size // 2
            while half:
                text += ["#pragma unroll", f"  for (int k = 0; k < {half}; ++k) {{", f"    const int half = {half};"]
                text += [f"  {line}" for line in lines] + [f"    part[k] = {result.text};", "  }"]
                half //= 2
            self.texts[name] = "\n".join((*text, "  return part[0];", "}", ""))
        return name
