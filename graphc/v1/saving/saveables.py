"""Which variables are saved, and under which names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphc.api.operators import Operators
from graphc.errors import DtypeError, GraphError, UsageError, explain
from graphc.formats.slices import Slice
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.partition import PartitionedVariable
from graphc.v1.tensor import Read, Tensor
from graphc.v1.variables import Variable

SAVEABLE_OBJECTS = "saveable_objects"  # the collection of what is saved besides the global variables


@dataclass(frozen=True)
class Saveable:
    """A variable and its name in a checkpoint.

    Attributes:
        part: the variable is this part of a tensor of ``full_shape``; None for a variable that is the whole tensor.
    """

    name: str
    variable: Variable
    part: Slice | None = None
    full_shape: tuple[int, ...] = ()

    @property
    def spec(self) -> str:
        """The part as TensorFlow writes it, such as ``"4 3 0,2:0,3"``; empty for the whole tensor."""
        if self.part is None:
            return ""
        boxes = ":".join(f"{start},{length}" for start, length in zip(self.part.starts, self.part.lengths))
        return " ".join([*map(str, self.full_shape), boxes])


def all_saveable() -> list:
    """What is saved when nobody says what: the global variables of the default graph, and its saveable objects."""
    graph = get_default_graph()
    return graph.get_collection(GraphKeys.GLOBAL_VARIABLES) + graph.get_collection(SAVEABLE_OBJECTS)


def saveables_of(var_list) -> list[Saveable]:
    """The variables of a list, or of a dict from their names in checkpoints, sorted by name.

    Raises:
        UsageError: two have the same name. DtypeError: something is no variable.
        GraphError: they are of several graphs.
    """
    if isinstance(var_list, Mapping):
        pairs = [(str(name), part) for name, value in var_list.items() for part in _parts(value)]
    else:
        given = [var_list] if isinstance(var_list, Operators) or not isinstance(var_list, Iterable) else var_list
        pairs = [(None, part) for value in given for part in _parts(value)]
    found = sorted({(s.name, s.spec, id(s.variable)): s for s in (_saveable(n, v) for n, v in pairs)}.values(),
                   key=lambda s: (s.name, s.spec))  # fmt: skip
    for a, b in zip(found, found[1:]):
        if (a.name, a.spec) == (b.name, b.spec) or (a.name == b.name and not (a.part and b.part)):
            made = [(v.op.name, f"is variable {v.op.name}   {v.op.location}") for v in (a.variable, b.variable)]
            what = f"Saver: two variables would have the same name {a.name!r} in the checkpoint"
            raise UsageError(explain(what, made))
    eager = next((s.variable for s in found if s.variable.graph.is_eager), None)
    if eager is not None:
        what = f"Saver: variable {eager.name} is in no graph; in eager mode use tf.train.Checkpoint(v=v).save(path)"
        raise UsageError(explain(what))
    if len({id(s.variable.graph) for s in found}) > 1:
        raise GraphError(explain("Saver: the variables belong to several graphs; make a Saver for each graph"))
    return found


def _parts(value) -> list[Variable]:
    """The variables that are meant by a variable, a list of the parts of one, or a tensor that reads one."""
    if isinstance(value, Tensor) and isinstance(value.op.effect, Read) and value.op is value.op.effect.variable.op:
        return [value.op.effect.variable]
    if isinstance(value, Variable):
        return [value]
    if isinstance(value, PartitionedVariable):
        return list(value)
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Operators)):
        return [part for inner in value for part in _parts(inner)]
    hint = "; a tensor has no value of its own to save" if isinstance(value, Operators) else ""
    raise DtypeError(explain(f"Saver: var_list must hold variables, not {value!r}{hint}"))


def _saveable(name: str | None, variable: Variable) -> Saveable:
    info = getattr(variable, "_save_slice_info", None)
    if info is None:
        return Saveable(name or variable.name.removesuffix(":0"), variable)
    part = Slice(tuple(info.var_offset), tuple(info.var_shape))
    return Saveable(name or info.full_name, variable, part, tuple(info.full_shape))
