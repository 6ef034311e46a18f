"""The host code in C for programs on CUDA devices: it loads the kernels, has the memory, and does the steps."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen.cuda_host.plan import Plan, arena_function, check_function, kernel_name, run_function
from graphc.codegen.cuda_host.header import ALIGNMENT, described
from graphc.codegen.cuda_host.sizes import Sizes
from graphc.codegen.cuda_host.template import ARITHMETIC, BASE, FUNCTIONS, RECORDING
from graphc.codegen.header import commented
from graphc.errors import CompileError
from graphc.ir.gpu import Gpu
from graphc.ir.program import Program, reasons_of
from graphc.ir.symbols import symbol_of


def cuda_source_text(plans: Sequence[Plan], entry: str, stem: str, name: str) -> str:
    """The C file for ``entry``.

    Args:
        plans: for all archs. stem: of the files beside it. name: of the model, for messages.

    Raises:
        CompileError: the programs are called differently, or do something that C cannot.
    """
    if any(_call(plan.program) != _call(plans[0].program) for plan in plans[1:]):
        raise CompileError(f"the programs of {name} for {described(plans)} are called differently, so they have no host code in common: compile them apart")
    signature, largest = plans[0].program.signature, max(gpu.largest for plan in plans for gpu in plan.archs)
    inputs, outputs = len(signature.inputs), len(signature.outputs)
    can_record = all(plan.can_be_recorded for plan in plans)
    names = {"entry": entry, "macro": entry.upper(), "stem": commented(stem), "header": f"{stem}.h", "name": _quoted(name), "has": described(plans),
             "inputs": inputs, "outputs": outputs, "kernels": max(1, *[len(plan.kernels) for plan in plans]), "align": ALIGNMENT}  # fmt: skip
    parts = [BASE.format(**names)]
    functions = _Functions()
    called = [functions.of(plan, number, entry) for number, plan in enumerate(plans)]
    body = "\n".join(functions.lines)
    measured = "\n".join(_measures(plans[0].program, entry))
    parts += [_constants(plans, largest if signature.symbols else None)]
    parts += [text for function, text in ARITHMETIC.items() if f"{function}(" in body + measured]
    steps = {function: text.format(**names) for function, text in FUNCTIONS["steps"].items()}
    parts += [text for function, text in steps.items() if f"{function}(" in body]
    parts += ["\n" + body, "\n", _tables(plans, called), measured]
    parts += [FUNCTIONS["handle"].format(**names), FUNCTIONS["run"].format(**names)]
    parts += [RECORDING.format(**names)] if can_record else []
    return "".join(parts)


def _call(program: Program) -> tuple:
    """All that who calls a program must know."""
    s = program.signature
    return s.inputs, s.outputs, s.symbols, s.donated, program.checks, reasons_of(program)


def _constants(plans: Sequence[Plan], largest: int | None) -> str:
    """What the plans share, and where their kernels and constants are."""
    lines = [f"#define LARGEST INT64_C({largest}) /* bytes of an array */", ""] if largest is not None else []
    for symbol in dict.fromkeys(name for plan in plans for name in (plan.image, plan.constants if len(plan.program.constants) else "") if name):
        lines.append(f"extern const unsigned char {symbol}[];")
    for number, plan in enumerate(plans):
        names = ", ".join(kernel_name(number, kernel) for kernel in plan.kernels)
        lines += ["", f"/* The kernels of program {number}, for {', '.join(gpu.arch for gpu in plan.archs)}. */"]
        lines += [f"enum {{ {names} }};"] if names else []
        rows = [f'  {{"{symbol_of(kernel)}", {shared}}},' for kernel, shared in plan.kernels.items()]
        lines += [f"static const Kernel kernels{number}[] = {{", *(rows or ["  {NULL, 0},"]), "};"]
    return "\n".join([*lines, ""])


class _Functions:
    """The functions of all plans; what two have in common is there once."""

    def __init__(self):
        self.lines: list[str] = []
        self._names: dict[tuple[str, ...], str] = {}

    def of(self, plan: Plan, number: int, entry: str) -> str:
        """The functions of a plan, as its row names them."""
        check = self._named("check", number, check_function(plan, number)) if plan.program.signature.symbols else "NULL"
        arena = self._named("arena", number, arena_function(plan, number))
        self.lines += run_function(plan, number, entry)
        return f"{check}, {arena}, run{number}"

    def _named(self, kind: str, number: int, lines: list[str]) -> str:
        found = self._names.setdefault((kind, *lines[1:]), f"{kind}{number}")
        self.lines += lines if found == f"{kind}{number}" else []
        return found


def _tables(plans: Sequence[Plan], called: Sequence[str]) -> str:
    """The programs, and which of them serves which device."""
    rows = []
    for number, (plan, functions) in enumerate(zip(plans, called)):
        constants = plan.constants if len(plan.program.constants) else "NULL"
        rows.append(f"  {{{plan.image}, {constants}, {len(plan.program.constants)}, {len(plan.kernels)}, kernels{number}, {functions}}},")
    archs = [(gpu, number) for number, plan in enumerate(plans) for gpu in plan.archs]
    codes = [f"  {{{_number(gpu)}, {'EXACT' if gpu.is_exact else 'FAMILY'}, {number}}},  /* {gpu.arch} */" for gpu, number in sorted(archs, key=_preference)]
    texts = sorted([(plan.text, number) for number, plan in enumerate(plans) if plan.text is not None], key=_preference)
    codes += [f"  {{{_number(gpu)}, NEWER, {number}}},  /* PTX */" for gpu, number in texts]
    return "\n".join(["static const Plan plans[] = {", *rows, "};", "",
                      "/* Which program a device runs: the first of these that fits. */",
                      "static const Code codes[] = {", *codes, "};", ""])  # fmt: skip


def _number(gpu: Gpu) -> int:
    return 10 * gpu.capability[0] + gpu.capability[1]


def _preference(one: tuple[Gpu, int]) -> tuple:
    gpu, _ = one
    return (not gpu.is_exact, -_number(gpu))


def _measures(program: Program, entry: str) -> list[str]:
    """The functions that tell the sizes of arrays."""
    signature, arrays = program.signature, Sizes(program.signature.symbols)
    bytes_of = [(p, arrays.bare(p.type.size * p.type.dtype.size)) for p in (*signature.inputs, *signature.outputs)]
    given = arrays.declarations or ["(void)dims;"]
    lines = ["", "/* Bytes of all inputs and then all outputs. */",
             "static void measure(const int64_t *dims, int64_t *bytes) {", *[f"  {line}" for line in given]]  # fmt: skip
    lines += [f"  bytes[{k}] = {text};  /* {commented(p.name)} */" for k, (p, text) in enumerate(bytes_of)]
    shapes = Sizes(signature.symbols)
    sizes = [shapes.bare(d) for p in signature.outputs for d in p.type.shape]
    given = [*shapes.declarations, *([] if sizes else ["(void)sizes;"])]
    given += [] if shapes.declarations else ["(void)dims;"]
    lines += ["}", "", f"void {entry}_shapes(const int64_t *dims, int64_t *sizes) {{", *[f"  {line}" for line in given]]
    lines += [f"  sizes[{k}] = {text};" for k, text in enumerate(sizes)]
    owner = dict(signature.donated)
    owners = ", ".join(str(owner.get(k, -1)) for k in range(len(signature.outputs)))
    state = ", ".join(str(int(k in owner.values())) for k in range(len(signature.inputs)))
    return [*lines, "}", "", "/* The input that an output is written over, or -1; and which inputs these are. */",
            f"static const int owner[] = {{{owners or '-1'}}};", f"static const bool is_state[] = {{{state or '0'}}};", ""]  # fmt: skip


def _quoted(text: str) -> str:
    """Text inside a literal of C."""
    return commented(text).replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?").replace("%", "%%")
