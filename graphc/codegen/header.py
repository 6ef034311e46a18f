"""C headers for compiled programs: the prototypes and what the arguments mean."""

from __future__ import annotations

import re

from graphc.errors import CompileError
from graphc.ir.program import Param, Signature

_C_TYPES = {
    "b1": "bool", "i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t",
    "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "f16": "_Float16 (IEEE half)",
    "bf16": "uint16_t (bfloat16)", "f32": "float", "f64": "double", "c64": "float _Complex", "c128": "double _Complex",
}  # fmt: skip


def header_text(signature: Signature, entry: str) -> str:
    """The header of a program compiled under the name ``entry``.

    Constants live in the file that is shipped with the object; ``constants`` points to its first byte.

    Raises:
        CompileError: ``entry`` is no C identifier.
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", entry, re.ASCII):
        raise CompileError(f"{entry!r} is no name of a C function")
    guard = entry.upper() + "_H"
    lines = [f"/* {entry}: made by graphc. */", f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>", "",
             "#ifdef __cplusplus", 'extern "C" {', "#endif", ""]  # fmt: skip
    if signature.symbols:
        lines += ["/* dims: the sizes left open at compile time."]
        lines += [f" *   dims[{k}]  {name}" for k, name in enumerate(signature.symbols)] + [" */", ""]
    lines += ["/* inputs:", *_places("inputs", signature.inputs), " * outputs:", *_places("outputs", signature.outputs)]
    donated = dict(signature.donated)
    lines += [f" *   outputs[{o}] must be the same memory as inputs[{i}]" for o, i in donated.items()]
    lines += [" * Arrays are row-major, dense, aligned to their elements, and 64 bytes from each start are readable.",
              " * constants: aligned to 64 bytes.",
              " * arena: scratch memory, aligned to 64 bytes, not shared by concurrent calls.",
              " * Returns 0. */",
              f"int32_t {entry}(const void *const *inputs, void *const *outputs, const int64_t *dims,",
              f"        {' ' * len(entry)} const void *constants, void *arena);", ""]  # fmt: skip
    if type(signature.arena) is int:
        lines += [f"#define {entry.upper()}_ARENA {signature.arena}", ""]
    lines += ["/* Bytes of scratch memory for these dims. */", f"int64_t {entry}_arena(const int64_t *dims);", "",
              "/* Writes the dimensions of all outputs, one output after the other. */",
              f"void {entry}_shapes(const int64_t *dims, int64_t *shapes);", "",
              "#ifdef __cplusplus", "}", "#endif", "", f"#endif /* {guard} */", ""]  # fmt: skip
    return "\n".join(lines)


def _places(name: str, params: tuple[Param, ...]) -> list[str]:
    lines = []
    for k, param in enumerate(params):
        sizes = "".join(f"[{d}]" for d in param.type.shape)
        kind = _C_TYPES.get(param.type.dtype.short, param.type.dtype.short)
        label = param.name.replace("*/", "* /").replace("\n", " ")
        lines.append(f" *   {name}[{k}]  {label}: {kind} {sizes}".rstrip())
    return lines
