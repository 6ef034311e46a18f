"""``tf.saved_model.tag_constants``: what graphs in a SavedModel are for."""

from graphc.api.saved_model.constants import GPU, SERVING, TPU, TRAINING  # noqa: F401
