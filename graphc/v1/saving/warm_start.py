"""Variables that begin with values of a checkpoint: ``init_from_checkpoint`` and ``warm_start``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from graphc.api.checkpoint.reader import checkpoint_file
from graphc.errors import NotFoundError, UsageError, explain
from graphc.formats.bundle import BundleReader
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.saving.io_ops import restore_v2
from graphc.v1.saving.saveables import Saveable, saveables_of
from graphc.v1.saving.transfer import closest, matched
from graphc.v1.variables import Variable


def init_from_checkpoint(ckpt_dir_or_file, assignment_map) -> None:
    """Have the initializers of variables set them to values of a checkpoint.

    Call it before ``global_variables_initializer``.

    Args:
        ckpt_dir_or_file: a prefix, or a folder, whose latest checkpoint is meant.
        assignment_map: a dict, or pairs, from names in the checkpoint to variables or to their names; a name that ends
            with ``/`` stands for all names that begin so: ``{"a/": "b/"}``, ``{"/": "b/"}``.

    Raises:
        NotFoundError: there is no such checkpoint, or no such tensor in it. ShapeError, DtypeError: it does not fit.
        UsageError: there is no such variable, or a scope is to become a variable. No initializer is changed then.
    """
    path = checkpoint_file(ckpt_dir_or_file)
    reader = BundleReader(path)
    found: list[Saveable] = []
    for name, target in assignment_map.items() if isinstance(assignment_map, Mapping) else assignment_map:
        found += _assigned(reader, name, target)
    matched(reader, found)
    for graph in {id(s.variable.graph): s.variable.graph for s in found}.values():
        own = [s for s in found if s.variable.graph is graph]
        with graph.as_default(), graph.name_scope("init_from_checkpoint"), graph.control_dependencies(None):
            for s in own:
                shapes = [s.variable.type.shape]
                (value,) = restore_v2(path, [s.name], [s.spec], [s.variable.dtype], "checkpoint_initializer", shapes)
                s.variable.initializer = s.variable.assign(value, name="Assign").op
                s.variable.initial_value = value
    for graph in {id(s.variable.graph): s.variable.graph for s in found}.values():
        graph.version += 1  # runs of initializers are planned anew


def _assigned(reader: BundleReader, name: str, target) -> list[Saveable]:
    """The variables that one entry of the map means, with their names in the checkpoint."""
    if not isinstance(target, str):
        return saveables_of({name: target})
    graph = get_default_graph()
    known = {v.op.name: v for v in graph.get_collection(GraphKeys.GLOBAL_VARIABLES)}
    known |= {label: v for label, v in graph.variables.items()}
    if target in known and not name.endswith("/"):
        return saveables_of({name: known[target]})
    if not name.endswith("/"):
        close = closest(target, list(known))
        hint = f"; the closest names: {', '.join(close)}" if close else ""
        what = f"init_from_checkpoint: there is no variable {target!r} for {name!r}{hint}"
        raise UsageError(explain(f"{what}. For all names of a scope, let both names end with '/'"))
    scope = target.rstrip("/") + "/" if target.strip("/") else ""
    prefix = name.lstrip("/") if name != "/" else ""
    found = [s for v in known.values() if _name(v).startswith(scope)
             for s in saveables_of({prefix + _name(v)[len(scope) :]: v})]  # fmt: skip
    if not found:
        raise UsageError(explain(f"init_from_checkpoint: there is no variable in the scope {target!r}"))
    missing = sorted(s.name for s in found if s.name not in reader.entries)
    if missing:
        hint = f"; the closest names there: {', '.join(closest(missing[0], list(reader.entries)))}"
        what = f"init_from_checkpoint: checkpoint {reader.prefix!r} has no {', '.join(missing)}"
        raise NotFoundError(explain(what + hint))
    return list({id(s.variable): s for s in found}.values())


def _name(variable) -> str:
    return variable.op.name if isinstance(variable, Variable) else variable.name


def warm_start(ckpt_to_initialize_from, vars_to_warm_start=".*", var_name_to_vocab_info=None,
               var_name_to_prev_var_name=None) -> None:  # fmt: skip
    """Have variables begin with the values of a checkpoint.

    Args:
        ckpt_to_initialize_from: a prefix, or a folder, whose latest checkpoint is meant.
        vars_to_warm_start: a regular expression for names of trainable variables, a list of such for names of global
            variables, a list of variables, or None for none.
        var_name_to_prev_var_name: names of variables -> their names in the checkpoint, where these differ.

    Raises:
        UsageError: an argument cannot be meant so; vocabularies are not supported. Else as ``init_from_checkpoint``.
    """
    if var_name_to_vocab_info:
        raise UsageError(explain("warm_start: var_name_to_vocab_info is not supported; map the rows by an assignment"))
    former = dict(var_name_to_prev_var_name or {})
    variables = _chosen(vars_to_warm_start)
    unused = sorted(set(former) - {v.op.name for v in variables})
    if unused:
        what = f"warm_start: var_name_to_prev_var_name has {unused[0]}, which is none of the variables that are started"
        raise UsageError(explain(what))
    if variables:
        init_from_checkpoint(ckpt_to_initialize_from, [(former.get(v.op.name, v.op.name), v) for v in variables])


def _chosen(what) -> list[Variable]:
    graph = get_default_graph()
    if what is None:
        return []
    if isinstance(what, str):
        return graph.get_collection(GraphKeys.TRAINABLE_VARIABLES, what)
    if not isinstance(what, (list, tuple)):
        raise UsageError(explain(f"warm_start: vars_to_warm_start must be a text or a list, got {what!r}"))
    if all(isinstance(v, str) for v in what):
        everything = graph.get_collection(GraphKeys.GLOBAL_VARIABLES)
        return [v for v in everything if any(re.match(pattern, v.op.name) for pattern in what)]
    return [s.variable for s in saveables_of(list(what))]
