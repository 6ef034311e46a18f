"""Functions of SavedModels carried out node by node, as calls of the catalogue, by whatever records operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.api.eager import eager
from graphc.api.namespaces import PUBLIC
from graphc.api.node_def import make
from graphc.api.operators import Operators
from graphc.api.recorder import recorder_for
from graphc.api.saved_model.library import CALLS, Body, Library
from graphc.api.saved_model.nodes import NODES, constant
from graphc.api.saved_model.own_functions import OwnFunctions
from graphc.api.tensor import EagerTensor
from graphc.api.variable import Variable
from graphc.errors import DataLossError, GraphcError, GraphError, explain
from graphc.ir import dtype as dt

BRANCHES = ("If", "StatelessIf", "Case", "StatelessCase")
LOOPS = ("While", "StatelessWhile")
_PASSED = ("Identity", "IdentityN", "Placeholder")  # also variables, tables and lists


def is_known(kind: str) -> bool:
    """Whether nodes of a type can be carried out though the table does not have them."""
    return kind in NODES or kind in CALLS or kind in BRANCHES or kind in LOOPS or kind in ("Const", *_PASSED)


class Interpreter:
    """Carries out the functions of a library."""

    def __init__(self, library: Library):
        self.library, self.own = library, OwnFunctions(library)
        self._constants: dict[int, EagerTensor] = {}

    def call(self, name: str, arguments: Sequence) -> list:
        """The results of a function of the library.

        Raises:
            DataLossError: there is another number of arguments than it has.
        """
        own = self.own.answer(name, arguments)
        return self.run(self.library.body(name), arguments) if own is None else own

    def run(self, body: Body, arguments: Sequence) -> list:
        """The results of nodes for values of their arguments: tensors, variables, tables, lists of tensors."""
        if len(arguments) != len(body.arguments):
            what = (
                f"function {body.name!r} of the SavedModel takes {len(body.arguments)} arguments, got {len(arguments)}"
            )
            raise DataLossError(explain(what))
        values: dict[str, list] = {name: [value] for name, value in zip(body.arguments, arguments)}
        for step in body.steps:
            try:
                values[step.node.name] = self.outputs(step.node, [self._value(values, i) for i in step.inputs])
            except GraphcError as error:
                if not getattr(error, "is_located_in_model", False):
                    error.is_located_in_model = True
                    first, *rest = str(error).split("\n")
                    told = f"{first}\n  in node {step.node.name} ({step.node.op}) of function {body.name}"
                    error.args = ("\n".join([told, *rest]), *error.args[1:])
                raise
            except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
                what = f"node {step.node.name} ({step.node.op}) of function {body.name}"
                raise GraphError(explain(f"{what}: its inputs and attributes do not fit: {error}")) from error
        return [None if place is None else self._value(values, place) for place in body.results]

    @staticmethod
    def _value(values: dict[str, list], place: tuple[str, int]):
        name, index = place
        found = values[name]
        if index >= len(found):
            raise DataLossError(
                explain(f"a function of the SavedModel uses output {index} of {name}, which has {len(found)}")
            )
        return found[index]

    def outputs(self, node, inputs: list) -> list:
        """The outputs of one node."""
        kind = node.op
        if kind == "Const":
            return [self._constant(node)]
        if kind in CALLS:
            return self.call(node.attr["f"].func.name, inputs)
        if kind in self.library:
            return self.call(kind, inputs)
        if kind in NODES:
            return NODES[kind](node, inputs)
        if kind in BRANCHES:
            return self._branch(node, inputs)
        if kind in LOOPS:
            return self._loop(node, inputs)
        if kind in _PASSED:
            return inputs
        return make.make(kind, [x.value() if isinstance(x, Variable) else x for x in inputs], node.attr, node.name)

    def _constant(self, node):
        if not recorder_for((), eager).is_eager:
            return constant(node)
        found = self._constants.get(id(node))
        if found is None:
            found = self._constants[id(node)] = constant(node)
        return found

    def _branch(self, node, inputs: list) -> list:
        choice, given = inputs[0], inputs[1:]

        def function(name: str) -> Callable:
            return lambda: self.call(name, given)

        if "branches" in node.attr:
            functions = [function(f.name) for f in node.attr["branches"].list.func]
            answer = PUBLIC.get("switch_case")(choice, functions, functions[-1])
        else:
            pred = choice if choice.dtype is dt.b1 else choice != 0
            then, other = (function(node.attr[key].func.name) for key in ("then_branch", "else_branch"))
            answer = PUBLIC.get("cond")(pred, then, other)
        return list(answer)

    def _loop(self, node, inputs: list) -> list:
        """A loop; what its body passes on unchanged, as variables must be, is no variable of the loop."""
        test, step = node.attr["cond"].func.name, node.attr["body"].func.name
        body = self.library.body(step)
        moving = [k for k in range(len(inputs)) if not body.passed_through(k)]
        if not moving:
            moving = [k for k, x in enumerate(inputs) if isinstance(x, Operators) and not isinstance(x, Variable)][:1]
        if any(isinstance(inputs[k], Variable) for k in moving) or not moving:
            raise GraphError(explain(f"loop {node.name} of the SavedModel changes which variable it uses"))

        def all_of(changing) -> list:
            values = list(inputs)
            for k, value in zip(moving, changing):
                values[k] = value
            return values

        def next_of(*changing):
            found = self.call(step, all_of(changing))
            return [found[k] for k in moving]

        start = [inputs[k] for k in moving]
        made = PUBLIC.get("while_loop")(lambda *v: self.call(test, all_of(v))[0], next_of, start)
        return all_of(made)
