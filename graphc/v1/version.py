"""``tf.version``: versions of the package and of its graphs."""

from graphc.v1.sysconfig import (  # noqa: F401  they live there, beside what else is said about the build
    COMPILER_VERSION, GIT_VERSION, GRAPH_DEF_VERSION, GRAPH_DEF_VERSION_MIN_CONSUMER, GRAPH_DEF_VERSION_MIN_PRODUCER,
    VERSION,
)  # fmt: skip
