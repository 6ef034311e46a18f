"""``keras.ops.nn`` by graphc's operations."""

from graphc.keras.keras_graphc.nn.activations import *  # noqa: F403
from graphc.keras.keras_graphc.nn.attention import *  # noqa: F403
from graphc.keras.keras_graphc.nn.blocks import *  # noqa: F403
from graphc.keras.keras_graphc.nn.convolutions import *  # noqa: F403
from graphc.keras.keras_graphc.nn.ctc import *  # noqa: F403
from graphc.keras.keras_graphc.nn.losses import *  # noqa: F403
from graphc.keras.keras_graphc.nn.normalizations import *  # noqa: F403
from graphc.keras.keras_graphc.nn.pooling import *  # noqa: F403
from graphc.keras.keras_graphc.sparse.dispatch import taking_sparse

globals().update(taking_sparse(globals()))
