"""The syntax tree of a function that exists, found in its file or notebook cell."""

from __future__ import annotations

import ast
import inspect
import linecache
import tokenize
import types

_DEFINITION = ast.FunctionDef
_trees: dict[str, tuple[tuple, ast.Module]] = {}  # file -> its lines and their tree, for lambdas
_TREES_KEPT = 32


class NoSource(Exception):
    """Why the tree of a function is not there."""


def definition_of(function: types.FunctionType) -> ast.FunctionDef:
    """A new tree of the function with the lines of its file; a lambda as a function that returns its value.

    Raises:
        NoSource: there is none, or it is not certain which.
    """
    code = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    if not lines:
        advice = "write it in a file or a notebook cell, or use tf.cond and tf.while_loop"
        raise NoSource(f"the source of {function.__qualname__} is not available ({code.co_filename}): {advice}")
    if function.__name__ == "<lambda>":
        return _lambda(function, lines)
    return _function(function, lines)


def _function(function, lines: list[str]) -> ast.FunctionDef:
    code = function.__code__
    first = code.co_firstlineno
    try:
        block = inspect.getblock(lines[first - 1 :])
        indented = block[0][:1].isspace()
        tree = ast.parse("".join(["if 1:\n", *block] if indented else block))
    except (SyntaxError, tokenize.TokenError, IndexError):
        raise NoSource(f"the source of {function.__qualname__} at {code.co_filename}:{first} has changed") from None
    node = tree.body[0].body[0] if indented else tree.body[0]
    if isinstance(node, ast.AsyncFunctionDef):
        raise NoSource(f"{function.__qualname__} is a coroutine (async def)")
    if not isinstance(node, _DEFINITION) or node.name != code.co_name or _argument_names(node.args) != _own(code):
        raise NoSource(f"the source of {function.__qualname__} at {code.co_filename}:{first} has changed")
    ast.increment_lineno(node, first - 2 if indented else first - 1)
    node.decorator_list = []
    return node


def _lambda(function, lines: list[str]) -> ast.FunctionDef:
    """Found by its line; of several on one line by its arguments, the names it uses, and its column."""
    code = function.__code__
    known = _trees.get(code.co_filename)
    if known is None or known[0] is not lines:
        if len(_trees) >= _TREES_KEPT:
            _trees.clear()
        try:
            known = _trees[code.co_filename] = lines, ast.parse("".join(lines))
        except SyntaxError:
            raise NoSource(f"the file of a lambda, {code.co_filename}, is no Python") from None
    found = [n for n in ast.walk(known[1]) if isinstance(n, ast.Lambda) and n.lineno == code.co_firstlineno]
    found = [n for n in found if _argument_names(n.args) == _own(code)]
    if len(found) > 1:
        found = [n for n in found if _uses(n) == {*code.co_names, *code.co_freevars, *code.co_cellvars}] or found
    if len(found) > 1 and hasattr(code, "co_positions"):
        columns = {p[2] for p in code.co_positions() if p[0] == code.co_firstlineno and p[2]}
        found = [n for n in found if any(n.body.col_offset == c for c in columns)] or found
    if len({ast.dump(n) for n in found}) != 1:
        what = "several lambdas stand on its line" if found else "its line has changed"
        raise NoSource(f"the source of the lambda at {code.co_filename}:{code.co_firstlineno} is not certain: {what}")
    fresh = ast.parse(ast.unparse(found[0]), mode="eval").body  # a tree of its own, as it will be changed
    body = ast.copy_location(ast.Return(fresh.body), found[0])
    for node in ast.walk(body):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = code.co_firstlineno
            node.end_col_offset = node.col_offset  # a lambda of several lines may end further left than it begins
    node = ast.FunctionDef("ag__lambda", fresh.args, [body], [], None)
    if "type_params" in ast.FunctionDef._fields:
        node.type_params = []
    return ast.fix_missing_locations(ast.copy_location(node, found[0]))


def _argument_names(arguments: ast.arguments) -> tuple:
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return tuple([a.arg for a in [*plain, arguments.vararg, arguments.kwarg] if a is not None])


def _own(code: types.CodeType) -> tuple:
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return code.co_varnames[:count]


def _uses(node: ast.Lambda) -> set[str]:
    own = set(_argument_names(node.args))
    nodes = list(ast.walk(node.body))
    names = {n.id for n in nodes if isinstance(n, ast.Name)} - own
    return names | {n.attr for n in nodes if isinstance(n, ast.Attribute)}
