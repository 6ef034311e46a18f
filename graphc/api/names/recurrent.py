"""Names of recurrent networks: TensorFlow's fused cells."""

from graphc.api.op import Op
from graphc.lib import classic_cells

_LSTM = "x cs_prev h_prev w wci wcf wco b"

ROWS = (
    Op("raw_ops.LSTMBlockCell", "LSTMBlockCell", classic_cells.lstm_block_cell, _LSTM),
    Op("raw_ops.BlockLSTM", "BlockLSTM", classic_cells.block_lstm, f"seq_len_max | {_LSTM}"),
    Op("raw_ops.BlockLSTMV2", "BlockLSTMV2", classic_cells.block_lstm_v2, f"seq_len_max | {_LSTM}"),
    Op("raw_ops.GRUBlockCell", "GRUBlockCell", classic_cells.gru_block_cell, "x h_prev w_ru w_c b_ru b_c"),
)
