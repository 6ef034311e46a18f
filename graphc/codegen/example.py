"""An example in C for a program that stands alone: memory for its arrays, a call, and the first elements of its results."""

from __future__ import annotations

import re
import shlex

from graphc.codegen.header import commented, fixed_elements
from graphc.ir.dtype import DType
from graphc.ir.node import symbol_name
from graphc.ir.program import Signature
from graphc.ir.target import X86_64, Target

OWN_NAMES = re.compile(
    r"argc|argv|arena|block|code|count|data|dims|file|inputs|load_weights|k|main|memory|name|outputs|size|sizes|turn"
    r"|(in|out)put\d+(_elements)?|(fill|show)_[a-z]+\d\w*"
)  # what no program can be called that has an example
STEPS = 3  # of a program that writes its state over, such as a step of training
_SHOWN = 8
_BUILD = "cc -std=c11 {file} {library} -lpthread"
_BUILD_BARE = "arm-none-eabi-gcc -mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16 --specs=rdimon.specs -std=c11 {file} {library} -lm"
_START = """\
/* An example for {header}: {build}
 * It is made anew whenever the model is compiled: copy it before you change it. */
{include}#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "{header}"

/* Zeros, aligned as an arena must be; never less than the 64 bytes that must be readable. */
static void *block(int64_t bytes) {{
  size_t size = ((size_t)bytes + {macro}_ARENA_ALIGN) / {macro}_ARENA_ALIGN * {macro}_ARENA_ALIGN;
  void *memory = {allocate}({macro}_ARENA_ALIGN, size);
  if (!memory) {{
    fprintf(stderr, "no memory for %lld bytes\\n", (long long)bytes);
    exit(1);
  }}
  return memset(memory, 0, size);
}}
"""
_RAMP = """
/* 0, 0.1, 0.2, ..., 0.9, 0, ...: put your own numbers here. */
static void fill_{short}({c} *data, int64_t count) {{
  for (int64_t k = 0; k < count; ++k) data[k] = ({c})(k % 10) * ({c})0.1;
}}
"""
_SHOW = """
static void show_{short}(const char *name, const void *data, int64_t count) {{
  printf("%s:", name);
  for (int64_t k = 0; k < count && k < {shown}; ++k) printf({form});
  printf(count > {shown} ? " ...\\n" : "\\n");
}}
"""
_LOAD = """
/* Reads the weights; a system with mmap can map the file instead. */
static void load_weights(void) {{
  FILE *file = fopen("{stem}.weights", "rb");
  if (!file || fseek(file, 0, SEEK_END)) {{
    perror("{stem}.weights");
    exit(1);
  }}
  long size = ftell(file);
  void *memory = block(size);
  rewind(file);
  if (size < 0 || fread(memory, 1, (size_t)size, file) != (size_t)size || {entry}_init(memory, size)) {{
    fprintf(stderr, "%s: not the weights of {entry}\\n", "{stem}.weights");
    exit(1);
  }}
  fclose(file);
}}
"""
RAMPED = {"f32": "float", "f64": "double"}


def example_text(
    signature: Signature, entry: str, stem: str, separate: bool = False, library: str = "", target: Target = X86_64
) -> str:
    """The example for the program that stands alone under the name ``entry``, in files of this stem.

    Inputs of floats hold a ramp, others zeros; symbolic sizes are the arguments of the command, 1 if they are not given.
    A program that writes over its inputs is called several times.

    Args:
        library: the stem of its header and library, if that is another.
    """
    library = library or stem
    macro = entry.upper()
    donated = {i: o for o, i in signature.donated}
    ramps = _ramps(signature)
    owned = {o for o, _ in signature.donated}
    parts = [_start(stem, library, macro, target)]
    parts += helpers(signature)
    parts += [_LOAD.format(entry=entry, stem=stem)] if separate else []
    lines = ["", "int main(int argc, char **argv) {", f"  if (!{entry}_supported()) {{",
             f'    fprintf(stderr, "{entry} was compiled for another processor than this one\\n");', "    return 1;", "  }"]  # fmt: skip
    if signature.symbols:
        lines += [f"  int64_t dims[{macro}_DIMS];  /* {commented(', '.join(signature.symbols))} */",
                  f"  for (int k = 0; k < {macro}_DIMS; ++k) dims[k] = argc > k + 1 ? atoll(argv[k + 1]) : 1;"]  # fmt: skip
    else:
        lines += ["  const int64_t *dims = NULL;  /* every size is fixed */", "  (void)argc, (void)argv;"]
    lines += ["  load_weights();"] if separate else []
    given, counts = element_counts(signature, entry)
    lines += given
    lines.append("")
    for k, param in enumerate(signature.inputs):
        name = f"input{k}"
        short = param.type.dtype.short
        what = f"{commented(param.name)}: written over by outputs[{donated[k]}]" if k in donated else commented(param.name)
        lines.append(f"  void *{name} = block({counts[name]} * {macro}_{name.upper()}_ITEM);  /* {what} */")
        if k not in donated and short in ramps:
            lines.append(f"  fill_{short}({name}, {counts[name]});")
    inputs_of = dict(signature.donated)
    for k in range(len(signature.outputs)):
        name = f"output{k}"
        memory = f"input{inputs_of[k]}" if k in owned else f"block({counts[name]} * {macro}_{name.upper()}_ITEM)"
        lines.append(f"  void *{name} = {memory};  /* {commented(signature.outputs[k].name)} */")
    lines += [f"  void *arena = block({entry}_arena(dims));",
              pointers("const void *inputs", "input", len(signature.inputs)),
              pointers("void *outputs", "output", len(signature.outputs)), ""]  # fmt: skip
    call = [f"int32_t code = {entry}(inputs, outputs, dims, arena);", "if (code) {",
            f'  fprintf(stderr, "{entry} answered %ld, see %s\\n", (long)code, "{library}.h");', "  return 1;", "}"]  # fmt: skip
    if owned:
        call = [f"for (int turn = 0; turn < {STEPS}; ++turn) {{  /* each step goes on with what the one before left */",
                *[f"  {line}" for line in call], "}"]  # fmt: skip
    lines += [f"  {line}" for line in call]
    lines += [*results(signature, counts), ""]
    frees = [f"input{k}" for k in range(len(signature.inputs))]
    frees += [f"output{k}" for k in range(len(signature.outputs)) if k not in owned] + ["arena"]
    lines += [*[f"  free({name});" for name in frees], "  return 0;", "}", ""]
    return "".join(parts) + "\n".join(lines)


def helpers(signature: Signature) -> list[str]:
    """The functions that fill inputs and show outputs."""
    shown = {p.type.dtype.short: p.type.dtype for p in signature.outputs}
    found = [_RAMP.format(short=short, c=RAMPED[short]) for short in sorted(_ramps(signature))]
    return found + [_SHOW.format(short=short, form=_form(shown[short]), shown=_SHOWN) for short in sorted(shown)]


def _ramps(signature: Signature) -> set[str]:
    """Types of inputs that are filled."""
    donated = {i for _, i in signature.donated}
    return {p.type.dtype.short for k, p in enumerate(signature.inputs) if k not in donated} & set(RAMPED)


def element_counts(signature: Signature, entry: str) -> tuple[list[str], dict[str, str]]:
    """Declarations of the numbers of elements that depend on ``dims``, and all numbers in C, by the names of arrays."""
    macro, lines, counts, at = entry.upper(), [], {}, 0
    if any(fixed_elements(p) is None for p in signature.outputs):
        lines += [f"  int64_t sizes[{macro}_SIZES];", f"  {entry}_shapes(dims, sizes);"]
    for kind, params in (("input", signature.inputs), ("output", signature.outputs)):
        for k, param in enumerate(params):
            name = f"{kind}{k}"
            if fixed_elements(param) is not None:
                counts[name] = f"{macro}_{name.upper()}_ELEMENTS"
            else:
                inward = kind == "input"
                axes = [_axis(signature, d) if inward else f"sizes[{at + a}]" for a, d in enumerate(param.type.shape)]
                counts[name] = f"{name}_elements"
                lines.append(f"  int64_t {name}_elements = {' * '.join(axes)};")
            at += param.type.rank if kind == "output" else 0
    return lines, counts


def results(signature: Signature, counts: dict[str, str]) -> list[str]:
    """The calls that show all outputs."""
    lines = []
    for k, param in enumerate(signature.outputs):
        text = commented(param.name).replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
        lines.append(f'  show_{param.type.dtype.short}("{text}", output{k}, {counts[f"output{k}"]});')
    return lines


def _start(stem: str, library: str, macro: str, target: Target) -> str:
    """What an example begins with: how to compile it, and the memory for arrays."""
    build = (_BUILD if target.threads else _BUILD_BARE).format(file=word(f"{stem}_main.c"), library=word(f"{library}.a"))
    # The aligned_alloc of newlib, the usual library there, cannot be linked.
    include, allocate = ("", "aligned_alloc") if target.threads else ("#include <malloc.h>\n", "memalign")
    return _START.format(header=f"{library}.h", build=build, macro=macro, include=include, allocate=allocate)


def word(file: str) -> str:
    """A file in this folder as the shell and a compiler take it, also if it begins with a dash."""
    return shlex.quote(f"./{file}" if file.startswith("-") else file)


def _axis(signature: Signature, size) -> str:
    """A size of an input, which is a number or a plain symbol, in C."""
    return str(size) if type(size) is int else f"dims[{signature.symbols.index(symbol_name(size))}]"


def pointers(what: str, kind: str, many: int) -> str:
    """An array of pointers to all inputs or outputs; C has no empty array."""
    return f"  {what}[] = {{{', '.join([f'{kind}{k}' for k in range(many)]) or 'NULL'}}};"


def _form(kind: DType) -> str:
    """The arguments of printf for element k of ``data``."""
    size = 8 * kind.size
    if kind.short in RAMPED:
        digits = 9 if kind.short == "f32" else 17
        return f'" %.{digits}g", (double)((const {RAMPED[kind.short]} *)data)[k]'
    if kind.is_complex:
        c = "float" if kind.short == "c64" else "double"
        return f'" %g%+gi", (double)((const {c} *)data)[2 * k], (double)((const {c} *)data)[2 * k + 1]'
    if kind.kind == "i":
        return f'" %lld", (long long)((const int{size}_t *)data)[k]'
    if kind.kind in "ub":
        return f'" %llu", (unsigned long long)((const uint{size}_t *)data)[k]'
    return f'" 0x%0{size // 4}llx", (unsigned long long)((const uint{size}_t *)data)[k]'  # the bits of a float that C has no type for
