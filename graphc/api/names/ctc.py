"""Names of the connectionist temporal classification: its loss, decoders, and helpers on labels."""

from graphc.api import ctc
from graphc.api.op import Op
from graphc.lib import ctc as lib

ROWS = (
    Op("nn.ctc_unique_labels", "ctc_unique_labels", lib.ctc_unique_labels, "labels"),
    Op("nn.collapse_repeated", "collapse_repeated_labels", lib.collapse_repeated, "labels | seq_length"),
)

FUNCTIONS = {
    "nn.ctc_loss": ctc.ctc_loss,
    "nn.ctc_greedy_decoder": ctc.ctc_greedy_decoder,
    "nn.ctc_beam_search_decoder": ctc.ctc_beam_search_decoder,
    "compat.v1.nn.ctc_loss": ctc.ctc_loss_v1,
    "compat.v1.nn.ctc_loss_v2": ctc.ctc_loss,
    "compat.v1.nn.ctc_beam_search_decoder": ctc.ctc_beam_search_decoder_v1,
    "compat.v1.nn.ctc_beam_search_decoder_v2": ctc.ctc_beam_search_decoder,
}
