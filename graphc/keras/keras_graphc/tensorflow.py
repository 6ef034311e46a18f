"""This back end under the name by which Keras asks for TensorFlow's: for what it makes with TensorFlow alone, as words are.

Keras looks at the name of this module, and encodes ragged tensors where it ends like this.
"""

from graphc.keras.keras_graphc import *  # noqa: F403
