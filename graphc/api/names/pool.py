"""TensorFlow's pooling operations: their names, and the lib functions that build them."""

from __future__ import annotations

from graphc.api.op import Op
from graphc.lib import fractional, pool

ROWS = (
    Op("nn.max_pool", "MaxPool", pool.max_pool, "input"),
    Op("nn.max_pool1d", "MaxPool1D", pool.max_pool1d, "input", "MaxPool1d"),
    Op("nn.max_pool2d", "MaxPool", pool.max_pool2d, "input", "MaxPool2d"),
    Op("nn.max_pool3d", "MaxPool3D", pool.max_pool3d, "input", "MaxPool3D"),
    Op("nn.avg_pool", "AvgPool", pool.avg_pool, "input"),
    Op("nn.avg_pool1d", "AvgPool1D", pool.avg_pool1d, "input", "AvgPool1D"),
    Op("nn.avg_pool2d", "AvgPool", pool.avg_pool2d, "input", "AvgPool2D"),
    Op("nn.avg_pool3d", "AvgPool3D", pool.avg_pool3d, "input", "AvgPool3D"),
    Op("nn.pool", "Pool", pool.pool, "input", "pool"),
    Op("nn.max_pool_with_argmax", "MaxPoolWithArgmax", pool.max_pool_with_argmax, "input",
       parts="output argmax"),
    Op("nn.fractional_max_pool", "FractionalMaxPool", fractional.fractional_max_pool, "value", random=True,
       parts="output row_pooling_sequence col_pooling_sequence"),
    Op("nn.fractional_avg_pool", "FractionalAvgPool", fractional.fractional_avg_pool, "value", random=True,
       parts="output row_pooling_sequence col_pooling_sequence"),
)
