"""Checkpoints in TensorFlow's format: found, read, and written from objects that hold variables."""
