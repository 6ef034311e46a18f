"""What Keras asks of a back end first: variables, tensors, shapes inferred without numbers, control flow, scopes."""

from graphc.keras.keras_graphc.core.control import (
    cond,
    custom_gradient,
    fori_loop,
    random_seed_dtype,
    remat,
    stop_gradient,
    switch,
    while_loop,
)
from graphc.keras.keras_graphc.core.loops import associative_scan, map, scan, vectorized_map
from graphc.keras.keras_graphc.core.places import scatter, scatter_update, slice, slice_update, unstack
from graphc.keras.keras_graphc.core.scopes import device_scope, name_scope
from graphc.keras.keras_graphc.core.specs import compute_output_spec
from graphc.keras.keras_graphc.core.tensors import cast, convert_to_numpy, convert_to_tensor, is_tensor, shape
from graphc.keras.keras_graphc.core.variables import Variable

SUPPORTS_SPARSE_TENSORS = True
SUPPORTS_RAGGED_TENSORS = False
SUPPORTS_COMPLEX_DTYPES = True
IS_THREAD_SAFE = True
