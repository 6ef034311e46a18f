"""SavedModels of TensorFlow 1 as objects: their signatures as functions, with the variables of the graph."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.api.create import convert_to_tensor
from graphc.api.saved_model.constants import INIT_OP_SIGNATURE, LEGACY_INIT_OP_KEY, MAIN_OP_KEY, TRAIN_OP_SIGNATURE
from graphc.api.saved_model.folder import assets_of, has_variables, variables_prefix
from graphc.api.saved_model.function import ConcreteFunction, Signatures
from graphc.api.saved_model.interpret import Interpreter, is_known
from graphc.api.saved_model.library import Body, Library, body_of
from graphc.api.saved_model.objects import LoadedObject
from graphc.api.spec import TensorSpec
from graphc.api.variable import Variable
from graphc.errors import GraphError, NotFoundError, explain
from graphc.formats import protos
from graphc.formats.bundle import BundleReader
from graphc.formats.tensors import array_of, dtype_of, sizes_of

_VARIABLES = ("VariableV2", "Variable", "VarHandleOp")
_TABLES = ("HashTableV2", "HashTable")


def load_graph(meta, folder: str) -> LoadedObject:
    """An object with ``signatures`` and ``variables`` for a MetaGraphDef without objects.

    Raises:
        NotFoundError: variables or files are missing. DataLossError: it is damaged.
    """
    return _Graph(meta, folder).loaded()


class _OldModel(LoadedObject):
    """What a SavedModel of TensorFlow 1 becomes.

    Attributes:
        graph_variables: name -> Variable.
    """

    def __init__(self, variables: dict[str, Variable], signatures: Signatures):
        super().__init__("loaded")
        self.graph_variables, self.signatures = variables, signatures


class _Graph:
    def __init__(self, meta, folder: str):
        self.meta, self.folder = meta, folder
        self.nodes = {n.name: n for n in meta.graph_def.node}
        self.library = Library(meta.graph_def, is_known)
        self.interpreter = Interpreter(self.library)
        self.shared: dict[str, object] = {}  # node -> its variable or table
        paths = assets_of("saved_model.load", meta, folder)
        self.assets = {name.partition(":")[0]: path for name, path in paths.items()}

    def loaded(self) -> _OldModel:
        variables = self._variables()
        for name, node in self.nodes.items():
            if node.op in _TABLES:
                self.shared[name] = self.interpreter.run(body_of(name, [node], (), [f"{name}:0"]), [])[0]
        self.shared.update({name: convert_to_tensor(path) for name, path in self.assets.items()})
        skipped = (INIT_OP_SIGNATURE, TRAIN_OP_SIGNATURE)
        found = {key: self._signature(key, s) for key, s in self.meta.signature_def.items() if key not in skipped}
        self._initialize()
        return _OldModel(variables, Signatures(found))

    def _variables(self) -> dict[str, Variable]:
        own = [n for n in self.nodes.values() if n.op in _VARIABLES]
        if not own:
            return {}
        if not has_variables(self.folder):
            what = f"saved_model.load: the SavedModel in {self.folder!r} has lost its variables"
            raise NotFoundError(explain(f"{what}: {variables_prefix(self.folder)}.index is missing"))
        reader, names, trainable = BundleReader(variables_prefix(self.folder)), self._saved_names(), self._trainable()
        found = {}
        for node in own:
            key = names.get(node.name, node.attr["shared_name"].s.decode() or node.name)
            if key in reader.entries:
                made = Variable(reader.read(key), trainable=node.name in trainable, name=node.name)
                found[node.name] = self.shared[node.name] = made
        return found

    def _saved_names(self) -> dict[str, str]:
        """Variable's node -> its name in the checkpoint, where the nodes that restore it tell it."""
        found: dict[str, str] = {}
        restores = {n.name: self._texts(n.input[1]) for n in self.nodes.values() if n.op == "RestoreV2"}
        for node in self.nodes.values():
            if node.op not in ("Assign", "AssignVariableOp") or len(node.input) < 2:
                continue
            name, _, index = node.input[1].partition(":")
            while name in self.nodes and self.nodes[name].op in ("Identity", "Reshape"):
                name, _, index = self.nodes[name].input[0].partition(":")
            texts = restores.get(name, ())
            if int(index or 0) < len(texts):
                found.setdefault(node.input[0].partition(":")[0], texts[int(index or 0)])
        return found

    def _texts(self, name: str) -> list[str]:
        node = self.nodes.get(name.partition(":")[0])
        if node is None or node.op != "Const":
            return []
        return [v.decode() for v in array_of(node.attr["value"].tensor).reshape(-1)]

    def _trainable(self) -> set[str]:
        if "trainable_variables" not in self.meta.collection_def:
            return set()
        texts = self.meta.collection_def["trainable_variables"].bytes_list.value
        return {protos.VariableDef.FromString(t).variable_name.partition(":")[0] for t in texts}

    def _signature(self, key: str, signature) -> ConcreteFunction:
        inputs = {name: self._spec(name, info) for name, info in signature.inputs.items()}
        outputs = {name: self._spec(name, info) for name, info in signature.outputs.items()}
        order = sorted(inputs)
        fed = [signature.inputs[n].name for n in order]
        wanted = [signature.outputs[n].name for n in sorted(outputs)]
        cache: list[tuple[Body, list]] = []

        def prepared() -> tuple[Body, list]:
            if not cache:
                cache.append(self._body(key, fed, wanted))
            return cache[0]

        def check():
            self._refuse_parts(key, signature)
            self.library.check_nodes(key, [s.node for s in prepared()[0].steps])

        def run(values: Sequence):
            body, shared = prepared()
            return self.interpreter.run(body, [*values, *shared])

        made = ConcreteFunction(key, run, check, ((), inputs), outputs, ())
        return made.named(order, 1 if len(order) == 1 else 0)

    @staticmethod
    def _refuse_parts(key: str, signature) -> None:
        for info in (*signature.inputs.values(), *signature.outputs.values()):
            if info.WhichOneof("encoding") != "name":
                raise GraphError(
                    explain(f"signature {key!r} of the SavedModel has sparse tensors; load it with graphc.v1")
                )

    @staticmethod
    def _spec(name: str, info) -> TensorSpec:
        return TensorSpec(sizes_of(info.tensor_shape), dtype_of(info.dtype), name)

    def _body(self, what: str, fed: list[str], wanted: list[str], also=()) -> tuple[Body, list]:
        """The nodes between tensors; variables and tables are arguments after them."""
        given = [name.partition(":")[0] for name in fed]
        shared = [name for name in self.shared if name not in given]
        body = body_of(what, self.meta.graph_def.node, (*given, *shared), wanted, also)
        return body, [self.shared[name] for name in shared]

    def _initialize(self) -> None:
        """Fill tables: run what the SavedModel wants to be run, as far as it can be."""
        names = [v for key in (MAIN_OP_KEY, LEGACY_INIT_OP_KEY) if key in self.meta.collection_def
                 for v in self.meta.collection_def[key].node_list.value][:1]  # fmt: skip
        if INIT_OP_SIGNATURE in self.meta.signature_def:
            names = [info.name for info in self.meta.signature_def[INIT_OP_SIGNATURE].outputs.values()][:1]
        for name in names:
            body, shared = self._body(name, [], [], [name.partition(":")[0]])
            self.library.check_nodes(name, [s.node for s in body.steps])
            self.interpreter.run(body, shared)
