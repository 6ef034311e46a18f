"""Python's control flow on tensors in functions that are traced, converted by source; see ``conversion.converted``."""

from graphc.api.autograph import operators  # noqa: F401  it fills what converted code calls
from graphc.api.autograph.conversion import converted

__all__ = ["converted"]
