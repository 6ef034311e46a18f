"""An example in C for a program on a CUDA device: arrays of the host, a run, and the first elements of its results."""

from __future__ import annotations

from graphc.codegen.example import RAMPED, STEPS, element_counts, helpers, pointers, results, word
from graphc.codegen.header import commented
from graphc.ir.program import Signature

_START = """\
/* An example for {header}; its first argument is the number of the device:
 *   cc -std=c11 {source} {main} {data} -lcuda        with -I and -L for the folders of cuda.h and libcuda.so
 * It is made anew whenever the model is compiled: copy it before you change it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "{header}"

static void *block(int64_t bytes) {{
  void *memory = calloc(1, (size_t)bytes + 1);
  if (!memory) {{
    fprintf(stderr, "no memory for %lld bytes\\n", (long long)bytes);
    exit(1);
  }}
  return memory;
}}
"""


def cuda_example_text(signature: Signature, entry: str, stem: str) -> str:
    """The example for the program ``entry``, in files of this stem; it does what that for CPUs does."""
    macro, donated = entry.upper(), {i: o for o, i in signature.donated}
    owner = dict(signature.donated)
    source, main, data = (word(f"{stem}{ending}") for ending in (".c", "_main.c", "_data.o"))
    parts = [_START.format(header=f"{stem}.h", source=source, main=main, data=data), *helpers(signature)]
    lines = ["", "int main(int argc, char **argv) {"]
    if signature.symbols:
        lines += [f"  int64_t dims[{macro}_DIMS];  /* {commented(', '.join(signature.symbols))} */",
                  f"  for (int k = 0; k < {macro}_DIMS; ++k) dims[k] = argc > k + 2 ? atoll(argv[k + 2]) : 1;"]  # fmt: skip
    else:
        lines += ["  const int64_t *dims = NULL;  /* every size is fixed */"]
    given, counts = element_counts(signature, entry)
    lines += [*given, ""]
    for k, param in enumerate(signature.inputs):
        name, short = f"input{k}", param.type.dtype.short
        what = f"{commented(param.name)}: written over by outputs[{donated[k]}]" if k in donated else commented(param.name)
        lines.append(f"  void *{name} = block({counts[name]} * {macro}_{name.upper()}_ITEM);  /* {what} */")
        if k not in donated and short in RAMPED:
            lines.append(f"  fill_{short}({name}, {counts[name]});")
    for k, param in enumerate(signature.outputs):
        memory = f"input{owner[k]}" if k in owner else f"block({counts[f'output{k}']} * {macro}_OUTPUT{k}_ITEM)"
        lines.append(f"  void *output{k} = {memory};  /* {commented(param.name)} */")
    lines += [pointers("const void *inputs", "input", len(signature.inputs)),
              pointers("void *outputs", "output", len(signature.outputs)), "",
              f"  {entry} *handle;",
              f"  if ({entry}_open(&handle, argc > 1 ? atoi(argv[1]) : 0)) {{",
              f'    fprintf(stderr, "%s\\n", {entry}_error(NULL));', "    return 1;", "  }"]  # fmt: skip
    call = [f"int32_t code = {entry}_run_host(handle, inputs, outputs, dims);", "if (code) {",
            f'  fprintf(stderr, "{entry} answered %ld, see %s: %s\\n", (long)code, "{stem}.h", {entry}_error(handle));', "  return 1;", "}"]  # fmt: skip
    if donated:
        call += [f"for (int k = 0; k < {len(donated)}; ++k) inputs[state[k][1]] = NULL;  /* from here on that on the device goes on */"]
        lines += [f"  static const int state[][2] = {macro}_DONATED;", ""]
        call = [f"for (int turn = 0; turn < {STEPS}; ++turn) {{", *[f"  {line}" for line in call], "}"]
    lines += [f"  {line}" for line in call]
    lines += [f"  {entry}_close(handle);", *results(signature, counts), ""]
    frees = [f"input{k}" for k in range(len(signature.inputs))] + [f"output{k}" for k in range(len(signature.outputs)) if k not in owner]
    lines += [*[f"  free({name});" for name in frees], "  return 0;", "}", ""]
    return "".join(parts) + "\n".join(lines)
