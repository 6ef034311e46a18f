"""``from graphc import keras``: the installed Keras 3, with graphc underneath."""

from __future__ import annotations

from graphc.keras import loading

loading.provide()

import keras as _keras  # noqa: E402

__version__ = _keras.__version__


def __getattr__(name: str):
    return getattr(_keras, name)


def __dir__() -> list[str]:
    return dir(_keras)
