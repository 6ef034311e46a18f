"""``converted``: a function whose control flow on tensors becomes a part of the graph."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import logging
import types
import weakref
from collections.abc import Callable, Mapping

from graphc.api.autograph.calls import is_library
from graphc.api.autograph.rewrite import MODULE, Rewriter
from graphc.api.autograph.source import NoSource, definition_of
from graphc.api.unconverted import note

OPERATORS = types.SimpleNamespace()  # what converted code calls; filled by graphc.api.autograph.operators
_MEMO = "ag__converted"  # attribute of a function: a reference to itself (decorators copy attributes), and the new one
_codes: weakref.WeakKeyDictionary[types.CodeType, dict] = weakref.WeakKeyDictionary()  # -> {(file, class): result}
UNCONVERTED = "ag__unconverted"  # attribute of functions that stay as they are
_FACTORY = "ag__factory"


@dataclasses.dataclass
class Verbosity:
    """How much is told of conversions; see ``tf.autograph.set_verbosity``."""

    level: int = 0
    prints: bool = False


VERBOSITY = Verbosity()


@dataclasses.dataclass(frozen=True)
class Converted:
    """What became of a function's code.

    Attributes:
        code: the new code; None if the function stays as it is.
        tree: its source.
        why: why it stays as it is, where that may matter.
    """

    code: types.CodeType | None = None
    tree: ast.FunctionDef | None = None
    why: str = ""


def converted(python_function: Callable) -> Callable:
    """The function with operators in place of ``if``, ``while``, ``for``, ``and``, calls of other functions and so on.

    Functions, lambdas and methods of the user's are converted, by their source and once for each code; all else is
    given back, as are functions without source, generators, coroutines and what ``do_not_convert`` has marked.
    """
    if isinstance(python_function, types.MethodType):
        function = converted(python_function.__func__)
        if function is python_function.__func__:
            return python_function
        return types.MethodType(function, python_function.__self__)
    if isinstance(python_function, functools.partial):
        return functools.partial(converted(python_function.func), *python_function.args, **python_function.keywords)
    if not isinstance(python_function, types.FunctionType):
        return python_function
    known = python_function.__dict__.get(_MEMO)
    if known is None or known[0]() is not python_function:
        known = weakref.ref(python_function), _convert(python_function)
        setattr(python_function, _MEMO, known)
    return known[1] or python_function


def is_converted(function: types.FunctionType) -> bool:
    """Whether the function was made here."""
    return MODULE in function.__code__.co_freevars


def _convert(function: types.FunctionType) -> types.FunctionType | None:
    """The new function; None if the old one serves."""
    if is_converted(function) or is_library(function) or function.__dict__.get(UNCONVERTED):
        return None
    result = conversion_of(function)
    if result.code is None:
        return None
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    cells[MODULE] = types.CellType(OPERATORS)
    closure = tuple([cells[name] for name in result.code.co_freevars])
    new = types.FunctionType(result.code, function.__globals__, function.__name__, function.__defaults__, closure)
    new.__kwdefaults__, new.__doc__ = function.__kwdefaults__, function.__doc__
    new.__module__, new.__qualname__ = function.__module__, function.__qualname__
    new.__annotations__ = function.__annotations__
    new.__dict__.update({k: v for k, v in function.__dict__.items() if k != _MEMO})
    return new


def conversion_of(function: types.FunctionType) -> Converted:
    """What becomes of the code of a function; found once for each code."""
    code = function.__code__
    by_place = _codes.setdefault(code, {})
    place = code.co_filename, _class_around(function.__qualname__)
    if place not in by_place:
        result = by_place[place] = _converted_code(function, place[1])
        if result.why:
            note(code, result.why)
        if VERBOSITY.level:
            _tell(function, result)
    return by_place[place]


def _tell(function: types.FunctionType, result: Converted) -> None:
    text = f"{function.__qualname__}: {result.why}" if result.tree is None else ast.unparse(result.tree)
    logging.getLogger("graphc.autograph").info("%s", text)
    if VERBOSITY.prints:
        print(text)


def _converted_code(function: types.FunctionType, owner: str | None) -> Converted:
    if function.__code__.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        return Converted(why=f"{function.__qualname__} is a generator or a coroutine")
    try:
        tree = definition_of(function)
    except NoSource as reason:
        return Converted(why=str(reason))
    _bare(tree)
    tree = Rewriter(functools.partial(_is_plain, _scope_of(function))).function(tree)
    code = _compiled(tree, function.__code__, owner)
    if MODULE not in code.co_freevars:
        return Converted(tree=tree)  # there is nothing in it to convert
    return Converted(code, tree)


def _bare(tree: ast.FunctionDef) -> None:
    """Leave out what is no part of a function's code."""
    given = tree.args
    given.defaults, given.kw_defaults, tree.returns = [], [None] * len(given.kwonlyargs), None
    for argument in [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]:
        if argument is not None:
            argument.annotation = None
    if getattr(tree, "type_params", None):
        tree.type_params = []


def _compiled(tree: ast.FunctionDef, old: types.CodeType, owner: str | None) -> types.CodeType:
    """The code of a function that has the variables around it which the old one has."""
    around = [n for n in old.co_freevars if n != "__class__"]
    given = ast.parse("".join(f"{n} = None\n" for n in [MODULE, *around])).body
    inside: list[ast.stmt] = [tree]
    if owner is not None or "__class__" in old.co_freevars:
        name = owner or "ag__owner"
        declared, shell = ast.parse(f"global {name}\nclass {name}: pass").body
        shell.body, inside = [tree], [shell]
        given = given if name in around else [declared, *given]  # the name of the class means what it means outside
    elif tree.name not in around and tree.name.isidentifier():
        given = [ast.Global(names=[tree.name]), *given]  # so does its own name, where it calls itself
    module = ast.parse(f"def {_FACTORY}(): pass")
    module.body[0].body = [*given, *inside]
    found = compile(ast.fix_missing_locations(module), old.co_filename, "exec", dont_inherit=True)
    for _ in range(2 if inside[0] is tree else 3):
        found = next(c for c in reversed(found.co_consts) if isinstance(c, types.CodeType))
    changes = {"co_name": old.co_name}  # another first line would move all others
    if hasattr(old, "co_qualname"):
        changes["co_qualname"] = old.co_qualname
    return found.replace(**changes)


def _class_around(qualname: str) -> str | None:
    """The class whose private names (``__x``) a function uses."""
    parts = qualname.split(".")
    pairs = [a for a, b in zip(parts, parts[1:]) if "<locals>" not in (a, b)]
    return pairs[-1] if pairs and pairs[-1].isidentifier() else None  # not that of <listcomp>


def _scope_of(function: types.FunctionType) -> Mapping[str, object]:
    """The modules that names of the function mean."""
    own = {*function.__code__.co_varnames, *function.__code__.co_cellvars, *function.__code__.co_freevars}
    names = [n for n in function.__code__.co_names if n not in own]
    return {n: v for n in names for v in [function.__globals__.get(n)] if isinstance(v, types.ModuleType)}


TAKES_FUNCTIONS = {"map_fn", "vectorized_map", "scan", "foldl", "foldr", "cond", "case", "switch_case", "while_loop"}


def _is_plain(modules: Mapping[str, object], callee: ast.expr) -> bool:
    """Whether a callee is an attribute of a module of the library, or of one that knows nothing of tensors."""
    if not isinstance(callee, ast.Attribute) or callee.attr in TAKES_FUNCTIONS:
        return False
    while isinstance(callee, ast.Attribute):
        callee = callee.value
    return isinstance(callee, ast.Name) and callee.id in modules and is_library(modules[callee.id])
