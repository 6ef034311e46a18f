"""Names of losses: Keras' functions and classes, and what averages losses of examples."""

from graphc.api import losses
from graphc.api.op import Op
from graphc.lib import loss_reduction

_DOTS = {}
for _alias, _function in losses.ALIASES.items():
    _DOTS.setdefault(_function, []).append(f"losses.{_alias}")

ROWS = (
    *(Op(" ".join(names), function.__name__, function, "y_true | y_pred", function.__name__)
      for function, names in _DOTS.items()),
    Op("nn.compute_average_loss", "compute_average_loss", loss_reduction.compute_average_loss,
       "per_example_loss | sample_weight"),
    Op("nn.scale_regularization_loss", "scale_regularization_loss", loss_reduction.scale_regularization_loss,
       "regularization_loss"),
)  # fmt: skip

FUNCTIONS = {
    **{f"losses.{name}": loss for name, loss in losses.CLASSES.items()},
    "losses.Loss": losses.Loss,
    "losses.Reduction": losses.Reduction,
    "losses.get": losses.get,
    "losses.serialize": losses.serialize,
    "losses.deserialize": losses.deserialize,
}
