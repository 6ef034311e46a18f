"""Programs as LLVM modules: kernels, and entry functions with the C ABI that run the steps over planned buffers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count

from graphc.codegen.llvm.builder import Value
from graphc.codegen.llvm.clock import clock_text
from graphc.codegen.llvm.emit import kernel_functions
from graphc.codegen.llvm.function import LOOP, Function, Text, quoted
from graphc.codegen.llvm.loops import Span, branch, counted_loop
from graphc.codegen.llvm.parallel import DECLARATION
from graphc.codegen.llvm.values import Values
from graphc.errors import CompileError
from graphc.ir.clock import NAME as CLOCK
from graphc.ir.clock import Clock
from graphc.ir.dtype import b1, f64, i32, i64, u8
from graphc.ir.kernel import Kernel
from graphc.ir.order import toposort
from graphc.ir.node import INDEX, Node, symbol, var
from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Program, Refuse, Repeat, flat
from graphc.ir.sizes import symbols_in
from graphc.ir.target import Target

_ENTRY = "i32 @{}(ptr %inputs, ptr %outputs, ptr %dims, ptr %constants, ptr %arena)"
_SYMBOL = re.compile(r"^declare [^@]*(@[^(]+)\(", re.MULTILINE)
MODULE = 80_000  # characters: some 30 milliseconds of LLVM's work
_FLOAT = {"add": "fadd", "sub": "fsub", "mul": "fmul", "floordiv": "fdiv"}
_MEMMOVE = "declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)"


def program_text(program: Program, target: Target, entry: str, externals: str = DECLARATION) -> str:
    """The LLVM module of a program.

    It defines ``i32 @ENTRY(ptr inputs, ptr outputs, ptr dims, ptr constants, ptr arena)``, or ``@ENTRY_0``,
    ``@ENTRY_1``, ... for the native segments between Host steps (see ``segments``); ``i64 @ENTRY_arena(ptr dims)``, the
    bytes of scratch memory; and ``void @ENTRY_shapes(ptr dims, ptr shapes)``, which writes the dimensions of all
    outputs. A run answers 0, or the number of the check or reason for which it ended, see ``ir.program``: checks come first,
    then a buffer that is too large, then the reasons of the Refuse step.

    Args:
        externals: module text that declares or defines ``gc_parallel``; what it declares is not declared again.

    Raises:
        CompileError: a kernel or step cannot be written; a Host step stands inside a Branch or Repeat.
    """
    declared: set[str] = set()
    first, aliases = _distinct(program)
    kernels = [kernel_functions(kernel, target, declared) for kernel in first]
    functions = _functions(program, target, declared, entry, aliases)
    return "\n".join((*_header(program, target, declared, externals), *kernels, *functions))


def program_modules(
    program: Program, target: Target, entry: str, size: int = MODULE, clock: Clock | None = None
) -> Iterator[str]:  # fmt: skip
    """The same as ``program_text`` in modules of at least so many characters each, to be compiled side by side and linked.

    Kernels are hidden symbols in all of them, so that the same kernel is the same code wherever it stands.

    Args:
        clock: the program is timed, see ``ir.clock``: its last output receives what the functions of ``clock_text`` write.
    """
    first, aliases = _distinct(program)
    declared, kernels, characters = set(), [], 0
    elsewhere: list[Kernel] = []
    here: list[Kernel] = []
    for kernel in first:
        if characters >= size:
            yield "\n".join((*_header(program, target, declared), *kernels))
            elsewhere += here
            declared, kernels, characters, here = set(), [], 0, []
        kernels.append(kernel_functions(kernel, target, declared, "hidden"))
        here.append(kernel)
        characters += len(kernels[-1])
    declared.update(map(_declaration, elsewhere))
    functions = _functions(program, target, declared, entry, aliases, clock)
    externals = DECLARATION if clock is None else clock_text(clock)
    yield "\n".join((*_header(program, target, declared, externals), *kernels, *functions))


def _header(program: Program, target: Target, declared: set[str], externals: str = DECLARATION) -> list[str]:
    known = set(_SYMBOL.findall(externals))
    own = [line for line in sorted(declared) if line != DECLARATION and not known.intersection(_SYMBOL.findall(line))]
    return [f"; program {program.name}", f'target triple = "{target.triple}"', externals, *own, ""]


def _declaration(kernel: Kernel) -> str:
    types = ["ptr"] * len(kernel.arrays) + ["i64"] * len(kernel.dims)
    return f"declare hidden void @{quoted('k_', kernel.name)}({', '.join(types)})"


def _functions(
    program: Program, target: Target, declared: set[str], entry: str, aliases: dict[str, Kernel], clock: Clock | None = None
) -> list[str]:
    """The functions that the caller of a program sees, and what checks its sizes."""
    _check_known_sizes(program, target)
    parts: list[list] = [[]]
    firsts = [0]  # the numbers of their first steps
    hosts, number = False, 0
    for step in program.steps:
        if isinstance(step, Host):
            hosts = True
            if parts[-1]:
                parts.append([])
                firsts.append(0)
        else:
            firsts[-1] = firsts[-1] if parts[-1] else number
            parts[-1].append(step)
        number += _count((step,))
    if not parts[-1] and len(parts) > 1:
        parts.pop()
    checked = bool(program.checks) or any(not b.type.is_static for b in program.buffers)
    functions = [_check_function(program, target, declared, entry)] if checked else []
    for k, steps in enumerate(parts):
        name = f"{entry}_{k}" if hosts else entry
        writer = _Entry(program, target, declared, aliases, clock)
        if checked and k == 0:
            writer.leave_unless_checked(entry, "ret i32 %bad")
        writer.run_segment(tuple(steps), k, firsts[k])
        functions.append(writer.function.finish(f"define {_ENTRY.format(quoted('', name))}", "ret i32 0"))
    functions.append(_arena_function(program, target, declared, entry, checked))
    functions.append(_shapes_function(program, target, declared, entry, checked))
    return functions


def _check_known_sizes(program: Program, target: Target) -> None:
    """Refuse what the addresses of the target cannot reach."""
    if target.pointer_bits == 64:
        return
    sizes = [b.type.size * b.type.dtype.size for b in program.buffers if b.type.is_static]
    most = max([s for s in (*sizes, program.signature.arena, len(program.constants)) if type(s) is int])
    if most > target.largest:
        raise CompileError(
            f"program {program.name} needs {most} bytes in one piece; programs for {target.name} take {target.largest} at most"
        )


def _distinct(program: Program) -> tuple[list[Kernel], dict[str, Kernel]]:
    """The launched kernels, equal ones once; name -> the kernel that is called for it."""
    launched = {step.kernel for step in flat(program.steps) if isinstance(step, Launch)}
    first: dict[tuple, Kernel] = {}
    aliases = {k.name: first.setdefault((k.arrays, k.dims, k.body), k) for k in program.kernels if k.name in launched}
    missing = launched - set(aliases)
    if missing:
        names = ", ".join(sorted(missing))
        raise CompileError(f"program {program.name} launches kernels that it does not have: {names}")
    return list(first.values()), aliases


class _Dims:
    """A function whose argument ``%dims`` holds the values of the program's symbols."""

    def __init__(self, program: Program, target: Target, declared: set[str]):
        self.program = program
        self.function = function = Function(target, count(), declared)
        self.values = Values(function, {})
        for k, name in enumerate(program.signature.symbols):
            function.put(f"  %d{k}.p = getelementptr i8, ptr %dims, i64 {8 * k}")
            function.put(f"  %d{k} = load i64, ptr %d{k}.p, align 8")
            function.keep(symbol(name), Value(f"%d{k}", i64), 0)

    def leave_unless_checked(self, entry: str, leave: str) -> None:
        """Leave the function by ``leave`` where the sizes do not satisfy the program's checks; ``%bad`` is their code."""
        for line in (f"  %bad = call i32 @{quoted('', entry + '_check')}(ptr %dims)", "  %fits = icmp eq i32 %bad, 0",
                     "  br i1 %fits, label %checked, label %refused", "refused:", f"  {leave}", "checked:"):  # fmt: skip
            self.function.put(line)
        self.function.text.label = "checked"

    def number(self, x) -> Value:
        """A dimension, offset or count as an i64."""
        return self.values.value(x) if isinstance(x, Node) else self.function.builder.const(x, i64)


class _Entry(_Dims):
    """An entry function being written."""

    def __init__(
        self, program: Program, target: Target, declared: set[str], kernels: dict[str, Kernel], clock: Clock | None
    ):
        super().__init__(program, target, declared)
        self.kernels = kernels
        self.clock = clock
        self.buffers: dict[str, Buffer] = {b.name: b for b in program.buffers}

    def run_segment(self, steps: tuple, segment: int, number: int) -> None:
        """Write the steps of a segment, the first of which has this number."""
        self._look("begin", segment)
        self.run(steps, number)
        self._look("end")

    def _look(self, what: str, *numbers: int) -> None:
        """Call a function of ``clock_text`` on the clock's output, if the program has one."""
        if self.clock is not None:
            args = ", ".join([f"ptr {self._pointer(CLOCK)}", *(f"i64 {n}" for n in numbers)])
            self.function.put(f"  call void @gc_clock_{what}({args})")

    def run(self, steps: tuple, number: int) -> None:
        """Write steps in order; ``number`` is that of the first among all steps of the program."""
        for step in steps:
            match step:
                case Launch():
                    self._launch(step)
                case Copy(source, target):
                    self._copy(source, target)
                case Branch(condition, then, orelse):
                    inner = number + 1
                    other = self._runner(orelse, inner + _count(then)) if orelse else None
                    branch(self.function, self._test(condition), [], self._runner(then, inner), other)
                case Repeat():
                    self._repeat(step, number + 1)
                case Refuse(code):
                    self._refuse(code)
                case _:
                    raise CompileError(f"a {type(step).__name__} step inside a Branch or Repeat has no native form")
            if isinstance(step, (Launch, Copy)):
                self._look("mark", number)
            number += _count((step,))

    def _runner(self, steps: tuple, number: int) -> Callable[[], None]:
        return lambda: self.run(steps, number)

    def _buffer(self, name: str) -> Buffer:
        if name not in self.buffers:
            raise CompileError(f"program {self.program.name} has no buffer {name}")
        return self.buffers[name]

    def _pointer(self, name: str) -> str:
        """Where a buffer lies, found once per function."""
        function = self.function
        found = function.memo.get(("buffer", name))
        if found is not None:
            return found[0].text
        kind, where = self._buffer(name).place
        if kind == "row":
            return self._row(name, *where)
        if kind in ("input", "output"):
            where *= self.function.target.pointer_bits // 8
        offset, depth, _ = self.values.placed(where) if isinstance(where, Node) else (self.number(where), 0, True)
        depth = function.place(depth)
        base = {"input": "%inputs", "output": "%outputs", "constant": "%constants", "arena": "%arena"}[kind]
        pointer = f"%b{next(function.names)}"
        lines = function.builder.lines
        lines.append(f"  {pointer} = getelementptr i8, ptr {base}, {offset.operand}")
        if kind in ("input", "output"):
            slot, pointer = pointer, f"%b{next(function.names)}"
            lines.append(f"  {pointer} = load ptr, ptr {slot}, align {self.function.target.pointer_bits // 8}")
        function.keep(("buffer", name), Value(pointer, i64), depth)
        function.here()
        return pointer

    def _row(self, name: str, whole: str, number: str) -> str:
        """Where the row lies whose number is in a buffer now."""
        function, builder = self.function, self.function.builder
        type, base, held = self._buffer(name).type, self._pointer(whole), self._pointer(number)
        size = self.number(type.size * type.dtype.size)
        row = builder.emit(f"load i64, ptr {held}, align 8", i64, 1)
        offset = builder.arithmetic("mul", row, size)
        pointer = f"%b{next(function.names)}"
        function.put(f"  {pointer} = getelementptr i8, ptr {base}, {offset.operand}")
        return pointer

    def _launch(self, step: Launch) -> None:
        kernel = self.kernels[step.kernel]
        if len(step.args) != len(kernel.arrays) or len(step.dims) != len(kernel.dims):
            raise CompileError(f"launch of {step.kernel}: {len(step.args)} buffers and {len(step.dims)} dims for "
                               f"{len(kernel.arrays)} and {len(kernel.dims)}")
        args = [f"ptr {self._pointer(name)}" for name in step.args] + [self.number(d).operand for d in step.dims]
        self.function.put(f"  call void @{quoted('k_', kernel.name)}({', '.join(args)})")

    def _copy(self, source: str, target: str) -> None:
        type = self._buffer(source).type
        pointers = f"ptr {self._pointer(target)}, ptr {self._pointer(source)}"
        size = self.number(type.size * type.dtype.size)
        self.function.builder.declared.add(_MEMMOVE)
        self.function.put(f"  call void @llvm.memmove.p0.p0.i64({pointers}, {size.operand}, i1 false)")

    def _refuse(self, name: str) -> None:
        """Leave the function with the number in a buffer, after those of the checks of sizes, if it is not 0."""
        function, builder = self.function, self.function.builder
        code = builder.emit(f"load i32, ptr {self._pointer(name)}, align 4", i32, 1)
        bad = builder.compare("ne", code, builder.const(0, i32))
        told = builder.binary("add", code, builder.const(len(self.program.checks) + 1, i32))
        right, wrong = function.fresh("right"), function.fresh("wrong")
        function.put(f"  br {bad.operand}, label %{wrong}, label %{right}")
        function.put(f"{wrong}:")
        self._look("end")
        function.put(f"  ret {told.operand}")
        function.put(f"{right}:")
        function.text.label = right

    def _test(self, name: str) -> Value:
        """The b1 scalar in a buffer, as it is now."""
        pointer, builder = self._pointer(name), self.function.builder
        byte = builder.emit(f"load i8, ptr {pointer}, align 1", u8, 1)
        return builder.compare("ne", byte, builder.const(0, u8))

    def _repeat(self, step: Repeat, number: int) -> None:
        """Write a loop whose first inner step has this number."""
        if step.condition is None:
            self._repeat_count(step, number + _count(step.test))
            return
        function = self.function
        text = Text(function.fresh("while"))
        head, body, done = text.label, function.fresh("body"), function.fresh("done")
        function.open(LOOP, text)
        self.run(step.test, number)
        test = self._test(step.condition)
        function.put(f"  br {test.operand}, label %{body}, label %{done}")
        function.put(f"{body}:")
        text.label = body
        self.run(step.body, number + _count(step.test))
        function.close()
        outer = function.text
        outer.lines += [f"  br label %{head}", f"{head}:", *text.lines, f"  br label %{head}", f"{done}:"]
        outer.label = done

    def _repeat_count(self, step: Repeat, number: int) -> None:
        function = self.function
        index = var(function.fresh("repeat"), INDEX)
        counter = self._pointer(step.counter) if step.counter is not None else None
        stop = self.number(step.count)

        def body() -> None:
            if counter is not None:
                function.put(f"  store {self.values.value(index).operand}, ptr {counter}, align 8")
            self.run(step.body, number)

        sure = stop.number is not None and stop.number > 0
        counted_loop(function, index, Span(function.builder.const(0, i64), stop, 1, sure), [], body, LOOP)


def _count(steps: tuple) -> int:
    """How many steps these are, inner ones included."""
    return sum(1 for _ in flat(steps))


def _check_function(program: Program, target: Target, declared: set[str], entry: str) -> str:
    """0 if the sizes are legal, k+1 if the program's check k fails, one more than all of them if a buffer is too large, or
    the arena for the addresses of the target.

    The size of a buffer is estimated in floating point, which cannot wrap around.
    """
    writer = _Dims(program, target, declared)
    function, builder = writer.function, writer.function.builder
    known = symbols_in(tuple([p.type for p in program.signature.inputs]))  # others get their values between segments
    tests = [writer.values.value(r.condition) if symbols_in(r.condition).keys() <= known.keys() else builder.const(True, b1)
             for r in program.checks]  # fmt: skip
    types = dict.fromkeys(b.type for b in program.buffers if not b.type.is_static)
    shapes = [t for t in types if symbols_in(t).keys() <= known.keys()]
    fits, largest = builder.const(True, b1), builder.const(float(target.largest), f64)
    if target.pointer_bits < 64 and isinstance(program.signature.arena, Node):
        fits = builder.compare("le", _estimate(writer, program.signature.arena), largest)
    for type in shapes:
        estimate = builder.const(float(max(type.dtype.size, 1)), f64)
        for d in type.shape:
            factor = _estimate(writer, d) if isinstance(d, Node) else builder.const(float(d), f64)
            estimate = builder.binary("fmul", estimate, factor)
        fits = builder.binary("and", fits, builder.compare("le", estimate, largest))
    code = builder.select(fits, builder.const(0, i32), builder.const(len(tests) + 1, i32))
    for k, test in reversed(list(enumerate(tests))):
        code = builder.select(test, code, builder.const(k + 1, i32))
    name = quoted("", entry + "_check")
    return function.finish(f"define internal i32 @{name}(ptr %dims)", f"ret {code.operand}")


def _estimate(writer: _Dims, dim: Node) -> Value:
    """A dimension as a float, never smaller than it would be without wrapping around."""
    builder = writer.function.builder
    found: dict[Node, Value] = {}
    for x in toposort((dim,)):
        if x.op == "const":
            found[x] = builder.const(float(int(x.attr("value").array)), f64)
        elif x.op == "symbol":
            found[x] = builder.convert("sitofp", writer.values.value(x), f64)
        else:
            a, b = (found[y] for y in x.inputs)
            found[x] = {"mod": b, "min": a}.get(x.op) or builder.binary(_FLOAT.get(x.op, "fadd"), a, b)
    return found[dim]


def _arena_function(program: Program, target: Target, declared: set[str], entry: str, checked: bool) -> str:
    writer = _Dims(program, target, declared)
    if checked:
        writer.leave_unless_checked(entry, "ret i64 0")
    size = writer.number(program.signature.arena)
    return writer.function.finish(f"define i64 @{quoted('', entry + '_arena')}(ptr %dims)", f"ret {size.operand}")


def _shapes_function(program: Program, target: Target, declared: set[str], entry: str, checked: bool) -> str:
    writer = _Dims(program, target, declared)
    dims = [d for output in program.signature.outputs for d in output.type.shape]
    if checked:  # the entry refuses these sizes; until then every output is empty
        zeros = [f"store i64 0, ptr %z{k}, align 8" for k in range(len(dims))]
        for k in range(len(dims)):
            writer.function.put(f"  %z{k} = getelementptr i8, ptr %shapes, i64 {8 * k}")
        writer.leave_unless_checked(entry, "\n  ".join([*zeros, "ret void"]))
    for k, d in enumerate(dims):
        value = writer.number(d)
        writer.function.put(f"  %o{k} = getelementptr i8, ptr %shapes, i64 {8 * k}")
        writer.function.put(f"  store {value.operand}, ptr %o{k}, align 8")
    return writer.function.finish(f"define void @{quoted('', entry + '_shapes')}(ptr %dims, ptr %shapes)")
