"""``tf.sysconfig`` and constants of the build."""

from graphc.api.build_info import (  # noqa: F401  the same as TensorFlow 2's
    COMPILER_VERSION,
    CXX11_ABI_FLAG,
    CXX_VERSION,
    GIT_VERSION,
    GRAPH_DEF_VERSION,
    GRAPH_DEF_VERSION_MIN_CONSUMER,
    GRAPH_DEF_VERSION_MIN_PRODUCER,
    MONOLITHIC_BUILD,
    VERSION,
    get_build_info,
    get_compile_flags,
    get_include,
    get_lib,
    get_link_flags,
)  # fmt: skip
