"""Programs: buffers with planned places and the ordered steps that fill them."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.ir.blob import EMPTY, Blob
from graphc.ir.kernel import Kernel
from graphc.ir.printer import program_text
from graphc.ir.tensor_map import TensorMap
from graphc.ir.text import dim_text
from graphc.ir.type import Type

_LARGEST_RANK = 64


@dataclass(frozen=True)
class Param:
    """One input or output of a Program. An input's dimensions are ints or plain symbols."""

    name: str
    type: Type
    location: object = field(default=None, compare=False)  # where the user created it


@dataclass(frozen=True)
class Buffer:
    """A piece of memory that steps read and write.

    ``place`` says where it lies: ``("input", k)``, ``("output", k)``, ``("constant", byte offset)`` or
    ``("arena", byte offset)``; an offset is an int or a rank-0 i64 Node over the Program's symbols. ``("row", (whole,
    number))`` is that row of the buffer ``whole`` whose number the i64 scalar in the buffer ``number`` is at the time.
    """

    name: str
    type: Type
    place: tuple


@dataclass(frozen=True)
class Launch:
    """Run a kernel; ``args`` are buffer names in the order of the kernel's parameters.

    On a GPU ``grid`` blocks (an int or a Node over the symbols) of ``threads`` threads run it, each with ``shared`` bytes of
    memory of its own; on CPUs these are 0. ``maps`` are the arguments that are tensor maps.
    """

    kernel: str
    args: tuple[str, ...]
    dims: tuple = ()  # values of the kernel's dimension parameters: ints or Nodes over the symbols
    grid: object = 0
    threads: int = 0
    shared: int = 0
    maps: tuple[TensorMap, ...] = ()
    location: object = field(default=None, compare=False)  # where the user created what it computes; known on GPUs, whose kernels can fail


@dataclass(frozen=True)
class Copy:
    """Copy a whole buffer to another of the same type."""

    source: str
    target: str


@dataclass(frozen=True)
class Host:
    """Run the NumPy definition of ``op`` on the host, between two native segments."""

    op: str
    attrs: tuple
    args: tuple[str, ...]
    results: tuple[str, ...]
    location: object = field(default=None, compare=False)


@dataclass(frozen=True)
class Branch:
    """Run ``then`` if the b1 scalar in ``condition`` is true, else ``orelse``."""

    condition: str
    then: tuple
    orelse: tuple


@dataclass(frozen=True)
class Repeat:
    """Run ``body`` again and again.

    With ``condition`` (a b1 scalar buffer, computed by ``test``): while it is true. Without: ``count`` times,
    the i64 scalar buffer ``counter`` holding 0, 1, ....
    """

    body: tuple
    test: tuple = ()
    condition: str | None = None
    count: object = None
    counter: str | None = None


@dataclass(frozen=True)
class Refuse:
    """End the run with an error code where the i32 scalar in ``code`` is not 0.

    Number k stands for ``reasons[k - 1]``, a message and the user's line (or a number that stands for it). A program has
    one such step at the most, and writes no donated memory before it.
    """

    code: str
    reasons: tuple


@dataclass(frozen=True)
class Signature:
    """What a caller must know: the only part of a Program that the runtime reads.

    Attributes:
        donated: pairs ``(output, input)`` of positions; the output is written over that input's memory.
        symbols: names of the symbolic dimensions, in the order in which ``dims`` passes their values.
        arena: bytes of scratch memory, an int or a Node over the symbols.
    """

    inputs: tuple[Param, ...]
    outputs: tuple[Param, ...]
    symbols: tuple[str, ...] = ()
    donated: tuple[tuple[int, int], ...] = ()
    arena: object = 0


def fault_of(signature: Signature) -> str:
    """What no caller could make sense of in a Signature that was read from a file; empty if nothing."""
    inputs, outputs = len(signature.inputs), len(signature.outputs)
    for output, position in signature.donated:
        if not (0 <= output < outputs and 0 <= position < inputs):
            return f"output {output} is donated by input {position}, but there are {inputs} inputs and {outputs} outputs"
    for param in signature.inputs + signature.outputs:
        if param.type.rank > _LARGEST_RANK:
            return f"{param.name} has rank {param.type.rank}; NumPy's arrays have at most {_LARGEST_RANK}"
    for param in signature.inputs:
        for dim in param.type.shape:
            if type(dim) is not int and (dim.op != "symbol" or dim.attr("name") not in signature.symbols):
                return f"input {param.name} has type {param.type}, but {dim_text(dim)} is no symbol of the program"
    return ""


def missing_in(program: "Program", size: int) -> str:
    """What a Program that was read from a file needs and does not have, with so many bytes of constants; empty if nothing."""
    for buffer in program.buffers:
        where, at = buffer.place
        if where == "constant" and not (type(at) is int and type(buffer.type.size) is int and at + buffer.type.size * buffer.type.dtype.size <= size):
            return f"the constant {buffer.name} of type {buffer.type} at {at} does not lie within {size} bytes"
    names = {b.name for b in program.buffers}
    for step in flat(program.steps):
        absent = [n for n in (*step.args, *step.results) if n not in names] if isinstance(step, Host) else []
        if absent:
            return f"a step of {step.op} on the host needs the buffer {absent[0]}, which is not there"
    return ""


def flat(steps):
    """Every step, those inside branches and loops included."""
    for step in steps:
        yield step
        match step:
            case Branch():
                yield from flat((*step.then, *step.orelse))
            case Repeat():
                yield from flat((*step.test, *step.body))


def reasons_of(program: "Program") -> tuple:
    """What the Refuse step of a Program says; nothing where it has none."""
    return next((step.reasons for step in program.steps if isinstance(step, Refuse)), ())


@dataclass(frozen=True)
class Program:
    """Ordered steps over planned buffers; ``kernels`` maps names to loop trees."""

    name: str
    signature: Signature
    buffers: tuple[Buffer, ...]
    kernels: tuple[Kernel, ...]
    steps: tuple
    constants: Blob = field(default=EMPTY, repr=False)  # kernels see the address of its first byte + an offset
    checks: tuple = ()  # Requirements on the symbols, tested in this order before anything runs

    def __str__(self) -> str:
        return program_text(self)

    __repr__ = object.__repr__
