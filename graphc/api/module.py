"""Module: an object that knows the variables and the modules inside of it, as ``tf.Module`` does."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

from graphc.api import scope
from graphc.api.operators import Operators
from graphc.api.variable import Variable
from graphc.errors import UsageError, explain

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Module:
    """A base for objects with variables.

    Args:
        name: an identifier; the class's name in lower case, with underscores, if None.

    Raises:
        UsageError: the name is no identifier.

    Example::

        class Dense(tf.Module):
            def __init__(self, size, width):
                super().__init__()
                self.w = tf.Variable(tf.zeros([size, width]), name="w")

        Dense(3, 2).trainable_variables
    """

    _TF_MODULE_IGNORED_PROPERTIES = frozenset()

    def __init__(self, name: str | None = None):
        name = _snake(type(self).__name__) if name is None else name
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(explain(f"Module: the name must be an identifier such as 'dense_1', got {name!r}"))
        self._name = name
        with scope.name_scope(name):
            self._scope_name = f"{scope.get_current_name_scope()}/"

    @property
    def name(self) -> str:
        """Its name, without scopes."""
        return self._name

    @property
    def name_scope(self) -> AbstractContextManager:
        """A context in which names begin as they did where the module was made."""
        return scope.name_scope(self._scope_name)

    @property
    def variables(self) -> tuple:
        """The variables in it and in its modules, each once; sorted by attribute, its own first."""
        return tuple(_found(self, _is_variable, enters_modules=True))

    @property
    def trainable_variables(self) -> tuple:
        """Those that optimizers change."""
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self) -> tuple:
        """The others."""
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self) -> tuple:
        """The modules in it, also those inside of others."""
        return tuple(_found(self, lambda v: isinstance(v, Module), enters_modules=True))

    @classmethod
    def with_name_scope(cls, method: Callable) -> Callable:
        """A method during which names begin with the module's scope; a decorator."""

        @functools.wraps(method)
        def scoped(self, *args, **kwargs):
            with self.name_scope:
                return method(self, *args, **kwargs)

        return scoped

    def _flatten(self, recursive: bool = True, predicate: Callable | None = None, attribute_traversal_key=None,
                 with_path: bool = False, expand_composites: bool = False) -> Iterator:  # fmt: skip
        """The values in its attributes for which ``predicate`` is true; pairs of path and value if ``with_path``."""
        found = _walk(self, predicate or (lambda value: True), recursive, attribute_traversal_key)
        return iter([(path, value) if with_path else value for path, value in found])


def _snake(name: str) -> str:
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name))
    return parts.lower().lstrip("_") or "module"


def _is_variable(value) -> bool:
    return isinstance(value, Variable) or (isinstance(value, Operators) and hasattr(value, "initializer"))


def _found(module: Module, predicate: Callable, enters_modules: bool) -> list:
    return [value for _, value in _walk(module, predicate, enters_modules, None)]


def _walk(
    module: Module, predicate: Callable, enters_modules: bool, key: Callable | None
) -> list[tuple[tuple, object]]:
    """Pairs of path and value, each value once: those of a module, then those of each module inside."""
    seen, found, waiting = {id(module)}, [], [((), module)]
    while waiting:
        path, current = waiting.pop()
        inner: list[tuple[tuple, Module]] = []
        for part, value in _leaves(current, key):
            if id(value) in seen:
                continue
            seen.add(id(value))
            if predicate(value):
                found.append(((*path, *part), value))
            if enters_modules and isinstance(value, Module):
                inner.append(((*path, *part), value))
        waiting += inner[::-1]
    return found


def _leaves(module: Module, key: Callable | None) -> Iterator[tuple[tuple, object]]:
    """What is in the attributes of one module, with its path; lists, tuples and dicts are opened."""
    own = {k: v for k, v in vars(module).items() if k not in module._TF_MODULE_IGNORED_PROPERTIES}
    stack = [((name,), own[name]) for name in sorted(own, key=key, reverse=True)]
    opened: set[int] = set()
    while stack:
        path, value = stack.pop()
        is_open = isinstance(value, (list, tuple, Mapping))
        if is_open and id(value) in opened:
            continue
        if isinstance(value, (list, tuple)):
            stack += [((*path, k), part) for k, part in reversed(list(enumerate(value)))]
        elif isinstance(value, Mapping):
            try:
                keys = sorted(value, reverse=True)
            except TypeError:
                keys = list(value)[::-1]
            stack += [((*path, k), value[k]) for k in keys]
        else:
            yield path, value
        if is_open:
            opened.add(id(value))
