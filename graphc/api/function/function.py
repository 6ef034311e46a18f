"""``graphc.function``: a Python function that is traced once for each kind of arguments, and compiled."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import threading
import types
import weakref
from collections.abc import Callable
from threading import get_ident

from graphc.api.binding import binder
from graphc.api.eager import eager
from graphc.api.function.any_rank import AnyRank
from graphc.api.function.arguments import places_in, taken_apart
from graphc.api.function.collecting import COLLECTION
from graphc.api.function.concrete import ConcreteFunction
from graphc.api.function.family import Family
from graphc.api.function.mode import EAGERLY
from graphc.api.function.quick_key import note_quick
from graphc.api.function.retracing import Uses, note_function, note_trace
from graphc.api.function.signature import InputSignature, expect_specs
from graphc.api.function.tracing import trace_function
from graphc.api.gate import GATE
from graphc.api.operators import Operators
from graphc.api.places import PLACES
from graphc.api.recompile import subject
from graphc.api.recorder import RECORDERS, recorder_for
from graphc.api.recording import RECORDING
from graphc.api.spec import TensorSpec
from graphc.api.storage import CHANGES, RUNNING
from graphc.errors import GraphcError, Location, ShapeError, UsageError, explain, with_line
from graphc.ir.node import Node
from graphc.prims.running import RankUnknown

_QUICK_KEPT = 512
_NONE = None, None
_FAILED = GraphcError, MemoryError
_TRACING = threading.RLock()  # functions are traced by one thread at a time


class _Active(threading.local):
    """What this thread is tracing, to tell a function that calls itself."""

    def __init__(self):
        self.traces: list = []


_ACTIVE = _Active()


class Function:
    """What ``tf.function`` makes of a Python function.

    Args:
        owner: answers with the object that it is a method of; None for a function.

    Attributes:
        name: its name.
        input_signature: the TensorSpecs that it was given, or None.
    """

    def __init__(self, function: Callable, input_signature=None, autograph: bool = True, owner: Callable | None = None):
        self._function, self._autograph, self._owner = function, autograph, owner
        self.name = getattr(function, "__name__", type(function).__name__)
        self._signature = _signature_of(function)
        if owner is not None:
            self._signature = self._signature.replace(parameters=list(self._signature.parameters.values())[1:])
        self._bind = binder(self._signature, True)
        expect_specs(self.name, input_signature)
        self.input_signature = None if input_signature is None else tuple(input_signature)
        self._families: dict = {}
        self._inside: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # a trace around -> families
        self._quick: dict[tuple, Callable] = {}
        self._orders: dict[tuple, tuple] = {}  # names of arguments as given -> as in the trace
        self._direct: tuple = _NONE  # the latest trace for tensors alone, which native code tells from others
        self._gated, self._packed = _refuse, None  # the same where nothing needs a look first, and what packs the answer
        self._bound: dict[int, tuple] = {}
        self._latest: tuple | None = None
        self._plain: set = set()  # keys of arguments for which a Python function inside makes tensors of unknown rank
        code = getattr(inspect.unwrap(function), "__code__", None)
        self._code = code if owner is None else None  # methods of many objects are meant to be many
        self._uses = Uses()
        location = None if code is None else Location(code.co_filename, code.co_firstlineno)
        self._subject = subject(self, "function", f"function {self.name!r}", location)
        functools.update_wrapper(self, function, updated=())

    @property
    def python_function(self) -> Callable:
        """What was decorated; bound to its object, if it is a method."""
        return self._function if self._owner is None else types.MethodType(self._function, self._owner())

    @property
    def python_signature(self) -> inspect.Signature:
        """The arguments of the Python function, without ``self``."""
        return self._signature

    @functools.cached_property
    def _given(self) -> InputSignature | None:
        if self.input_signature is None:
            return None
        return InputSignature(self.name, self._signature, self.input_signature)

    # ------------------------------------------------------------------------------------------- calling

    def __call__(self, *args, **kwargs):
        """The answer of the Python function, computed by a compiled program."""
        if not kwargs:
            try:
                found = self._gated(*args)
            except _FAILED:
                with with_line():
                    raise
            if found is not NotImplemented:
                packed = self._packed
                return found if packed is None else packed(found)
        if not (RECORDERS.entered or RECORDING.tapes or EAGERLY.is_on or PLACES.entered):
            if not kwargs:
                found = self._directly(args)
                if found is not NotImplemented:
                    return found
            key, arrays = self._quick_key(args, kwargs)
            run = self._quick.get(key)
            if run is not None:
                self._uses.count = 2
                return run(arrays)
        return self._called(args, kwargs)

    def _directly(self, args: tuple):
        """The answer of the latest trace for tensors alone, NotImplemented where they do not fit; opens the gate to it."""
        runner, packed = self._direct
        if runner is None or runner.gated is None or runner.seen != CHANGES.now or get_ident() not in RUNNING:
            return NotImplemented
        if self._gated is runner.gated and GATE.thread == get_ident():  # it has refused these arguments just now
            return NotImplemented
        GATE.open()
        self._uses.count = 2
        self._packed, self._gated = packed, runner.gated
        try:
            found = runner.boxed(*args)
        except _FAILED:
            with with_line():
                raise
        return found if found is NotImplemented or packed is None else packed(found)

    def _called(self, args: tuple, kwargs: dict):
        recorder = recorder_for([x for x in (*args, *kwargs.values()) if isinstance(x, Operators)], eager)
        if EAGERLY.is_on or not (recorder.is_eager or recorder.captures):
            return self.python_function(*args, **kwargs)
        arguments, described = self._arguments(args, kwargs)
        tensors, specs = [], []
        key = _key(arguments, tensors)
        if recorder.is_eager and key in self._plain:
            return self.python_function(*args, **kwargs)
        if any(isinstance(t, TensorSpec) for t in tensors):
            raise UsageError(explain(f"{self.name}: called with a TensorSpec; get_concrete_function takes these"))
        self._uses.count += 1
        if self._uses.count == 1:
            note_function(self.name, self._code, self._uses)
        shapes = tuple([_sizes(t) for t in tensors])
        if described is not None:
            key, arguments = _key(described, specs), described
            shapes = tuple([_described(s, sizes) for s, sizes in zip(specs, shapes)])
        try:
            family, concrete = self._concrete(key, arguments, shapes, tensors if recorder.is_eager else ())
        except RankUnknown:
            if not recorder.is_eager:
                raise
            self._plain.add(key)
            return self.python_function(*args, **kwargs)
        try:
            answer = concrete.answer(tensors)
        except ShapeError:
            if not concrete.is_general or concrete.traced.acts:
                raise
            concrete = None
        if concrete is None:  # this one size needs a trace of its own, as 1 does where it broadcasts
            concrete = self._traced(family, key, arguments, tuple([_sizes(t) for t in tensors]), exactly=True)
            answer = concrete.answer(tensors)
        elif not (RECORDERS.entered or RECORDING.tapes or PLACES.entered):
            self._keep_quick(args, kwargs, concrete)
        return answer

    def _arguments(self, args: tuple, kwargs: dict) -> tuple[dict, dict | None]:
        """The arguments by name, and the same with specifications where there is an input_signature."""
        try:
            arguments = self._bind(args, kwargs)
        except TypeError as error:
            raise TypeError(explain(f"{self.name}: {error}")) from None
        return (arguments, None) if self._given is None else self._given.applied(arguments)

    def _concrete(self, key, arguments: dict, shapes: tuple, actual=()) -> tuple[Family, ConcreteFunction]:
        """The trace for these arguments, and what it is among; made if there is none.

        Args:
            actual: the tensors of the call that asks for it, if one does.
        """
        found = self._found(key, shapes)
        if found is None:
            with _TRACING:
                found = self._found(key, shapes)
                if found is None:
                    family = self._family(key)
                    found = family, self._traced(family, key, arguments, shapes, actual)
        return found

    def _found(self, key, shapes: tuple) -> tuple[Family, ConcreteFunction] | None:
        places = [self._families, *[self._inside[r] for r in RECORDERS.entered if r in self._inside]]
        for families in places:
            family = families.get(key)
            concrete = None if family is None else family.find(shapes)
            if concrete is not None:
                return family, concrete
        return None

    def _family(self, key) -> Family:
        family = self._families.get(key)
        if family is None:
            family = self._families[key] = Family()
        return family

    def _traced(self, family: Family, key, arguments: dict, shapes: tuple, actual=(),
                exactly: bool = False) -> ConcreteFunction:  # fmt: skip
        """A new trace; where it uses tensors of a function around, it serves there alone."""
        if (self, key, shapes) in _ACTIVE.traces:
            what = "calls itself with the same kind of arguments while it is traced, without end"
            advice = "use tf.while_loop, or leave the inner function undecorated"
            raise UsageError(explain(f"{self.name}: {what}; {advice}"))
        _ACTIVE.traces.append((self, key, shapes))
        try:
            with _TRACING:
                made, pattern = family.made(functools.partial(self._trace, key, arguments, actual), shapes, exactly)
                if made.enclosing:
                    families = self._inside.setdefault(made.enclosing, {})
                    family = families.setdefault(key, Family())
                family.keep(pattern, made)
                before, self._latest = self._latest, (key, shapes)
                COLLECTION.add(made)
                note_trace(self._subject, *(before or (None, None)), key, shapes)
                return made
        finally:
            _ACTIVE.traces.pop()

    def _trace(self, key, arguments: dict, actual, shapes: tuple) -> ConcreteFunction:
        creates = self._latest is None
        function = self._function
        if self._autograph:
            function = _autograph().converted(function)
        if self._owner is not None:
            function = types.MethodType(function, self._owner())
        made = functools.partial(trace_function, self.name, function, self._signature, arguments, key, shapes)
        concrete, created = made(creates, actual)
        if created:  # once more: what is made in every call is refused, and what was made now is a variable of others
            concrete, _ = made(False)
        return concrete

    def _quick_key(self, args: tuple, kwargs: dict) -> tuple:
        """The arguments as a key of what tells traces apart and as arrays, in the order of the trace's; None without one."""
        key, arrays = [], []
        if not note_quick(args, key, arrays):
            return None, arrays
        if kwargs:
            names = tuple(kwargs)
            ordered = self._orders.get(names)
            if ordered is None:
                ordered = self._orders[names] = self._ordered(names)
            key.append(ordered)
            if not note_quick([kwargs[name] for name in ordered], key, arrays):
                return None, arrays
        return tuple(key), arrays

    def _ordered(self, names: tuple) -> tuple:
        """Names of arguments in the order in which a trace has them: others than the function's own come last."""
        places = {name: k for k, name in enumerate(self._signature.parameters)}
        if len(self._orders) >= _QUICK_KEPT:
            self._orders.clear()
        return tuple(sorted(names, key=lambda name: (places.get(name, len(places)), name)))

    def _keep_quick(self, args: tuple, kwargs: dict, concrete: ConcreteFunction) -> None:
        """Call this trace without more ado for arguments of the same types."""
        if concrete.is_flexible:
            return
        key, arrays = self._quick_key(args, kwargs)
        specs = concrete.inputs
        if key is not None and [a.dtype for a in arrays] == [s.dtype.numpy for s in specs]:
            if len(self._quick) >= _QUICK_KEPT:
                self._quick.clear()
            self._quick[key] = concrete.quick()
            if not kwargs and len(arrays) == len(args):
                self._direct = concrete.direct() or _NONE

    # ------------------------------------------------------------------------------------------- looking

    def get_concrete_function(self, *args, **kwargs) -> ConcreteFunction | AnyRank:
        """The trace for these arguments, made if there is none; TensorSpecs stand for tensors.

        Where the rank of one is not known, what is answered can be called, and is traced then.
        """
        arguments, described = self._specified(args, kwargs)
        arguments = described or arguments
        tensors: list = []
        key = _key(arguments, tensors)
        shapes = tuple([_sizes(t) for t in tensors])
        if None in shapes:
            specs = [TensorSpec(t.shape, t.dtype, p.name) for t, p in zip(tensors, places_in(key))]
            return AnyRank(self.name, specs, lambda shapes: self._concrete(key, arguments, shapes)[1])
        return self._concrete(key, arguments, shapes)[1]

    def _specified(self, args: tuple, kwargs: dict) -> tuple[dict, dict | None]:
        if self._given is not None and not args and not kwargs:
            given = dict(zip(self._given.names, self._given.specs))
            more = self._given.specs[len(self._given.names) :]
            arguments = self._bind((), given) if not more else self._bind(self._given.specs, {})
            return arguments, None
        return self._arguments(args, kwargs)

    def experimental_get_tracing_count(self) -> int:
        """How often the Python function was traced."""
        return self._subject.count

    def lower(self, *args, **kwargs):
        """The Program for these arguments."""
        return self.get_concrete_function(*args, **kwargs).lower()

    def compile(self, *args, **kwargs):
        """The Executable for these arguments."""
        return self.get_concrete_function(*args, **kwargs).compile()

    @property
    def concrete_functions(self) -> list[ConcreteFunction]:
        """All traces, in the order in which they were made."""
        return [c for family in self._families.values() for c in family.traces]

    def pretty_printed_concrete_signatures(self, verbose: bool = True) -> str:
        """What the traces take and answer with."""
        return "\n\n".join(c.pretty_printed_signature(verbose) for c in self.concrete_functions)

    def __get__(self, instance, owner=None):
        """The function as a method: every object has its own traces, and is not kept alive by them."""
        if instance is None:
            return self
        found = self._bound.get(id(instance))
        if found is None or found[0]() is not instance:
            found = self._bound_to(instance)
        return found[1]

    def _bound_to(self, instance) -> tuple:
        number = id(instance)
        try:
            reference = weakref.ref(instance, lambda _: self._bound.pop(number, None))
        except TypeError:  # of a class with slots

            def reference():
                return instance

        method = Function(self._function, self.input_signature, self._autograph, reference)
        found = self._bound[number] = reference, method
        return found

    def __reduce__(self):
        """A function is copied and pickled without its traces; one that a module names is referred to by that name."""
        if self._owner is not None:
            return getattr, (self._owner(), self.name)
        found = sys.modules.get(self._function.__module__ or "")
        for part in getattr(self._function, "__qualname__", "").split("."):
            found = getattr(found, part, None)
        if found is self:
            return self._function.__qualname__
        return Function, (self._function, self.input_signature, self._autograph)

    def __repr__(self):
        return f"<tf.function {self.name}{self._signature}>"


@functools.cache
def _autograph():
    """The converter of control flow, imported when a function is traced."""
    return importlib.import_module("graphc.api.autograph")


def _refuse(*args):
    """Stands where there is nothing that native code could call."""
    return NotImplemented


def _signature_of(function: Callable) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # of some functions in C
        rest = inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)
        return inspect.Signature([rest, inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)])


def _key(arguments: dict, tensors: list) -> tuple:
    return tuple([(name, taken_apart(value, tensors, name)) for name, value in arguments.items()])


def _sizes(tensor) -> tuple:
    """The sizes of a tensor or a specification, None where they are not known."""
    if isinstance(tensor, TensorSpec):
        return None if tensor.shape.dims is None else tuple(tensor.shape.as_list())
    return tuple([None if isinstance(d, Node) else d for d in tensor.type.shape])


def _described(spec, sizes: tuple) -> tuple:
    """The sizes that input_signature leaves: unknown ones, where the rank is not said."""
    found = _sizes(spec)
    return (None,) * len(sizes) if found is None else found


def function(func=None, input_signature=None, autograph=True, jit_compile=None, reduce_retracing=False,
             experimental_implements=None, experimental_autograph_options=None, experimental_attributes=None,
             experimental_relax_shapes=None, experimental_compile=None,
             experimental_follow_type_hints=None):  # fmt: skip
    """A Python function as one compiled program; a decorator, with or without arguments.

    The Python function is called once for each kind of arguments ("traced"); what it computes becomes a program, which
    later calls run. Variables that it assigns, and what it prints or checks, happen in every call, in the order of the
    Python lines; Python's own effects happen while it is traced only.

    It is traced anew for other dtypes, ranks or structures of tensors, for other values of Python numbers and strings,
    and for other objects. Of sizes, the first trace knows those of its call; at the first call with others one more
    trace is made for any size at the axes that differ, and none after that. Only where Python itself needs a size
    (``range(x.shape[0])``) every size has its own. ``graphc.compilations()`` tells the reasons; storms are warned of. A
    function in which ``py_function`` makes tensors of unknown rank is called as it is, every time; ``Tout`` as a
    TensorSpec avoids that.

    Args:
        func: the Python function.
        input_signature: TensorSpecs of the arguments; sizes and the rank may be None. It is traced once then.
        autograph: whether Python's ``if``, ``while`` and ``for`` on tensors are converted.
        jit_compile, reduce_retracing, experimental_implements, experimental_autograph_options, experimental_attributes,
            experimental_relax_shapes, experimental_compile, experimental_follow_type_hints: without effect; everything
            is compiled, and sizes are generalised.

    Returns:
        A Function, or a decorator that makes one.

    Raises:
        UsageError: ``func`` is no function, or ``input_signature`` does not fit it.

    Example::

        @tf.function
        def f(x):
            return x * w + b
    """

    def decorated(inner):
        if isinstance(inner, (staticmethod, classmethod)):
            return type(inner)(decorated(inner.__func__))
        if not callable(inner):
            raise UsageError(explain(f"tf.function: needs a function, got {inner!r}"))
        return Function(inner, input_signature, autograph)

    return decorated if func is None else decorated(func)
