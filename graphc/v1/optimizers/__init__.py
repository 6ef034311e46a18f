"""Optimizers of TensorFlow 1: gradients become changes of variables."""
