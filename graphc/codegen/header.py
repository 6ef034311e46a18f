"""C headers for programs that stand alone: the prototypes and what the arguments mean."""

from __future__ import annotations

import math
import re

from graphc.errors import CompileError
from graphc.ir.node import symbol_name
from graphc.ir.program import Param, Signature
from graphc.ir.target import X86_64, Target

_C_TYPES = {
    "b1": "bool", "i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t",
    "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "f16": "_Float16 (IEEE half)",
    "bf16": "uint16_t (bfloat16)", "f8e4m3": "uint8_t (float8_e4m3fn)", "f8e5m2": "uint8_t (float8_e5m2)",
    "f32": "float", "f64": "double", "c64": "float _Complex", "c128": "double _Complex",
}  # fmt: skip
ARENA_ALIGN = 64
_PAIRS = 10  # on a line
_DTYPES = {  # name in C, and the number that ONNX has for it in TensorProto.DataType
    "f32": ("FLOAT", 1), "u8": ("UINT8", 2), "i8": ("INT8", 3), "u16": ("UINT16", 4), "i16": ("INT16", 5),
    "i32": ("INT32", 6), "i64": ("INT64", 7), "b1": ("BOOL", 9), "f16": ("FLOAT16", 10), "f64": ("DOUBLE", 11),
    "u32": ("UINT32", 12), "u64": ("UINT64", 13), "c64": ("COMPLEX64", 14), "c128": ("COMPLEX128", 15),
    "string": ("STRING", 8), "bf16": ("BFLOAT16", 16), "f8e4m3": ("FLOAT8E4M3FN", 17), "f8e5m2": ("FLOAT8E5M2", 19),
}  # fmt: skip


def header_text(
    signature: Signature, entry: str, checks=(), reasons=(), threads: bool = True, separate: bool = False, target: Target = X86_64
) -> str:
    """The header of a program that stands alone under the name ``entry``: prototypes, sizes, and what to pass.

    Args:
        checks: the Requirements on sizes that the program tests, in order.
        reasons: pairs of a message and a line, for which it ends a run, in order.
        separate: whether its constants are in a file of their own.
        threads: whether it may use several, so that there are functions to say how many.
        target: whose addresses limit its arrays.

    Raises:
        CompileError: ``entry`` is no C identifier.
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", entry, re.ASCII):
        raise CompileError(f"{entry!r} is no name of a C function")
    macro = entry.upper()
    arena = signature.arena if type(signature.arena) is int else None
    link = "Link the .o, .a or .so beside this file, with -lpthread for old C libraries"
    link = link if target.threads else f"Link the .o or .a beside this file into programs for {target.name}"
    lines = [f"/* {entry}: made by graphc. {link}. */",
             f"#ifndef {macro}_H", f"#define {macro}_H", "", "#include <stdint.h>", "",
             "#ifdef __cplusplus", 'extern "C" {', "#endif", "",
             f"#define {macro}_INPUTS {len(signature.inputs)}",
             f"#define {macro}_OUTPUTS {len(signature.outputs)}",
             f"#define {macro}_DIMS {len(signature.symbols)}",
             f"#define {macro}_SIZES {sum(p.type.rank for p in signature.outputs)}"]  # fmt: skip
    lines += [f"#define {macro}_ARENA {arena}"] if arena is not None else []
    lines += [f"#define {macro}_ARENA_ALIGN {ARENA_ALIGN}", *array_constants(signature, macro), *donations(signature, macro)]
    lines += ["", *_run_comment(signature, arena, checks, reasons, target),
              f"int32_t {entry}(const void *const *inputs, void *const *outputs,",
              f"        {' ' * len(entry)} const int64_t *dims, void *arena);", "",
              "/* Bytes of scratch memory that a call with these dims needs. */",
              f"int64_t {entry}_arena(const int64_t *dims);", "",
              f"/* Writes {macro}_SIZES numbers: the sizes of all axes of all outputs, one output after the other. */",
              f"void {entry}_shapes(const int64_t *dims, int64_t *sizes);", "",
              "/* Whether this processor has every instruction that these files may use: 1 or 0. Where it answers 0, no other",
              " * function of them may be called: an illegal instruction would end the program. */",
              f"int32_t {entry}_supported(void);", ""]  # fmt: skip
    lines += _init_function(entry) if separate else []
    lines += _thread_functions(entry) if threads else []
    lines += ["#ifdef __cplusplus", "}", "#endif", "", f"#endif /* {macro}_H */", ""]
    return "\n".join(lines)


def _init_function(entry: str) -> list[str]:
    return ["/* To be called before the first run, with the content of the .weights file, at a multiple of 64 bytes as mmap",
            " * gives it; it must stay there, and is only read. Returns 0; 1 if it is cut off or not at such a place; 2 if these",
            f" * are the weights of another model. Until it has returned 0, {entry} returns -1. It compares the digest in the",
            " * file with the one that was compiled in, and does not compute it anew. */",
            f"int32_t {entry}_init(const void *weights, int64_t size);", ""]  # fmt: skip


def _thread_functions(entry: str) -> list[str]:
    return ["/* Uses up to this many threads from now on, the calling one included; without it, one per processor",
              " * online. The result has the same bits with any number. Threads start with the first call that has",
              " * enough work, and belong to all graphc programs in this executable or library. Keep it loaded. */",
              f"void {entry}_threads(int32_t threads);", "",
              "/* To be called in a child made by fork() before the programs of this file are used there. */",
              f"void {entry}_after_fork(void);", ""]  # fmt: skip


def fixed_elements(param: Param) -> int | None:
    """How many elements an array has; None if that depends on a symbol."""
    return math.prod(param.type.shape) if all(type(d) is int for d in param.type.shape) else None


def array_constants(signature: Signature, macro: str) -> list[str]:
    """What a caller needs of each array to provide the memory for it."""
    params = [(f"{macro}_INPUT{k}", p) for k, p in enumerate(signature.inputs)]
    params += [(f"{macro}_OUTPUT{k}", p) for k, p in enumerate(signature.outputs)]
    if not params:
        return []
    numbers = [f"#define GRAPHC_{name} {number}" for name, number in _DTYPES.values()]
    lines = ["", "/* Types of elements; the numbers are those of ONNX. */", "#ifndef GRAPHC_FLOAT", *numbers, "#endif", "",
             "/* Each array: type of its elements, bytes of one, number of axes; all elements and bytes if its sizes are fixed. */"]  # fmt: skip
    for name, param in params:
        kind, elements = param.type.dtype, fixed_elements(param)
        lines += [f"#define {name}_DTYPE GRAPHC_{_DTYPES[kind.short][0]}", f"#define {name}_ITEM {kind.size}",
                  f"#define {name}_RANK {param.type.rank}"]  # fmt: skip
        if elements is not None:
            lines += [f"#define {name}_ELEMENTS {elements}", f"#define {name}_BYTES {elements * kind.size}"]
    return lines


def donations(signature: Signature, macro: str) -> list[str]:
    """The pairs of an output and the input that it is written over, for a loop that gives all of them their memory."""
    pairs = [f"{{{o}, {i}}}" for o, i in signature.donated]
    if not pairs:
        return []
    rows = [", ".join(pairs[k : k + _PAIRS]) for k in range(0, len(pairs), _PAIRS)]
    return ["", "/* What is written over what, {output, input}: the initialiser of an array int[][2]. */",
            f"#define {macro}_DONATED {{" + ", \\\n    ".join(rows) + "}"]  # fmt: skip


def _run_comment(signature: Signature, arena: int | None, checks, reasons, target: Target) -> list[str]:
    """What the arguments of a run mean."""
    lines = [
        "/* Runs the program. Any number of threads may call it at a time, each with outputs and an arena of its own.",
        " *",
    ]
    lines += argument_rows(signature)
    lines += [
        f" *   outputs[{o}] must be the same memory as inputs[{i}]; it is written over." for o, i in signature.donated
    ]
    lines += [] if signature.symbols else [" *   dims        NULL: every size is fixed"]
    scratch = "NULL: none is needed" if arena == 0 else f"scratch memory, aligned to {ARENA_ALIGN} bytes"
    lines += [f" *   arena       {scratch}", " *",
              " * Arrays are row-major and dense. Inputs and outputs need only the alignment of their elements, but",
              " * 64 bytes from the start of each must be readable, also where it is smaller. Only donated inputs are",
              " * written.",
              " *"]  # fmt: skip
    return [*lines, *answers(signature, checks, reasons, "64 TiB" if target.pointer_bits == 64 else "2 GiB")]


def argument_rows(signature: Signature) -> list[str]:
    """Lines of a comment that say what each array and each size is."""
    rows = [(f"inputs[{k}]", p.name, _place(p)) for k, p in enumerate(signature.inputs)]
    rows += [(f"outputs[{k}]", p.name, _place(p)) for k, p in enumerate(signature.outputs)]
    rows += [(f"dims[{k}]", name, f"size of {_uses(signature, name)}") for k, name in enumerate(signature.symbols)]
    width = max([len(commented(name)) for _, name, _ in rows], default=0)
    return [f" *   {head:10s}  {commented(name):{width}s}  {text}" for head, name, text in rows]


def answers(signature: Signature, checks, reasons, most: str) -> list[str]:
    """The end of a comment: what a run answers. ``most`` is the size of the largest array."""
    sizes = [check.message for check in checks] + [f"with these sizes a value would have more than {most}"]
    told = [*enumerate(sizes, 1)] if signature.symbols else []
    values = [(code, message) for code, (message, _) in enumerate(reasons, len(checks) + 2)]
    if not told and not values:
        return [" * Returns 0. */"]
    lines = []
    if told:
        lines.append(" * Returns 0; or, if it refuses the sizes in dims, one of these, with nothing computed:")
        lines += [f" *   {code}  {commented(reason)}" for code, reason in told]
    if values:
        begin = "Or" if told else "Returns 0; or"
        lines.append(f" * {begin}, if values are not as they must be, one of these, with no donated input changed")
        lines.append(" * and outputs that mean nothing:")
        lines += [f" *   {code}  {commented(reason)}" for code, reason in values]
    return [*lines, " */"]


def _uses(signature: Signature, name: str) -> str:
    """The first axis that has this symbol as its size."""
    for k, param in enumerate(signature.inputs):
        for axis, d in enumerate(param.type.shape):
            if symbol_name(d) == name:
                return f"axis {axis} of inputs[{k}]"
    return "no input"


def _place(param: Param) -> str:
    sizes = "".join([f"[{d}]" for d in param.type.shape])
    kind = _C_TYPES.get(param.type.dtype.short, param.type.dtype.short)
    return commented(f"{kind} {sizes}".rstrip())


def commented(text: str) -> str:
    """Text as it may stand in a comment of C: it neither ends that, nor begins another, nor leaves its line."""
    return "".join([c if c.isprintable() else " " for c in text]).replace("*/", "* /").replace("/*", "/ *")
