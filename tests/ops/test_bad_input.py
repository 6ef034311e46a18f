"""Every operation given impossible arguments: an error of graphc that names the user's line, or an answer; never a crash."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from graphc.api.namespaces import PUBLIC, catalogue
from graphc.api.op import Op
from graphc.errors import GraphcError

GOOD = np.ones((2, 3), np.float32)
BAD = [None, "text", object(), np.array(True), np.float32(1.5), np.zeros((1, 1, 1, 1, 1), np.float32),
       np.zeros((0,), np.float32), [1, [2, 3]], np.int32(-7), [], {"a": 1}, np.array(["s"]),
       np.zeros((2, 3), np.complex64), -1000000, 3.7]  # fmt: skip


def required(function) -> list[str]:
    """The arguments that have no default."""
    return [p.name for p in inspect.signature(function).parameters.values()
            if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]  # fmt: skip


ROWS = {op: name for name, op in catalogue().items() if isinstance(op, Op) and not op.effect}
NAMES = [name for name in ROWS.values() if required(PUBLIC.get(name)) and name not in ("signal.inverse_stft_window_fn",)]


@pytest.mark.parametrize("name", NAMES)
def test_impossible_arguments_are_refused(name):
    function = PUBLIC.get(name)
    wanted = required(function)
    refused = 0
    for place in range(len(wanted)):
        for bad in BAD:
            arguments = [GOOD] * len(wanted)
            arguments[place] = bad
            try:
                function(*arguments)
            except GraphcError as error:
                refused += 1
                assert "test_bad_input.py" in str(error), error
            except TypeError as error:  # an argument that the function does not have
                refused += 1
                assert "test_bad_input.py" in str(error)
    assert refused, "every bad argument was taken"
