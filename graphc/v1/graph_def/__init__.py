"""Graphs as TensorFlow's GraphDef messages and back."""
