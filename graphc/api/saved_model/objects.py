"""What objects of a SavedModel become that were of classes of the program that saved it."""

from __future__ import annotations

import os

from graphc.api.module import Module
from graphc.errors import explain


class LoadedObject(Module):
    """An object with the attributes that were saved.

    Attributes:
        signatures: names -> ConcreteFunctions, of the object that was saved.
    """

    def __init__(self, name: str = "loaded"):
        super().__init__(name=name)

    @property
    def variables(self):
        """What the saved object called so; else all variables in it."""
        saved = vars(self).get("variables")
        return super().variables if saved is None else saved

    @property
    def trainable_variables(self):
        """Those that optimizers change."""
        saved = vars(self).get("trainable_variables")
        return super().trainable_variables if saved is None else saved

    def __call__(self, *args, **kwargs):
        """What the saved object answers, if it could be called.

        Raises:
            TypeError: it could not.
        """
        function = vars(self).get("__call__")
        if function is None:
            what = "the loaded object cannot be called: its __call__ was no tf.function when it was saved"
            has = sorted(vars(self).get("signatures") or ())
            raise TypeError(explain(what + (f"; it has the signatures {', '.join(has)}" if has else "")))
        return function(*args, **kwargs)


class Asset:
    """A file that belongs to a model and is saved and loaded with it.

    Args:
        path: of the file.

    Attributes:
        asset_path: the path as a string tensor or a str.
    """

    def __init__(self, path):
        self.asset_path = path

    def __fspath__(self) -> str:
        path = self.asset_path.numpy() if hasattr(self.asset_path, "numpy") else self.asset_path
        return path.decode() if isinstance(path, bytes) else os.fspath(path)

    def __repr__(self):
        return f"Asset({os.fspath(self)!r})"
