"""Functions of a loaded SavedModel as Python callables: one for fixed types of arguments, or several in one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence

from graphc.api.create import convert_to_tensor
from graphc.api.eager import eager
from graphc.api.operators import Operators
from graphc.api.recorder import recorder_for
from graphc.api.saved_model.structured import OtherSpec
from graphc.api.shape import TensorShape
from graphc.api.spec import TensorSpec
from graphc.api.structure import leaves, pack
from graphc.api.variable import Variable
from graphc.errors import DataLossError, DtypeError, GraphcError, GraphError, ShapeError, UsageError, explain

_SHOWN = 6  # signatures that a message lists


class CallError(UsageError, TypeError):
    """A function of a SavedModel was called with other arguments than it has."""


class ConcreteFunction:
    """A function for arguments of known dtypes and shapes.

    Attributes:
        name: in the SavedModel.
        structured_input_signature: ``(args, kwargs)`` of TensorSpecs and Python values.
        structured_outputs: the structure of the answer, of TensorSpecs.
        inputs, outputs: TensorSpecs one by one.
        captured_inputs: what it uses besides its arguments: variables, constants, tables.
        spec_message: the FunctionSpec that says so in a SavedModel, if it is no signature.
        library: the Library that has it and what it calls; None for a signature of TensorFlow 1.
        keywords: the names of the inputs for callers; positional: how many may be given by position.
    """

    def __init__(self, name: str, run: Callable, check: Callable, inputs, outputs, captured: Sequence, library=None):
        self.name, self._run, self._check, self.library = name, run, check, library
        self.spec_message = None
        self.structured_input_signature, self.structured_outputs = inputs, outputs
        self.captured_inputs = list(captured)
        self.inputs = [s for s in leaves(inputs) if isinstance(s, TensorSpec)]
        self.outputs = [s for s in leaves(outputs) if isinstance(s, TensorSpec)]
        self.keywords, self.positional = [s.name for s in self.inputs], 0

    def run(self, values: Sequence) -> list:
        """The results one by one for values of all inputs and of what it uses besides."""
        return self._run(values)

    def named(self, keywords: Sequence[str], positional: int, spec_message=None) -> ConcreteFunction:
        """The same with the names that its arguments have for callers, and how many may be given by position."""
        self.keywords, self.positional, self.spec_message = list(keywords), positional, spec_message
        return self

    def definition(self):
        """The FunctionDef."""
        return self.library.function_def(self.name)

    @property
    def variables(self) -> tuple:
        """The variables that it uses."""
        return tuple(v for v in self.captured_inputs if isinstance(v, Variable))

    @property
    def trainable_variables(self) -> tuple:
        """Those that optimizers change."""
        return tuple(v for v in self.variables if v.trainable)

    def __call__(self, *args, **kwargs):
        """The answer for tensors, given by the names of the inputs (or, as far as it allows, by position).

        Raises:
            CallError: arguments are missing or unknown. DtypeError, ShapeError: one does not fit.
            GraphError: the function has operations that do not exist here.
        """
        if len(args) > max(self.positional, 0):
            if not self.positional:
                what = f"takes its inputs by name only ({', '.join(self.keywords)}), got {len(args)} by position"
            else:
                what = f"takes {self.positional} inputs by position, got {len(args)}"
            raise CallError(explain(f"{self._shown()}: {what}"))
        given = dict(zip(self.keywords, args))
        twice = sorted(set(given) & set(kwargs))
        unknown = sorted(set(kwargs) - set(self.keywords))
        given.update(kwargs)
        missing = [k for k in self.keywords if k not in given]
        for what, names in (("is given twice", twice), ("is no input", unknown), ("is missing", missing)):
            if names:
                told = f"{names[0]!r} {what}; its inputs are {', '.join(self.keywords) or 'none'}"
                raise CallError(explain(f"{self._shown()}: {told}"))
        return self.call_flat([given[k] for k in self.keywords])

    def call_flat(self, values: Sequence):
        """The answer for one value for each of ``inputs``."""
        self._refuse_others()
        self._check()
        pairs = list(zip(values, self.inputs, self.keywords))
        tensors = [_fitting(self._shown(), k or f"input {n}", v, spec) for n, (v, spec, k) in enumerate(pairs)]
        answers = self._run([*tensors, *self.captured_inputs])
        if len(answers) != len(self.outputs):
            what = f"{self._shown()} is damaged: it has {len(answers)} results and tells of {len(self.outputs)}"
            raise DataLossError(explain(what))
        found = iter(answers)
        kept = [next(found) if isinstance(s, TensorSpec) else s for s in leaves(self.structured_outputs)]
        return pack(self.structured_outputs, [convert_to_tensor(x) if isinstance(x, Variable) else x for x in kept])

    def _refuse_others(self) -> None:
        for what, structure in (("takes", self.structured_input_signature), ("answers with", self.structured_outputs)):
            for spec in leaves(structure):
                if isinstance(spec, OtherSpec):
                    raise GraphError(explain(f"{self._shown()} {what} a value of {spec.name}, which is not supported"))

    def _shown(self) -> str:
        return f"function {self.name!r} of the SavedModel"

    def __repr__(self):
        inputs = ", ".join(f"{k}: {_told(s)}" for k, s in zip(self.keywords, self.inputs))
        return f"<ConcreteFunction {self.name}({inputs})>"


def _told(spec: TensorSpec) -> str:
    return f"{spec.dtype.name}{spec.shape}"


def _fitting(what: str, name: str, value, spec: TensorSpec):
    """A value as a tensor that an input takes."""
    recorder = recorder_for([value] if isinstance(value, Operators) else [], eager)
    tensor = recorder.convert(value, None if isinstance(value, Operators) else spec.dtype)
    if tensor.dtype is not spec.dtype:
        raise DtypeError(explain(f"{what}: {name!r} must be {spec.dtype.name}, got {tensor.dtype.name}"))
    if not spec.shape.is_compatible_with(tensor.shape):
        raise ShapeError(explain(f"{what}: {name!r} must have shape {spec.shape}, got {tensor.shape}"))
    return tensor


class Function:
    """A function for several descriptions of its arguments: that which fits is called.

    Attributes:
        concrete_functions: the ConcreteFunctions.
        spec_message: the FunctionSpec that says so in the SavedModel.
    """

    def __init__(self, name: str, concrete_functions: Sequence[ConcreteFunction], spec=None, is_method: bool = False,
                 input_signature=None, spec_message=None):  # fmt: skip
        self.name, self.concrete_functions, self.spec_message = name, list(concrete_functions), spec_message
        self.input_signature = input_signature
        self._signature = None if spec is None else _python_signature(spec, is_method)

    def __call__(self, *args, **kwargs):
        """The answer of the first function that takes the arguments as they are, or else after conversion to tensors.

        Raises:
            CallError: none does; the message lists what they take. GraphError: the function has operations that do not
            exist here.
        """
        given = self._bound(args, kwargs)
        for converts in (False, True):
            for function in self.concrete_functions:
                values = _matched(function.structured_input_signature, given, converts)
                if values is not None:
                    return function.call_flat(values)
        raise CallError(explain(f"{self._shown()}: no saved form takes ({_described(given)}); {self._forms()}"))

    def get_concrete_function(self, *args, **kwargs) -> ConcreteFunction:
        """The ConcreteFunction for TensorSpecs or values; the only one without arguments.

        Raises:
            CallError: there is none for them.
        """
        if not args and not kwargs and len(self.concrete_functions) == 1:
            return self.concrete_functions[0]
        if not args and not kwargs and self.concrete_functions:
            raise CallError(explain(f"{self._shown()}: there are several saved forms, choose one; {self._forms()}"))
        given = self._bound(args, kwargs)
        for function in self.concrete_functions:
            if _matched(function.structured_input_signature, given, False) is not None:
                return function
        raise CallError(explain(f"{self._shown()}: there is no saved form for ({_described(given)}); {self._forms()}"))

    def _bound(self, args: tuple, kwargs: dict) -> tuple:
        """Arguments as saved forms tell of them: by position as far as possible, with defaults."""
        if self._signature is None:
            return args, kwargs
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise CallError(explain(f"{self._shown()}: {error}")) from None
        bound.apply_defaults()
        return bound.args, bound.kwargs

    def _shown(self) -> str:
        return f"function {self.name!r} of the SavedModel"

    def _forms(self) -> str:
        shown = [_described(f.structured_input_signature) for f in self.concrete_functions]
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        return f"saved are: {'; '.join(f'({s})' for s in shown[:_SHOWN])}{more}"

    def __repr__(self):
        return f"<Function {self.name} with {len(self.concrete_functions)} saved forms>"


def _python_signature(spec, is_method: bool) -> inspect.Signature | None:
    """What a FullArgSpec of a SavedModel says, without ``self``."""
    kinds = inspect.Parameter
    names = list(spec.args or ())
    names = names[1:] if is_method and names[:1] == ["self"] else names
    defaults = dict(zip(reversed(names), reversed(list(spec.defaults or ()))))
    found = [kinds(n, kinds.POSITIONAL_OR_KEYWORD, default=defaults.get(n, kinds.empty)) for n in names]
    if spec.varargs:
        found.append(kinds(spec.varargs, kinds.VAR_POSITIONAL))
    only = spec.kwonlydefaults or {}
    found += [kinds(n, kinds.KEYWORD_ONLY, default=only.get(n, kinds.empty)) for n in spec.kwonlyargs or ()]
    if spec.varkw:
        found.append(kinds(spec.varkw, kinds.VAR_KEYWORD))
    try:
        return inspect.Signature(found)
    except ValueError:
        return None  # a default before an argument without one: it is called as it is given


def _matched(signature, given, converts: bool) -> list | None:
    """The values for the TensorSpecs of a signature; None where something does not fit."""
    found: list = []
    stack = [(signature, given)]
    while stack:
        wanted, value = stack.pop()
        if isinstance(wanted, Mapping):
            if not isinstance(value, Mapping) or set(wanted) != set(value):
                return None
            stack += [(wanted[k], value[k]) for k in sorted(wanted, reverse=True)]
        elif isinstance(wanted, (list, tuple)):
            if not isinstance(value, (list, tuple)) or len(wanted) != len(value):
                return None
            stack += list(zip(wanted, value))[::-1]
        elif isinstance(wanted, TensorSpec):
            tensor = _as_tensor(value, wanted, converts)
            if tensor is None:
                return None
            found.append(tensor)
        elif isinstance(wanted, OtherSpec) or not _same(wanted, value):
            return None
    return found


def _same(wanted, value) -> bool:
    if isinstance(value, (Operators, TensorSpec)):
        return False
    try:
        return bool(wanted == value)
    except ValueError:  # arrays
        return False


def _as_tensor(value, spec: TensorSpec, converts: bool):
    """A value that an input takes (or a description of one), as a tensor if need be; None where it takes none."""
    if not isinstance(value, (Operators, TensorSpec)):
        if not converts or value is None or isinstance(value, (Mapping, TensorShape)):
            return None
        try:
            value = recorder_for([], eager).convert(value, spec.dtype)
        except (GraphcError, TypeError, ValueError):
            return None
    return value if value.dtype is spec.dtype and spec.shape.is_compatible_with(TensorShape(value.shape)) else None


def _described(given) -> str:
    args, kwargs = given
    parts = [_one(a) for a in args] + [f"{k}={_one(v)}" for k, v in kwargs.items()]
    return ", ".join(parts)


def _one(value) -> str:
    if isinstance(value, (Operators, TensorSpec)):
        return f"{value.dtype.name}{value.shape}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_one(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_one, value)) + "]"
    return repr(value) if len(repr(value)) <= 60 else f"a {type(value).__name__}"


class Signatures(Mapping):
    """The signatures of a SavedModel: names -> ConcreteFunctions."""

    def __init__(self, functions: Mapping[str, ConcreteFunction]):
        self._functions = dict(functions)

    def __getitem__(self, key: str) -> ConcreteFunction:
        if key not in self._functions:
            known = ", ".join(map(repr, self._functions)) or "none"
            raise NoSuchSignatureError(explain(f"the SavedModel has no signature {key!r}; it has {known}"))
        return self._functions[key]

    def __iter__(self):
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def __repr__(self):
        return f"Signatures({self._functions!r})"


class NoSuchSignatureError(GraphError, KeyError):
    """A SavedModel has no signature of that name."""

    __str__ = Exception.__str__
