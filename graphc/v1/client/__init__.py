"""Where TensorFlow's programs look for ``timeline`` and ``device_lib``."""

from graphc.v1 import timeline  # noqa: F401  also found here
