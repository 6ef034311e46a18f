"""Register arrays as SSA values, and folds over their lanes."""

from __future__ import annotations

from graphc.codegen.llvm.builder import Value
from graphc.codegen.llvm.function import UNDEFINED
from graphc.codegen.llvm.instructions import Instructions
from graphc.codegen.llvm.storage import Storage, offset_of
from graphc.codegen.llvm.values import Values
from graphc.errors import CompileError
from graphc.ir.node import Node, linear_form


def _position(values: Values, storage: Storage, index: tuple) -> tuple[tuple, int | None]:
    """State key of a register element, and its lane (None for the whole value)."""
    name, chunk = storage.array.name, storage.chunk
    offset = storage.offsets.get(index)
    if offset is None:
        offset = storage.offsets[index] = linear_form(offset_of(storage, index))
    terms, place = offset
    lane, bindings = 0, values.function.bindings
    for atom, coefficient in terms.items():
        binding = bindings.get(atom)
        if binding is not None and not binding.base:
            place += coefficient * binding.offset
            lane += coefficient * binding.lane
            continue
        form = values.form(atom, coefficient)
        if form.terms or form.lane:
            raise CompileError(f"an index of the register array {name} is not known: [{', '.join(map(str, index))}]")
        place += form.constant
    number, rest = divmod(place, chunk)
    key = (name, number)
    if key not in values.function.state:
        where = ", ".join(map(str, index))
        raise CompileError(f"[{where}] is outside the register array {name} of {storage.array.type}")
    if not lane:
        return key, rest if chunk > 1 else None
    if lane != 1 or rest or chunk != values.function.lanes:
        raise CompileError(f"a vector loop may index the register array {name} only by its variable plus a multiple of "
                           f"{chunk}")
    return key, None


def element(values: Values, storage: Storage, index: tuple) -> Value:
    """The present value of an element, or of one per lane."""
    key, lane = _position(values, storage, index)
    value = values.function.read(key)
    if lane is None:
        return value
    return values.function.builder.emit(f"extractelement {value.operand}, i64 {lane}", value.dtype, 1)


def set_element(values: Values, storage: Storage, index: tuple, node: Node) -> None:
    """Change one element, or one per lane that is on."""
    function, builder, chunk = values.function, values.function.builder, storage.chunk
    key, lane = _position(values, storage, index)
    value = values.value(node) if lane is not None or chunk == 1 else values.vector(node)
    function.here()
    if lane is not None:
        old = function.read(key)
        value = builder.emit(f"insertelement {old.operand}, {value.operand}, i64 {lane}", value.dtype, chunk)
    elif function.mask is not None and chunk > 1:
        old = function.read(key)
        value = value if old.text == UNDEFINED else builder.select(function.mask, value, old)
    if value.lanes != chunk:
        raise CompileError(f"a vector loop stores different values to one element of {storage.array.name}")
    function.state[key] = value


def fold_count(storage: Storage) -> int:
    """How many lanes a fold over an array combines.

    Raises:
        CompileError: it is not of rank 1, or no power of two long.
    """
    shape = storage.array.type.shape
    if len(shape) != 1 or type(shape[0]) is not int or shape[0] < 1 or shape[0] & (shape[0] - 1):
        raise CompileError(f"fold of {storage.array.name}: {storage.array.type} is no power of two of lanes")
    return shape[0]


def fold(builder: Instructions, combine: str, parts: list[Value], count: int) -> Value:
    """The halving tree over ``count`` lanes: lane l meets l + count/2, then count/4, ... whatever a register holds."""
    width = min(parts[0].lanes, count)
    while len(parts) > 1:
        half = len(parts) // 2
        parts = [builder.scalar(combine, {}, parts[k], parts[k + half]) for k in range(half)]
    value = parts[0]
    while width > 1:
        width //= 2
        value = builder.scalar(combine, {}, _slice(builder, value, 0, width), _slice(builder, value, width, width))
    return value if value.lanes == 1 else _slice(builder, value, 0, 1)


def _slice(builder: Instructions, value: Value, start: int, width: int) -> Value:
    """``width`` neighbouring lanes."""
    if width == 1:
        return builder.emit(f"extractelement {value.operand}, i64 {start}", value.dtype, 1)
    order = ", ".join(f"i32 {k}" for k in range(start, start + width))
    text = f"shufflevector {value.operand}, {value.type} poison, <{width} x i32> <{order}>"
    return builder.emit(text, value.dtype, width)
