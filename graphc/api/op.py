"""One operation of the public catalogue as a row of a table: its names and the lib function that builds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Op:
    """One line of the catalogue, from which the functions of every interface are made.

    Attributes:
        names: TensorFlow 2's public names without ``tf.``, separated by blanks; the first one is used in documents.
        kind: TensorFlow's operation type, such as ``AddV2``.
        function: the lib function from Nodes to a Node, a list or a (named) tuple of them. Its arguments are the public
            ones, in TensorFlow 2's order and with its defaults; ``name=None`` is added at the end.
        tensors: names of the arguments that are tensors; ``*values`` is a list of tensors. Literals adopt the dtype of
            the first tensor, within the groups that ``|`` separates. Other arguments may hold tensors too.
        label: the default name in a graph, if it is not ``kind``.
        random: ``function(key, counter, **arguments)`` draws numbers; ``seed=None`` is added before ``name``.
        arguments: the public arguments, where they are not the function's with ``name`` at the end; see
            ``graphc.api.spelling.respelled``.
        parts: names of the parts of the answer, which is then a named tuple called ``kind``.
        effect: it does something besides its answer (prints, writes a file): ``function(token, **arguments)`` answers with
            a new token, made by the host step that does it, and the answer (None where there is none).
    """

    names: str
    kind: str
    function: Callable
    tensors: str = ""
    label: str | None = None
    random: bool = False
    effect: bool = False
    arguments: str = ""
    parts: str = ""


@dataclass(frozen=True)
class Late:
    """A public name whose module is imported when it is first asked for, as it needs a library."""

    module: str
    name: str
