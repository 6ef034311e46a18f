"""Python functions as operations: they run on the host, when the program comes to them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

from graphc.api.eager import EAGER, eager
from graphc.api.lift import tensors_in
from graphc.api.recorder import RECORDERS, recorder_for
from graphc.api.resource import record
from graphc.api.structure import leaves, pack
from graphc.api.tape import GradientTape
from graphc.api.tensor import EagerTensor
from graphc.errors import InvalidArgumentError, UsageError, explain, with_line
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.prims.act import converted, python, told
from graphc.prims.running import Ranks

_numbers = itertools.count()


class Callbacks:
    """The functions of one front door; ``fallback`` is the recorder where no operand decides."""

    def __init__(self, fallback: Callable):
        self.fallback = fallback

    def numpy_function(self, func=None, inp=None, Tout=None, stateful=True, name=None):
        """What ``func`` answers for the arrays of the tensors ``inp``; runs on the host and has no gradient.

        Args:
            func: None makes a decorator; the function then takes the tensors as its arguments.
            Tout: the dtype of the answer, or a list of dtypes of the answers. In a graph their shapes are found out by
                the first run, unless ``set_shape`` promises them.

        Raises:
            InvalidArgumentError: in a graph: ``func`` raises ValueError or TypeError, or answers with other dtypes.
                Other errors of it become OutOfRangeError (StopIteration) and UnknownError.
        """
        if func is None:
            return functools.partial(_decorated, functools.partial(self._numpy, "numpy_function"), Tout, (stateful, name))
        return self._numpy("numpy_function", func, inp, Tout, stateful, name)

    def py_func(self, func, inp, Tout, stateful=True, name=None):
        """The same, as TensorFlow 1 calls it."""
        return self._numpy("py_func", func, inp, Tout, stateful, name)

    def py_function(self, func=None, inp=None, Tout=None, name=None):
        """What ``func`` answers for tensors ``inp`` that have values; runs on the host.

        Eagerly its operations are recorded like any others, so gradients go through it. In a graph its gradient calls
        it again, under a GradientTape.

        Args:
            Tout: see ``numpy_function``; None or an empty list if ``func`` answers with nothing.
        """
        if func is None:
            return functools.partial(_decorated, self.py_function, Tout, (name,))
        recorder = self._recorder("py_function", func, inp)
        if recorder.is_eager:
            with with_line():
                answer = told(func)(*[recorder.convert(x) for x in inp])
            return _as_promised("py_function", answer, Tout)

        return self._record(recorder, "EagerPyFunc", _with_tensors(func, len(inp)), inp, Tout, name)

    def _numpy(self, label: str, func, inp, Tout, stateful, name):
        recorder = self._recorder(label, func, inp)
        if recorder.is_eager:
            answer = func(*[recorder.convert(x).numpy() for x in inp])
            found = [None if v is None else recorder.convert(v) for v in leaves(answer)]
            return found[0] if len(found) == 1 else found
        return self._record(recorder, "PyFunc" if stateful else "PyFuncStateless", _of_scalars(func), inp, Tout, name)

    def _recorder(self, label: str, func, inp):
        if not callable(func):
            raise UsageError(explain(f"{label}: func must be a function, got {func!r}"))
        if not isinstance(inp, (list, tuple)):
            raise UsageError(explain(f"{label}: inp must be a list of tensors, got {inp!r}"))
        return recorder_for(tensors_in(inp), self.fallback)

    def _record(self, recorder, kind: str, func, inp, Tout, name):
        wanted = _dtypes(Tout)
        callback = told(func)  # keeps its ``slopes``, if it has them
        sizes = [_promised_sizes(t) for t in leaves(Tout)] if wanted else []
        results = Ranks(name or kind, tuple(zip(wanted, sizes)))

        def build(token: Node, *nodes: Node) -> list[Node]:
            known = results.results() if wanted else ()
            return python(token, *nodes, callback=callback, key=results.key, results=known)

        build.calls = getattr(func, "__name__", repr(func))  # what stands for it in a file
        made = record(recorder, kind, kind, build, inp, results if wanted else (), name)
        if not wanted:
            return made
        return pack(Tout, made) if isinstance(Tout, (list, tuple, dict)) else made[0]


def _decorated(operation: Callable, Tout, rest: tuple, func: Callable) -> Callable:
    """The function that runs ``func`` as an operation: what a decorator without a function makes of it."""

    @functools.wraps(func)
    def called(*inp):
        return operation(func, list(inp), Tout, *rest)

    return called


def _of_scalars(func: Callable) -> Callable:
    """A function that gets what has no axes as TensorFlow gives it: a NumPy scalar, or bytes."""

    @functools.wraps(func, updated=())
    def of_scalars(*arrays):
        return func(*[a if a.ndim else a[()] for a in arrays])

    return of_scalars


def _with_tensors(func: Callable, count: int) -> Callable:
    """A function of tensors as one of arrays; ``slopes`` is its gradient, see ``graphc.prims.act.python``."""

    def with_tensors(*arrays):
        with RECORDERS.entering(EAGER):
            answer = func(*[EagerTensor(EAGER, array=a) for a in arrays])
        return [_plain(t) for t in leaves(answer)] if isinstance(answer, (list, tuple, dict)) else _plain(answer)

    def slopes(*arrays):
        with RECORDERS.entering(EAGER), GradientTape() as tape:
            tensors = [EagerTensor(EAGER, array=a) for a in arrays]
            xs = [t for t in tensors[:count] if t.dtype.is_inexact]
            tape.watch(xs)
            ys = [EAGER.convert(y) for y in leaves(func(*tensors[:count]))]
            found = tape.gradient(ys, xs, tensors[count:], unconnected_gradients="zero")
            return [g.numpy() for g in found]

    with_tensors.__name__ = slopes.__name__ = getattr(func, "__name__", repr(func))  # what messages call it
    with_tensors.slopes = slopes
    return with_tensors


def _dtypes(Tout) -> list[dt.DType]:
    return [] if Tout is None else [dt.as_dtype(getattr(d, "dtype", d)) for d in leaves(Tout)]


def _promised_sizes(spec) -> tuple | None:
    """The sizes that a TensorSpec promises, -1 for unknown ones; None where the rank is not known."""
    shape = getattr(spec, "shape", None)
    rank = getattr(shape, "ndims", None)
    return None if rank is None else tuple([-1 if d is None else d for d in shape.as_list()])


def _plain(value):
    """A tensor or variable as an array; any other value as it is."""
    return value.numpy() if hasattr(value, "numpy") else value


def _as_promised(label: str, answer, Tout):
    """Tensors of the dtypes that were promised, in the structure of ``Tout``."""
    wanted = _dtypes(Tout)
    if not wanted:
        return []
    values = leaves(answer)
    if len(values) != len(wanted):
        what = f"{label}: the function answers with {len(values)} values, but Tout has {len(wanted)}"
        raise InvalidArgumentError(explain(what))
    found = [_promised(label, v, d) for v, d in zip(values, wanted)]
    return pack(Tout, found) if isinstance(Tout, (list, tuple, dict)) else found[0]


def _promised(label: str, value, dtype: dt.DType):
    if isinstance(value, EagerTensor) and value.dtype is dtype:
        return value  # keeps its history, for gradients
    (array,) = converted([_plain(value)], (dtype,), label)
    return EagerTensor(EAGER, array=array)


_EAGER = Callbacks(eager)
py_function, numpy_function = _EAGER.py_function, _EAGER.numpy_function
