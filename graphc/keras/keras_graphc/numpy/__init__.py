"""``keras.ops.numpy`` by graphc's operations, and Keras' rules of dtypes."""

from graphc.keras.keras_graphc.numpy.creation import *  # noqa: F403
from graphc.keras.keras_graphc.numpy.elementwise import *  # noqa: F403
from graphc.keras.keras_graphc.numpy.indexing import *  # noqa: F403
from graphc.keras.keras_graphc.numpy.padding import *  # noqa: F403
from graphc.keras.keras_graphc.numpy.products import *  # noqa: F403
from graphc.keras.keras_graphc.numpy.reductions import *  # noqa: F403
from graphc.keras.keras_graphc.numpy.shaping import *  # noqa: F403
from graphc.keras.keras_graphc.numpy.unique import *  # noqa: F403
from graphc.keras.keras_graphc.numpy.vectorizing import *  # noqa: F403
from graphc.keras.keras_graphc.sparse.dispatch import taking_sparse

globals().update(taking_sparse(globals()))
