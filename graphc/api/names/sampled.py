"""Names of losses over sampled classes, and of embeddings of sparse ids."""

from graphc.api import sampled, sparse_embedding
from graphc.api.op import Op
from graphc.lib import sampled as lib

ROWS = (
    Op("nn.compute_accidental_hits", "ComputeAccidentalHits", lib.compute_accidental_hits,
       "true_classes | sampled_candidates", arguments="true_classes sampled_candidates num_true -seed name"),
)  # fmt: skip

FUNCTIONS = {
    "nn.nce_loss": sampled.nce_loss,
    "nn.sampled_softmax_loss": sampled.sampled_softmax_loss,
    "nn.embedding_lookup_sparse": sparse_embedding.embedding_lookup_sparse,
    "nn.safe_embedding_lookup_sparse": sparse_embedding.safe_embedding_lookup_sparse,
    "compat.v1.nn.embedding_lookup_sparse": sparse_embedding.embedding_lookup_sparse_v1,
    "compat.v1.nn.safe_embedding_lookup_sparse": sparse_embedding.safe_embedding_lookup_sparse_v1,
}
