"""Names of control flow: branches, loops, TensorArray."""

from graphc.api import control, loops
from graphc.api.tensor_array import TensorArray

FUNCTIONS = {
    "cond": control.cond,
    "case": control.case,
    "switch_case": control.switch_case,
    "while_loop": control.while_loop,
    "map_fn": loops.map_fn,
    "vectorized_map": loops.vectorized_map,
    "scan": loops.scan,
    "foldl": loops.foldl,
    "foldr": loops.foldr,
    "TensorArray": TensorArray,
    "recompute_grad": control.recompute_grad,
}
