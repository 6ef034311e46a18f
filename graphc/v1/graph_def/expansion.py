"""Operations without a node of their own, gradients above all, as the nodes of what they compute."""

from __future__ import annotations

from graphc.api.effect import Effect
from graphc.errors import GraphcError, located
from graphc.ir.graph import input_node
from graphc.ir.node import Node
from graphc.lib.dims import measuring
from graphc.v1.differentiate import ancestors, differentiate, refine
from graphc.api.emit.emitter import Emitter, Value
from graphc.api.emit.plan import plan
from graphc.v1.graph_def.writer import Writer, ref
from graphc.v1.infer import nodes_of
from graphc.v1.slices import split
from graphc.v1.tensor import Differentiate, Operation, Random, Tensor

_POOL = "MaxPool"


class Expansion:
    """What the operations of a graph compute, as Nodes over everything that comes from outside or has effects.

    Two reads of a variable are two values, for something may be written between them.
    """

    def __init__(self):
        self._values: dict[Tensor, Node | None] = {}
        self._inside: dict[Operation, dict[Node, Value]] = {}
        self._written: dict[str, object] = {}

    def keep(self, op: Operation, nodes: list) -> None:
        """Remember the node of an operation, from which gradients take attributes."""
        if op.type == _POOL:
            self._written[op.name] = nodes[-1]

    def write(self, w: Writer) -> bool:
        """Make the nodes of the operation; False where something of it has no form."""
        op = w.op
        if not op.outputs or not (op.effect is None or isinstance(op.effect, (Random, Differentiate))):
            return False
        if op.effect is not None and not isinstance(op.effect, Differentiate) and op.build is None:
            return False
        if isinstance(op.effect, Differentiate):
            roots = [t for t in (*op.effect.ys, *op.effect.xs, *op.effect.seeds) if isinstance(t, Tensor)]
        else:
            roots = list(op.operands)
        path = ancestors(roots, lambda t: False)
        try:
            self._evaluate(path)
            with measuring(), located(op.location):
                outputs = self._outputs(op)
            if None in outputs or len(outputs) != len(op.outputs):
                return False
            e = Emitter(w, plan, self._found(path), self._pools(path), isinstance(op.effect, Random))
            e.write(outputs)
            names = [e.full(node) for node in outputs]
        except (GraphcError, KeyError, TypeError, AttributeError, NotImplementedError):
            w.discard()
            return False
        self._inside[op] = e.made
        if len(names) == 1:
            w.node("Identity", names, T=op.outputs[0].dtype)
        else:
            kinds = [t.dtype for t in op.outputs]
            if isinstance(op.effect, Differentiate):
                names = _gated(w, names, kinds)
            w.node("IdentityN", names, T=kinds)
        return True

    def _evaluate(self, path: list[Operation]) -> None:
        for op in path:
            if not op.outputs or op.outputs[0] in self._values:
                continue
            try:
                with measuring(), located(op.location):
                    found = self._outputs(op)
            except (GraphcError, KeyError, TypeError):
                found = []
            for k, t in enumerate(op.outputs):
                node = found[k] if k < len(found) else None
                if node is None and t.node is not None:
                    node = input_node(t.name, t.node.type)
                self._values[t] = node if node is None else refine(t, node)

    def _outputs(self, op: Operation) -> list[Node | None]:
        effect = op.effect
        if isinstance(effect, Differentiate):
            values = {t: n for t, n in self._values.items() if n is not None}
            return list(split(differentiate(op.name, effect, values, lambda t: False), effect.places))
        if op.build is None or not (effect is None or isinstance(effect, Random)) or isinstance(effect, Effect):
            return []
        operands = [self._values[t] for t in op.operands]
        return [] if any(n is None for n in operands) else list(nodes_of(op.build(*operands)))

    def _found(self, path: list[Operation]) -> dict[Node, Value]:
        """The Nodes that operations on the way have as outputs, or inside."""
        found: dict[Node, Value] = {}
        for op in path:
            for t in op.outputs:
                node = self._values.get(t)
                if node is not None and node.op != "const":
                    found.setdefault(node, Value(ref(t), node.shape))
        for op in path:
            for node, value in self._inside.get(op, {}).items():
                found.setdefault(node, value)
        return found

    def _pools(self, path: list[Operation]) -> dict:
        pools = {}
        for op in path:
            if op.name in self._written and self._written[op.name].op == _POOL:
                node = self._values.get(op.outputs[0])
                while node is not None:
                    pools.setdefault(node, self._written[op.name])
                    node = node.inputs[0] if node.op in ("ensure", "stop", "transfer", "guard") else None
        return pools


def _gated(w: Writer, names: list[str], kinds: list) -> list[str]:
    """Tensors that are there only when all of them are: no variable changes while another gradient still reads it."""
    every = dict.fromkeys(f"^{name.partition(':')[0]}" for name in names)
    gate = w.node("NoOp", every, "group_deps")
    return [w.node("Identity", [name, f"^{gate}"], "control_dependency", T=kind) for name, kind in zip(names, kinds)]
