"""Kernels with block loops as ``__global__`` functions of CUDA C++: statements and loops."""

from __future__ import annotations

from graphc.codegen.cuda.expressions import EQUALITY, SUM, UNARY, Expressions, Term
from graphc.codegen.cuda.functions import Functions
from graphc.codegen.cuda.names import Names, needed
from graphc.codegen.cuda.operands import Operands
from graphc.codegen.cuda.storage import Storage
from graphc.codegen.cuda.types import value_type
from graphc.codegen.cuda.unrolling import statements, unrolled
from graphc.codegen.cuda.vector import Packs, packs_of
from graphc.errors import CompileError
from graphc.ir.geometry import block_loops, geometry, places, shared_arrays
from graphc.ir.kernel import (
    SERIAL, THREAD, UNROLLED, VECTOR, Alloc, At, Barrier, Call, For, If, Kernel, Let, Prefetch, Set, Store, Turn,
)  # fmt: skip
from graphc.ir.node import INDEX, Node, binary, const, const_value, var
from graphc.ir.order import toposort
from graphc.ir.symbols import symbol_of

SHARED = "gc_shared"  # the memory that the threads of a block share
_TILED_THREADS = 512  # of a multiprocessor, each with 128 registers; of smaller blocks two, whose threads have more


class Body:
    """Writes the statements of one kernel.

    Attributes:
        mutable: variables that some Set changes.
        registers: names of register arrays. offsets: of the shared arrays of a nest, in bytes.
        visible: identifiers of variables by blocks of statements, the innermost last.
        checked: arrays are classes that look at every access.
    """

    def __init__(self, functions: Functions, kernel: Kernel, loose: frozenset[int], checked: bool):
        self.checked = checked
        self.mutable = {s.var for s in statements(kernel.body) if isinstance(s, Set)}
        arrays = [s.array for s in statements(kernel.body) if isinstance(s, Alloc)]
        self.registers = {array.name for array in arrays if array.space == "register"}
        self.names = Names()
        self.values = Expressions(functions, self.names)
        self.offsets: dict[str, int] = {}
        self.visible: list[set[str]] = [set()]
        self.put = self.values.put
        for number, array in enumerate(kernel.arrays):
            self._declare(array, number in loose)
        for dim in kernel.dims:
            self._know(dim, self.names.of(dim.attr("name")), True)
        for s in statements(kernel.body):  # their names are theirs, whatever names are made up before they come
            if isinstance(s, For | Let):
                self.names.of(s.var.attr("name"))
            elif isinstance(s, Alloc):
                self.names.of(s.array.name, "array")

    def _declare(self, array, loose: bool = False) -> Storage:
        storage = self.values.arrays[array.name] = Storage(array, self.names.of(array.name, "array"), loose)
        return storage

    def _identifier(self, variable: Node) -> str:
        """The identifier of a variable; another one where that would hide what is visible."""
        name = self.names.of(variable.attr("name"))
        return self.names.fresh(f"{name}_") if any(name in scope for scope in self.visible) else name

    def _know(self, node: Node, text: str, wide: bool, plain: bool = True) -> None:
        self.values.known[node] = Term(text, wide=wide)
        if plain:
            self.values.sizes.add(node)

    def _count(self, variable: Node, name: str, extent, wide: bool) -> None:
        """A loop variable is known, and that it is below an extent."""
        high = extent if type(extent) is int else self.values.ranges.of(extent)[1]
        self.values.ranges.bind(variable, (0, None if high is None else high - 1))
        self._know(variable, name, wide)

    # ------------------------------------------------------------------------------------------- nests

    def nest(self, nest) -> None:
        """A nest of block loops: strides of the grid over all of its iterations."""
        loops, body = block_loops(nest)
        if not loops:
            raise CompileError("a kernel for a GPU holds block loops, and nothing beside them")
        self.offsets = dict(zip([a.name for a in shared_arrays(body)], places(body)))
        extent = const(1, INDEX)
        for loop in loops:
            extent = binary("mul", extent, loop.extent)
        single = len(loops) == 1
        name = self._identifier(loops[0].var) if single else self.names.fresh("block")
        wide = self._strided(name, extent)
        if single:
            self._count(loops[0].var, name, loops[0].extent, wide)
        else:
            self._split(name, wide, loops)
        with_threads = False
        for s in body:
            if isinstance(s, For) and s.kind == THREAD:
                thread = self._identifier(s.var)
                self.visible[-1].add(thread)
                self.put(f"const int {thread} = threadIdx.x;")
                self._count(s.var, thread, s.extent, False)
                self.run(s.body)
                with_threads = True
            elif isinstance(s, Alloc):
                self._allocate(s.array)
        if not with_threads:
            raise CompileError("a block loop without a thread loop")
        if self.offsets:
            self.put("__syncthreads();")
        self._close()

    def _strided(self, name: str, extent: Node) -> bool:
        """The head of the loop over blocks; whether its variable has 64 bits."""
        number = const_value(extent)
        wide = number is None or number > 1 << 30  # the last stride must not overflow
        kind = "long long" if wide else "int"
        self._open(f"for ({kind} {name} = blockIdx.x; {name} < {self._end(name, extent).text}; {name} += gridDim.x) {{", name)
        return wide

    def _end(self, name: str, extent: Node) -> Term:
        """The extent of a loop, computed once."""
        (term,) = self.values.terms(extent)
        if extent.op in ("const", "symbol", "var") and extent not in self.mutable:
            return term
        end = self.names.fresh(f"{name}_end")
        self.put(f"const {'long long' if term.wide else 'int'} {end} = {term.text};")
        return Term(end, wide=term.wide)

    def _split(self, name: str, wide: bool, loops: list[For]) -> None:
        """The variables of several loops from the number of a block; the last is the fastest."""
        whole = var(name)
        self._count(whole, name, 1 << (62 if wide else 30), wide)
        rest = whole
        for loop in reversed(loops):
            own = self._identifier(loop.var)
            self.visible[-1].add(own)
            narrow = type(loop.extent) is int and loop.extent <= 1 << 30
            place = rest if loop is loops[0] else binary("mod", rest, loop.extent)
            (term,) = self.values.terms(place)
            text = f"(int){term.at(UNARY)}" if narrow and term.wide else term.text
            self.put(f"const {'int' if narrow else 'long long'} {own} = {text};")
            self._count(loop.var, own, loop.extent, not narrow)
            rest = binary("floordiv", rest, loop.extent)

    def _open(self, line: str, *names: str) -> None:
        """Begin a block of statements, in which names are visible."""
        self.put(line)
        self.values.indent += "  "
        self.visible.append(set(names))

    def _close(self) -> None:
        self.values.indent = self.values.indent[:-2]
        self.visible.pop()
        self.put("}")

    # -------------------------------------------------------------------------------------- statements

    def run(self, body: tuple) -> None:
        """Write statements in order."""
        for s in body:
            self._statement(s)

    def _statement(self, s) -> None:
        match s:
            case Store():
                self._store(s)
            case Let(variable, value):
                self._let(variable, value)
            case Set(variable, value):
                (term,) = self.values.terms(value)
                self.put(f"{self.values.known[variable].text} = {term.text};")
            case For():
                self._loop(s)
            case If(condition, then, orelse):
                self._if(condition, then, orelse)
            case Alloc(array):
                self._allocate(array)
            case Barrier():
                self.put("__syncthreads();")
            case Call():
                self._call(s)
            case Turn(array):
                self._turn(self.values.storage(array))
            case Prefetch():
                pass  # other threads run while one waits
            case _:
                raise CompileError(f"{type(s).__name__} has no meaning on a GPU")

    def _let(self, variable: Node, value: Node) -> None:
        (term,) = self.values.terms(value)
        name, fixed = self._identifier(variable), variable not in self.mutable
        self.visible[-1].add(name)
        plain = variable.type == INDEX and fixed and self.values.is_plain(value)
        kind = ("long long" if term.wide else "int") if plain else value_type(variable.dtype)
        self.put(f"{'const ' if fixed else ''}{kind} {name} = {term.text};{self._line_of(value)}")
        self._know(variable, name, not plain or term.wide, plain)
        if plain:
            self.values.ranges.bind(variable, self.values.ranges.of(value))

    def _store(self, s: Store) -> None:
        """A store; under a guard nothing of it is evaluated where that is false."""
        if s.guard is not None:
            (guard,) = self.values.terms(s.guard)
            if guard.text == "false":
                return
            if guard.text != "true":
                self._open(f"if ({guard.text}) {{")
        storage = self.values.storage(s.array)
        place, value = self.values.terms(self.values.place(s.array, s.index), s.value)
        self.put(f"{storage.name}[{place.text}] = {value.text};{self._line_of(s.value)}")
        if s.guard is not None and guard.text != "true":
            self._close()

    def _line_of(self, value: Node) -> str:
        """The user's line as a comment, in checked text only: equal texts make equal images."""
        line = str(value.location) if self.checked and value.location is not None else ""
        return f"  // {' '.join(line.split())}".rstrip("\\") if line else ""

    def _if(self, condition: Node, then: tuple, orelse: tuple) -> None:
        (term,) = self.values.terms(condition)
        self._open(f"if ({term.text}) {{")
        self.run(then)
        if orelse:
            self.values.indent = self.values.indent[:-2]
            self.visible.pop()
            self._open("} else {")
            self.run(orelse)
        self._close()

    def _call(self, s: Call) -> None:
        nodes = [a if isinstance(a, Node) else self.values.place(a.array, a.index) for a in s.args if isinstance(a, Node | At)]
        terms = iter(self.values.terms(*nodes))
        args = []
        for a in s.args:
            if isinstance(a, At):
                place, storage = next(terms), self.values.storage(a.array)
                name = storage.name if storage.array.box is None else f"&{storage.name}"
                args.append(name if place.text == "0" else f"{name} + {place.at(SUM)}")
            else:
                args.append(next(terms).text if isinstance(a, Node) else str(a))
        self.put(f"{s.function}({', '.join(args)});")

    def _allocate(self, array) -> None:
        storage = self._declare(array)
        size = max(array.type.size, 1)
        if array.space == "shared":
            offset = self.offsets[array.name]
            if self.checked:
                self.put(f'const gc_local_view<{storage.element}> {storage.name}({SHARED} + {offset}, {size}, "{storage.name}");')
            else:
                self.put(f"{storage.element}* const {storage.name} = ({storage.element}*)({SHARED} + {offset});")
        elif array.space in ("register", "stack"):
            own = f"gc_own<{storage.element}, {size}> {storage.name};" if self.checked else f"{storage.element} {storage.name}[{size}];"
            self.put(own)
        else:
            raise CompileError(f"array {array.name} cannot be made in {array.space} space on a GPU")

    def _turn(self, storage: Storage) -> None:
        """Rows and columns of a square array change places, pair by pair."""
        size, kind = storage.array.type.shape[0], storage.element
        i, j, kept = (self.names.fresh(stem) for stem in ("row", "column", "kept"))
        a, b = f"{storage.name}[{i} * {size} + {j}]", f"{storage.name}[{j} * {size} + {i}]"
        self.put("#pragma unroll")
        self._open(f"for (int {i} = 1; {i} < {size}; ++{i}) {{")
        self.put("#pragma unroll")
        self._open(f"for (int {j} = 0; {j} < {i}; ++{j}) {{")
        self.put(f"const {kind} {kept} = {a};")
        self.put(f"{a} = {b};")
        self.put(f"{b} = {kept};")
        self._close()
        self._close()

    # ------------------------------------------------------------------------------------------- loops

    def _loop(self, loop: For) -> None:
        if loop.kind not in (SERIAL, UNROLLED, VECTOR):
            raise CompileError(f"a {loop.kind} loop has no meaning inside a thread loop")
        if type(loop.extent) is int and loop.extent == 1:
            self._once(loop)
        elif loop.kind == VECTOR and type(loop.extent) is int:
            self._vector(loop)
        else:
            self._counted(loop)

    def _once(self, loop: For) -> None:
        """One iteration is the body alone, in braces where it makes names."""
        self._count(loop.var, "0", 1, False)
        makes_names = any(isinstance(s, Let | Alloc) for s in loop.body)
        if makes_names:
            self._open("{")
        self.run(loop.body)
        if makes_names:
            self._close()

    def _counted(self, loop: For) -> None:
        name = self._identifier(loop.var)
        extent = loop.extent if isinstance(loop.extent, Node) else const(loop.extent, INDEX)
        term = self._end(name, extent)
        wide = term.wide or not self.values.ranges.fits(extent)
        if loop.kind != SERIAL and type(loop.extent) is int:
            self.put(unrolled(loop, self.registers))
        self._open(f"for ({'long long' if wide else 'int'} {name} = 0; {name} < {term.text}; ++{name}) {{", name)
        self._count(loop.var, name, loop.extent, wide)
        self.run(loop.body)
        self._close()

    def _vector(self, loop: For) -> None:
        """Neighbouring elements of one thread: whole packs are read before and written after the loop over them."""
        if len(loop.body) == 1 and isinstance(loop.body[0], If) and loop.var not in toposort((loop.body[0].condition,)):
            inner = loop.body[0]
            parts = [(For(loop.var, loop.extent, part, VECTOR),) if part else () for part in (inner.then, inner.orelse)]
            self._if(inner.condition, *parts)
            return
        guards = {s.guard if isinstance(s, Store) else None for s in loop.body if not isinstance(s, Let)}
        guard = next(iter(guards)) if len(guards) == 1 else None
        if guard is not None and not any(s.var in toposort((guard,)) for s in (loop, *loop.body) if isinstance(s, For | Let)):
            body = tuple([Store(s.array, s.index, s.value) if isinstance(s, Store) else s for s in loop.body])
            self._if(guard, (For(loop.var, loop.extent, body, VECTOR),), ())
            return
        packs = packs_of(loop, self.values)
        names = self._read_packs(loop, packs)
        self.put("#pragma unroll")
        name = self._identifier(loop.var)
        self._open(f"for (int {name} = 0; {name} < {loop.extent}; ++{name}) {{", name)
        self._count(loop.var, name, loop.extent, False)
        around = dict(self.values.known)
        for node, pack in names.items():
            byte = self.values.storage(node.attr("buffer")).is_byte
            self.values.known[node] = Term(f"{pack}[{name}] != 0", EQUALITY) if byte else Term(f"{pack}[{name}]", wide=True)
        for s in loop.body:
            if id(s) in packs.stores:
                (term,) = self.values.terms(s.value)
                self.put(f"{packs.names[id(s)]}[{name}] = {term.text};{self._line_of(s.value)}")
            else:
                self._statement(s)
        self.values.known = around
        self._close()
        for s in loop.body:
            if id(s) in packs.stores:
                storage = self.values.storage(s.array)
                (place,) = self.values.terms(packs.stores[id(s)])
                self.put(f"gc_store<{storage.element}, {loop.extent}>({storage.name}, {place.text}, {packs.names[id(s)]});")

    def _read_packs(self, loop: For, packs: Packs) -> dict[Node, str]:
        """Names of the packs that stand for loads; packs to be written are declared."""
        names = {}
        for node, place in packs.loads.items():
            storage = self.values.storage(node.attr("buffer"))
            kind = f"{storage.element}, {loop.extent}"
            name = names[node] = self.names.fresh(f"{storage.name}_")
            if node.op == "load_if":
                (guard,) = self.values.terms(node.inputs[0])
                self.put(f"gc_pack<{kind}> {name} = {{}};")
                self._open(f"if ({guard.text}) {{")
            (term,) = self.values.terms(place)
            pack = f"{name} = gc_load<{kind}>({storage.name}, {term.text});"
            if node.op == "load_if":
                self.put(pack)
                self._close()
            else:
                self.put(f"const gc_pack<{kind}> {pack}")
        for s in loop.body:
            if id(s) in packs.stores:
                storage = self.values.storage(s.array)
                packs.names[id(s)] = self.names.fresh(f"{storage.name}_")
                self.put(f"gc_pack<{storage.element}, {loop.extent}> {packs.names[id(s)]};")
        return names


def kernel_source(kernel: Kernel, functions: Functions, launched: Operands, checked: bool = False) -> str:
    """A kernel as a ``__global__`` function; the device functions that it calls are added to ``functions``.

    Args:
        launched: how the arrays lie in memory.
        checked: arrays are ``gc_global``, ``gc_local_view`` and ``gc_own`` of the emulator, which look at every access.

    Raises:
        CompileError: the loop tree breaks a rule of ``ir.kernel``, or it has no block loops.
    """
    body = Body(functions, kernel, launched.loose, checked)
    parameters = [_parameter(body.values.storage(a.name), k in launched.overlapping, checked) for k, a in enumerate(kernel.arrays)]
    parameters += [f"const long long {body.names.of(d.attr('name'))}" for d in kernel.dims]
    for nest in kernel.body:
        body.nest(nest)
    head = f'extern "C" __global__ void __launch_bounds__({_bounds(kernel)}) {symbol_of(kernel.name)}('
    line = head + ", ".join(parameters) + ") {"
    if len(line) > 140:
        line = head + "\n    " + ",\n    ".join(parameters) + ") {"
    return "\n".join((line, *needed(body.values.lines, set()), "}", ""))


def _bounds(kernel: Kernel) -> str:
    """Threads of a block; of kernels that keep tiles in shared memory also how many blocks a multiprocessor should have at least.

    Without that number the compiler takes fewer registers than there are, for more blocks than such tiles leave room for.
    """
    found = geometry(kernel)
    return f"{found.threads}, {_TILED_THREADS // max(found.threads, _TILED_THREADS // 2) or 1}" if found.shared else str(found.threads)


def _parameter(storage: Storage, overlaps: bool, checked: bool) -> str:
    if storage.array.box is not None:
        return f"const __grid_constant__ gc_tensor_map {storage.name}"
    kind = storage.element if storage.array.written else f"const {storage.element}"
    if checked:
        return f"const gc_global<{kind}> {storage.name}"
    return f"{kind}* {'' if overlaps else '__restrict__ '}{storage.name}"
