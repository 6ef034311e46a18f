"""The C header of programs for CUDA devices: the functions of the host code, and what to pass."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen.cuda_host.plan import Plan
from graphc.codegen.header import answers, argument_rows, array_constants, commented, donations
from graphc.ir.program import reasons_of

ALIGNMENT = 64  # of arrays on a device, which kernels rely on
LARGEST = "64 TiB"


def cuda_header_text(plans: Sequence[Plan], entry: str, stem: str) -> str:
    """The header for ``entry``.

    Args:
        plans: for all archs, of one signature. stem: of the files beside it.
    """
    program, macro = plans[0].program, entry.upper()
    signature = program.signature
    lines = [f"/* {entry}: made by graphc. It runs on CUDA devices: {described(plans)}.",
             f" * Compile {commented(stem)}.c, with a CUDA toolkit's cuda.h, and link it with {commented(stem)}_data.o and -lcuda. */",
             f"#ifndef {macro}_H", f"#define {macro}_H", "", "#include <cuda.h>", "#include <stdint.h>", "",
             "#ifdef __cplusplus", 'extern "C" {', "#endif", "",
             f"#define {macro}_INPUTS {len(signature.inputs)}",
             f"#define {macro}_OUTPUTS {len(signature.outputs)}",
             f"#define {macro}_DIMS {len(signature.symbols)}",
             f"#define {macro}_SIZES {sum(p.type.rank for p in signature.outputs)}",
             f"#define {macro}_ALIGN {ALIGNMENT} /* bytes, of arrays on a device */",
             f"#define {macro}_FAILED (-1) /* what a function answers where CUDA refuses something: see {entry}_error */",
             *array_constants(signature, macro), *donations(signature, macro), "",
             "/* A model on a device: its code, its constants, its scratch memory. One thread uses it at a time; what it is",
             " * asked for on several streams must not overlap, as there is one scratch memory. */",
             f"typedef struct {entry} {entry};", "",
             "/* Loads the model on a device, counted from 0 as CUDA_VISIBLE_DEVICES leaves them. Returns 0, or where it",
             f" * fails {macro}_FAILED, with *handle NULL. */",
             f"int32_t {entry}_open({entry} **handle, int device);", "",
             "/* Frees all of it, once the device has done what it was asked for. NULL is allowed. */",
             f"void {entry}_close({entry} *handle);", "",
             "/* What went wrong last; of opening, in this thread, for NULL. */",
             f"const char *{entry}_error(const {entry} *handle);", "",
             f"/* Writes {macro}_SIZES numbers: the sizes of all axes of all outputs, one output after the other. */",
             f"void {entry}_shapes(const int64_t *dims, int64_t *sizes);", "",
             *_host_comment(plans, macro),
             f"int32_t {entry}_run_host({entry} *handle, const void *const *inputs, void *const *outputs, const int64_t *dims);", "",
             *_run_comment(plans, entry),
             f"int32_t {entry}_run({entry} *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims,",
             f"            {' ' * len(entry)} CUstream stream);", "",
             f"/* Waits for what {entry}_run and {entry}_replay were given without a stream. Returns 0 or {macro}_FAILED. */",
             f"int32_t {entry}_wait({entry} *handle);", ""]  # fmt: skip
    if all(plan.can_be_recorded for plan in plans):
        lines += [f"/* Records a run with these arrays as a CUDA graph, without doing it; {entry}_replay does it, in one call, as often",
                  " * as it is asked to. The arrays must stay where they are. A later recording, or a run with sizes that need more",
                  " * scratch memory, ends its life. They answer as a run does. */",
                  f"int32_t {entry}_record({entry} *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims);",
                  f"int32_t {entry}_replay({entry} *handle, CUstream stream);", ""]  # fmt: skip
    lines += ["#ifdef __cplusplus", "}", "#endif", "", f"#endif /* {macro}_H */", ""]
    return "\n".join(lines)


def described(plans: Sequence[Plan]) -> str:
    """Which GPUs the plans have code for, in words."""
    archs = ", ".join(gpu.arch for plan in plans for gpu in plan.archs)
    texts = [plan.text.arch for plan in plans if plan.text is not None]
    return archs + (f", and by PTX those newer than {texts[0]}" if texts else "")


def _host_comment(plans: Sequence[Plan], macro: str) -> list[str]:
    """What ``run_host`` does with its arguments."""
    program = plans[0].program
    lines = ["/* Runs the model on arrays of the host, and waits until it is done.", " *", *argument_rows(program.signature)]
    lines += [] if program.signature.symbols else [" *   dims        NULL: every size is fixed"]
    lines += [" * Arrays are row-major and dense. outputs[k] may be NULL: it stays on the device."]
    if program.signature.donated:
        pairs = ", ".join(f"outputs[{o}] is inputs[{i}]" for o, i in program.signature.donated)
        lines += [" * State lives on the device: an input that an output is written over is brought there once, and may be NULL from the",
                  f" * second run on, which then goes on with what the one before left ({macro}_DONATED: {_short(pairs)})."]  # fmt: skip
    return [*lines, " *", *answers(program.signature, program.checks, reasons_of(program), LARGEST)]


def _run_comment(plans: Sequence[Plan], entry: str) -> list[str]:
    """What ``run`` does beside."""
    macro, donated = entry.upper(), plans[0].program.signature.donated
    lines = [f"/* The same with arrays on the device, which begin at multiples of {macro}_ALIGN bytes as cuMemAlloc's do: the run is put on",
             f" * a stream and goes on after this returns; NULL is a stream of the handle, see {entry}_wait."]  # fmt: skip
    lines += [" * An output must be the same memory as the input that it is written over."] if donated else []
    if not all(plan.can_be_recorded for plan in plans):
        lines += [" * Where values decide what is done next, it waits for them, so that this cannot be captured."]
    return [*lines, f" * Answers what {entry}_run_host does. */"]


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: text.rfind(",", 0, most)] + ", ..."
