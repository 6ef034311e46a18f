"""What TensorFlow calls the outputs of node types: inside of functions, inputs are written with these names."""

from __future__ import annotations

from collections.abc import Collection, Iterable

_NAMED = """
y: Abs Acos Acosh Asin Asinh Atan Atanh BesselI0e BesselI1e Cast Ceil Cos Cosh Digamma Erf Erfc Erfinv Exp Expm1 Floor
    Invert IsFinite Lgamma Log Log1p LogicalNot Ndtri Neg PopulationCount Rint Rsqrt Sigmoid Sign Sin Sinh Sqrt Tan Tanh
    Transpose
z: AddV2 Atan2 Betainc BitwiseAnd BitwiseOr BitwiseXor Equal FloorDiv FloorMod Igamma Igammac LeftShift Less LessEqual
    LogicalAnd LogicalOr Maximum Minimum Mul NotEqual Polygamma Pow RealDiv RightShift Sub Zeta
out: Complex Cumprod Cumsum
e,v: Eig SelfAdjointEigV2
patches: ExtractImagePatches
fingerprint: Fingerprint
index: Where
sign,log_abs_determinant: LogMatrixDeterminant
lu,p: Lu
product: MatMul
q,r: Qr
contents: ReadFile
value: ReadVariableOp
serialized: SerializeTensor
indices,values,shape: StringSplitV2
s,u,v: Svd
values,indices: TopKV2
y,idx: UniqueV2
"""


def _table() -> dict[str, list[str]]:
    found, names = {}, []
    for word in _NAMED.split():
        if word.endswith(":"):
            names = word[:-1].split(",")
        else:
            found[word] = names
    return found


_NONE = ("Assert", "AssignVariableOp", "NoOp", "PrintV2")
_LISTS = ("IdentityN", "While", "StatelessWhile")  # as many outputs as inputs
_OUTPUTS = _table()  # all others have one output, or one list of them, called so:
_USUAL = "output"


def output_count(node) -> int:
    """How many outputs a node has."""
    if node.op in _NONE:
        return 0
    for key in ("Tout", "T"):
        if key in node.attr and node.attr[key].HasField("list"):
            return len(node.attr[key].list.type) if key == "Tout" or node.op in _LISTS else 1
    return len(_OUTPUTS.get(node.op, (_USUAL,)))


def inside_functions(nodes: Iterable, arguments: Collection[str]) -> None:
    """Rewrite inputs of nodes, ``name`` or ``name:1``, as functions have them: ``name:z:0``; arguments stay."""
    nodes = list(nodes)
    kinds = {n.name: n.op for n in nodes}
    for node in nodes:
        node.input[:] = [inside_function(name, kinds, arguments) for name in node.input]


def inside_function(name: str, kinds: dict[str, str], arguments: Collection[str]) -> str:
    """One input so; ``kinds`` has the types of the nodes by name."""
    maker, _, index = name.partition(":")
    if name.startswith("^") or maker in arguments:
        return name
    names = _OUTPUTS.get(kinds[maker], (_USUAL,))
    k = int(index or 0)
    return f"{maker}:{names[k]}:0" if len(names) > 1 else f"{maker}:{names[0]}:{k}"


def in_graph(name: str, kinds: dict[str, str]) -> str:
    """An input of a node inside of a function, as graphs have it: ``name:z:0`` is ``name``."""
    maker, _, output = name.partition(":")
    if name.startswith("^") or not output:
        return name
    called, _, index = output.partition(":")
    names = _OUTPUTS.get(kinds[maker], (_USUAL,))
    place = names.index(called) if len(names) > 1 else int(index)
    return f"{maker}:{place}" if place else maker
