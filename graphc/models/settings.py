"""How a model is compiled where nothing else is said, and options that are given as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from graphc import aot
from graphc.compile import target_of
from graphc.errors import UsageError
from graphc.ir.machine import DEFAULT
from graphc.options import ALLOWED, INEXACT, Options
from graphc.passes.pipeline import pass_name, pipeline

KERAS = (".keras", ".h5")
FLAGS, LISTS = ("fast_math", "checks"), ("allow", "skip")
_FLAG = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


def settings_for(name: str, given: Mapping[str, object] = {}, targets: Sequence[str] = ()) -> Options:
    """The Options for the model of a name: ONNX and Keras models are for inference, a container tells how it was compiled.

    Args:
        given: fields of Options, which come before that. targets: names of machines, this one if there are none.

    Raises:
        UsageError: a field or a value of it is not known. FormatError, OSError: a container cannot be read.
    """
    given, settings = checked(given), Options(target=targets[0] if len(targets) == 1 else None)
    if name.endswith((".onnx", *KERAS)):
        settings = replace(settings, allow=INEXACT)
    elif name.endswith(".gc"):
        model = aot.read(name)
        wanted = targets or (target_of(settings).name,)
        machine = model.machine if {*wanted} <= {*model.targets} else DEFAULT
        settings = replace(settings, fast_math=model.fast_math, allow=model.allow, checks=model.checks, machine=machine)
    return replace(settings, **given)


def options_in(texts: Sequence[str]) -> dict[str, object]:
    """What ``NAME=VALUE`` texts say of Options: true or false, or names with commas between them.

    Raises:
        UsageError: there is no such option, or it cannot have that value.
    """
    found: dict[str, object] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in (*FLAGS, *LISTS):
            raise UsageError(f"--opt {text}: there is no option {name!r}; those that can be given are {', '.join((*FLAGS, *LISTS))}")
        if name in LISTS:
            found[name] = (*found.get(name, ()), *[part for part in value.split(",") if part])
        elif value.lower() in _FLAG:
            found[name] = _FLAG[value.lower()]
        else:
            raise UsageError(f"--opt {text}: give {name}=true or {name}=false")
    return checked(found)


def checked(given: Mapping[str, object]) -> dict[str, object]:
    """Fields of Options that can be given, if their values can be.

    Raises:
        UsageError: there is no such field, rewrite or pass.
    """
    if unknown := [name for name in given if name not in ("machine", *FLAGS, *LISTS)]:
        raise UsageError(f"there is no option {unknown[0]!r}; those that can be given are {', '.join((*FLAGS, *LISTS))}")
    for name, names in (("allow", ALLOWED), ("skip", dict.fromkeys(map(pass_name, pipeline(True, INEXACT))))):
        if wrong := [value for value in given.get(name, ()) if value not in names]:
            raise UsageError(f"{name}: there is no {wrong[0]!r}; there are {', '.join(names)}")
    return {name: tuple(value) if name in LISTS else value for name, value in given.items()}
