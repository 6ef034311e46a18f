"""Functions that call another one with inputs by name, as signatures are written."""

from __future__ import annotations

from graphc.api.emit.functions import plain_name
from graphc.api.node_def.attrs import attr_of
from graphc.api.saved_model.function import ConcreteFunction
from graphc.api.saved_model.library import CALLS, Library
from graphc.formats import protos


def wrapper(name: str, function: ConcreteFunction, outputs: dict) -> ConcreteFunction:
    """A function of this name with the same inputs, by name, and these outputs for an answer."""
    order = sorted(range(len(function.inputs)), key=lambda k: function.keywords[k])
    inputs = {function.keywords[k]: function.inputs[k] for k in order}
    inner, count = function.definition(), len(function.inputs)
    definition = _calling(name, inner, [(k, plain_name(function.keywords[k])) for k in order], count)
    graph_def = protos.GraphDef()
    inside = [function.library.function_def(n) for n in sorted(function.library.names)]
    graph_def.library.function.extend([definition, *inside])

    def run(values):
        given = dict(zip(order, values))
        return function.run([*[given[k] for k in range(count)], *values[count:]])

    made = ConcreteFunction(name, run, lambda: None, ((), inputs), outputs, function.captured_inputs,
                            Library(graph_def, lambda kind: True))  # fmt: skip
    return made.named(list(inputs), 1 if len(inputs) == 1 else 0)


def _calling(name: str, inner, order: list[tuple[int, str]], count: int):
    """The FunctionDef: one node that calls, and an Identity for every result."""
    made = protos.FunctionDef()
    signature, taken = made.signature, {"call", "identity"}
    signature.name, signature.is_stateful = name, inner.signature.is_stateful
    own: dict[int, str] = {}
    wanted = [*order, *[(k, a.name) for k, a in enumerate(inner.signature.input_arg) if k >= count]]
    for k, stem in wanted:
        own[k] = next(n for n in (f"{stem}_{j}" if j else stem for j in range(len(taken) + 1)) if n not in taken)
        taken.add(own[k])
        argument = signature.input_arg.add()
        argument.CopyFrom(inner.signature.input_arg[k])
        argument.name = own[k]
    call = made.node_def.add(name="StatefulPartitionedCall", op=CALLS[int(signature.is_stateful)])
    call.input.extend(own[k] for k in range(len(own)))
    call.attr["f"].func.name = inner.signature.name
    call.attr["Tin"].list.type.extend(a.type for a in inner.signature.input_arg)
    call.attr["Tout"].list.type.extend(a.type for a in inner.signature.output_arg)
    call.attr["config_proto"].CopyFrom(attr_of(b""))
    call.attr["executor_type"].CopyFrom(attr_of(b""))
    for k, result in enumerate(inner.signature.output_arg):
        node = made.node_def.add(name=f"Identity_{k}", op="Identity", input=[f"{call.name}:output:{k}"])
        node.attr["T"].type = result.type
        signature.output_arg.add(name=f"identity_{k}", type=result.type)
        made.ret[f"identity_{k}"] = f"{node.name}:output:0"
    if signature.is_stateful:
        made.control_ret[call.name] = call.name
        signature.control_output.append(call.name)
    return made
