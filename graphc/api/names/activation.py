"""TensorFlow's activations and cross entropies: their names, and the lib functions that build them."""

from __future__ import annotations

from graphc.api.op import Op
from graphc.lib import nn

ROWS = (
    Op("nn.relu", "Relu", nn.relu, "features"),
    Op("nn.relu6", "Relu6", nn.relu6, "features"),
    Op("nn.crelu", "CRelu", nn.crelu, "features", "CRelu"),
    Op("nn.leaky_relu", "LeakyRelu", nn.leaky_relu, "features"),
    Op("nn.elu", "Elu", nn.elu, "features"),
    Op("nn.selu", "Selu", nn.selu, "features"),
    Op("nn.gelu", "Gelu", nn.gelu, "features"),
    Op("nn.silu nn.swish", "Swish", nn.silu, "features", "swish"),
    Op("math.softplus nn.softplus", "Softplus", nn.softplus, "features"),
    Op("math.softsign nn.softsign", "Softsign", nn.softsign, "features"),
    Op("math.log_sigmoid", "LogSigmoid", nn.log_sigmoid, "x"),
    Op("math.softmax nn.softmax", "Softmax", nn.softmax, "logits"),
    Op("math.log_softmax nn.log_softmax", "LogSoftmax", nn.log_softmax, "logits"),
    Op("nn.softmax_cross_entropy_with_logits", "SoftmaxCrossEntropyWithLogits", nn.softmax_cross_entropy_with_logits,
       "logits labels", "softmax_cross_entropy_with_logits"),
    Op("nn.sparse_softmax_cross_entropy_with_logits", "SparseSoftmaxCrossEntropyWithLogits",
       nn.sparse_softmax_cross_entropy_with_logits, "labels | logits"),
    Op("nn.sigmoid_cross_entropy_with_logits", "SigmoidCrossEntropyWithLogits", nn.sigmoid_cross_entropy_with_logits,
       "logits labels", "logistic_loss"),
    Op("nn.weighted_cross_entropy_with_logits", "WeightedCrossEntropyWithLogits", nn.weighted_cross_entropy_with_logits,
       "logits labels pos_weight", "logistic_loss"),
    Op("nn.log_poisson_loss", "LogPoissonLoss", nn.log_poisson_loss, "log_input targets", "log_poisson_loss"),
    Op("nn.l2_loss", "L2Loss", nn.l2_loss, "t"),
    Op("nn.dropout", "Dropout", nn.dropout, "x", "dropout", random=True),
    Op("nn.experimental.stateless_dropout", "StatelessDropout", nn.stateless_dropout, "x | seed", "stateless_dropout"),
)  # fmt: skip
