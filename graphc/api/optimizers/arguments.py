"""The arguments that all optimizers take: written once, shown in the signature of each."""

from __future__ import annotations

import functools
import inspect
import itertools
import re
from collections import defaultdict
from collections.abc import Callable

from graphc.errors import UsageError, explain

COMMON = {
    "weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None, "use_ema": False,
    "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None,
    "gradient_accumulation_steps": None, "name": None,
}  # fmt: skip
_numbers: dict[str, itertools.count] = defaultdict(itertools.count)


def with_common(init: Callable) -> Callable:
    """A constructor ``init(self, own arguments, **common)`` that takes the common arguments by position, too.

    Those that it names itself stay at their place, the others follow its own.
    """
    own = inspect.signature(init)
    named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    names = {p.name for p in named}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    named += [inspect.Parameter(n, kind, default=value) for n, value in COMMON.items() if n not in names]
    signature = own.replace(parameters=[*named, inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)])

    @functools.wraps(init)
    def constructor(*args, **kwargs):
        try:
            arguments = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(explain(f"{type(args[0]).__name__}: {error}")) from None
        rest = arguments.pop("kwargs", {})
        init(**arguments, **rest)

    constructor.__signature__ = signature
    return constructor


def automatic_name(cls: type) -> str:
    """The class's name in lower case with underscores, and a number behind it from the second one on."""
    spaced = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", cls.__name__)
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()
    number = next(_numbers[name])
    return f"{name}_{number}" if number else name


def check_common(label: str, given) -> None:
    """Refuse common arguments that are impossible.

    Args:
        given: an object with them as attributes.

    Raises:
        UsageError: so they are.
    """
    turns, every = given.gradient_accumulation_steps, given.ema_overwrite_frequency
    if turns is not None and turns != 0 and not (isinstance(turns, int) and turns >= 2):
        raise UsageError(explain(f"{label}: gradient_accumulation_steps must be an integer >= 2, got {turns!r}"))
    if given.use_ema:
        if not 0 <= given.ema_momentum <= 1:
            raise UsageError(explain(f"{label}: ema_momentum must be in the range [0, 1], got {given.ema_momentum!r}"))
        if every and not (isinstance(every, int) and every >= 1):
            what = f"{label}: ema_overwrite_frequency must be an integer >= 1 or None, got {every!r}"
            raise UsageError(explain(what))
    limits = {n: getattr(given, n) for n in ("clipnorm", "clipvalue", "global_clipnorm")}
    if sum(v is not None for v in limits.values()) > 1:
        text = ", ".join(f"{n}={v}" for n, v in limits.items())
        what = f"{label}: only one of clipnorm, clipvalue and global_clipnorm can be set, got {text}"
        raise UsageError(explain(what))


def plain(value):
    """A number as Python's: of NumPy and of tensors that have values, too."""
    return value if value is None or isinstance(value, (bool, int, float, tuple)) else float(value)


def plain_or_listed(value):
    """The same; lists as tuples of what is in them."""
    return tuple(value) if isinstance(value, list) else plain(value)


def within(label: str, name: str, value, low: float, high: float = float("inf")) -> None:
    """Refuse a number that is not between two others.

    Raises:
        UsageError: so it is.
    """
    if not low <= value <= high:
        wanted = f"at least {low}" if high == float("inf") else f"between {low} and {high}"
        raise UsageError(explain(f"{label}: {name} must be {wanted}, got {value!r}"))
