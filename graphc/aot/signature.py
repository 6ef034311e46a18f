"""What a compiled library says of itself: JSON text in a symbol of its own, written and read."""

from __future__ import annotations

import json
from dataclasses import dataclass

from graphc.errors import FormatError
from graphc.ir.dtype import by_short
from graphc.ir.graph import Requirement
from graphc.ir.lines import Lines
from graphc.ir.node import Node
from graphc.ir.program import Param, Program, Signature, fault_of, reasons_of
from graphc.ir.read_value import Scope, read_dim, read_expression
from graphc.ir.target import Target
from graphc.ir.text import dim_text, scalar_text
from graphc.ir.type import Type
from graphc.options import VERSION

FORMAT = 1
SUFFIX = "_signature"


@dataclass(frozen=True)
class Description:
    """What a library offers.

    Attributes:
        name: of its function. target: name of the machine that it is for.
        checks: the Requirements on sizes that it tests, in order.
        reasons: pairs of a message and a line, for which it ends a run, in order.
    """

    name: str
    target: str
    signature: Signature
    checks: tuple[Requirement, ...]
    reasons: tuple[tuple[str, str], ...]


def signature_bytes(program: Program, target: Target, name: str) -> bytes:
    """The text for a library whose function is ``name``."""
    s = program.signature
    said = {
        "graphc library": FORMAT, "graphc": VERSION, "name": name, "target": target.name, "symbols": list(s.symbols),
        "inputs": [_said(p) for p in s.inputs], "outputs": [_said(p) for p in s.outputs], "donated": [list(pair) for pair in s.donated],
        "checks": [{"message": c.message, "condition": scalar_text(c.condition)} for c in program.checks],
        "reasons": [[message, str(line)] for message, line in reasons_of(program)],
    }  # fmt: skip
    return json.dumps(said).encode()


def read_signature(content: bytes, name: str) -> Description:
    """What ``signature_bytes`` wrote for a function of this name.

    Raises:
        FormatError: it is none, of a newer format, or damaged; the message does not say in which file.
    """
    try:
        said = json.loads(content)
        version = said["graphc library"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FormatError(f"the symbol {name + SUFFIX!r} does not hold the signature of a library of graphc") from None
    if version != FORMAT:
        made = f", written by graphc {said.get('graphc')}," if isinstance(said.get("graphc"), str) else ""
        raise FormatError(f"the library{made} has format {version!r}; this version of graphc reads format {FORMAT}: compile it again")
    try:
        found = _description(said)
    except (KeyError, OverflowError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"the signature of the library is damaged: {type(error).__name__}: {error}") from None
    if found.name != name:
        raise FormatError(f"the signature of {name!r} is that of {found.name!r}")
    return found


def _said(param: Param) -> dict:
    return {"name": param.name, "dtype": param.type.dtype.short, "shape": [d if type(d) is int else dim_text(d) for d in param.type.shape]}


def _description(said: dict) -> Description:
    symbols = tuple(_text(s) for s in said["symbols"])
    inputs, outputs = (tuple(_param(p) for p in said[kind]) for kind in ("inputs", "outputs"))
    donated = tuple((o, i) for o, i in said["donated"])
    if any(type(k) is not int for pair in donated for k in pair):
        raise ValueError("donated pairs are positions")
    checks = tuple(Requirement(_expression(c["condition"]), _text(c["message"])) for c in said["checks"])
    reasons = tuple((_text(message), _text(line)) for message, line in said["reasons"])
    signature = Signature(inputs, outputs, symbols, donated)
    if fault := fault_of(signature):
        raise ValueError(fault)
    return Description(_text(said["name"]), _text(said["target"]), signature, checks, reasons)


def _param(said: dict) -> Param:
    shape = tuple(_size(d) for d in said["shape"])
    return Param(_text(said["name"]), Type(by_short(_text(said["dtype"])), shape))


def _size(said) -> int | Node:
    if type(said) is int and 0 <= said < 2**63:
        return said
    line = Lines(_text(said)).next()
    found = read_dim(line, Scope(), 0)
    line.end()
    return found


def _expression(text: str) -> Node:
    line = Lines(_text(text)).next()
    found = read_expression(line, Scope())
    line.end()
    return found


def _text(said) -> str:
    if type(said) is not str:
        raise TypeError(f"{said!r} is no text")
    return said
