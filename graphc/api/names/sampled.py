"""Names of losses over sampled classes, and of embeddings of sparse ids."""

from graphc.api import sparse_embedding
from graphc.api.op import Op
from graphc.lib import sampled

_OPERANDS = "*weights | *biases | labels | inputs"

ROWS = (
    Op("nn.nce_loss", "nce_loss", sampled.nce_loss, _OPERANDS, random=True),
    Op("nn.sampled_softmax_loss", "sampled_softmax_loss", sampled.sampled_softmax_loss, _OPERANDS, random=True),
    Op("nn.compute_accidental_hits", "ComputeAccidentalHits", sampled.compute_accidental_hits,
       "true_classes | sampled_candidates"),
)  # fmt: skip

FUNCTIONS = {
    "nn.embedding_lookup_sparse": sparse_embedding.embedding_lookup_sparse,
    "nn.safe_embedding_lookup_sparse": sparse_embedding.safe_embedding_lookup_sparse,
    "compat.v1.nn.embedding_lookup_sparse": sparse_embedding.embedding_lookup_sparse_v1,
    "compat.v1.nn.safe_embedding_lookup_sparse": sparse_embedding.safe_embedding_lookup_sparse_v1,
}
