"""Names of operations on sets, and of crosses of features."""

from graphc.api import sets

FUNCTIONS = {
    "sets.union": sets.union,
    "sets.intersection": sets.intersection,
    "sets.difference": sets.difference,
    "sets.size": sets.size,
    "sparse.cross": sets.sparse_cross,
    "sparse.cross_hashed": sets.sparse_cross_hashed,
    "ragged.cross": sets.ragged_cross,
    "ragged.cross_hashed": sets.ragged_cross_hashed,
}
