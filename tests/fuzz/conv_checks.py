"""What must hold for a convolutional network: the interpreter's numbers, and the same bits on threads and targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphc.compile import compile_graph
from graphc.errors import CompileError, GraphcError
from graphc.options import INEXACT, Options
from graphc.prims.interpret import interpret
from graphc.runtime.support import load_support
from tests.fuzz.checks import Wrong, compare, copies, same_bits
from tests.fuzz.conv_networks import Network
from graphc.inspect.noise import tolerances
from tests.fuzz.random_graphs import Case
from tests.native import host_targets

SAME_BITS = ("lay_out", "move_less", "simplify", "fold_constants")  # passes without which no bit may change
EXTRA = (INEXACT, None, SAME_BITS[0], None, INEXACT, None, SAME_BITS[1], INEXACT, SAME_BITS[2], None, SAME_BITS[3],
         None)  # by the seed: what is allowed, or a pass to skip  # fmt: skip


def expected(network: Network) -> tuple[Network, list]:
    """The network with the sizes that have a meaning; the interpreter's answer for each, None where it refuses."""
    kept, found = [], []
    for arrays in network.arrays:
        try:
            with np.errstate(all="ignore"):
                found.append(interpret(network.graph, *arrays))
        except CompileError:  # holes between no elements
            continue
        except (GraphcError, ValueError):  # NumPy has no negative sizes either
            found.append(None)
        kept.append(arrays)
    return replace(network, arrays=tuple(kept)), found


def answers(network: Network, options: Options) -> list:
    """The compiled program's answers with one thread; two give the same bits."""
    support, run = load_support(), compile_graph(network.graph, options)
    found = []
    for arrays in network.arrays:
        both = []
        for threads in (1, 2):
            support.set_threads(threads)
            try:
                both.append(tuple([np.array(y) for y in run(*copies(arrays))]))
            except GraphcError:
                both.append(None)
            finally:
                support.set_threads(2)
        if both[0] is not None:
            same_bits(both[0], both[1], "one thread and two")
        found.append(both[0])
    return found


def check(network: Network, seed: int) -> None:
    """Raise Wrong where compiled code differs from the interpreter, on another target or without a pass."""
    network, right = expected(network)
    targets = [t.name for t in host_targets() if t.fma]
    found = answers(network, Options(cache=False, target=targets[0]))
    extra = EXTRA[seed % len(EXTRA)]
    needs = not network.exact or extra == INEXACT
    loose = [_tolerance(network, arrays, r) if needs else () for arrays, r in zip(network.arrays, right)]
    for k, (r, f) in enumerate(zip(right, found)):
        _agree(network, k, r, f, (0.0,) * len(r or ()) if network.exact else loose[k], "compiled")
    for name in targets[1:] if seed % 2 else ():
        _same(found, answers(network, Options(cache=False, target=name)), name)
    if extra == INEXACT and network.tame:
        for k, (r, f) in enumerate(zip(right, answers(network, Options(cache=False, allow=INEXACT)))):
            _agree(network, k, r, f, loose[k], "inexact")
    elif extra in SAME_BITS:
        _same(found, answers(network, Options(cache=False, skip=(extra,))), f"without {extra}")


def _tolerance(network: Network, arrays: tuple, right) -> tuple:
    if right is None or not network.tame:
        return ()
    return tolerances(network.graph, arrays)


def _agree(network: Network, k: int, right, found, far: tuple, what: str) -> None:
    if (right is None) != (found is None):
        by = "the interpreter" if right is None else "the program"
        raise Wrong("refusal", f"{what}: arrays {k} are refused by {by} alone")
    if right is not None:
        compare(Case(network.graph, network.arrays[k], far), right, found, f"{what}, arrays {k}")


def _same(first: list, second: list, what: str) -> None:
    for k, (a, b) in enumerate(zip(first, second)):
        if (a is None) != (b is None):
            raise Wrong("refusal", f"{what}: arrays {k}")
        if a is not None:
            same_bits(a, b, f"{what}, arrays {k}")
