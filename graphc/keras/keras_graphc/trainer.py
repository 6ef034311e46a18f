"""Keras' ``fit``, ``evaluate`` and ``predict`` over steps that graphc compiles: one native call for each."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import graphc as tf
import numpy as np
from keras.src import callbacks as callbacks_module
from keras.src import optimizers as optimizers_module
from keras.src import tree
from keras.src.backend import config
from keras.src.backend.common import KerasVariable
from keras.src.trainers import trainer as keras_trainer
from keras.src.trainers.data_adapters import array_slicing, data_adapter_utils
from keras.src.trainers.epoch_iterator import EpochIterator
from keras.src.utils import traceback_utils
from keras.src.utils.python_utils import pythonify_logs


class GraphcTrainer(keras_trainer.Trainer):
    """What graphc adds to every model of Keras."""

    def __init__(self):
        super().__init__()
        self.train_function = self.test_function = self.predict_function = None

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

    def _compiled(self, step: Callable) -> Callable:
        """The step over a list of batches, of which the answers of the last one, as one compiled function."""

        def run(batches):
            for batch in batches:
                answer = step(batch)
            return answer

        return run if self.run_eagerly else tf.function(run, autograph=False, reduce_retracing=True)

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            self.train_function = self._compiled(self.train_step)
        return self.train_function

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            self.test_function = self._compiled(self.test_step)
        return self.test_function

    def make_predict_function(self, force=False):
        if self.predict_function is None or force:

            def run(batches):
                answers = [self.predict_step(batch) for batch in batches]
                return answers[0] if len(answers) == 1 else tree.map_structure(lambda *t: tf.concat(t, 0), *answers)

            self.predict_function = run if self.run_eagerly else tf.function(run, autograph=False, reduce_retracing=True)
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
            (x, y, sample_weight), validation_data = array_slicing.train_validation_split(
                (x, y, sample_weight), validation_split=validation_split
            )
        iterator = EpochIterator(
            x=x, y=y, sample_weight=sample_weight, batch_size=batch_size, steps_per_epoch=steps_per_epoch,
            shuffle=shuffle, class_weight=class_weight, steps_per_execution=self.steps_per_execution,
        )  # fmt: skip
        self._symbolic_build(iterator=iterator)
        iterator.reset()
        callbacks = self._callbacks(callbacks, verbose, iterator, epochs, add_history=True)
        self.make_train_function()
        self.stop_training = False
        training_logs, logs = {}, {}
        callbacks.on_train_begin()
        for epoch in range(self._initial_epoch or initial_epoch, epochs):
            self.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            with iterator.catch_stop_iteration():
                for begin, end, batches in iterator:
                    callbacks.on_train_batch_begin(begin)
                    logs = self.train_function(batches)
                    callbacks.on_train_batch_end(end, logs)
                    if self.stop_training:
                        break
            epoch_logs = dict(self._get_metrics_result_or_logs(logs))
            if validation_data is not None and self._should_eval(epoch, validation_freq):
                found = self._validate(validation_data, validation_batch_size or batch_size, validation_steps, callbacks)
                epoch_logs.update({f"val_{name}": value for name, value in found.items()})
            callbacks.on_epoch_end(epoch, epoch_logs)
            training_logs = epoch_logs
            if self.stop_training:
                break
        if isinstance(self.optimizer, optimizers_module.Optimizer) and epochs > 0:
            self.optimizer.finalize_variable_values(self.trainable_weights)
        self._eval_epoch_iterator = None
        callbacks.on_train_end(logs=training_logs)
        return self.history

    def _validate(self, data, batch_size, steps, callbacks) -> dict:
        x, y, sample_weight = data_adapter_utils.unpack_x_y_sample_weight(data)
        if self._eval_epoch_iterator is None:
            self._eval_epoch_iterator = EpochIterator(
                x=x, y=y, sample_weight=sample_weight, batch_size=batch_size, steps_per_epoch=steps, shuffle=False,
                steps_per_execution=self.steps_per_execution,
            )  # fmt: skip
        return self.evaluate(
            x=x, y=y, sample_weight=sample_weight, batch_size=batch_size, steps=steps, callbacks=callbacks,
            return_dict=True, _use_cached_eval_dataset=True,
        )  # fmt: skip

    def _callbacks(self, callbacks, verbose, iterator, epochs: int, add_history: bool = False):
        if isinstance(callbacks, callbacks_module.CallbackList):
            return callbacks
        return callbacks_module.CallbackList(
            callbacks, add_history=add_history, add_progbar=verbose != 0, verbose=verbose, epochs=epochs,
            steps=iterator.num_batches, model=self,
        )  # fmt: skip

    @traceback_utils.filter_traceback
    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None,
                 callbacks=None, return_dict=False, **kwargs):  # fmt: skip
        self._assert_compile_called("evaluate")
        cached = kwargs.pop("_use_cached_eval_dataset", False)
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        iterator = self._eval_epoch_iterator if cached else EpochIterator(
            x=x, y=y, sample_weight=sample_weight, batch_size=batch_size, steps_per_epoch=steps, shuffle=False,
            steps_per_execution=self.steps_per_execution,
        )  # fmt: skip
        self._symbolic_build(iterator=iterator)
        iterator.reset()
        callbacks = self._callbacks(callbacks, verbose, iterator, 1)
        self.make_test_function()
        self.stop_evaluating = False
        logs = {}
        callbacks.on_test_begin()
        self.reset_metrics()
        with iterator.catch_stop_iteration():
            for begin, end, batches in iterator:
                callbacks.on_test_batch_begin(begin)
                logs = self.test_function(batches)
                callbacks.on_test_batch_end(end, logs)
                if self.stop_evaluating:
                    break
        logs = pythonify_logs(self._get_metrics_result_or_logs(logs))
        callbacks.on_test_end(logs)
        return logs if return_dict else self._flatten_metrics_in_order(logs)

    @traceback_utils.filter_traceback
    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        iterator = EpochIterator(
            x=x, batch_size=batch_size, steps_per_epoch=steps, shuffle=False,
            steps_per_execution=self.steps_per_execution,
        )  # fmt: skip
        if not all(layer.built for layer in self._flatten_layers()):
            for _, _, batches in iterator:
                x_batch, _, _ = data_adapter_utils.unpack_x_y_sample_weight(batches[0])
                self._symbolic_call(x_batch)
                break
            iterator.reset()
        callbacks = self._callbacks(callbacks, verbose, iterator, 1)
        self.make_predict_function()
        self.stop_predicting = False
        callbacks.on_predict_begin()
        answers: list = []
        with iterator.catch_stop_iteration():
            for begin, end, batches in iterator:
                callbacks.on_predict_batch_begin(begin)
                answer = tree.map_structure(np.asarray, self.predict_function(batches))
                answers.append(answer)
                callbacks.on_predict_batch_end(end, {"outputs": answer})
                if self.stop_predicting:
                    break
        callbacks.on_predict_end()
        return tree.map_structure(lambda *parts: np.concatenate(parts), *answers)

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
        self._symbolic_build(data_batch=batch)
        logs = pythonify_logs(make()([batch]))
        return logs if return_dict else self._flatten_metrics_in_order(logs)

    def predict_on_batch(self, x):
        return tree.map_structure(np.asarray, self.make_predict_function()([(x,)]))


def _batch_size(x):
    return tf.shape(next(part for part in tree.flatten(x) if part is not None))[0]
