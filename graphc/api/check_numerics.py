"""Checks that results are finite numbers: of one tensor, and of every operation that is recorded while they are on."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

from graphc.api.body import Body
from graphc.api.create import convert_to_tensor
from graphc.api.eager import Eager, eager
from graphc.api.effect import EFFECT
from graphc.api.lift import construct, lift, tensors_in
from graphc.api.op import Op
from graphc.api.operators import Composed, Operators
from graphc.api.recorder import recorder_for
from graphc.api.structure import map_structure
from graphc.api.tape import GradientTape
from graphc.errors import DtypeError, InvalidArgumentError, UnavailableError, explain
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.lib import numerics
from graphc.lib.promote import as_node
from graphc.prims.effects import check_numerics as check
from graphc.prims.effects import not_finite
from graphc.prims.table import apply

ROW = Op("raw_ops.CheckNumerics", "CheckNumerics", numerics.check_numerics, "tensor")
_recorded = lift(ROW, eager)


def check_numerics(tensor, message, name=None):
    """``tensor`` itself; InvalidArgumentError with ``message`` where an element is NaN or infinite.

    It is raised at once where operations are evaluated at once. In a function the check runs whether or not what is
    answered is used; in the body of an eager loop, and in a graph of ``graphc.v1``, where it is.

    Raises:
        DtypeError: the tensor is not floating.
    """
    if isinstance(tensor, Composed):
        return tensor.dispatch("debugging.check_numerics", check_numerics, {"tensor": tensor, "message": message})
    recorder = recorder_for(tensors_in([tensor]), eager)
    if recorder.is_eager:
        x = convert_to_tensor(tensor)
        if not x.dtype.is_inexact:
            raise DtypeError(explain(f"check_numerics: needs floating values, not {x.type}"))
        found = not_finite(x.numpy())
        if found:
            raise InvalidArgumentError(explain(f"{message}: {found}"))
        return x
    out = _recorded(tensor, message, name=name)
    if isinstance(recorder, Body) and recorder.takes_effects:
        construct(recorder, "CheckNumerics", "CheckNumerics", _ordered, {"x": out}, {"x": 0}, (), name, EFFECT)
    return out


def _ordered(token: Node, x: Node) -> tuple[Node, None]:
    """The next token: one after the check."""
    return apply("after", token, as_node(x)), None


def assert_all_finite(x, message, name=None):
    """``check_numerics``."""
    return check_numerics(x, message, name)


# ------------------------------------------------------------------------------------ checks of all operations

# What only moves elements, as TensorFlow leaves it out: what it makes was checked where it was made.
_SAFE = frozenset(
    "Const Concat ConcatV2 ExpandDims Fill Gather GatherV2 Maximum Minimum Reshape Slice Squeeze Pack StridedSlice "
    "Transpose Unpack Identity StopGradient CheckNumerics".split()
)
_STATISTICS = frozenset(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"))  # of empty batches they are NaN

_recorders: list[type] = [Eager, Body]


class _Checks(threading.local):
    inside = False  # a recorder's ``call`` may lead to another one's


_checks = _Checks()
_replaced: dict[tuple[type, str], Callable] = {}  # (class, method) -> the method while all operations are checked
_lock = threading.Lock()


def check_recorder(recorder: type) -> type:
    """Decorator: ``enable_check_numerics`` reaches the operations of this class of recorders as well."""
    with _lock:
        _recorders.append(recorder)
        if _replaced:
            _replace(recorder, "call", _checked)
    return recorder


def enable_check_numerics(stack_height_limit=30, path_length_limit=50) -> None:
    """Check the floating results of every operation that is evaluated or recorded from now on, and gradients of tapes.

    InvalidArgumentError names the operation, the types of its operands, how many elements are NaN or infinite and the
    line. Operations are then evaluated one by one, or checked between the kernels of a function: for finding errors,
    not for training. Functions and sessions' graphs that were made before are not checked.

    Args:
        stack_height_limit, path_length_limit: without effect, as the one line that matters is shown.
    """
    with _lock:
        pending = list(_recorders)
        while pending:
            recorder = pending.pop()
            pending.extend(recorder.__subclasses__())
            _replace(recorder, "call", _checked)
        _replace(GradientTape, "gradient", _checked_gradient)


def _replace(owner: type, method: str, change: Callable) -> None:
    """Methods are replaced while checks are on, so that nothing is asked while they are off."""
    if (owner, method) not in _replaced and method in vars(owner):
        _replaced[owner, method] = vars(owner)[method]
        setattr(owner, method, change(vars(owner)[method]))


def disable_check_numerics() -> None:
    """End what ``enable_check_numerics`` began; nothing, where it was not called."""
    with _lock:
        for (owner, method), original in _replaced.items():
            setattr(owner, method, original)
        _replaced.clear()


def _checked_gradient(gradient: Callable) -> Callable:
    """``GradientTape.gradient`` whose results are looked at."""

    def looked_at(x):
        if not isinstance(x, Operators) or not x.dtype.is_inexact:
            return x
        what = f"enable_check_numerics: a gradient of GradientTape.gradient ({x.type})"
        return check_numerics(x, what)

    @functools.wraps(gradient)
    def checked_gradient(self, *args, **kwargs):
        return map_structure(looked_at, gradient(self, *args, **kwargs))

    return checked_gradient


def _checked(call: Callable) -> Callable:
    """A recorder's ``call`` that has results checked."""

    @functools.wraps(call)
    def checked_call(self, kind, default_name, build, operands, labels, *args, **kwargs):
        if _checks.inside or build is None or kind in _SAFE:
            return call(self, kind, default_name, build, operands, labels, *args, **kwargs)
        _checks.inside = True
        try:
            if not self.is_eager:
                build = _with_checks(kind, build, "effect" in kwargs and kwargs["effect"] is EFFECT)
            made = call(self, kind, default_name, build, operands, labels, *args, **kwargs)
            if self.is_eager:
                _check_values(self, kind, made, operands)
            return made
        finally:
            _checks.inside = False

    return checked_call


def _to_check(kind: str, results: list) -> range:
    """The positions of results that are looked at."""
    return range(1 if kind in _STATISTICS else len(results))


def _told(kind: str, position: int, count: int, types: list[Type]) -> str:
    of = f"output {position} of {count}" if count > 1 else "the output"
    shapes = ", ".join(map(str, types)) or "no operands"
    return f"enable_check_numerics: {of} of {kind} ({shapes})"


def _check_values(recorder, kind: str, made, operands) -> None:
    """Compute the results of an operation now, and look at them."""
    results = made if isinstance(made, (list, tuple)) else [] if made is None else [made]
    for k in _to_check(kind, results):
        if not results[k].dtype.is_inexact:
            continue
        found = not_finite(results[k].numpy())
        if found:
            inputs = [recorder.convert(x) for x in operands]
            values = [(label, str(x.numpy())) for label, x in zip(_LABELS, inputs) if x.type.size <= _SHOWN]
            what = _told(kind, k, len(results), [x.type for x in inputs])
            raise InvalidArgumentError(explain(f"{what}: {found}", values))


_SHOWN = 16  # elements of an operand that a message shows
_LABELS = ("input 0", "input 1", "input 2", "input 3")


def _with_checks(kind: str, build: Callable, has_token: bool) -> Callable:
    """A function that builds an operation, with a check after each floating result."""

    @functools.wraps(build)  # it keeps what it was made of
    def checked_build(*nodes):
        made = build(*nodes)
        results = [made] if isinstance(made, Node) else list(made or ())
        kept, results = (results[:1], results[1:]) if has_token else ([], results)
        types = [n.type for n in nodes[len(kept) :]]
        for k in _to_check(kind, results):
            if isinstance(results[k].type, Type) and results[k].dtype.is_inexact:
                results[k] = check(results[k], _told(kind, k, len(results), types))
        return (*kept, *results) if not isinstance(made, Node) else results[0]

    key = getattr(build, "key", None)
    if key is not None:
        checked_build.key = ("checked", key)
    return checked_build


# ------------------------------------------------------------------------------------------- what is not there


def enable_dump_debug_info(dump_root, tensor_debug_mode="NO_TENSOR", circular_buffer_size=1000, op_regex=None,
                           tensor_dtypes=None):  # fmt: skip
    """Not available.

    Raises:
        UnavailableError: always; the message says what serves instead.
    """
    what = "debugging.experimental.enable_dump_debug_info: TensorBoard's debugger is not served; "
    raise UnavailableError(
        explain(f"{what}debugging.enable_check_numerics() finds NaN and infinite values, tf.print shows values")
    )


def disable_dump_debug_info() -> None:
    """Nothing: nothing is dumped."""


class _Tracebacks:
    """Whether frames of the library are left out of tracebacks; a setting that programs make."""

    filtered = True


def enable_traceback_filtering() -> None:
    """Remember that tracebacks are to be filtered; messages name the user's line in any case, and frames stay."""
    _Tracebacks.filtered = True


def disable_traceback_filtering() -> None:
    """Remember that tracebacks are not to be filtered."""
    _Tracebacks.filtered = False


def is_traceback_filtering_enabled() -> bool:
    """What was set last; True at first."""
    return _Tracebacks.filtered
