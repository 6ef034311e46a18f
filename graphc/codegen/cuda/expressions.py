"""Rank-0 Nodes as expressions of C++, as a person would write them.

An expression is printed where it is used. What a statement uses several times, what grows long, and what all threads of a warp must
do together gets a name in front of the statement.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from graphc.codegen.cuda.builder import real_function
from graphc.codegen.cuda.functions import Functions
from graphc.codegen.cuda.names import Names
from graphc.codegen.cuda.ranges import Ranges, in_32_bits, sums
from graphc.codegen.cuda.storage import Storage
from graphc.codegen.cuda.types import integer_literal, is_real, literal, value_type
from graphc.errors import CompileError
from graphc.ir.dtype import b1, f16, f32, i32, i64
from graphc.ir.node import INDEX, Node, const_value, linear_form
from graphc.ir.order import toposort

_LONG = 72  # characters of an expression that gets a name
_HOISTED = ("shuffle_xor", "shuffle")
_LIMIT = 2**31
PRIMARY, UNARY, PRODUCT, SUM, SHIFT, ORDER, EQUALITY, BIT_AND, BIT_XOR, BIT_OR, AND, OR, CHOICE = range(13, 0, -1)
_ARITHMETIC = {"add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT)}
_COMPARED = {"eq": ("==", EQUALITY), "ne": ("!=", EQUALITY), "lt": ("<", ORDER), "le": ("<=", ORDER)}
_BITS = {"and": ("&", BIT_AND), "or": ("|", BIT_OR), "xor": ("^", BIT_XOR)}
_LOGIC = {"and": ("&&", AND), "or": ("||", OR), "xor": ("!=", EQUALITY)}
_REAL = {"abs": "fabs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "rint", "fma": "fma"}
_SUMS = ("add", "sub", "mul", "floordiv", "mod", "min", "max")
_BY_LITERAL = ("floordiv", "mod", "pow")  # integer opcodes with shorter formulas for a known last operand


@dataclass(frozen=True, slots=True)
class Term:
    """Text, how strongly it holds together (``PRIMARY`` most), and whether an index in it has 64 bits."""

    text: str
    level: int = PRIMARY
    wide: bool = False

    def at(self, level: int) -> str:
        """The text, in parentheses where it holds together less than ``level``."""
        return self.text if self.level >= level else f"({self.text})"


class Expressions:
    """Prints the expressions of one kernel.

    Attributes:
        lines: statements written so far; ``indent`` stands before each.
        arrays: name in the IR -> Storage of what can be named here.
        sizes: variables that hold sizes or places, no data: sums of them stay far from the limits of integers.
        ranges: of what indices can be.
        known: Node -> Term that stands for it, whatever the statement.
    """

    def __init__(self, functions: Functions, names: Names):
        self.functions = functions
        self.names = names
        self.lines: list[str] = []
        self.indent = "  "
        self.arrays: dict[str, Storage] = {}
        self.sizes: set[Node] = set()
        self.ranges = Ranges()
        self.known: dict[Node, Term] = {}
        self._memo: dict[Node, Term] = {}
        self._plain: dict[Node, bool] = {}
        self._places: dict[tuple, Node] = {}

    def put(self, line: str) -> None:
        """Append a line."""
        self.lines.append(self.indent + line)

    def storage(self, name: str) -> Storage:
        """The storage of an array.

        Raises:
            CompileError: no array of that name exists here.
        """
        try:
            return self.arrays[name]
        except KeyError:
            raise CompileError(f"array {name} is not known here; known: {', '.join(self.arrays)}") from None

    def terms(self, *roots: Node) -> list[Term]:
        """What the expressions of one statement read as; names that they need are written first.

        Raises:
            CompileError: they use what is not known here.
        """
        self._memo = dict(self.known)
        return self._prepared(roots)

    def _prepared(self, roots: tuple) -> list[Term]:
        order = _ordered(roots, self._operands)
        uses = Counter([x for node in order for x in self._operands(node)] + list(roots))
        for node in order:
            term = self._term(node)
            if self._wants_name(node, term, uses[node], node in roots):
                term = self._named(node, term)
            self._memo[node] = term
        return [self._memo[r] for r in roots]

    def _operands(self, node: Node) -> tuple:
        if node in self._memo:
            return ()
        if node.op == "load_if":
            return node.inputs[:1] if self._reads(node) else (node.inputs[0], self._place(node))
        if node.op == "load":
            return (self._place(node),)
        if node.type == INDEX and node.op in ("add", "mul") and self.is_plain(node):
            atoms = linear_form(node)[0]
            return node.inputs if node in atoms else tuple(atoms)
        return node.inputs

    def place(self, name: str, index: tuple) -> Node:
        """The offset of an element of an array."""
        storage = self.storage(name)
        found = self._places.get((storage, index))
        if found is None:
            found = self._places[storage, index] = self.as_place(storage.offset(index))
        return found

    def as_place(self, offset: Node) -> Node:
        """An offset, of which is noted that its sums are no data: what says where something lies does not wrap around."""
        stack = [offset]
        while stack:
            node = stack.pop()
            if node.op in ("add", "sub", "mul"):
                self._plain[node] = True
                stack += node.inputs
        return offset

    def _place(self, node: Node) -> Node:
        """The offset of what a load reads."""
        return self.place(node.attr("buffer"), node.inputs[node.op == "load_if" :])

    def _reads(self, node: Node) -> bool:
        """Whether the place of a guarded load is found by reading, which must not happen where the guard is false."""
        return any(x.op == "load" for x in toposort(node.inputs[1:]))

    def _wants_name(self, node: Node, term: Term, uses: int, is_root: bool) -> bool:
        if node in self._memo or node.op in ("const", "var", "symbol"):
            return False
        if node.op in _HOISTED:
            return not (is_root and uses == 1)
        if is_root and uses == 1:
            return False
        if uses > 1:
            return term.level < PRIMARY or len(term.text) > 8
        return len(term.text) > _LONG

    def _named(self, node: Node, term: Term) -> Term:
        kind = ("long long" if term.wide else "int") if node.type == INDEX and self.is_plain(node) else value_type(node.dtype)
        name = self.names.fresh("i" if node.type == INDEX else "t")
        self.put(f"const {kind} {name} = {term.text};")
        return Term(name, PRIMARY, term.wide)

    def is_plain(self, node: Node) -> bool:
        """Whether an i64 is made of sizes and loop variables alone."""
        found = self._plain.get(node)
        if found is None:
            inner = (x for x in toposort((node,)) if x is not node)
            found = node.op in ("const", "symbol") or node in self.sizes or (node.op in _SUMS and all(map(self._is_size, inner)))
            self._plain[node] = found
        return found

    def _is_size(self, node: Node) -> bool:
        return node.op in ("const", "symbol") or node.op in _SUMS or node in self.sizes

    # ------------------------------------------------------------------------------------- expressions

    def _term(self, node: Node) -> Term:
        found = self._memo.get(node)
        if found is not None:
            return found
        op = node.op
        if op == "const":
            return self._constant(node)
        if op == "var":
            raise CompileError(f"variable {node.attr('name')} is not bound here")
        if op == "symbol":
            raise CompileError(f"symbol {node.attr('name')} is no parameter of the kernel")
        if op == "load":
            return self._loaded(node)
        if op == "load_if":
            return self._guarded(node)
        if op == "fold":
            return self._folded(node)
        if op == "shuffle_xor":
            return Term(f"gc_shuffle_xor({self._memo[node.inputs[0]].text}, {node.attr('mask')})", wide=True)
        if op == "shuffle":
            value, lane = [self._memo[x] for x in node.inputs]
            return Term(f"gc_shuffle({value.text}, {_as_int(lane)})", wide=True)
        if node.type == INDEX and op in _SUMS and self.is_plain(node):
            return self._index(node)
        return self._scalar(node, [self._memo[x] for x in node.inputs])

    def _constant(self, node: Node) -> Term:
        array = node.attrs[0][1].array
        if array.ndim:
            raise CompileError(f"a kernel expression must have rank 0, not {node.type}")
        if node.type == INDEX:
            number = int(array)
            wide = not -_LIMIT < number < _LIMIT
            return Term(integer_literal(number, i64 if wide else i32), UNARY if number < 0 else PRIMARY, wide)
        text = literal(array[()].item() if node.dtype.kind in "biu" else array[()], node.dtype)
        return Term(text, UNARY if text.startswith("-") else PRIMARY)

    def _loaded(self, node: Node) -> Term:
        storage, place = self.storage(node.attr("buffer")), self._memo[self._place(node)]
        text = f"{storage.name}[{place.text}]"
        return Term(f"{text} != 0", EQUALITY) if storage.is_byte else Term(text, wide=True)

    def _guarded(self, node: Node) -> Term:
        """A load where its guard holds, else 0."""
        guard, zero = self._memo[node.inputs[0]], literal(0, node.dtype)
        if not self._reads(node):
            return Term(f"{guard.at(OR)} ? {self._loaded(node).at(CHOICE)} : {zero}", CHOICE, True)
        name = self.names.fresh("t")
        self.put(f"{value_type(node.dtype)} {name} = {zero};")
        self.put(f"if ({guard.text}) {{")
        around, outer = dict(self._memo), self.indent
        self.indent += "  "
        self._prepared((self._place(node),))
        self.put(f"{name} = {self._loaded(node).text};")
        self._memo, self.indent = around, outer
        self.put("}")
        return Term(name, wide=True)

    def _folded(self, node: Node) -> Term:
        storage = self.storage(node.attr("buffer"))
        size = storage.array.type.size
        name = self.functions.fold(node.attr("combine"), node.dtype, size)
        return Term(f"{name}({storage.name})", wide=True)

    def _scalar(self, node: Node, args: list[Term]) -> Term:
        op, dtype = node.op, node.dtype
        of = node.inputs[-1].dtype if node.inputs else dtype
        if op in ("cast", "bitcast") and of is dtype:
            return args[0]
        if op == "cast":
            plain = self._cast(node, args[0])
        elif op == "select":
            condition, x, y = args
            plain = Term(f"{condition.at(OR)} ? {x.at(OR)} : {y.at(CHOICE)}", CHOICE)
        elif of is b1:
            plain = self._logical(op, args)
        elif is_real(of):
            plain = self._real(op, of, args)
        elif of.is_integer:
            plain = self._integer(op, of, args)
        else:
            plain = None
        if plain is not None:
            return Term(plain.text, plain.level, True)
        number = const_value(node.inputs[-1]) if op in _BY_LITERAL and of.is_integer else None
        name = self.functions.name(op, dict(node.attrs), tuple([x.dtype for x in node.inputs]), number)
        if number is not None:
            args = args[:-1]
        return Term(f"{name}({', '.join([a.text for a in args])})", wide=True)

    def _logical(self, op: str, args: list[Term]) -> Term | None:
        if op == "not":
            return Term(f"!{args[0].at(UNARY)}", UNARY)
        found = _LOGIC.get(op) or (_COMPARED[op] if op in ("eq", "ne") else None)
        return _joined(found, args) if found else None

    def _real(self, op: str, dtype, args: list[Term]) -> Term | None:
        if op in _ARITHMETIC:
            return _joined(_ARITHMETIC[op], args)
        if op in _COMPARED:
            return _joined(_COMPARED[op], args)
        if op == "neg":
            return Term(f"-{args[0].at(PRIMARY)}", UNARY)
        if op in _REAL:
            return Term(f"{real_function(_REAL[op], dtype)}({', '.join([a.text for a in args])})")
        return None

    def _integer(self, op: str, dtype, args: list[Term]) -> Term | None:
        if op in _COMPARED:
            return _joined(_COMPARED[op], args)
        if dtype.bits < 32:
            return None
        if op in _BITS:
            return _joined(_BITS[op], args)
        if op == "not":
            return Term(f"~{args[0].at(UNARY)}", UNARY)
        if op in ("add", "sub", "mul") and dtype.kind == "u":
            return _joined(_ARITHMETIC[op], args)
        return None

    def _cast(self, node: Node, x: Term) -> Term | None:
        source, target = node.inputs[0].dtype, node.dtype
        if "e" in (source.kind, target.kind) or any(d.is_float and d.bits == 16 for d in (source, target)):
            return Term(f"gc_float_of_half({x.text})") if (source, target) == (f16, f32) else None
        if target is b1:
            return Term(f"{x.at(ORDER)} != {literal(0, source)}", EQUALITY)
        if is_real(source) and not is_real(target):
            return None
        return Term(f"({value_type(target)}){x.at(UNARY)}", UNARY)

    # ------------------------------------------------------------------------------------------ indices

    def _index(self, node: Node) -> Term:
        op = node.op
        if op in ("add", "mul") and node not in linear_form(node)[0]:
            return self._sum(node)
        x, y = [self._memo[i] for i in node.inputs]
        wide = x.wide or y.wide or not self.ranges.fits(node)
        if op == "sub":
            return Term(f"{_widened(x, y, wide).at(SUM)} - {y.at(PRODUCT)}", SUM, wide)
        if op == "mul":
            return Term(f"{_widened(x, y, wide).at(PRODUCT)} * {y.at(UNARY)}", PRODUCT, wide)
        if op in ("min", "max"):
            kind = "long long" if wide else "int"
            return Term(f"gc_{'smaller' if op == 'min' else 'larger'}<{kind}>({x.text}, {y.text})", PRIMARY, wide)
        return self._divided(node, x, y)

    def _sum(self, node: Node) -> Term:
        """Multiples of atoms: products of sizes first, then by stride, what is subtracted behind what is added."""
        terms, constant = linear_form(node)
        for atom, c in tuple(terms.items()):
            if (number := self.ranges.number(atom)) is not None:  # of a loop with one iteration
                terms, constant = {a: f for a, f in terms.items() if a is not atom}, constant + c * number
        if not terms:
            return self._part(None, constant)
        parts = sorted(terms.items(), key=lambda part: (part[1] < 0, part[0].op != "mul", -abs(part[1])))
        if constant:
            parts.insert(0 if constant > 0 and all(c < 0 for c in terms.values()) else len(parts), (None, constant))
        reach, result = (0, 0), None
        for atom, c in parts:
            part = self._part(atom, c if result is None else abs(c))
            reach = sums(reach, (c, c) if atom is None else self.ranges.multiple(atom, c))
            if result is None:
                result = part
                continue
            wide = result.wide or part.wide or not in_32_bits(reach)
            text = f"{_widened(result, part, wide).at(SUM)} {'-' if c < 0 else '+'} {part.at(PRODUCT)}"
            result = Term(text, SUM, wide)
        return result

    def _part(self, atom: Node | None, factor: int) -> Term:
        """An atom times a number; the number itself where there is no atom."""
        wide = not -_LIMIT < factor < _LIMIT
        number = Term(integer_literal(factor, i64 if wide else i32), UNARY if factor < 0 else PRIMARY, wide)
        if atom is None or factor == 1:
            return number if atom is None else self._memo[atom]
        x = self._memo[atom]
        wide = wide or x.wide or not in_32_bits(self.ranges.multiple(atom, factor))
        return Term(f"{_widened(x, number, wide).at(PRODUCT)} * {number.text}", PRODUCT, wide)

    def _divided(self, node: Node, x: Term, y: Term) -> Term:
        """floordiv and mod: C++ rounds towards 0, so only of what is not negative; shifts round down."""
        op, (of, by) = node.op, node.inputs
        number = const_value(by)
        low, _ = self.ranges.of(of)
        least, _ = self.ranges.of(by)
        sign = "/" if op == "floordiv" else "%"
        if low is None or low < 0 or least is None or least < 0:
            if number is not None and number > 0 and number & (number - 1) == 0:
                bits = number.bit_length() - 1
                return Term(f"{x.at(SHIFT)} >> {bits}", SHIFT, x.wide) if op == "floordiv" else Term(f"{x.at(BIT_AND)} & {number - 1}", BIT_AND, x.wide)
            kind = i32 if self.ranges.fits(of) and self.ranges.fits(by) else i64
            x, y = (_narrowed(x), _narrowed(y)) if kind is i32 else (x, y)
            name = self.functions.name(op, {}, (kind, kind), number)
            operands = x.text if number is not None else f"{x.text}, {y.text}"
            return Term(f"{name}({operands})", PRIMARY, kind is i64)
        if self.ranges.fits(of) and self.ranges.fits(by) and least > 0:
            return Term(f"{_narrowed(x).at(PRODUCT)} {sign} {_narrowed(y).at(UNARY)}", PRODUCT, False)
        if number is not None:
            return Term(f"{x.at(PRODUCT)} {sign} {y.at(UNARY)}", PRODUCT, True)
        return Term(f"gc_{'quotient' if op == 'floordiv' else 'remainder'}({x.text}, {y.text})", PRIMARY, True)


def _joined(operator: tuple[str, int], args: list[Term]) -> Term:
    """Two operands of an operator that C++ groups from the left; comparisons are not chained."""
    sign, level = operator
    first = level + 1 if level in (ORDER, EQUALITY) else level
    return Term(f"{args[0].at(first)} {sign} {args[1].at(level + 1)}", level)


def _widened(x: Term, y: Term, wide: bool) -> Term:
    """The first operand with 64 bits where the result needs them and neither operand has them."""
    return Term(f"(long long){x.at(UNARY)}", UNARY, True) if wide and not (x.wide or y.wide) else x


def _narrowed(x: Term) -> Term:
    return Term(f"(int){x.at(UNARY)}", UNARY, False) if x.wide else x


def _as_int(x: Term) -> str:
    return f"(int){x.at(UNARY)}" if x.wide else x.text


def _ordered(roots: tuple, operands) -> list[Node]:
    """Every Node of some expressions, operands first."""
    order: list[Node] = []
    done: set[Node] = set()
    stack = [(r, False) for r in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        if ready:
            done.add(node)
            order.append(node)
        else:
            stack.append((node, True))
            stack += [(x, False) for x in reversed(operands(node)) if x not in done]
    return order
