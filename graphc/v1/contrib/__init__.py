"""Those names of TensorFlow 1's ``tf.contrib`` that courses use: cells, and layers with their initializers and regularizers."""

from graphc.v1.contrib import framework, layers, rnn  # noqa: F401  tf.contrib.layers, tf.contrib.rnn
