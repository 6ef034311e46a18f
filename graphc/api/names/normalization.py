"""TensorFlow's moments and normalisations: their names, and the lib functions that build them."""

from __future__ import annotations

from graphc.api.op import Op
from graphc.lib import nn, normalization

ROWS = (
    Op("nn.moments", "Moments", normalization.moments, "x", "moments"),
    Op("nn.weighted_moments", "WeightedMoments", normalization.weighted_moments, "x | frequency_weights",
       "weighted_moments"),
    Op("nn.sufficient_statistics", "SufficientStatistics", normalization.sufficient_statistics, "x shift",
       "sufficient_statistics"),
    Op("nn.normalize_moments", "NormalizeMoments", normalization.normalize_moments, "counts mean_ss variance_ss shift",
       "normalize"),
    Op("nn.batch_normalization", "BatchNormalization", normalization.batch_normalization,
       "x | mean variance offset scale", "batchnorm"),
    Op("nn.batch_norm_with_global_normalization", "BatchNormWithGlobalNormalization",
       normalization.batch_norm_with_global_normalization, "input mean variance beta gamma", "batchnorm"),
    Op("compat.v1.nn.batch_norm_with_global_normalization", "BatchNormWithGlobalNormalization",
       normalization.batch_norm_with_global_normalization_v1, "t m v beta gamma input mean variance", "batchnorm"),
    Op("compat.v1.nn.fused_batch_norm", "FusedBatchNormV3", normalization.fused_batch_norm,
       "x | scale offset mean variance"),
    Op("nn.local_response_normalization nn.lrn", "LRN", normalization.local_response_normalization, "input"),
    Op("nn.bias_add", "BiasAdd", nn.bias_add, "value bias"),
)  # fmt: skip
