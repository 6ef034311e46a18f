"""Losses as objects, as Keras has them: how a loss is computed, weighted and reduced to one number."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from graphc.api.adopt import holds_tensor
from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.api.structure import map_structure
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import cross_entropy, ctc, loss_reduction, math, regression_loss
from graphc.lib.loss_reduction import known_reduction


def _lifted(function: Callable, tensors: str) -> Callable:
    return lift(Op(function.__name__, function.__name__, function, tensors), eager)


_cast = _lifted(math.cast, "x")
_reduced = _lifted(loss_reduction.reduce_losses, "losses | sample_weight | mask")
_counted = _lifted(cross_entropy.counted, "y_true | y_pred")
_counts = _lifted(math.greater, "x y")


class Loss:
    """A loss that is called with wanted and predicted values, and weights.

    A class of one's own has a method ``call(y_true, y_pred)`` that answers with one loss per example.

    Args:
        name: what it is called.
        reduction: ``sum_over_batch_size`` or ``mean``, ``sum``, ``mean_with_sample_weight``, ``none`` or None.
        dtype: the dtype it computes in; float32 unless given.

    Raises:
        UsageError: unknown reduction.
    """

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        self.name = name or _snake(type(self).__name__)
        self.reduction = known_reduction(reduction)
        self.dtype = dt.f32 if dtype is None else dt.as_dtype(dtype)

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = [self._cast(y) for y in (y_true, y_pred)]
        losses = self.call(y_true, y_pred)
        return _reduced(losses, sample_weight, self.mask(y_true, y_pred, losses), self.reduction)

    def call(self, y_true, y_pred):
        """One loss per example."""
        raise UsageError(explain(f"{type(self).__name__}: a loss needs a method call(y_true, y_pred)"))

    def _cast(self, y):
        """A value, or a structure of tensors, in the dtype of the loss; a list of numbers is one tensor."""
        if isinstance(y, dict) or holds_tensor(y):
            return map_structure(lambda x: _cast(x, self.dtype), y)
        return _cast(y, self.dtype)

    def mask(self, y_true, y_pred, losses):
        """Which losses count in the mean; None for all of them."""
        return None

    def get_config(self) -> dict:
        """The arguments to make it again."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict):
        """The loss that ``get_config`` describes."""
        return cls(**config)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and k else c.lower() for k, c in enumerate(name))


class LossFunctionWrapper(Loss):
    """A loss that is a function of wanted and predicted values.

    Args:
        fn: the function; ``arguments`` are passed on to it.
    """

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **arguments):
        super().__init__(name, reduction, dtype)
        self.fn, self._arguments = fn, arguments

    def call(self, y_true, y_pred):
        return self.fn(y_true, y_pred, **self._arguments)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments}


def _loss(class_name: str, function: Callable, name: str | None = None, mask: Callable | None = None,
          last: tuple = ()) -> type:  # fmt: skip
    """The class of a lib function: its arguments, then reduction, name and dtype, in Keras' order.

    Args:
        mask: the method of that name.
        last: arguments of the function that come after ``reduction``.
    """
    public = _lifted(function, "y_true | y_pred")
    signature = _signature(class_name, function, name or function.__name__, last)

    def __init__(self, *args, **kwargs):
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise UsageError(explain(f"{class_name}: {error}")) from None
        given.apply_defaults()
        LossFunctionWrapper.__init__(self, public, **given.arguments)

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    __init__.__signature__ = signature.replace(parameters=[own, *signature.parameters.values()])
    members = {"__init__": __init__, "__doc__": function.__doc__, "__module__": "graphc.losses"}
    if mask is not None:
        members["mask"] = mask
    return type(class_name, (LossFunctionWrapper,), members)


def _signature(class_name: str, function: Callable, name: str, last: tuple) -> inspect.Signature:
    own = [p for p in inspect.signature(function).parameters.values() if p.name not in ("y_true", "y_pred", *_BATCH)]
    own = [p.replace(default=_DEFAULTS.get((class_name, p.name), p.default)) for p in own]
    own.sort(key=lambda p: p.name in _AFTER_OTHERS)
    added = [("reduction", "sum_over_batch_size"), ("name", name), ("dtype", None)]
    added = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=d) for n, d in added]
    split = 2 if class_name in _NAME_FIRST else 1
    late = [p for p in own if p.name in last]
    return inspect.Signature([*(p for p in own if p.name not in last), *added[:split], *late, *added[split:]])


def _not_ignored(self, y_true, y_pred, losses):
    ignored, axis = self._arguments["ignore_class"], self._arguments["axis"]
    return None if ignored is None else _counted(y_true, y_pred, ignored, axis)


def _above_zero(self, y_true, y_pred, losses):
    return _counts(losses, 0.0)


_BATCH = ("ref_labels", "ref_embeddings")  # of the function alone
_AFTER_OTHERS = ("remove_diagonal",)
_DEFAULTS = {("Circle", "gamma"): 80.0, ("CategoricalGeneralizedCrossEntropy", "q"): 0.5}
_NAME_FIRST = ("Dice", "Tversky")
_r, _c = regression_loss, cross_entropy
_TABLE = (
    ("MeanSquaredError", _r.mean_squared_error, "MSE mse mean_squared_error"),
    ("MeanAbsoluteError", _r.mean_absolute_error, "MAE mae mean_absolute_error"),
    ("MeanAbsolutePercentageError", _r.mean_absolute_percentage_error, "MAPE mape mean_absolute_percentage_error"),
    ("MeanSquaredLogarithmicError", _r.mean_squared_logarithmic_error, "MSLE msle mean_squared_logarithmic_error"),
    ("CosineSimilarity", _r.cosine_similarity, "cosine_similarity"),
    ("LogCosh", _r.log_cosh, "logcosh log_cosh"),
    ("Poisson", _r.poisson, "poisson"),
    ("KLDivergence", _r.kl_divergence, "KLD kld kullback_leibler_divergence kl_divergence"),
    ("Hinge", _r.hinge, "hinge"),
    ("SquaredHinge", _r.squared_hinge, "squared_hinge"),
    ("CategoricalHinge", _r.categorical_hinge, "categorical_hinge"),
    ("BinaryCrossentropy", _c.binary_crossentropy, "binary_crossentropy"),
    ("BinaryFocalCrossentropy", _c.binary_focal_crossentropy, "binary_focal_crossentropy"),
    ("CategoricalCrossentropy", _c.categorical_crossentropy, "categorical_crossentropy"),
    ("CategoricalFocalCrossentropy", _c.categorical_focal_crossentropy, "categorical_focal_crossentropy"),
    ("CategoricalGeneralizedCrossEntropy", _c.categorical_generalized_cross_entropy,
     "categorical_generalized_cross_entropy"),
    ("CTC", ctc.ctc, "ctc"),
)  # fmt: skip
_SPECIAL = {
    "Huber": _loss("Huber", _r.huber, "huber_loss"),
    "SparseCategoricalCrossentropy": _loss("SparseCategoricalCrossentropy", _c.sparse_categorical_crossentropy,
                                           mask=_not_ignored, last=("axis",)),
    "Dice": _loss("Dice", _r.dice, last=("axis",)),
    "Tversky": _loss("Tversky", _r.tversky, last=("axis",)),
    "Circle": _loss("Circle", _r.circle, mask=_above_zero),
}  # fmt: skip
_FUNCTIONS = {
    "huber": _r.huber, "sparse_categorical_crossentropy": _c.sparse_categorical_crossentropy, "dice": _r.dice,
    "tversky": _r.tversky, "circle": _r.circle,
}  # fmt: skip
CLASSES = {name: _loss(name, function) for name, function, _ in _TABLE} | _SPECIAL
ALIASES = {alias: function for _, function, aliases in _TABLE for alias in aliases.split()} | _FUNCTIONS


class Reduction:
    """Names of reductions."""

    AUTO, NONE, SUM, SUM_OVER_BATCH_SIZE = "auto", "none", "sum", "sum_over_batch_size"

    @classmethod
    def all(cls) -> tuple:
        """All of them."""
        return cls.AUTO, cls.NONE, cls.SUM, cls.SUM_OVER_BATCH_SIZE


def serialize(loss) -> dict | str:
    """A loss as data: its class and configuration; a function as its name."""
    if isinstance(loss, Loss):
        return {"class_name": type(loss).__name__, "config": loss.get_config()}
    return getattr(loss, "__name__", str(loss))


def deserialize(name, custom_objects=None):
    """The loss that ``serialize`` described, or the one of this name.

    Raises:
        UsageError: there is none.
    """
    known = {**CLASSES, **{alias: _lifted(function, "y_true | y_pred") for alias, function in ALIASES.items()},
             **(custom_objects or {})}  # fmt: skip
    kind, config = (name["class_name"], name.get("config", {})) if isinstance(name, dict) else (name, {})
    if kind not in known:
        raise UsageError(explain(f"losses: there is no loss {kind!r}; there are {', '.join(sorted(CLASSES))}"))
    found = known[kind]
    return found(**config) if inspect.isclass(found) else found


def get(identifier):
    """A loss from its name, its description, or itself.

    Raises:
        UsageError: it is none of these.
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if callable(identifier):
        return identifier() if inspect.isclass(identifier) else identifier
    raise UsageError(explain(f"losses: {identifier!r} is no loss"))
