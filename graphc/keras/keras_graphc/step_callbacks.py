"""Keras' list of callbacks, called where the steps are: of every hook only those who listen."""

from __future__ import annotations

from keras.src import callbacks as callbacks_module
from keras.src import utils
from keras.src.utils.python_utils import pythonify_logs

_ALIASES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class StepCallbacks(callbacks_module.CallbackList):
    """The callbacks of one ``fit``, ``evaluate`` or ``predict``.

    A step is over when its call answers, so that nothing is won by calling back from other threads. What nobody listens
    to is not called, and the values of a step are not looked at for it.
    """

    def __init__(self, callbacks=None, **params):
        super().__init__(callbacks, **params)
        self._listeners = {name: [c for c in self.callbacks if _listens(c, name)] for name in (
            "on_train_batch_begin", "on_train_batch_end", "on_test_batch_begin", "on_test_batch_end",
            "on_predict_batch_begin", "on_predict_batch_end")}  # fmt: skip

    def _configure_async_dispatch(self, callbacks):
        self._async_train = self._async_test = self._async_predict = False

    def _tell(self, name: str, batch, logs) -> None:
        listeners = self._listeners[name]
        if listeners:
            logs = pythonify_logs(logs)
            for callback in listeners:
                getattr(callback, name)(batch, logs=logs)

    def on_train_batch_begin(self, batch, logs=None):
        self._tell("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self._tell("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch, logs=None):
        self._tell("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self._tell("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch, logs=None):
        self._tell("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        self._tell("on_predict_batch_end", batch, logs)


def _listens(callback, name: str) -> bool:
    """Whether a callback, or an object that is none of Keras' but has the method, does anything there."""
    names = [name, *([_ALIASES[name]] if name in _ALIASES else [])]
    return any(not utils.is_default(getattr(callback, n)) for n in names if hasattr(callback, n))
