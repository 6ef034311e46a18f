"""TensorFlow's messages as classes, made when first asked for: ``protos.GraphDef``, ``protos.DT_FLOAT``.

They are of a descriptor pool of their own, so that TensorFlow's or TensorBoard's may be in the same process.
"""

from __future__ import annotations

from graphc.formats.messages import Messages
from graphc.formats.schema import graph, records, running, saving

_TABLES = graph.MESSAGES, saving.MESSAGES, running.MESSAGES, records.MESSAGES
_MESSAGES = Messages("tensorflow", _TABLES, "TensorFlow's messages")


def pool():
    """The descriptor pool of the messages."""
    return _MESSAGES.pool


def names() -> tuple[str, ...]:
    """All public names: messages, enums and values of enums."""
    return _MESSAGES.names


def __getattr__(name: str):
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()[name] = _MESSAGES.get(name)
    return made


def __dir__():
    return sorted({*globals(), *names()})
