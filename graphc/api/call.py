"""What made an operation, kept so that it can be written to a file and made again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Call:
    """A function with its arguments, as an attribute ``call`` of the function that builds an operation.

    Attributes:
        function: the lib function, before its place in a stream of random numbers or a list of values is filled in.
        places: argument -> the number of its operand, or a list of such numbers and None.
        static: the other arguments.
    """

    function: Callable
    places: Mapping
    static: Mapping
