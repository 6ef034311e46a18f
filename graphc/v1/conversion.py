"""Objects of users' classes as tensors: the functions that are registered for them."""

from __future__ import annotations

from collections.abc import Callable

from graphc.errors import DtypeError, UsageError, explain

_REGISTERED: list[tuple[int, tuple, Callable]] = []


def register_tensor_conversion_function(base_type, conversion_func: Callable, priority: int = 100) -> None:
    """Let operations take objects of a class.

    Args:
        base_type: the class, or a tuple of classes.
        conversion_func: ``(value, dtype, name, as_ref)`` to a tensor, or NotImplemented for an object that it does not
            know; ``dtype`` is None where any will do.
        priority: lower ones are asked first.

    Raises:
        UsageError: these are no classes, or there is no function.
    """
    kinds = base_type if isinstance(base_type, tuple) else (base_type,)
    if not kinds or not all(isinstance(kind, type) for kind in kinds):
        raise UsageError(explain(f"register_tensor_conversion_function: needs a class, got {base_type!r}"))
    if not callable(conversion_func):
        what = f"register_tensor_conversion_function: needs a function, got {conversion_func!r}"
        raise UsageError(explain(what))
    _REGISTERED.append((priority, kinds, conversion_func))
    _REGISTERED.sort(key=lambda entry: entry[0])


def converted_object(value, dtype, name):
    """What a registered function makes of an object; None where there is none for it.

    Raises:
        DtypeError: the tensor has another dtype than is asked for.
    """
    for _, kinds, function in _REGISTERED:
        if isinstance(value, kinds):
            found = function(value, dtype=dtype, name=name, as_ref=False)
            if found is NotImplemented:
                continue
            if dtype is not None and getattr(found, "dtype", dtype) is not dtype:
                what = f"{value!r} was converted to {found.dtype.name}, but {dtype.name} is needed"
                raise DtypeError(explain(what))
            return found
    return None
