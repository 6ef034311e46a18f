"""Functions of the program as those of a SavedModel; what TensorFlow has nothing for is told all at once."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

from graphc.api.emit.functions import Functions
from graphc.api.function.any_rank import AnyRank
from graphc.api.function.concrete import ConcreteFunction as Trace
from graphc.api.function.definition import write_traced
from graphc.api.function.function import Function as TracedFunction
from graphc.api.saved_model.function import ConcreteFunction, Function
from graphc.api.saved_model.library import Library
from graphc.api.saved_model.structured import NotEncodableError, message_of
from graphc.api.spec import TensorSpec
from graphc.errors import UsageError, explain
from graphc.formats import protos

TRACED = (TracedFunction, Trace)
_FIELDS = ("args", "varargs", "varkw", "defaults", "kwonlyargs", "kwonlydefaults", "annotations")
_SHOWN = 12


class Exporter:
    """Traces on their way to a SavedModel.

    Args:
        taken: names that new functions must not have.
    """

    def __init__(self, taken: Iterable[str] = ()):
        self._taken, self._number = set(taken), 0
        self._made: dict[int, tuple[Trace, ConcreteFunction]] = {}
        self._functions: dict[int, tuple[TracedFunction, Function]] = {}
        self._problems: dict[str, object] = {}

    def function(self, function: TracedFunction) -> Function:
        """All traces of a function."""
        known = self._functions.get(id(function))
        if known is None:
            spec = self._spec(function)
            made = [self.concrete(c, spec) for c in traces_of(function)]
            known = function, Function(function.name, made, spec_message=spec)
            self._functions[id(function)] = known
        return known[1]

    def concrete(self, trace: Trace, spec=None) -> ConcreteFunction:
        """One trace; ``spec`` is the FunctionSpec of the function that it is a trace of."""
        known = self._made.get(id(trace))
        if known is None:
            known = self._made[id(trace)] = trace, self._exported(trace, spec)
        return known[1]

    def _exported(self, trace: Trace, spec) -> ConcreteFunction:
        name, keywords = self.name(f"__inference_{trace.name}"), [s.name for s in trace.inputs]
        library = Functions(f"_{name.removeprefix('__inference_')}")
        write_traced(library, name, trace.traced, keywords)
        for what, where in library.problems.items():
            self._problems.setdefault(f"{trace.name}: {what}", where)
        for structure in (trace.structured_input_signature, trace.structured_outputs):
            self._encoded(trace.name, structure)
        graph_def = protos.GraphDef()
        graph_def.library.function.extend(library.definitions.values())
        made = ConcreteFunction(name, _never, _never, trace.structured_input_signature, trace.structured_outputs,
                                trace.captured_inputs, Library(graph_def, lambda kind: True))  # fmt: skip
        return made.named(keywords, len(keywords), spec or _spec_of(*trace.structured_input_signature))

    def name(self, stem: str) -> str:
        """A name for a function that no other one has."""
        while True:
            self._number += 1
            name = f"{stem}_{self._number}"
            if name not in self._taken:
                return name

    def _encoded(self, function: str, value):
        """The message of a value, or None: that is a problem."""
        try:
            return message_of(value)
        except NotEncodableError as error:
            self._problems.setdefault(f"{function}: {error}", None)
            return None

    def _spec(self, function: TracedFunction):
        """What the arguments of a function are, as a FunctionSpec."""
        parameters = list(function.python_signature.parameters.values())
        kinds = inspect.Parameter
        plain = [p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
        only = [p for p in parameters if p.kind == kinds.KEYWORD_ONLY]
        rest = {p.kind: p.name for p in parameters}
        defaults = tuple([p.default for p in plain if p.default is not kinds.empty])
        told = {
            "args": [p.name for p in plain],
            "varargs": rest.get(kinds.VAR_POSITIONAL), "varkw": rest.get(kinds.VAR_KEYWORD),
            "defaults": defaults or None, "kwonlyargs": [p.name for p in only], "annotations": {},
            "kwonlydefaults": {p.name: p.default for p in only if p.default is not kinds.empty} or None,
        }  # fmt: skip
        spec = full_arg_spec({k: self._encoded(function.name, v) for k, v in told.items()})
        given = self._encoded(function.name, function.input_signature)
        if given is not None:
            spec.input_signature.CopyFrom(given)
        return spec

    def check(self) -> None:
        """Refuse what cannot be written.

        Raises:
            UsageError: the message lists all of it, and where it was made.
        """
        if not self._problems:
            return
        told = [what if where is None else f"{what} ({where})" for what, where in self._problems.items()]
        more = [f"and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
        what = "saved_model.save: TensorFlow has nothing for parts of these functions; nothing was written"
        raise UsageError(explain("\n  ".join([what, *told[:_SHOWN], *more])))


def traces_of(function: TracedFunction) -> Sequence[Trace]:
    """What is saved of a function: its traces, or that of its ``input_signature``."""
    found = [c for c in function.concrete_functions if c.enclosing is None]
    if not found and function.input_signature is not None:
        made = function.get_concrete_function()
        found = [] if isinstance(made, AnyRank) else [made]
    return found


def full_arg_spec(fields: dict):
    """A FunctionSpec of messages by name; those that are None are left out."""
    spec = protos.FunctionSpec()
    named = spec.fullargspec.named_tuple_value
    named.name = "FullArgSpec"
    for key in _FIELDS:
        if fields[key] is not None:
            named.values.add(key=key).value.CopyFrom(fields[key])
    spec.input_signature.none_value.SetInParent()
    return spec


def _spec_of(args: tuple, kwargs: dict):
    """The FunctionSpec of a trace by itself."""
    names = [a.name if isinstance(a, TensorSpec) and a.name else f"argument_{k}" for k, a in enumerate(args)]
    told = dict.fromkeys(_FIELDS) | {"args": names, "kwonlyargs": list(kwargs), "annotations": {}}
    return full_arg_spec({key: message_of(value) for key, value in told.items()})


def names_in(objects: Iterable) -> set[str]:
    """The names of the functions of loaded models among objects."""
    found: set[str] = set()
    for value in objects:
        for concrete in value.concrete_functions if isinstance(value, Function) else [value]:
            if isinstance(concrete, ConcreteFunction) and concrete.library is not None:
                found.update(concrete.library.names)
    return found


def is_flat(outputs) -> bool:
    """Whether it is a dict of descriptions of tensors."""
    return isinstance(outputs, dict) and all(isinstance(s, TensorSpec) for s in outputs.values())


def _never(*values):
    raise UsageError(explain("a function that is being saved cannot be called"))
