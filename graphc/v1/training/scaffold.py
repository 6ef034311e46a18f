"""Scaffold: the operations that begin, check, summarise and save a training program."""

from __future__ import annotations

from graphc.errors import UsageError, explain
from graphc.v1.control import group
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.initializers import tables_initializer
from graphc.v1.saving.saver import Saver
from graphc.v1.summary.ops import merge_all
from graphc.v1.variables import (
    global_variables, global_variables_initializer, local_variables_initializer, report_uninitialized_variables,
)  # fmt: skip

_COPIED = (
    "_init_op _ready_op _ready_for_local_init_op _local_init_op _local_init_feed_dict _summary_op _saver "
    "_init_feed_dict"
).split()


class Scaffold:
    """What a session needs besides the model; whatever is None is made by ``finalize``.

    Args:
        init_op, init_feed_dict: run where there is no checkpoint; ``init_fn(scaffold, session)`` is called after it.
        ready_op: names of variables without a value; none means that all is ready.
        ready_for_local_init_op: the same, asked before ``local_init_op`` is run (fed ``local_init_feed_dict``).
        summary_op: the merged summaries. saver: saves and restores.
        copy_from_scaffold: another one, whose values are taken where none is given.
    """

    def __init__(self, init_op=None, init_feed_dict=None, init_fn=None, ready_op=None, ready_for_local_init_op=None,
                 local_init_op=None, summary_op=None, saver=None, copy_from_scaffold=None,
                 local_init_feed_dict=None):  # fmt: skip
        given = (init_op, ready_op, ready_for_local_init_op, local_init_op, local_init_feed_dict, summary_op, saver,
                 init_feed_dict)  # fmt: skip
        other = copy_from_scaffold
        if other is not None and not isinstance(other, Scaffold):
            raise UsageError(explain(f"Scaffold: copy_from_scaffold must be a Scaffold, got {other!r}"))
        for name, value in zip(_COPIED, given):
            setattr(self, name, getattr(other, name) if value is None and other is not None else value)
        self._user_init_fn = other._user_init_fn if init_fn is None and other is not None else init_fn

    init_op = property(lambda self: self._init_op)
    ready_op = property(lambda self: self._ready_op)
    ready_for_local_init_op = property(lambda self: self._ready_for_local_init_op)
    local_init_op = property(lambda self: self._local_init_op)
    local_init_feed_dict = property(lambda self: self._local_init_feed_dict)
    summary_op = property(lambda self: self._summary_op)
    saver = property(lambda self: self._saver)
    init_feed_dict = property(lambda self: self._init_feed_dict)

    @property
    def init_fn(self):
        """A function of the session, or None."""
        function = self._user_init_fn
        return None if function is None else lambda session: function(self, session)

    def finalize(self) -> "Scaffold":
        """Make what is missing, and finalize the default graph."""
        made = {
            "_init_op": (GraphKeys.INIT_OP, lambda: group(global_variables_initializer(), name="init_1")),
            "_ready_op": (GraphKeys.READY_OP, report_uninitialized_variables),
            "_ready_for_local_init_op": (
                GraphKeys.READY_FOR_LOCAL_INIT_OP, lambda: report_uninitialized_variables(global_variables())
            ),
            "_local_init_op": (GraphKeys.LOCAL_INIT_OP, self.default_local_init_op),
            "_summary_op": (GraphKeys.SUMMARY_OP, merge_all),
            "_saver": (GraphKeys.SAVERS, lambda: Saver(sharded=True, allow_empty=True)),
        }  # fmt: skip
        for name, (key, make) in made.items():
            if getattr(self, name) is None:
                setattr(self, name, self.get_or_default(name[1:], key, make))
        self._saver.build()
        get_default_graph().finalize()
        return self

    @staticmethod
    def get_or_default(arg_name, collection_key, default_constructor):
        """The only element of a collection; made and put there if it is empty.

        Raises:
            UsageError: there are several.
        """
        found = get_default_graph().get_collection(collection_key)
        if len(found) > 1:
            what = f"the collection {collection_key!r} has {len(found)} elements, not one"
            raise UsageError(explain(f"Scaffold: {what}; give {arg_name} to the Scaffold"))
        if found:
            return found[0]
        made = default_constructor()
        if made is not None:
            get_default_graph().add_to_collection(collection_key, made)
        return made

    @staticmethod
    def default_local_init_op():
        """Initialises local variables and tables."""
        return group(local_variables_initializer(), tables_initializer())
