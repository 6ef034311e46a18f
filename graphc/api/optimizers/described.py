"""Objects as data, class name and configuration, and made again from that."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from graphc.errors import UsageError, explain


def described(value, module: str, known: Mapping[str, type]) -> dict:
    """An object with ``get_config`` as Keras writes it.

    Args:
        module: of the classes that Keras has, ``known``.
    """
    cls = type(value)
    is_own = known.get(cls.__name__) is cls
    return {
        "module": module if is_own else cls.__module__,
        "class_name": cls.__name__,
        "config": value.get_config(),
        "registered_name": None if is_own else cls.__name__,
    }


def remade(what: str, config, known: Mapping[str, type], custom_objects: Mapping | None):
    """The object that ``described`` wrote down, by the name of its class in upper or lower case.

    Raises:
        UsageError: it is no such description, or there is no such class.
    """
    if not isinstance(config, Mapping) or not isinstance(config.get("class_name"), str):
        raise UsageError(explain(f"{what}: needs a dict with class_name and config, got {config!r}"))
    name = config["class_name"]
    classes = {**known, **{k.lower(): v for k, v in known.items()}, **(custom_objects or {})}
    cls = classes.get(name) or classes.get(name.lower())
    if cls is None:
        there = ", ".join(sorted(known))
        raise UsageError(explain(f"{what}: there is no class {name!r}; there are {there}, and custom_objects"))
    own = dict(config.get("config") or {})
    takes_objects = "custom_objects" in inspect.signature(cls.from_config).parameters
    return cls.from_config(own, custom_objects=custom_objects) if takes_objects else cls.from_config(own)
