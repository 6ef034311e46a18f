"""``from graphc import keras``: the installed Keras 3, with graphc underneath.

``graphc.keras.layers`` and every other module of Keras can be imported by that name too; it is Keras' own module.
"""

from __future__ import annotations

from graphc.keras import loading

loading.provide()

import keras as _keras  # noqa: E402

__version__ = _keras.__version__


def __getattr__(name: str):
    try:
        return getattr(_keras, name)
    except AttributeError:
        raise AttributeError(f"module 'keras' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return dir(_keras)
