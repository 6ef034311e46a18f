"""TensorFlow's files and messages: protocol buffers, check sums, tensor bundles."""
