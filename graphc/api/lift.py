"""From a lib function on Nodes to a public function on tensors: the only bridge between Tensor and Node."""

from __future__ import annotations

import contextlib
import functools
import inspect
import operator
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping

from graphc.api.adopt import holds_tensor
from graphc.api.binding import binder
from graphc.api.call import Call
from graphc.api.effect import EFFECT
from graphc.api.op import Op
from graphc.api.operators import Composed, Operators
from graphc.api.quick import Quick, filled, structured
from graphc.api.recorder import recorder_for
from graphc.api.reserved import reserved
from graphc.api.spelling import respelled
from graphc.errors import GraphcError, UsageError, explain
from graphc.ir.node import Node


def lift(op: Op, fallback: Callable) -> Callable:
    """The public function of a row of the catalogue.

    Args:
        fallback: answers with the recorder where no operand decides.
    """
    signature, rest = _public_signature(op)
    parts = namedtuple(op.kind, op.parts.split()) if op.parts else None
    bind = binder(signature, True)
    is_plain = not (op.random or op.effect or rest)
    quick = Quick(op, signature, _operands(op.tensors)[0], parts, fallback) if is_plain else None

    def public(*args, **kwargs):
        found = quick and quick.look(args, kwargs)
        if not found:
            return slowly(args, kwargs)
        answer = quick.recorded(found)
        if answer is None:
            answer = (slowly(args, kwargs),)
            quick.learn(found)
        return answer[0]

    def slowly(args, kwargs):
        try:
            arguments = bind(args, kwargs)
        except TypeError as error:
            raise TypeError(explain(f"{public.__name__}: {error}")) from None
        for value in composed_in(arguments.values()):
            return value.dispatch(op.names.split()[0], public, arguments)
        name = arguments.pop("name", None)
        values = [arguments[rest]] if rest else arguments.values()
        recorder = recorder_for(tensors_in(values), fallback)
        seed = whole(op.label or op.kind, "seed", arguments.pop("seed")) if op.random else None
        answer = recorded(op, recorder, arguments, name, seed, rest)
        return answer if parts is None else parts(*answer)

    public.__signature__ = signature
    public.__wrapped__ = op.function  # what other lib functions call that are given this one as an argument
    public.__doc__ = op.function.__doc__
    public.__name__ = public.__qualname__ = op.names.split()[0].rpartition(".")[2]
    return respelled(public, op.arguments) if op.arguments else public


def recorded(op: Op, recorder, arguments: dict, name=None, seed: int | None = None, rest: str | None = None,
             kind: str | None = None):  # fmt: skip
    """The answer of a row for arguments of its function, recorded.

    Args:
        rest: the argument that is ``*values`` of the function, a list here.
        kind: the operation's type, if it is not the row's.
    """
    groups, lists = _operands(op.tensors)
    function, effect = op.function, EFFECT if op.effect else None
    if op.random:
        key, counter, effect = recorder.draw(seed, *reserved(op.kind, arguments))
        function = drawn(op.function, key, counter)
    if rest:
        function = spread(function, rest)
        arguments[rest] = list(arguments[rest])
    label = op.label or op.kind
    return construct(recorder, kind or op.kind, label, function, arguments, groups, lists, name, effect, op.function)


@functools.lru_cache(None)
def _operands(tensors: str) -> tuple[dict, set]:
    """The groups of a row's tensors, and which of them are lists."""
    groups = {n.lstrip("*"): g for g, part in enumerate(tensors.split("|")) for n in part.split()}
    return groups, {n[1:] for n in tensors.replace("|", " ").split() if n.startswith("*")}


def _public_signature(op: Op) -> tuple[inspect.Signature, str | None]:
    """The arguments of the public function, and the name of its ``*values``, if it has that."""
    own = inspect.signature(op.function)
    parameters = list(own.parameters.values())[2 if op.random else 1 if op.effect else 0 :]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    kind = inspect.Parameter.KEYWORD_ONLY if rest else inspect.Parameter.POSITIONAL_OR_KEYWORD
    added = [n for n in (("seed", "name") if op.random else ("name",)) if n not in own.parameters]
    parameters += [inspect.Parameter(n, kind, default=None) for n in added]
    return own.replace(parameters=parameters, return_annotation=own.empty), rest


def drawn(function: Callable, key: Node, counter: Node) -> Callable:
    """A function that draws numbers, at its place in the stream of a recorder."""

    def with_place(**arguments):
        return function(key, counter, **arguments)

    with_place.drawn = key, counter
    return with_place


def spread(function: Callable, rest: str) -> Callable:
    """A function of ``*values`` as one of a list."""
    before = []
    for p in inspect.signature(function).parameters.values():
        if p.kind is p.VAR_POSITIONAL:
            break
        before.append(p.name)

    def with_list(**arguments):
        leading = [arguments.pop(n) for n in before]
        return function(*leading, *arguments.pop(rest), **arguments)

    return with_list


def construct(recorder, kind: str, default_name: str, function: Callable, arguments: Mapping, groups: Mapping,
              lists: Iterable = (), name=None, effect=None, of=None):  # fmt: skip
    """Record the operation ``function(**arguments)``: tensors among the arguments become its operands.

    Arguments in ``groups`` are always operands; others are if they are tensors or lists with tensors in them.
    ``of``: the function to remember, if it is not ``function``.

    Returns:
        Tensors in the structure (a Node, lists, tuples) that the function answers with; where that is None, what the
        recorder says of an operation without outputs.
    """
    operands, labels, numbers, places, static = [], [], [], {}, {}

    def place(value, label, group) -> int:
        operands.append(value)
        labels.append(label)
        numbers.append(group)
        return len(operands) - 1

    for key, value in arguments.items():
        if key in lists and isinstance(value, (list, tuple)):
            if not value:
                raise UsageError(explain(f"{default_name}: {key} is empty"))
            places[key] = [None if v is None else place(v, f"{key}_{k}", groups[key]) for k, v in enumerate(value)]
        elif (key in groups and value is not None) or holds_tensor(value):
            places[key] = place(value, key, groups.get(key, f"own {key}"))
        else:
            static[key] = value

    def build(*nodes):
        leaves: list[Node] = []
        token, *nodes = nodes if effect is EFFECT else (None, *nodes)
        found = {
            k: [None if p is None else nodes[p] for p in at] if isinstance(at, list) else nodes[at]
            for k, at in places.items()
        }
        with _refusing(default_name):
            if effect is EFFECT:
                token, answer = function(token, **static, **found)
                leaves.append(token)
            else:
                answer = function(**static, **found)
        build.structure = structured(answer, leaves, _is_node)
        return leaves

    build.call, build.structure = Call(of or function, places, static), None
    if of is not None and hasattr(function, "drawn"):
        build.drawn = function.drawn
    outputs = recorder.call(kind, default_name, build, operands, labels, name, groups=numbers, effect=effect)
    if build.structure is None:
        return outputs
    return filled(build.structure, iter(outputs if isinstance(outputs, list) else [outputs]))


@contextlib.contextmanager
def _refusing(name: str):
    """What Python or NumPy say about an impossible argument becomes an error that names the operation and the line."""
    try:
        yield
    except GraphcError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise UsageError(explain(f"{name}: the arguments do not fit: {error}")) from error


def _is_node(value) -> bool:
    return isinstance(value, Node)


def whole(op_name: str, name: str, value) -> int | None:
    """An argument that must be an int, or None.

    Raises:
        UsageError: it is something else.
    """
    if value is None:
        return None
    try:
        return operator.index(value)
    except TypeError:
        raise UsageError(explain(f"{op_name}: {name} must be an int, got {value!r}")) from None


def tensors_in(values: Iterable) -> list[Operators]:
    """The tensors among the values and in their lists, in order."""
    found: list[Operators] = []
    for value in values:
        if isinstance(value, Operators):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found.extend(tensors_in(value))
    return found


def composed_in(values: Iterable) -> list[Composed]:
    """The sparse and ragged tensors among the values and in their lists."""
    found: list[Composed] = []
    for value in values:
        if isinstance(value, Composed):
            found.append(value)
        elif type(value) in (list, tuple):
            found.extend(composed_in(value))
    return found
