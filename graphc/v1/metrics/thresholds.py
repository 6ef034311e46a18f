"""Metrics of probabilities, for many thresholds at once: areas under curves, precision and recall at a threshold."""

from __future__ import annotations

from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import ops
from graphc.v1.calling import named
from graphc.v1.control import control_dependencies
from graphc.v1.metrics.state import aligned, metric_scope, metric_variable, published, tensor
from graphc.v1.variables import assign_add
from graphc.v1.weights import spread

_KINDS = {  # what -> (label, prediction)
    "true_positives": (True, True),
    "false_negatives": (True, False),
    "true_negatives": (False, False),
    "false_positives": (False, True),
}
_SLACK = 1e-7  # the outermost thresholds lie that much outside of [0, 1]
_SUMMATIONS = ("trapezoidal", "careful_interpolation", "minoring", "majoring")


def _counts(what: str, labels, predictions, thresholds, weights, kinds=tuple(_KINDS)) -> tuple[dict, dict]:
    """Variables with the counts of these kinds for each threshold, and what they are after this batch."""
    predictions = tensor(predictions)
    message = f"metrics.{what}: predictions must be in [0, 1]"
    inside = [ops.assert_greater_equal(predictions, ops.cast(0.0, predictions.dtype), message=message),
              ops.assert_less_equal(predictions, ops.cast(1.0, predictions.dtype), message=message)]  # fmt: skip
    with control_dependencies(inside):
        labels, predictions, weights = aligned(what, ops.cast(tensor(labels), dt.b1), ops.cast(predictions, dt.f32),
                                               weights)  # fmt: skip
        predictions = ops.identity(predictions, name="in_range")
    if weights is not None:
        weights = ops.reshape(spread(f"metrics.{what}", weights, predictions, dt.f32), [1, -1])
    limits = ops.constant([[float(t)] for t in thresholds], dt.f32)
    above = ops.greater(ops.reshape(predictions, [1, -1]), limits)
    positive = ops.reshape(labels, [1, -1])
    values, updates = {}, {}
    for kind in kinds:
        label, prediction = _KINDS[kind]
        chosen = ops.logical_and(positive if label else ops.logical_not(positive),
                                 above if prediction else ops.logical_not(above))  # fmt: skip
        batch = ops.cast(chosen, dt.f32)
        batch = batch if weights is None else ops.multiply(batch, weights)
        values[kind] = metric_variable((len(thresholds),), dt.f32, kind)
        updates[kind] = assign_add(values[kind], ops.reduce_sum(batch, 1))
    return values, updates


def _checked(what: str, thresholds) -> list[float]:
    try:
        found = [float(t) for t in thresholds]
    except (TypeError, ValueError):
        found = []
    if not found:
        raise UsageError(explain(f"metrics.{what}: thresholds must be a list of numbers, got {thresholds!r}"))
    return found


def _counter(kind: str):
    """The function that counts one kind for each threshold."""

    def count(labels, predictions, thresholds, weights=None, metrics_collections=None, updates_collections=None,
              name=None):  # fmt: skip
        limits = _checked(count.__name__, thresholds)
        with metric_scope(name, kind):
            values, updates = _counts(count.__name__, labels, predictions, limits, weights, (kind,))
            return published(ops.identity(values[kind]), updates[kind], metrics_collections, updates_collections)

    count.__name__ = count.__qualname__ = f"{kind}_at_thresholds"
    count.__doc__ = (f"The {kind.replace('_', ' ')} so far where predictions above a threshold count as positive, for "
                     f"each threshold.\n\n    See ``metrics.mean`` for the other arguments.")  # fmt: skip
    return named(count)


true_positives_at_thresholds, true_negatives_at_thresholds = _counter("true_positives"), _counter("true_negatives")
false_positives_at_thresholds, false_negatives_at_thresholds = _counter("false_positives"), _counter("false_negatives")


def _share(what: str, rest: str):
    """``precision_at_thresholds`` or ``recall_at_thresholds``."""

    def share(labels, predictions, thresholds, weights=None, metrics_collections=None, updates_collections=None,
              name=None):  # fmt: skip
        limits = _checked(share.__name__, thresholds)
        with metric_scope(name, share.__name__):
            counts = _counts(share.__name__, labels, predictions, limits, weights, ("true_positives", rest))
            value, update = (
                ops.divide(c["true_positives"], c["true_positives"] + _SLACK + c[rest], name=f"{what}_{end}")
                for c, end in zip(counts, ("value", "update_op")))  # fmt: skip
            return published(value, update, metrics_collections, updates_collections)

    share.__name__ = share.__qualname__ = f"{what}_at_thresholds"
    share.__doc__ = (f"The {what} where predictions above a threshold count as positive, for each threshold.\n\n"
                     "    See ``metrics.mean`` for the other arguments.")  # fmt: skip
    return named(share)


precision_at_thresholds = _share("precision", "false_positives")
recall_at_thresholds = _share("recall", "false_negatives")


def _between(what: str, count: int, top: float = 1.0 + _SLACK) -> list[float]:
    """``count`` thresholds from 0 to 1, the ends a little outside."""
    if not isinstance(count, int) or count < 2:
        raise UsageError(explain(f"metrics.{what}: num_thresholds must be an int above 1, got {count!r}"))
    return [-_SLACK] + [(i + 1) / (count - 1) for i in range(count - 2)] + [top]


@named
def auc(labels, predictions, weights=None, num_thresholds=200, metrics_collections=None, updates_collections=None,
        curve="ROC", name=None, summation_method="trapezoidal", thresholds=None):  # fmt: skip
    """The area under a curve, approximated with ``num_thresholds`` points.

    Args:
        labels: bools, or numbers of which 0 is False; predictions: of the same shape, in [0, 1].
        curve: ``ROC`` (true positive rate over false positive rate) or ``PR`` (precision over recall).
        summation_method: ``trapezoidal``, ``careful_interpolation`` (recommended for PR), ``minoring``, ``majoring``.
        thresholds: those between 0 and 1, instead of ``num_thresholds``.

    Raises:
        UsageError: unknown curve or summation method. ShapeError: the shapes do not fit.
        InvalidArgumentError: when running, a prediction lies outside [0, 1].
    """
    if curve not in ("ROC", "PR"):
        raise UsageError(explain(f"metrics.auc: curve must be ROC or PR, got {curve!r}"))
    if summation_method not in _SUMMATIONS:
        what = f"metrics.auc: summation_method must be one of {', '.join(_SUMMATIONS)}, got {summation_method!r}"
        raise UsageError(explain(what))
    limits = _between("auc", num_thresholds)
    if thresholds is not None:
        limits = [-_SLACK, *sorted(float(t) for t in thresholds), 1.0 + _SLACK]
    with metric_scope(name, "auc"):
        both = _counts("auc", labels, predictions, limits, weights)
        value, update = (_area(*(counts[kind] for kind in _KINDS), curve, summation_method, end)
                         for counts, end in zip(both, ("value", "update_op")))  # fmt: skip
        return published(value, update, metrics_collections, updates_collections)


def _area(tp, fn, tn, fp, curve: str, method: str, name: str):
    tp, fn, tn, fp = (ops.convert_to_tensor(v) for v in (tp, fn, tn, fp))
    if curve == "PR" and method == "careful_interpolation":
        return _interpolated(tp, fp, fn)
    epsilon = 1.0e-6
    recall = ops.divide(tp + epsilon, tp + fn + epsilon)
    if curve == "ROC":
        x, y = ops.divide(fp, fp + tn + epsilon), recall
    else:
        x, y = recall, ops.divide(tp + epsilon, tp + fp + epsilon)
    before, after = y[:-1], y[1:]
    if method in ("minoring", "majoring"):
        height = ops.minimum(before, after) if method == "minoring" else ops.maximum(before, after)
    else:
        height = (before + after) / 2.0
    return ops.reduce_sum(ops.multiply(x[:-1] - x[1:], height), name=name)


def _interpolated(tp, fp, fn):
    """The area under precision over recall, with the counts (not the precision) linear between thresholds."""
    more, total = tp[:-1] - tp[1:], tp + fp
    slope = ops.div_no_nan(more, ops.maximum(total[:-1] - total[1:], 0.0))
    intercept = tp[1:] - slope * total[1:]
    known = ops.logical_and(ops.greater(total[:-1], 0.0), ops.greater(total[1:], 0.0))
    ratio = ops.div_no_nan(total[:-1], ops.maximum(total[1:], 0.0))
    ratio = ops.where(known, ratio, ops.ones_like(ratio))
    area = ops.div_no_nan(slope * (more + intercept * ops.log(ratio)), ops.maximum(tp[1:] + fn[1:], 0.0))
    return ops.reduce_sum(area, name="interpolate_pr_auc")


@named
def sensitivity_at_specificity(labels, predictions, specificity, weights=None, num_thresholds=200,
                               metrics_collections=None, updates_collections=None, name=None):  # fmt: skip
    """The recall of the positives at the threshold whose recall of the negatives is nearest to ``specificity``."""
    what = "sensitivity_at_specificity"
    _require_rate(what, "specificity", specificity)

    def result(counts, end):
        tp, fn, tn, fp = (ops.convert_to_tensor(counts[kind]) for kind in _KINDS)
        rates = ops.divide(tn, tn + fp + _SLACK)
        at = ops.cast(ops.argmin(ops.abs(rates - specificity), 0), dt.i32)
        return ops.divide(tp[at], tp[at] + fn[at] + _SLACK, name=end)

    return _at_rate(what, labels, predictions, _between(what, num_thresholds), weights, result, metrics_collections,
                    updates_collections, name)  # fmt: skip


@named
def specificity_at_sensitivity(labels, predictions, sensitivity, weights=None, num_thresholds=200,
                               metrics_collections=None, updates_collections=None, name=None):  # fmt: skip
    """The recall of the negatives at the last threshold whose recall of the positives is nearest to ``sensitivity``."""
    what = "specificity_at_sensitivity"
    _require_rate(what, "sensitivity", sensitivity)

    def result(counts, end):
        tp, fn, tn, fp = (ops.convert_to_tensor(counts[kind]) for kind in _KINDS)
        distance = ops.abs(ops.divide(tp, tp + fn + _SLACK) - sensitivity)
        nearest = ops.cast(ops.equal(distance, ops.reduce_min(distance)), dt.i64)
        at = ops.cast(ops.argmax(ops.cumsum(nearest), 0), dt.i32)  # the first of the largest sums: the last nearest one
        return ops.divide(tn[at], tn[at] + fp[at] + _SLACK, name=end)

    return _at_rate(what, labels, predictions, _between(what, num_thresholds, 1.0 - _SLACK), weights, result,
                    metrics_collections, updates_collections, name)  # fmt: skip


def _require_rate(what: str, argument: str, value) -> None:
    if not 0 <= value <= 1:
        raise UsageError(explain(f"metrics.{what}: {argument} must be in [0, 1], got {value!r}"))


def _at_rate(what, labels, predictions, limits, weights, result, metrics_collections, updates_collections, name):
    with metric_scope(name, what):
        values, updates = _counts(what, labels, predictions, limits, weights)
        value, update = result(values, "value"), result(updates, "update_op")
        return published(value, update, metrics_collections, updates_collections)
