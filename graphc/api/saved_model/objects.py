"""What objects of a SavedModel become that were of classes of the program that saved it."""

from __future__ import annotations

from graphc.api.module import Module
from graphc.errors import explain


class LoadedObject(Module):
    """An object with the attributes that were saved.

    Attributes:
        signatures: names -> ConcreteFunctions, of the object that was saved.
    """

    def __init__(self, name: str = "loaded"):
        super().__init__(name=name)

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
        return str(self.asset_path)

    def __repr__(self):
        return f"Asset({str(self.asset_path)!r})"
