"""Accumulators of gradients under TensorFlow's names."""

from __future__ import annotations

from graphc.api.resource import Resource, fitting
from graphc.api.shape import TensorShape
from graphc.api.sparse import IndexedSlices
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.prims.accumulators import definition_of
from graphc.prims.running import Ranks


class ConditionalAccumulatorBase(Resource):
    """Gradients that come from several threads until somebody takes their mean.

    Attributes:
        accumulator_ref: what names it.
    """

    def _make(self, label: str, dtype, shape, shared_name, name, reduction_type) -> None:
        if str(reduction_type).upper() not in ("MEAN", "SUM"):
            raise UsageError(explain(f"{label}: reduction_type must be MEAN or SUM, got {reduction_type!r}"))
        self._label, self._dtype, self._shape = label, dt.as_dtype(dtype), TensorShape(shape)
        sizes, is_mean = None if shape is None else self._shape.as_list(), str(reduction_type).upper() == "MEAN"
        self._define(lambda full, _: definition_of(label, full, self._dtype, sizes, is_mean), name, shared_name)
        self.accumulator_ref = self._definition

    @property
    def dtype(self):
        return self._dtype

    def num_accumulated(self, name=None):
        """How many gradients have come: i32."""
        label = f"{self._name}_NumAccumulated"
        return self._call("AccumulatorNumAccumulated", label, "num_accumulated", (), ((dt.i32, ()),), name)[0]

    def set_global_step(self, new_global_step, name=None):
        """Gradients of earlier steps are dropped from now on."""
        step = self._tensor("set_global_step", new_global_step, dt.i64)
        label = f"{self._name}_SetGlobalStep"
        return self._call("AccumulatorSetGlobalStep", label, "set_global_step", (step,), name=name)

    def _sizes(self) -> tuple | None:
        return None if self._shape.rank is None else tuple([-1 if d is None else d for d in self._shape.as_list()])


class ConditionalAccumulator(ConditionalAccumulatorBase):
    """Gradients of one shape.

    Args:
        shape: theirs; any if None. reduction_type: ``"MEAN"`` or ``"SUM"``.
    """

    def __init__(self, dtype, shape=None, shared_name=None, name="conditional_accumulator", reduction_type="MEAN"):
        self._make("ConditionalAccumulator", dtype, shape, shared_name, name, reduction_type)

    def apply_grad(self, grad, local_step=0, name=None):
        """Add a gradient that was computed at ``local_step``; it is dropped if that is over.

        Raises:
            ShapeError, DtypeError: it does not fit.
        """
        gradient = self._tensor("apply_grad", grad, self._dtype)
        fitting("apply_grad", "the gradient", gradient, self._shape)
        step = self._tensor("apply_grad", local_step, dt.i64)
        label = f"{self._name}_ApplyGradient"
        return self._call("AccumulatorApplyGradient", label, "apply_grad", (step, gradient), name=name)

    def take_grad(self, num_required, name=None):
        """Wait for ``num_required`` gradients and answer with the mean of all that came; the step goes up by one."""
        number = self._tensor("take_grad", num_required, dt.i32)
        results = ((self._dtype, self._sizes()),)
        results = Ranks(f"{self._name}_TakeGradient", results) if self._shape.rank is None else results
        label = f"{self._name}_TakeGradient"
        return self._call("AccumulatorTakeGradient", label, "take_grad", (number,), results, name)[0]


class SparseConditionalAccumulator(ConditionalAccumulatorBase):
    """Gradients of some rows; every row is divided by the number of gradients that had it."""

    def __init__(self, dtype, shape=None, shared_name=None, name="sparse_conditional_accumulator",
                 reduction_type="MEAN"):  # fmt: skip
        self._make("SparseConditionalAccumulator", dtype, shape, shared_name, name, reduction_type)

    def apply_grad(self, grad_indices, grad_values, grad_shape=None, local_step=0, name=None):
        """Add rows ``grad_values`` at ``grad_indices`` of a gradient of ``grad_shape``."""
        step = self._tensor("apply_grad", local_step, dt.i64)
        indices = self._tensor("apply_grad", grad_indices, dt.i64)
        values = self._tensor("apply_grad", grad_values, self._dtype)
        shape = self._tensor("apply_grad", [] if grad_shape is None else grad_shape, dt.i64)
        label = f"{self._name}_SparseApplyGradient"
        tensors = (step, indices, values, shape)
        return self._call("SparseAccumulatorApplyGradient", label, "apply_grad", tensors, name=name)

    def take_grad(self, num_required, name=None):
        """Wait for ``num_required`` gradients; answer with the indices, the mean of their rows, and the shape."""
        number = self._tensor("take_grad", num_required, dt.i32)
        sizes = self._sizes()
        results = ((dt.i64, (-1,)), (self._dtype, None if sizes is None else (-1, *sizes[1:])), (dt.i64, (-1,)))
        label = f"{self._name}_SparseTakeGradient"
        wanted = Ranks(label, results) if sizes is None else results
        return tuple(self._call("SparseAccumulatorTakeGradient", label, "take_grad", (number,), wanted, name))

    def apply_indexed_slices_grad(self, grad: IndexedSlices, local_step=0, name=None):
        """Add a gradient given as IndexedSlices."""
        return self.apply_grad(grad.indices, grad.values, grad.dense_shape, local_step, name)

    def take_indexed_slices_grad(self, num_required, name=None) -> IndexedSlices:
        """``take_grad`` as IndexedSlices."""
        indices, values, shape = self.take_grad(num_required, name)
        return IndexedSlices(values, indices, shape)
