"""Keras' ``fit``, ``evaluate`` and ``predict`` over steps that graphc compiles: one native call for each."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Sequence

import graphc as tf
import numpy as np
from graphc.keras.keras_graphc.compiled_step import CompiledStep, as_tensors
from graphc.keras.keras_graphc.feeding import Feed, is_one_batch, train_validation_split
from graphc.keras.keras_graphc.step_callbacks import StepCallbacks
from graphc.keras.keras_graphc.sparse.rows import as_sparse
from keras.src import callbacks as callbacks_module
from keras.src import models
from keras.src import optimizers as optimizers_module
from keras.src import tree
from keras.src.backend import config
from keras.src.backend.common.stateless_scope import StatelessScope
from keras.src.trainers import trainer as keras_trainer
from keras.src.trainers.data_adapters import data_adapter_utils
from keras.src.utils import traceback_utils
from keras.src.utils.python_utils import pythonify_logs


class GraphcTrainer(keras_trainer.Trainer):
    """What graphc adds to every model of Keras."""

    def __init__(self):
        super().__init__()
        self.train_function = self.test_function = self.predict_function = None
        self._functional_of_steps = _nothing

    # ---------------------------------------------------------------------------------------------- one batch

    def train_step(self, data):
        x, y, sample_weight = data_adapter_utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True) if self._call_has_training_arg else self(x)
            loss = self._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
            self._loss_tracker.update_state(loss, sample_weight=_batch_size(x))
            if self.optimizer is not None:
                loss = self.optimizer.scale_loss(loss)
        weights = self.trainable_weights
        if weights:
            gradients = tape.gradient(loss, [w._value for w in weights])
            self.optimizer.apply_gradients(zip(gradients, weights))
        else:
            warnings.warn("The model does not have any trainable weights.")
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data):
        x, y, sample_weight = data_adapter_utils.unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False) if self._call_has_training_arg else self(x)
        loss = self._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False)
        self._loss_tracker.update_state(loss, sample_weight=_batch_size(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data):
        x, _, _ = data_adapter_utils.unpack_x_y_sample_weight(data)
        return self(x, training=False) if self._call_has_training_arg else self(x)

    def _over_batches(self, step: Callable) -> Callable:
        """A function of a list of batches: the answers of the step to each of them."""
        if self.run_eagerly:
            return lambda batches: [step(as_tensors(batch)) for batch in batches]
        compiled = CompiledStep(step, getattr(step, "__name__", "step"))
        return lambda batches: [compiled(batch) for batch in batches]

    def _forget_stale_steps(self) -> None:
        """A Sequential model that has got or lost a layer has other steps."""
        functional = getattr(self, "_functional", None)
        if functional is not self._functional_of_steps():
            self.train_function = self.test_function = self.predict_function = None
            self._functional_of_steps = _nothing if functional is None else weakref.ref(functional)

    def make_train_function(self, force=False):
        self._forget_stale_steps()
        if self.train_function is None or force:
            steps = self._over_batches(self.train_step)
            self.train_function = lambda batches: steps(batches)[-1]
        return self.train_function

    def make_test_function(self, force=False):
        self._forget_stale_steps()
        if self.test_function is None or force:
            steps = self._over_batches(self.test_step)
            self.test_function = lambda batches: steps(batches)[-1]
        return self.test_function

    def make_predict_function(self, force=False):
        self._forget_stale_steps()
        if self.predict_function is None or force:
            steps = self._over_batches(self.predict_step)
            self.predict_function = lambda batches: _joined(found) if len(found := steps(batches)) > 1 else found[0]
        return self.predict_function

    # --------------------------------------------------------------------------------------------- whole runs

    @traceback_utils.filter_traceback
    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
            validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0,
            steps_per_epoch=None, validation_steps=None, validation_batch_size=None, validation_freq=1):  # fmt: skip
        self._assert_compile_called("fit")
        most = config.max_epochs()
        if most and most < epochs:
            warnings.warn(f"Limiting epochs to {most}")
            epochs = most
        self._eval_epoch_iterator = None
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = train_validation_split(
                (x, y, sample_weight), validation_split=validation_split
            )
        feed = Feed(
            x=x, y=y, sample_weight=sample_weight, batch_size=batch_size, steps_per_epoch=steps_per_epoch,
            shuffle=shuffle, class_weight=class_weight, steps_per_execution=self.steps_per_execution,
        )  # fmt: skip
        self._symbolic_build(iterator=feed)
        feed.reset()
        callbacks = self._callbacks(callbacks, verbose, feed, epochs, add_history=True)

        def validated(epoch: int) -> dict:
            if validation_data is None or not self._should_eval(epoch, validation_freq):
                return {}
            return self._validate(validation_data, validation_batch_size or batch_size, validation_steps, callbacks)

        self.make_train_function()
        self.stop_training, logs = False, {}
        callbacks.on_train_begin()
        try:
            for epoch in range(self._initial_epoch or initial_epoch, epochs):
                logs = self._fit_epoch(epoch, feed, callbacks)
                logs.update(validated(epoch))
                callbacks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        finally:
            if isinstance(self.optimizer, optimizers_module.Optimizer) and epochs > 0:
                self.optimizer.finalize_variable_values(self.trainable_weights)
            self._eval_epoch_iterator = None
        callbacks.on_train_end(logs=logs)
        return self.history

    def _fit_epoch(self, epoch: int, feed: Feed, callbacks) -> dict:
        """The values of metrics after one pass over the data."""
        logs: dict = {}
        self.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        with feed.catch_stop_iteration():
            for begin, end, batches in feed:
                callbacks.on_train_batch_begin(begin)
                logs = self.train_function(batches)
                callbacks.on_train_batch_end(end, logs)
                if self.stop_training:
                    break
        return dict(self._values(logs, "train_step"))

    def _values(self, logs: dict, step: str) -> dict:
        """The values of metrics after the last step: those that it answered with, if nobody has changed what it does."""
        return self._get_metrics_result_or_logs(logs) if self._changes(step, "compute_metrics") else logs

    def _validate(self, data, batch_size, steps, callbacks) -> dict:
        x, y, sample_weight = data_adapter_utils.unpack_x_y_sample_weight(data)
        if self._eval_epoch_iterator is None:
            self._eval_epoch_iterator = self._evaluation_feed(x, y, sample_weight, batch_size, steps)
        found = self.evaluate(
            x=x, y=y, sample_weight=sample_weight, batch_size=batch_size, steps=steps, callbacks=callbacks,
            return_dict=True, _use_cached_eval_dataset=True,
        )  # fmt: skip
        return {f"val_{name}": value for name, value in found.items()}

    def _evaluation_feed(self, x, y, sample_weight, batch_size, steps) -> Feed:
        return Feed(x=x, y=y, sample_weight=sample_weight, batch_size=batch_size, steps_per_epoch=steps, shuffle=False,
                    steps_per_execution=self.steps_per_execution)  # fmt: skip

    def _symbolic_build(self, iterator=None, data_batch=None):
        """Make all variables. Who has steps of their own may have no ``call``, or one that takes no batch: steps make them."""
        is_free = self._changes("train_step", "test_step")
        if is_free and type(self).call is models.Model.call:
            return
        try:
            super()._symbolic_build(iterator=iterator, data_batch=data_batch)
        except Exception:
            if not is_free:
                raise

    def _changes(self, *names: str) -> bool:
        """Whether the model's class says itself what one of these methods does."""
        return any(getattr(type(self), name) is not getattr(GraphcTrainer, name) for name in names)

    def _callbacks(self, callbacks, verbose, feed: Feed, epochs: int, add_history: bool = False):
        if isinstance(callbacks, callbacks_module.CallbackList):
            return callbacks
        return StepCallbacks(
            callbacks, add_history=add_history, add_progbar=verbose != 0, verbose=verbose, epochs=epochs,
            steps=feed.num_batches, model=self,
        )  # fmt: skip

    @traceback_utils.filter_traceback
    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None,
                 callbacks=None, return_dict=False, **kwargs):  # fmt: skip
        self._assert_compile_called("evaluate")
        cached = kwargs.pop("_use_cached_eval_dataset", False)
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        feed = self._eval_epoch_iterator if cached else self._evaluation_feed(x, y, sample_weight, batch_size, steps)
        self._symbolic_build(iterator=feed)
        feed.reset()
        callbacks = self._callbacks(callbacks, verbose, feed, 1)
        self.make_test_function()
        self.stop_evaluating, logs = False, {}
        callbacks.on_test_begin()
        self.reset_metrics()
        with feed.catch_stop_iteration():
            for begin, end, batches in feed:
                callbacks.on_test_batch_begin(begin)
                logs = self.test_function(batches)
                callbacks.on_test_batch_end(end, logs)
                if self.stop_evaluating:
                    break
        logs = pythonify_logs(self._values(logs, "test_step"))
        callbacks.on_test_end(logs)
        return logs if return_dict else self._flatten_metrics_in_order(logs)

    @traceback_utils.filter_traceback
    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        if callbacks is None and steps is None and verbose == 0 and is_one_batch(x, batch_size):
            return self._predicted_at_once(x)
        feed = Feed(x=x, batch_size=batch_size, steps_per_epoch=steps, shuffle=False,
                    steps_per_execution=self.steps_per_execution)  # fmt: skip
        if not self._is_whole():
            for _, _, batches in feed:
                self._build_for(batches[0])
                break
            feed.reset()
        callbacks = self._callbacks(callbacks, verbose, feed, 1)
        self.make_predict_function()
        self.stop_predicting = False
        callbacks.on_predict_begin()
        answers: list = []
        with feed.catch_stop_iteration():
            for begin, end, batches in feed:
                callbacks.on_predict_batch_begin(begin)
                answers.append(_arrays(self.predict_function(batches)))
                callbacks.on_predict_batch_end(end, {"outputs": answers[-1]})
                if self.stop_predicting:
                    break
        callbacks.on_predict_end()
        return _joined(answers)

    def _predicted_at_once(self, batch: np.ndarray):
        """The answer for an array that is one batch, of which nobody is told."""
        self._forget_stale_steps()
        if self.predict_function is None and not self._is_whole():
            self._build_for(batch)
        self.stop_predicting = False
        return _joined([self.make_predict_function()([batch])])

    def _is_whole(self) -> bool:
        """Whether all layers have their variables."""
        return all(layer.built for layer in self._flatten_layers())

    def _build_for(self, batch) -> None:
        """Make the variables of layers that wait for their first input; nothing else is changed."""
        x, _, _ = data_adapter_utils.unpack_x_y_sample_weight(batch)
        with StatelessScope():
            self(tree.map_structure(as_sparse, x))

    # ---------------------------------------------------------------------------------------------- one batch

    @traceback_utils.filter_traceback
    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        self._assert_compile_called("train_on_batch")
        if class_weight is not None:
            if sample_weight is not None:
                raise ValueError(
                    "Arguments `sample_weight` and `class_weight` cannot be specified at the same time. "
                    f"Received: sample_weight={sample_weight}, class_weight={class_weight}"
                )
            sample_weight = data_adapter_utils.class_weight_to_sample_weights(y, class_weight)
        return self._on_batch(self.make_train_function, (x, y, sample_weight), return_dict)

    @traceback_utils.filter_traceback
    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        self._assert_compile_called("test_on_batch")
        return self._on_batch(self.make_test_function, (x, y, sample_weight), return_dict)

    def _on_batch(self, make: Callable, batch: tuple, return_dict: bool):
        batch = tree.map_structure(_as_array, batch)
        self._symbolic_build(data_batch=batch)
        self.reset_metrics()
        logs = pythonify_logs(make()([batch]))
        return logs if return_dict else self._flatten_metrics_in_order(logs)

    def predict_on_batch(self, x):
        x = tree.map_structure(_as_array, x)
        if not self._is_whole():
            self._build_for((x,))
        return _joined([self.make_predict_function()([(x,)])])


def _nothing() -> None:
    """The reference to what is not there."""


def _batch_size(x):
    return tf.shape(next(part for part in tree.flatten(x) if part is not None))[0]


def _as_array(x):
    return x if x is None or hasattr(x, "shape") and hasattr(x, "dtype") else np.asarray(x)


def _arrays(answer):
    """An answer with arrays in the places of tensors, which share their memory; sparse ones stay."""
    return tree.map_structure(lambda x: x if isinstance(x, tf.SparseTensor) else np.asarray(x), answer)


def _joined(answers: Sequence):
    """The answers for several batches as one, by rows: arrays of one's own."""
    return tree.map_structure_up_to(answers[0], _concatenated, *answers)


def _concatenated(*parts):
    if isinstance(parts[0], tf.SparseTensor):
        return tf.sparse.concat(0, parts)
    return np.array(parts[0]) if len(parts) == 1 else np.concatenate(parts)
