"""The optimizer: what all of them share, and the hooks by which a subclass says how one variable is updated."""

from __future__ import annotations

from graphc.api.attributes import Guessing
from graphc.api.operators import Operators
from graphc.api.sparse import IndexedSlices
from graphc.errors import DtypeError, GraphError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import ops
from graphc.v1.control import control_dependencies, group, tuple_of
from graphc.v1.gradients import gradients
from graphc.v1.graph import GraphKeys
from graphc.v1.initializers import Zeros
from graphc.v1.mode import default_recorder, executing_eagerly
from graphc.v1.optimizers.eager import gradients_of_call
from graphc.v1.optimizers.pairs import checked_pairs, flat, label
from graphc.v1.optimizers.slots import beside
from graphc.v1.scope import get_variable, variable_scope
from graphc.v1.tensor import Tensor
from graphc.v1.variables import Variable, trainable_variables


class Optimizer(Guessing):
    """Changes variables along gradients.

    A subclass defines ``_apply_dense(grad, var)`` and, for gradients of lookups, ``_apply_sparse(grad, var)`` with
    IndexedSlices of distinct indices (or ``_resource_apply_dense(grad, var)`` and
    ``_resource_apply_sparse(values, var, indices)``); they return operations. It may define ``_prepare()``,
    ``_create_slots(var_list)`` and ``_finish(update_ops, name_scope)``.

    Args:
        use_locking: without effect: the updates of one run never mix with others.
        name: of the operation that trains, and of the slots.
        use_own_namescope_for_non_slot_vars: variables that belong to no other one get a scope ``name``.

    Raises:
        UsageError: the name is empty.
    """

    GATE_NONE, GATE_OP, GATE_GRAPH = 0, 1, 2

    def __init__(self, use_locking, name, use_own_namescope_for_non_slot_vars=False):
        if not name or not isinstance(name, str):
            raise UsageError(explain(f"{type(self).__name__}: name must be a non-empty string, got {name!r}"))
        self._use_locking, self._name = use_locking, name
        self._own_scope = use_own_namescope_for_non_slot_vars
        self._slots: dict[str, dict] = {}
        self._non_slot_dict: dict[tuple, Variable] = {}

    def get_name(self) -> str:
        """The name given to the constructor."""
        return self._name

    # ------------------------------------------------------------------------------------------- training

    def minimize(self, loss, global_step=None, var_list=None, gate_gradients=GATE_OP, aggregation_method=None,
                 colocate_gradients_with_ops=False, name=None, grad_loss=None):  # fmt: skip
        """An operation that takes one step towards a smaller ``loss``.

        Args:
            loss: a tensor, or a function without arguments that makes it; a function with eager evaluation.
            global_step: a variable that is increased by 1 after the step.
            var_list: the variables to change; all trainable ones if None.
            grad_loss: the gradient of ``loss`` to start from; ones if None.

        Raises:
            GraphError: no variable has a gradient.
        """
        pairs = self.compute_gradients(
            loss, var_list, gate_gradients, aggregation_method, colocate_gradients_with_ops, grad_loss
        )
        if all(g is None for g, _ in pairs):
            named = ", ".join(label(v) for _, v in pairs) or "none"
            raise GraphError(explain(f"minimize: no gradient reaches any variable (variables: {named})"))
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(self, loss, var_list=None, gate_gradients=GATE_OP, aggregation_method=None,
                          colocate_gradients_with_ops=False, grad_loss=None) -> list:  # fmt: skip
        """Pairs of gradient (a tensor, IndexedSlices, or None where unconnected) and variable.

        Raises:
            UsageError: an impossible ``gate_gradients``, or something that is no variable. GraphError: there are none.
            DtypeError: the loss or a variable is not floating.
            StateError: ``loss`` is no function with eager evaluation.
        """
        if gate_gradients not in (self.GATE_NONE, self.GATE_OP, self.GATE_GRAPH):
            what = "compute_gradients: gate_gradients must be one of Optimizer.GATE_NONE, GATE_OP, GATE_GRAPH"
            raise UsageError(explain(f"{what}, got {gate_gradients!r}"))
        if executing_eagerly():
            return gradients_of_call(loss, var_list, grad_loss)
        if callable(loss) and not isinstance(loss, Operators):
            loss = loss()
        loss = ops.convert_to_tensor(loss)
        self._assert_valid_dtypes([loss])
        variables = trainable_variables() if var_list is None else list(flat(var_list))
        if not variables:
            raise GraphError(explain("compute_gradients: there are no variables to optimize"))
        for v in variables:
            if not isinstance(v, (Variable, Tensor)):
                raise UsageError(explain(f"compute_gradients: var_list must hold variables, got {v!r}"))
        found = gradients(loss, variables, grad_loss, gate_gradients=gate_gradients == self.GATE_OP,
                          aggregation_method=aggregation_method)  # fmt: skip
        if gate_gradients == self.GATE_GRAPH:
            found = _gated(found)
        self._assert_valid_dtypes([v for g, v in zip(found, variables) if g is not None])
        return list(zip(found, variables))

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """An operation that changes every variable by its gradient, then adds 1 to ``global_step``.

        Raises:
            GraphError: there is no gradient at all. ShapeError, DtypeError: a gradient does not fit its variable.
            UsageError: something is no pair of gradient and variable.
        """
        pairs = checked_pairs(grads_and_vars)
        changed = [(g, v) for g, v in pairs if g is not None]
        if not changed:
            named = ", ".join(label(v) for _, v in pairs)
            raise GraphError(explain(f"apply_gradients: no gradients are given for any variable (variables: {named})"))
        if global_step is not None and not isinstance(global_step, Variable):
            raise UsageError(explain(f"apply_gradients: global_step must be a variable, got {global_step!r}"))
        graph = changed[0][1].graph
        if graph.is_eager:
            return self._applied_at_once(changed, global_step)
        with graph.as_default():
            with graph.control_dependencies(None):
                self._create_slots([v for _, v in changed])
            with graph.name_scope(name or self._name) as scope:
                train = self._applied(graph, changed, global_step, scope)
        collection = graph.get_collection_ref(GraphKeys.TRAIN_OP)
        if train not in collection:
            collection.append(train)
        return train

    def _applied(self, graph, pairs: list, global_step, scope: str):
        self._prepare()
        updates = []
        for g, v in pairs:
            with graph.name_scope(f"update_{v.op.name}"):
                updates.append(self._update(g, v))
        if global_step is None:
            return _operation(self._finish(updates, scope))
        with graph.control_dependencies([self._finish(updates, "update")]):
            return _operation(global_step.assign_add(1, name=scope))

    def _applied_at_once(self, pairs: list, global_step) -> None:
        """The step itself, with eager evaluation."""
        self._create_slots([v for _, v in pairs])
        self._prepare()
        self._finish([self._update(g, v) for g, v in pairs], self._name)
        if global_step is not None:
            global_step.assign_add(1)

    def _update(self, grad, var):
        """One update by the hook that the subclass defines, and the variable's constraint after it."""
        if isinstance(grad, IndexedSlices):
            if getattr(var, "constraint", None) is not None:
                what = f"apply_gradients: variable {var.op.name} has a constraint, but its gradient is of lookups only"
                raise UsageError(explain(f"{what}; convert the gradient with tf.convert_to_tensor"))
            if self._hook("_apply_sparse", "_resource_apply_sparse") == "_apply_sparse":
                return self._apply_sparse_duplicate_indices(grad, var)
            return self._resource_apply_sparse_duplicate_indices(grad.values, var, grad.indices)
        step = getattr(self, self._hook("_apply_dense", "_resource_apply_dense"))(grad, var)
        if getattr(var, "constraint", None) is None:
            return step
        with control_dependencies(None if executing_eagerly() else [step]):
            return var.assign(var.constraint(var))

    def _hook(self, *names: str) -> str:
        """The name that the most derived class defines, the first of several."""
        for kind in type(self).__mro__:
            for name in names:
                if name in vars(kind):
                    return name
        return names[0]

    # ---------------------------------------------------------------------------------- hooks for subclasses

    def _create_slots(self, var_list) -> None:
        """Make the variables that are kept beside those of ``var_list``."""

    def _prepare(self) -> None:
        """Make the tensors that all updates share."""

    def _apply_dense(self, grad, var):
        raise UsageError(explain(f"{type(self).__name__} does not say how to update a variable: define _apply_dense"))

    def _resource_apply_dense(self, grad, handle):
        return self._apply_dense(grad, handle)

    def _apply_sparse(self, grad, var):
        what = f"{type(self).__name__} does not say how to update rows of variable {var.op.name}: define _apply_sparse"
        raise UsageError(explain(what))

    def _resource_apply_sparse(self, grad, handle, indices):
        return self._apply_sparse(IndexedSlices(grad, indices, _sizes(handle)), handle)

    def _apply_sparse_duplicate_indices(self, grad, var):
        values, indices = summed(grad.values, grad.indices)
        return self._apply_sparse(IndexedSlices(values, indices, grad.dense_shape), var)

    def _resource_apply_sparse_duplicate_indices(self, grad, handle, indices):
        values, indices = summed(grad, indices)
        return self._resource_apply_sparse(values, handle, indices)

    def _finish(self, update_ops, name_scope):
        return None if executing_eagerly() else group(*update_ops, name=name_scope)

    def _resource_scatter_add(self, x, i, v):
        return x.change_rows("add", i, v)

    def _valid_dtypes(self) -> set:
        return {dt.f16, dt.bf16, dt.f32, dt.f64}

    def _assert_valid_dtypes(self, tensors) -> None:
        valid = self._valid_dtypes()
        for t in tensors:
            if t.dtype not in valid:
                expected = ", ".join(sorted(d.name for d in valid))
                what = f"{self._name}: invalid type {t.dtype.name} for {t.name}, expected one of {expected}"
                raise DtypeError(explain(what))

    @staticmethod
    def _call_if_callable(param):
        return param() if callable(param) and not isinstance(param, Operators) else param

    # ---------------------------------------------------------------------------------------------- slots

    def get_slot(self, var, name: str):
        """The variable ``name`` that is kept for ``var``, or None."""
        return self._slots.get(name, {}).get(var)

    def get_slot_names(self) -> list[str]:
        """Names of the variables kept for each trained variable."""
        return sorted(self._slots)

    def variables(self) -> list:
        """All variables of the optimizer in the default graph, by name."""
        graph = default_recorder()
        every = [*self._non_slot_dict.values(), *(s for kept in self._slots.values() for s in kept.values())]
        return sorted((v for v in every if v.graph is graph), key=lambda v: v.name)

    def _slot_dict(self, slot_name: str) -> dict:
        return self._slots.setdefault(slot_name, {})

    def _get_or_make_slot(self, var, val, slot_name: str, op_name: str):
        kept = self._slot_dict(slot_name)
        if var not in kept:
            kept[var] = beside(var, val, op_name)
        return kept[var]

    def _get_or_make_slot_with_initializer(self, var, initializer, shape, dtype, slot_name: str, op_name: str):
        kept = self._slot_dict(slot_name)
        if var not in kept:
            sizes, kind = shape.as_list() if hasattr(shape, "as_list") else list(shape), dt.as_dtype(dtype)
            is_maker = callable(initializer) and not isinstance(initializer, Operators)
            start = (lambda: initializer(sizes, dtype=kind)) if is_maker else initializer
            kept[var] = beside(var, start, op_name, dtype=kind)
        return kept[var]

    def _zeros_slot(self, var, slot_name: str, op_name: str):
        return self._get_or_make_slot_with_initializer(var, Zeros(), var.shape, var.dtype, slot_name, op_name)

    def _create_non_slot_variable(self, initial_value, name: str, colocate_with):
        graph = colocate_with.graph
        if (name, graph) not in self._non_slot_dict:
            if self._own_scope:
                with graph.name_scope(None), variable_scope(self._name):
                    made = get_variable(name, initializer=initial_value, trainable=False)
            else:
                made = Variable(initial_value, trainable=False, name=name)
            self._non_slot_dict[name, graph] = made
        return self._non_slot_dict[name, graph]

    def _get_non_slot_variable(self, name: str, graph=None):
        return self._non_slot_dict.get((name, graph if graph is not None else default_recorder()))

    def _non_slot_variables(self):
        return self._non_slot_dict.values()


def summed(values: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    """The rows that belong to equal indices added up, and the distinct indices."""
    distinct, places = ops.unique(indices)
    return ops.unsorted_segment_sum(values, places, ops.shape(distinct)[0]), distinct


def _sizes(variable) -> Tensor:
    return ops.constant(variable.shape.as_list(), dt.i32)


def _operation(value):
    """The operation of a tensor; an operation as it is."""
    return value.op if isinstance(value, Operators) else value


def _gated(found: list) -> list:
    """Gradients that are known only when all of them are."""
    parts = [p for g in found if g is not None for p in (g.parts if isinstance(g, IndexedSlices) else [g])]
    ready = iter(tuple_of(parts))
    out: list = []
    for g in found:
        if isinstance(g, IndexedSlices):
            out.append(g.rebuilt([next(ready) for _ in g.parts]))
        else:
            out.append(None if g is None else next(ready))
    return out
