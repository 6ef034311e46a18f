"""Optimizers of TensorFlow 2, and the learning rates that they follow."""
