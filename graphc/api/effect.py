"""Operations that do something besides their answer: they are strung on a token, so that each runs once and in order."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.graph import input_node
from graphc.ir.node import Node, const
from graphc.ir.type import Type

TOKEN = Type(dt.u8, (0,))


@dataclass(frozen=True, eq=False)
class Effect:
    """The mark of such an operation: its ``build`` takes a token first and answers with the next one first.

    Attributes:
        drawn: what drawing random numbers inside of it does to a session, or None.
    """

    drawn: object = None


EFFECT = Effect()  # also what the token goes by among the states of a body


def first_token() -> Node:
    """The token of a run in which nothing has happened yet."""
    return const(0, TOKEN)


def any_token() -> Node:
    """A token for finding out types."""
    return input_node("token", TOKEN)
