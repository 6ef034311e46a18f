"""Losses over many classes from a few that a candidate sampler draws."""

from __future__ import annotations

from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.errors import UsageError, explain
from graphc.lib import candidates
from graphc.lib import sampled as lib

_OPERANDS = "*weights | *biases | labels | inputs | sampled | true_often | sampled_often"
_nce = lift(Op("nn.nce_loss", "nce_loss", lib.nce_loss, _OPERANDS), eager)
_softmax = lift(Op("nn.sampled_softmax_loss", "sampled_softmax_loss", lib.sampled_softmax_loss, _OPERANDS), eager)
_sampler = lift(Op("random.log_uniform_candidate_sampler", "LogUniformCandidateSampler",
                   candidates.log_uniform_candidate_sampler, "true_classes", random=True), eager)  # fmt: skip


def _values(op: str, given, labels, num_true, num_sampled, num_classes, seed) -> tuple:
    if given is None:
        return tuple(_sampler(labels, num_true, num_sampled, True, num_classes, seed=seed))
    if not isinstance(given, (list, tuple)) or len(given) != 3:
        raise UsageError(explain(f"{op}: sampled_values must be what a candidate sampler answers with, three tensors"))
    return tuple(given)


def nce_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None,
             remove_accidental_hits=False, name="nce_loss"):  # fmt: skip
    """Noise-contrastive estimation: telling right classes from sampled ones, one loss per example.

    Args:
        weights: [classes, size], or a list of parts of it. biases: [classes].
        labels: right classes, integers [batch, num_true]. inputs: [batch, size].
        num_sampled: how many classes are sampled. num_classes: how many there are.
        sampled_values: what a candidate sampler answered with; None for the log-uniform one, which runs on the host.
        remove_accidental_hits: whether right classes among the samples do not count.

    Raises:
        DtypeError, ShapeError: operands of other dtypes or shapes.
        UsageError: ``sampled_values`` are something else.
    """
    values = _values("nce_loss", sampled_values, labels, num_true, num_sampled, num_classes, None)
    return _nce(weights, biases, labels, inputs, *values, num_true, remove_accidental_hits, name=name)


def sampled_softmax_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None,
                         remove_accidental_hits=True, seed=None, name="sampled_softmax_loss"):  # fmt: skip
    """The cross entropy of a softmax over right and sampled classes alone, one loss per example; see ``nce_loss``."""
    values = _values("sampled_softmax_loss", sampled_values, labels, num_true, num_sampled, num_classes, seed)
    return _softmax(weights, biases, labels, inputs, *values, num_true, remove_accidental_hits, name=name)
