"""Graphs of Nodes written as TensorFlow's nodes."""
