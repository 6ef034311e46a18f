"""The steps of a program as functions in C that call CUDA's driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from graphc.codegen.cuda_host.sizes import Sizes
from graphc.codegen.header import commented
from graphc.errors import CompileError
from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.program import Branch, Buffer, Copy, Launch, Program, Refuse, Repeat, flat
from graphc.ir.sizes import symbols_in
from graphc.ir.symbols import symbol_of
from graphc.ir.tensor_map import argument_places

_WIDTH = 110
_MAPPED = {dt.f16: "FLOAT16", dt.bf16: "BFLOAT16"}  # types of tensor maps, as CUDA calls them


@dataclass(frozen=True)
class Plan:
    """A program, and what runs it.

    Attributes:
        archs: the GPUs that its image has machine code for.
        text: the GPU for which it has PTX, which the driver compiles for newer ones; None if it has none.
        image, constants: names of its kernels' code and of its constants in C.
    """

    program: Program
    archs: tuple[Gpu, ...]
    text: Gpu | None
    image: str
    constants: str

    @property
    def kernels(self) -> dict[str, int]:
        """The kernels that it launches, and the most bytes of shared memory that a block of each needs."""
        found: dict[str, int] = {}
        for step in flat(self.program.steps):
            if isinstance(step, Launch):
                found[step.kernel] = max(step.shared, found.get(step.kernel, 0))
        return found

    @property
    def can_be_recorded(self) -> bool:
        """Whether a device goes through the steps without the host: no value decides what is done."""
        steps = list(flat(self.program.steps))
        counters = {s.counter for s in steps if isinstance(s, Repeat)}
        rows = {b.place[1][1] for b in self.program.buffers if b.place[0] == "row"}
        return rows <= counters and all(isinstance(s, Launch | Copy) or (isinstance(s, Repeat) and s.condition is None) for s in steps)


def check_function(plan: Plan, number: int) -> list[str]:
    """``check<number>``: 0, or the number of the first check that sizes break; one more than all where a value would be too large."""
    program = plan.program
    symbols, end = program.signature.symbols, len(program.checks) + 1
    sizes = Sizes(symbols, guarded=True)
    tests = [f"  if (!{sizes.text(check.condition)}) return {k};  /* {commented(check.message)} */" for k, check in enumerate(program.checks, 1)]
    known = symbols_in(tuple([p.type for p in program.signature.inputs])).keys()
    open_types = dict.fromkeys(b.type for b in program.buffers if not b.type.is_static and symbols_in(b.type).keys() <= known)
    bytes_of = dict.fromkeys(sizes.bare(t.size * max(1, t.dtype.size)) for t in open_types)
    fits = " && ".join([f"{text} <= LARGEST" for text in bytes_of]) or "true"
    lines = [f"static int32_t check{number}(const int64_t *dims) {{",
             f"  for (int k = 0; k < {len(symbols)}; ++k)",
             f"    if ((uint64_t)dims[k] > LARGEST) return {end};",
             "  bool over = false;", *[f"  {line}" for line in sizes.declarations], *tests]  # fmt: skip
    return [*lines, *_joined(f"  const bool fits = {fits};"), f"  return fits && !over ? 0 : {end};", "}", ""]


def arena_function(plan: Plan, number: int) -> list[str]:
    """``arena<number>``: bytes of scratch memory that a run needs."""
    sizes = Sizes(plan.program.signature.symbols)
    value = sizes.bare(plan.program.signature.arena)
    given = [f"  {line}" for line in sizes.declarations] or ["  (void)dims;"]
    return [f"static int64_t arena{number}(const int64_t *dims) {{", *given, f"  return {value};", "}", ""]


def run_function(plan: Plan, number: int, handle: str) -> list[str]:
    """``run<number>``: all steps, put on a stream.

    Raises:
        CompileError: a step cannot be done from C.
    """
    return _Steps(plan, number).function(handle)


class _Steps:
    """Writes the function for one program."""

    def __init__(self, plan: Plan, number: int):
        self.program, self.number = plan.program, number
        self.sizes = Sizes(plan.program.signature.symbols)
        self.buffers = {b.name: b for b in plan.program.buffers}
        self.numbers = {name: k for k, name in enumerate(self.buffers)}
        self.donated = dict(plan.program.signature.donated)
        self.places: dict[str, str] = {}  # declarations of addresses, by the names of buffers
        self.counters: dict[str, str] = {}  # variables of loops, by the buffers that hold their values
        self.fresh = 0
        self.lines: list[str] = []

    def function(self, handle: str) -> list[str]:
        self.do(self.program.steps, "  ")
        given = [*self.sizes.declarations, *self.places.values()]
        text = "\n".join([*given, *self.lines])
        unused = [name for name in ("dims", "inputs", "outputs") if f"{name}[" not in text]
        unused += [name for name, use in (("handle", "handle"), ("stream", "stream)")) if use not in text]
        head = f"static int32_t run{self.number}({handle} *handle, const int64_t *dims, const CUdeviceptr *inputs,"
        rest = " " * head.index("(") + " const CUdeviceptr *outputs, CUstream stream) {"
        passed = [f"  (void){', (void)'.join(unused)};"] if unused else []
        return [head, rest, *passed, *[f"  {line}" for line in given], *self.lines, "  return 0;", "}", ""]

    # ------------------------------------------------------------------------------------------- places

    def address(self, name: str) -> str:
        """A buffer's address; of a row, as it is at this step."""
        buffer = self.buffers[name]
        where, what = buffer.place
        if where == "row":
            whole, number = what
            return f"{self.address(whole)} + (CUdeviceptr)({self.counters[number]} * {self.bytes(buffer)})"
        variable = f"at{self.numbers[name]}"
        if name not in self.places:
            self.places[name] = f"const CUdeviceptr {variable} = {self.place(buffer)};  /* {commented(f'{name}: {buffer.type}')} */"
        return variable

    def place(self, buffer: Buffer) -> str:
        where, what = buffer.place
        if where == "output" and what in self.donated:
            where, what = "input", self.donated[what]
        if where in ("input", "output"):
            return f"{where}s[{what}]"
        base = "handle->constants" if where == "constant" else "handle->arena"
        return base if type(what) is int and what == 0 else f"{base} + (CUdeviceptr){self.sizes.text(what)}"

    def bytes(self, buffer: Buffer) -> str:
        return self.sizes.text(buffer.type.size * buffer.type.dtype.size)

    def variable(self, kind: str) -> str:
        self.fresh += 1
        return f"{kind}{self.fresh - 1}"

    # -------------------------------------------------------------------------------------------- steps

    def do(self, steps: tuple, indent: str) -> None:
        for step in steps:
            match step:
                case Launch():
                    with self.rows(step.args, indent):
                        self.launch(step, indent)
                case Copy(source, target):
                    with self.rows((source, target), indent):
                        size = self.sizes.bare(self.buffers[source].type.size * self.buffers[source].type.dtype.size)
                        self.put(indent, f"TRY(copy(handle, {self.address(target)}, {self.address(source)}, {size}, stream));")
                case Branch():
                    self.branch(step, indent)
                case Refuse(code):
                    found = self.fetched("int32_t", "reason", code, indent)
                    self.put(indent, f"if ({found}) return {found} + {len(self.program.checks) + 1};")
                case Repeat():
                    self.repeat(step, indent)
                case _:
                    raise CompileError(f"programs in C do not know {type(step).__name__} steps")

    def launch(self, step: Launch, indent: str) -> None:
        addresses, dims, grid = list(map(self.address, step.args)), list(map(self.sizes.bare, step.dims)), self.sizes.bare(step.grid)
        call = f"TRY(launch(handle, {kernel_name(self.number, step.kernel)}, {grid}, {step.threads}, {step.shared},"
        if step.maps:
            places = argument_places(len(addresses), {m.argument for m in step.maps})
            words = self.mapped_words(step, addresses, places, indent)
            self.lines += [f"{indent}{words}[{places[-1] + k}] = (uint64_t)({dim});" for k, dim in enumerate(dims)]
            self.lines += [indent + call, f"{indent}           {words}, {places[-1] + len(dims)}, stream));"]
            return
        words = [*addresses, *dims]
        listed = f"(uint64_t[]){{{', '.join(words)}}}, {len(words)}, stream));"
        together = f"{indent}{call} {listed}"
        self.lines += [together] if len(together) <= _WIDTH else [indent + call, *_joined(f"{indent}           {listed}")]

    def mapped_words(self, step: Launch, addresses: list[str], places: list[int], indent: str) -> str:
        """A variable with a launch's packed arguments, some of which are tensor maps; its dims are missing."""
        words, maps = self.variable("words"), {m.argument: m for m in step.maps}
        self.put(indent, f"uint64_t {words}[{places[-1] + len(step.dims)}] = {{0}};")
        for number, (address, place) in enumerate(zip(addresses, places)):
            if number not in maps:
                self.put(indent, f"{words}[{place}] = {address};")
                continue
            m = maps[number]
            kind = f"CU_TENSOR_MAP_DATA_TYPE_{_MAPPED[m.type.dtype]}, {len(m.box)}"
            parts = (("cuuint64_t", m.sizes), ("cuuint64_t", m.strides), ("cuuint32_t", m.box[::-1]))
            lists = [f"({kind}[]){{{', '.join(map(str, numbers))}}}" for kind, numbers in parts]
            self.lines += _joined(f"{indent}TRY(tensor_map(handle, {words} + {place}, {address}, {kind}, {', '.join(lists)}));")
        return words

    def branch(self, step: Branch, indent: str) -> None:
        condition = self.fetched("uint8_t", "flag", step.condition, indent)
        self.put(indent, f"if ({condition}) {{")
        self.do(step.then, indent + "  ")
        if step.orelse:
            self.put(indent, "} else {")
            self.do(step.orelse, indent + "  ")
        self.put(indent, "}")

    def repeat(self, step: Repeat, indent: str) -> None:
        if step.condition is not None:
            self.put(indent, "for (;;) {")
            self.do(step.test, indent + "  ")
            condition = self.fetched("uint8_t", "flag", step.condition, indent + "  ")
            self.put(indent, f"  if (!{condition}) break;")
            self.do(step.body, indent + "  ")
            self.put(indent, "}")
            return
        turn = self.variable("turn")
        self.put(indent, f"for (int64_t {turn} = 0; {turn} < {self.sizes.bare(step.count)}; ++{turn}) {{")
        if step.counter is not None:
            self.counters[step.counter] = turn
            self.put(indent, f"  TRY(number(handle, {self.address(step.counter)}, {turn}, stream));")
        self.do(step.body, indent + "  ")
        self.counters.pop(step.counter, None)
        self.put(indent, "}")

    @contextmanager
    def rows(self, names: tuple[str, ...], indent: str) -> Iterator[None]:
        """Bring the numbers of rows to the host, of those buffers that are one; they hold for one step."""
        brought = []
        for buffer in map(self.buffers.get, names):
            while buffer.place[0] == "row":
                whole, number = buffer.place[1]
                if number not in self.counters:
                    self.counters[number] = self.fetched("int64_t", "row", number, indent)
                    brought.append(number)
                buffer = self.buffers[whole]
        yield
        for number in brought:
            del self.counters[number]

    def fetched(self, kind: str, prefix: str, name: str, indent: str) -> str:
        """A variable with the scalar in a buffer, once everything before is done."""
        with self.rows((name,), indent):
            found = self.variable(prefix)
            self.put(indent, f"{kind} {found};")
            self.put(indent, f"TRY(fetch(handle, &{found}, {self.address(name)}, sizeof {found}, stream));")
        return found

    def put(self, indent: str, line: str) -> None:
        self.lines.append(indent + line)


def kernel_name(number: int, kernel: str) -> str:
    """What a kernel is called in the list of those of a program."""
    return f"P{number}_{symbol_of(kernel)}"


def _joined(line: str) -> list[str]:
    """A line, broken behind commas or before ``&&`` where it is too long."""
    indent, found = " " * (len(line) - len(line.lstrip()) + 4), []
    while len(line) > _WIDTH:
        cut = max(line.rfind(", ", 0, _WIDTH) + 1, line.rfind(" && ", 0, _WIDTH))
        if cut <= len(indent):
            break
        found.append(line[:cut].rstrip())
        line = indent + line[cut:].lstrip()
    return [*found, line]
