"""``tf.random`` of TensorFlow 1: the catalogue; every run draws new numbers, and seeds make them repeat."""

from __future__ import annotations

from graphc.v1.catalogue import listed, members_of
from graphc.v1.control import get_seed, set_random_seed  # noqa: F401  found here

__getattr__, __dir__ = members_of("random"), listed("random", ["get_seed", "set_random_seed"])
