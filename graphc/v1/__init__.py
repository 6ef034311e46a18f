"""TensorFlow 1's interface: ``import graphc.v1 as tf``."""

import importlib as _importlib
import sys as _sys
from types import ModuleType as _ModuleType

from graphc.v1.absent import AbsentModules as _AbsentModules
from graphc.v1.exports import homes as _homes
from graphc.v1.exports import members as _members

newaxis = None
_OF_THE_CATALOGUE = {"config": "tf.config", "trace": "tf.trace"}  # names there that modules here have, too
_member, __dir__ = _members()


def __getattr__(name: str):
    """Names are looked up when they are first asked for, so that the import is quick."""
    if name == "__all__":
        return __dir__()
    return _importlib.import_module("graphc.compat") if name == "compat" else _member(name)


class _PublicModule(_ModuleType):
    """Importing ``graphc.v1.device`` sets an attribute of that name: it must not hide the function that users mean."""

    def __setattr__(self, name: str, value) -> None:
        public = _homes("").get(name, _OF_THE_CATALOGUE.get(name))
        if not isinstance(value, _ModuleType) or public in (None, (value.__name__, None)):
            super().__setattr__(name, value)


_sys.modules[__name__].__class__ = _PublicModule
_sys.meta_path.append(_AbsentModules)
