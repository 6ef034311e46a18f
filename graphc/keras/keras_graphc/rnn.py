"""Keras' recurrent layers as graphc's native loops."""
