"""Summaries: values as TensorFlow's Summary messages, event files, and TensorFlow 2's writers on top of them."""
