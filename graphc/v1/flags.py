"""``tf.flags``: options of the command line, those of absl; ``FLAGS`` reads the command line when it is first asked."""

from __future__ import annotations

import functools
import importlib
import sys
import warnings
from collections.abc import Callable

from graphc.errors import GraphcWarning, UnavailableError, explain
from graphc.v1.absent import missing

_OLD = {"flag_name": "name", "default_value": "default", "docstring": "help"}
_WRAPPED = ("DEFINE_string", "DEFINE_boolean", "DEFINE_bool", "DEFINE_float", "DEFINE_integer")


@functools.lru_cache(maxsize=1)
def _absl():
    """The module ``absl.flags``.

    Raises:
        UnavailableError: it is not installed.
    """
    try:
        found = importlib.import_module("absl.flags")
        importlib.import_module("absl.logging")  # has flags of its own; now, so that the order is always the same
    except ImportError as error:
        raise UnavailableError(explain(f"tf.flags needs absl-py: pip install 'graphc[app]' ({error})")) from None
    found.disclaim_key_flags()  # a flag belongs to the program that defines it, not to this file
    return found


def _free(name) -> None:
    """Let a program have ``log_dir``, which absl's own logging has taken: most programs with summaries define it."""
    flags = _absl().FLAGS
    if name == "log_dir" and name in flags and flags.find_module_defining_flag(name) == "absl.logging":
        delattr(flags, name)


def _with_old_names(define: Callable) -> Callable:
    """A function that defines a flag, which also knows its arguments by their first names."""

    @functools.wraps(define)
    def wrapper(*args, **kwargs):
        old = [name for name in _OLD if name in kwargs]
        if old:
            news = ", ".join(_OLD[name] for name in old)
            warnings.warn(f"{define.__name__}: {', '.join(old)} are called {news} now", GraphcWarning, stacklevel=2)
            kwargs.update({_OLD[name]: kwargs.pop(name) for name in old})
        _free(args[0] if args else kwargs.get("name"))
        return define(*args, **kwargs)

    return wrapper


class _Flags:
    """The flags of the program: ``FLAGS.name``. The command line is read when the first value is asked for."""

    def __getattr__(self, name: str):
        flags = _absl().FLAGS
        if name.startswith("__") or name in dir(type(flags)):
            return getattr(flags, name)
        if not flags.is_parsed():
            flags(sys.argv)
        try:
            return getattr(flags, name)
        except AttributeError:
            raise AttributeError(explain(f"FLAGS: there is no flag {name!r}; define it first")) from None

    def __setattr__(self, name: str, value) -> None:
        setattr(_absl().FLAGS, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_absl().FLAGS, name)

    def __dir__(self):
        return dir(_absl().FLAGS)

    def __getitem__(self, name: str):
        return _absl().FLAGS[name]

    def __setitem__(self, name: str, flag) -> None:
        _absl().FLAGS[name] = flag

    def __contains__(self, name: str) -> bool:
        return name in _absl().FLAGS

    def __len__(self) -> int:
        return len(_absl().FLAGS)

    def __iter__(self):
        return iter(_absl().FLAGS)

    def __str__(self) -> str:
        return str(_absl().FLAGS)

    def __call__(self, *args, **kwargs):
        return _absl().FLAGS(*args, **kwargs)


FLAGS = _Flags()


def __getattr__(name: str):
    """absl's functions and classes."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        found = getattr(_absl(), name)
    except AttributeError:
        raise missing("flags", name, dir(_absl())) from None
    return _with_old_names(found) if name in _WRAPPED else found


def __dir__() -> list[str]:
    return sorted(n for n in dir(_absl()) if not n.startswith("_"))
