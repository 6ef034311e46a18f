"""``tf.saved_model.load``: the objects of a SavedModel with their variables, functions, files and tables."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from graphc.api.checkpoint.object_graph import VALUE, object_graph_of
from graphc.api.create import convert_to_tensor
from graphc.api.saved_model.folder import (
    asset_path, has_variables, meta_graph_with, read_saved_model, readable, tag_set, text_of_path, variables_prefix,
)  # fmt: skip
from graphc.api.saved_model.function import ConcreteFunction, Function, Signatures
from graphc.api.saved_model.interpret import Interpreter, is_known
from graphc.api.saved_model.library import Library
from graphc.api.saved_model.objects import Asset, LoadedObject
from graphc.api.saved_model.old import load_graph
from graphc.api.saved_model.options import LoadOptions
from graphc.api.saved_model.structured import value_of
from graphc.api.spec import TensorSpec
from graphc.api.structure import leaves
from graphc.api.variable import Variable
from graphc.errors import DataLossError, DtypeError, GraphError, NotFoundError, ShapeError, UsageError, explain
from graphc.formats.bundle import BundleReader
from graphc.formats.tensors import array_of, dtype_of, sizes_of

_LISTS = ("trackable_list_wrapper",)
_TUPLES = ("trackable_tuple_wrapper",)
_DICTS = ("trackable_dict_wrapper",)
_HIDDEN = ("_create_resource", "_initialize", "_destroy_resource", "_initializer")


def load(export_dir, tags=None, options=None):
    """The object that was saved, with what belongs to it.

    Args:
        export_dir: the folder. tags: those of the graph, where there are several. options: LoadOptions.

    Returns:
        An object with the saved attributes: Variables, lists, dicts, other objects, and functions that can be called
        and differentiated. ``signatures`` has the functions that were saved for serving.

    Raises:
        MissingSavedModelError: there is no SavedModel.
        NoSuchTagsError: no graph has these tags; the message lists those that there are.
        NotFoundError: variables or files are missing. DataLossError: it is damaged. UsageError: a file lies outside of
        the folder.

    Example::

        model = tf.saved_model.load("model")
        model.signatures["serving_default"](x=tf.constant([[1.0, 2.0, 3.0]]))
    """
    if options is not None and not isinstance(options, LoadOptions):
        raise UsageError(explain(f"saved_model.load: options must be LoadOptions, got {options!r}"))
    options = options or LoadOptions()
    folder = text_of_path("saved_model.load", export_dir)
    model = read_saved_model("saved_model.load", folder)
    if tags is None:
        if len(model.meta_graphs) > 1:
            listed = ", ".join(str(sorted(m.meta_info_def.tags)) for m in model.meta_graphs)
            raise UsageError(
                explain(f"saved_model.load: the SavedModel has several graphs; pass tags=, one of {listed}")
            )
        meta = model.meta_graphs[0]
    else:
        meta = meta_graph_with("saved_model.load", model, tag_set("saved_model.load", tags), folder)
    with readable("saved_model.load", folder):
        if not meta.HasField("object_graph_def") or not meta.object_graph_def.nodes:
            return load_graph(meta, folder)
        loaded = _Loader(meta, folder, options).run()
    if isinstance(loaded, LoadedObject):
        loaded.tensorflow_version = meta.meta_info_def.tensorflow_version
    return loaded


class _Loader:
    """One SavedModel on its way to objects."""

    def __init__(self, meta, folder: str, options: LoadOptions):
        self.meta, self.folder, self.options = meta, folder, options
        self.nodes = meta.object_graph_def.nodes
        self.library = Library(meta.graph_def, is_known)
        self.interpreter = Interpreter(self.library)
        self.objects: list = [None] * len(self.nodes)
        self.children = [{c.local_name: c.node_id for c in n.children} for n in self.nodes]
        if any(not 0 <= k < len(self.nodes) for inside in self.children for k in inside.values()):
            raise DataLossError(explain(f"saved_model.load: the objects in {folder!r} refer to one that is not there"))
        self._concrete: dict[str, ConcreteFunction] = {}

    def run(self):
        values = self._variable_values()
        for k, node in enumerate(self.nodes):
            self.objects[k] = self._made(k, node, values)
        for k, node in enumerate(self.nodes):
            if node.WhichOneof("kind") == "resource":
                self.objects[k] = self._resource(k)
        for k, node in enumerate(self.nodes):
            if node.WhichOneof("kind") in ("function", "bare_concrete_function"):
                self.objects[k] = self._function(k, node)
        self._initialize_resources()
        self._fill_tuples()
        self._fill()
        return self.objects[0]

    # ---------------------------------------------------------------------------------------- variables

    def _variable_values(self) -> dict[int, np.ndarray]:
        """Number of a node -> the value that its variable has."""
        wanted = [k for k, n in enumerate(self.nodes) if n.WhichOneof("kind") == "variable"]
        if not wanted or self.options.experimental_skip_checkpoint:
            return {}
        if not has_variables(self.folder):
            what = f"saved_model.load: the SavedModel in {self.folder!r} has lost its variables"
            raise NotFoundError(explain(f"{what}: {variables_prefix(self.folder)}.index is missing"))
        reader = BundleReader(variables_prefix(self.folder))
        graph = object_graph_of(reader)
        if graph is None or len(graph.nodes) > len(self.nodes):
            raise DataLossError(explain(f"saved_model.load: the variables in {self.folder!r} belong to other objects"))
        found = {}
        for k in wanted:
            attributes = graph.nodes[k].attributes if k < len(graph.nodes) else ()
            keys = [a.checkpoint_key for a in attributes if a.name == VALUE]
            if keys:
                found[k] = reader.read(keys[0])
            elif not self.options.allow_partial_checkpoint:
                name = self.nodes[k].variable.name
                raise NotFoundError(
                    explain(f"saved_model.load: there is no value for variable {name!r} in {self.folder!r}")
                )
        return found

    def _variable(self, k: int, saved, values: dict[int, np.ndarray]) -> Variable:
        kind, sizes = dtype_of(saved.dtype), sizes_of(saved.shape)
        value = values.get(k)
        if value is None:
            value = np.zeros([d or 0 for d in sizes or ()], kind.numpy)
        elif value.dtype != kind.numpy:
            raise DtypeError(
                explain(f"saved_model.load: variable {saved.name!r} is {kind.name}, its value is {value.dtype}")
            )
        elif sizes is not None and (
            len(sizes) != value.ndim or any(d not in (None, n) for d, n in zip(sizes, value.shape))
        ):
            what = f"saved_model.load: variable {saved.name!r} is {list(sizes)}, its value is {list(value.shape)}"
            raise ShapeError(explain(what))
        return Variable(value, trainable=saved.trainable, name=saved.name or None, dtype=kind)

    # ------------------------------------------------------------------------------------------- others

    def _made(self, k: int, node, values):
        match node.WhichOneof("kind"):
            case "variable":
                return self._variable(k, node.variable, values)
            case "constant":
                return self._constant(node.constant.operation)
            case "asset":
                return Asset(convert_to_tensor(self._asset(node.asset.asset_file_def_index)))
            case "user_object":
                identifier = node.user_object.identifier
                if identifier in _LISTS:
                    return []
                return {} if identifier in _DICTS else None if identifier in _TUPLES else LoadedObject()
        return LoadedObject()

    def _asset(self, number: int) -> str:
        if not 0 <= number < len(self.meta.asset_file_def):
            raise DataLossError(
                explain(f"saved_model.load: the SavedModel in {self.folder!r} has no file number {number}")
            )
        return asset_path("saved_model.load", self.folder, self.meta.asset_file_def[number].filename)

    @functools.cached_property
    def _graph_nodes(self) -> dict:
        return {n.name: n for n in self.meta.graph_def.node}

    def _constant(self, name: str):
        node = self._graph_nodes.get(name)
        if node is None or node.op != "Const":
            raise DataLossError(
                explain(f"saved_model.load: the SavedModel in {self.folder!r} has no constant {name!r}")
            )
        return convert_to_tensor(array_of(node.attr["value"].tensor))

    def _child_call(self, k: int, name: str) -> Callable | None:
        """A function that belongs to a resource."""
        number = self.children[k].get(name)
        if number is None or not self.nodes[number].function.concrete_functions:
            return None
        concrete = self.nodes[number].function.concrete_functions[0]
        return lambda: self.interpreter.call(concrete, _with_paths(self._captured(concrete)))

    def _resource(self, k: int):
        """What a table's functions create; one that needs operations that do not exist is told when it is used."""
        create = self._child_call(k, "_create_resource")
        name = self._first_concrete(k, "_create_resource")
        if create is None or name is None:
            return _Missing("a resource that no function creates")
        try:
            self.library.check(name)
            return create()[0]
        except GraphError as error:
            return _Missing(str(error).splitlines()[0])

    def _first_concrete(self, k: int, child: str) -> str | None:
        number = self.children[k].get(child)
        names = () if number is None else self.nodes[number].function.concrete_functions
        return names[0] if names else None

    def _initialize_resources(self) -> None:
        for k, node in enumerate(self.nodes):
            if node.WhichOneof("kind") != "resource" or isinstance(self.objects[k], _Missing):
                continue
            fill, name = self._child_call(k, "_initialize"), self._first_concrete(k, "_initialize")
            if fill is None:
                continue
            try:
                self.library.check(name)
                fill()
            except GraphError as error:
                self.objects[k] = _Missing(str(error).splitlines()[0])

    # ---------------------------------------------------------------------------------------- functions

    def _captured(self, name: str) -> list:
        concrete = self.meta.object_graph_def.concrete_functions
        bound = list(concrete[name].bound_inputs) if name in concrete else []
        if any(not 0 <= k < len(self.objects) for k in bound):
            raise DataLossError(explain(f"saved_model.load: function {name!r} uses an object that is not there"))
        return [self.objects[k] for k in bound]

    def _concrete_function(self, name: str) -> ConcreteFunction:
        saved = self._saved(name)

        def check():
            for value in self._captured(name):
                if isinstance(value, _Missing):
                    raise GraphError(explain(f"function {name!r} of the SavedModel: {value.reason}"))
            self.library.check(name)

        def run(values):
            return self.interpreter.call(name, _with_paths(values))

        inputs = value_of(saved.canonicalized_input_signature)
        if not (isinstance(inputs, tuple) and len(inputs) == 2):
            inputs = ((), {}) if inputs is None else (inputs, {})
        outputs = value_of(saved.output_signature)
        return ConcreteFunction(name, run, check, inputs, outputs, self._captured(name), self.library)

    def _function(self, k: int, node):
        if node.WhichOneof("kind") == "bare_concrete_function":
            bare = node.bare_concrete_function
            return self._concrete_function(bare.concrete_function_name).named(
                *self._callers(bare.concrete_function_name)
            )
        saved = node.function
        names = list(saved.concrete_functions)
        spec = value_of(saved.function_spec.fullargspec)
        given = value_of(saved.function_spec.input_signature)
        name = names[0].removeprefix("__inference_").rpartition("_")[0] if names else "function"
        made = [self._concrete_function(n).named(*self._callers(n)) for n in names]
        return Function(name, made, spec, saved.function_spec.is_method, given, saved.function_spec)

    @functools.cached_property
    def _bare(self) -> dict:
        """Name of a function -> what is said about it as one for known types."""
        found = [n.bare_concrete_function for n in self.nodes if n.WhichOneof("kind") == "bare_concrete_function"]
        return {b.concrete_function_name: b for b in found}

    def _callers(self, name: str) -> tuple:
        """The names of a function's inputs for callers, how many may be given by position, and what says so."""
        bare = self._bare.get(name)
        if bare is not None:
            return list(bare.argument_keywords), bare.allowed_positional_arguments, bare.function_spec
        inputs = [
            s for s in leaves(value_of(self._saved(name).canonicalized_input_signature)) if isinstance(s, TensorSpec)
        ]
        return [s.name or f"input_{k}" for k, s in enumerate(inputs)], len(inputs), None

    def _saved(self, name: str):
        """The SavedConcreteFunction of that name."""
        saved = self.meta.object_graph_def.concrete_functions
        if name not in saved:
            raise DataLossError(explain(f"saved_model.load: the SavedModel does not describe function {name!r}"))
        return saved[name]

    # ------------------------------------------------------------------------------------------- putting together

    def _fill_tuples(self) -> None:
        """Make tuples, those inside of others first."""
        waiting = [k for k, n in enumerate(self.nodes) if n.user_object.identifier in _TUPLES]
        while waiting:
            ready = [k for k in waiting if not set(self.children[k].values()) & set(waiting)]
            if not ready:
                raise DataLossError(explain(f"saved_model.load: tuples in {self.folder!r} hold themselves"))
            for k in ready:
                self.objects[k] = tuple(self._numbered(k))
            waiting = [k for k in waiting if k not in ready]

    def _numbered(self, k: int) -> list:
        found = {int(name): number for name, number in self.children[k].items() if name.isdigit()}
        return [self.objects[found[n]] for n in sorted(found)]

    def _fill(self) -> None:
        for k, node in enumerate(self.nodes):
            kind, made = node.WhichOneof("kind"), self.objects[k]
            if kind != "user_object" or isinstance(made, tuple):
                continue
            if isinstance(made, list):
                made.extend(self._numbered(k))
                continue
            for name, number in self.children[k].items():
                value = self.objects[number]
                if isinstance(made, dict):
                    made[name] = value
                elif name == "signatures" and self.nodes[number].user_object.identifier == "signature_map":
                    functions = {key: self.objects[n] for key, n in self.children[number].items()}
                    made.signatures = Signatures(functions)
                elif name not in _HIDDEN:
                    _set(made, name, value)
        root = self.objects[0]
        if isinstance(root, LoadedObject) and "signatures" not in vars(root):
            root.signatures = Signatures({})


def _with_paths(values) -> list:
    """Values with the paths of files in place of these."""
    return [x.asset_path if isinstance(x, Asset) else x for x in values]


def _set(made: LoadedObject, name: str, value) -> None:
    """Give an object an attribute; names that are properties of the class live beside them."""
    if isinstance(getattr(type(made), name, None), property):
        vars(made)[name] = value
    else:
        setattr(made, name, value)


class _Missing:
    """A resource that cannot be made here.

    Attributes:
        reason: why.
    """

    def __init__(self, reason: str):
        self.reason = reason
