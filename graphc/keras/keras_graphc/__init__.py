"""graphc as a back end of Keras 3: the functions and classes that ``keras.src.backend`` takes from one."""

from graphc.keras.keras_graphc import core, image, linalg, math, nn, numpy, random
from graphc.keras.keras_graphc.core import (
    IS_THREAD_SAFE,
    SUPPORTS_COMPLEX_DTYPES,
    SUPPORTS_RAGGED_TENSORS,
    SUPPORTS_SPARSE_TENSORS,
    Variable,
    cast,
    compute_output_spec,
    cond,
    convert_to_numpy,
    convert_to_tensor,
    device_scope,
    is_tensor,
    name_scope,
    random_seed_dtype,
    scatter,
    shape,
    stop_gradient,
    vectorized_map,
)
from graphc.keras.keras_graphc.rnn import bidirectional_gru, bidirectional_lstm, cudnn_ok, gru, lstm, rnn
