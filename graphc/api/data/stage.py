"""Stage: a source or a transformation of a dataset, as a value that can be opened any number of times."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event

from graphc.api.data.flow import Flow
from graphc.errors import explain, here

INFINITE, UNKNOWN = -1, -2


@dataclass(eq=False)
class Run:
    """What the flows of one iterator share.

    Attributes:
        options: ``tf.data.Options`` of the dataset.
        closed: set when the iterator is dropped; threads end then.
        places: where the random numbers of functions stand.
    """

    options: object = None
    closed: Event = field(default_factory=Event)
    places: dict = field(default_factory=dict)


class Stage:
    """A source or a transformation; immutable but for the count of its iterations.

    A source is a subclass with an ``element_spec`` and ``open``: see ``graphc.api.data.dataset``.

    Attributes:
        kind: what TensorFlow calls datasets that end with it.
        element_spec: TensorSpecs (or specs of sparse and ragged tensors, datasets, None) in an element's structure.
        inputs: the stages it reads.
        is_given: whether it stands for what a function that is being traced will be given.
        is_silent: whether nobody can tell when its elements are made, so that they may be made ahead of time.
        location: the user's line that made it.
    """

    kind = "_Dataset"
    is_silent, is_given = True, False

    def __init__(self, element_spec, inputs: tuple = ()):
        self.element_spec, self.inputs, self.location = element_spec, tuple(inputs), here()
        if not all(i.is_silent for i in inputs):
            self.is_silent = False

    def open(self, run: Run) -> Flow:
        """A new iteration."""
        raise NotImplementedError

    def size(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        return UNKNOWN

    @property
    def label(self) -> str:
        """What messages call it: TensorFlow's name of the method, as far as it can be read from ``kind``."""
        return getattr(self, "method", None) or self.kind.strip("_").removesuffix("Dataset").lower()

    def explain(self, what: str, operands=()) -> str:
        """A message about this stage, with the user's line that made it."""
        return explain(f"{self.label}: {what}", operands, self.location)
