"""Graph -> Program: regions become kernels, values get memory, steps get an order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from graphc.errors import CompileError
from graphc.ir import dtype as dt
from graphc.ir.blob import Blob, Piece
from graphc.ir.geometry import geometry
from graphc.ir.gpu import Gpu
from graphc.ir.graph import Graph, rebuild, substitute, symbols_of
from graphc.ir.order import toposort
from graphc.ir.kernel import Kernel
from graphc.ir.node import INDEX, Node, const, simplified
from graphc.ir.notes import Fusion, Launched, Notes
from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Param, Program, Refuse, Repeat, Signature
from graphc.ir.sizes import made_by
from graphc.ir.target import Target
from graphc.ir.tensor_map import maps_of
from graphc.ir.type import TupleType, Type
from graphc.lower import control
from graphc.lower.attend import ATTENTION, unite_attention
from graphc.lower.buffers import ALIGNMENT, Storage, plan
from graphc.lower.contraction import PRODUCTS, dot_kernel, partial_output
from graphc.lower.dot_cut import describe
from graphc.lower.dot_pack import pack_constant, pack_kernel
from graphc.lower.fuse import fuse
from graphc.lower.gpu.regions import CONV, GPU_CHANGES, GPU_NESTS
from graphc.lower.gpu.regions import lower_region as on_gpu
from graphc.lower.gpu.serial import on_threads
from graphc.lower.map_nest import TURN, generalise, map_kernel
from graphc.lower.names import apart_from_sizes
from graphc.lower.nests import CHANGES, NESTS
from graphc.lower.nests.attention import attention_kernel, describe_attention, pack_operand
from graphc.lower.nests.conv import CLIP, CONVOLUTIONS, conv_kernel, conv_of, form_of, packed_weights
from graphc.lower.nests.conv_pack import pack_kernel as pack_conv
from graphc.lower.nests.conv_pack import packed_types
from graphc.lower.panels import Panels
from graphc.lower.places import Pairs, measure_lives, place_outputs, pointwise, reuse
from graphc.lower.reduce_nest import reduce_kernel
from graphc.lower.reasons import ON_HOST, READ_AGAIN, READ_IN_BLOCKS, READ_IN_OWN_ORDER, SAME_MEMORY, TURNED, WRITTEN_EARLY
from graphc.lower.region import DOT, MAP, SINGLE, Region, computed
from graphc.lower.role import VIEWS
from graphc.lower.schedule import for_awake_threads, for_tasks_of, simplified_index
from graphc.lower.siblings import unite_sums
from graphc.lower.step import Step, with_inner
from graphc.prims.data import text
from graphc.prims.guard import number_of
from graphc.prims.table import TABLE


class Lowering:
    """The state of one lowering: kernels made so far, constants, storages, and where each value lies."""

    def __init__(self, target: Target | Gpu, notes: Notes):
        self.gpu = target if isinstance(target, Gpu) else None
        self.target = target if self.gpu is None else self.gpu.scalar  # what nests for CPUs are made for
        self.notes = notes
        self.kernels: dict[Kernel, str] = {}
        self._regions: dict = {}
        self.storages: list[Storage] = []
        self.constants: list[Piece] = []
        self.constant_size = 0
        self._constant_of: dict = {}
        self._numbers: Counter = Counter()
        self.names: dict[str, int] = {}
        self.packed: dict[tuple, Storage] = {}  # right operands that the graph being lowered has in panels already
        self.repeats = 0  # loops around what is being lowered
        self.still: set[Storage] = set()  # what these do not change: packed once before them, it pays for few rows as well
        self.fusion = Fusion()  # what is noted of the graph being lowered

    # ------------------------------------------------------------------------------------------ memory

    def storage(self, type: Type, hint: str, place: tuple | None = None) -> Storage:
        """New memory for a value of ``type``."""
        count = self.names.get(hint, 0)
        self.names[hint] = count + 1
        made = Storage(type, f"{hint}{count}", place)
        self.storages.append(made)
        return made

    def view(self, source: Storage, type: Type) -> Storage:
        """The memory of ``source`` as a value of ``type``."""
        if source.type == type:
            return source
        made = self.storage(type, "view")
        made.merged = source
        self.notes.memory[made.name, source.name] = SAME_MEMORY
        return made

    def row(self, whole: Storage, number: Storage, type: Type) -> Storage:
        """One row of ``whole``, the one whose number ``number`` holds."""
        made = self.storage(type, "row")
        made.become_row(whole, number)
        return made

    def constant(self, type: Type, key: tuple, make: Callable) -> Storage:
        """Read-only memory for an array of a ``type``, made once for each ``key``, which names its content.

        Args:
            make: see ``ir.blob.Piece``.
        """
        found = self._constant_of.get(key)
        if found is None:
            found = self._constant_of[key] = self.storage(type, "c", ("constant", self.constant_size))
            size = type.size * type.dtype.numpy.itemsize
            self.constants.append(Piece(self.constant_size, size, make))
            self.constant_size += -(-size // ALIGNMENT) * ALIGNMENT
        return found

    def panels(self, packed: Panels, dtype: dt.DType, content: tuple) -> Storage:
        """Read-only memory for a packed operand, which ``content`` names."""
        type = Type(dtype, packed.shape)
        return self.constant(type, (*content, type), packed.parts)

    # ----------------------------------------------------------------------------------------- kernels

    def kernel(self, key, make) -> tuple[str, Kernel]:
        """The kernel for ``key``, made once; equal kernels share one name."""
        key = (key, self.repeats > 0)
        made = self._regions.get(key)
        if made is None:
            made = self._regions[key] = self._scheduled(apart_from_sizes(make()))
        name = self.kernels.get(made)
        if name is None:
            number = self._numbers[made.name]
            self._numbers[made.name] += 1
            name = self.kernels[made] = f"{made.name}{number}"
        return name, made

    def _scheduled(self, made: Kernel) -> Kernel:
        """A kernel as the target wants its outermost loops."""
        if self.gpu is not None:
            return apart_from_sizes(on_threads(made))
        body = for_tasks_of(self.target.machine.task_work, made.body)
        return replace(made, body=for_awake_threads(body) if self.repeats else body)

    def launch(self, key, make, inputs: dict, outputs: dict, pairs: Pairs = Pairs(), sizes: dict | None = None) -> Step:
        """A launch of a kernel whose array names are found in ``inputs`` and ``outputs``, or start with ``scratch``.

        ``sizes`` gives values to dimension parameters that are the kernel's own.
        """
        name, kernel = self.kernel(key, make)
        args = []
        written = list(outputs.values())
        for array in kernel.arrays:
            if array.name in inputs:
                args.append(inputs[array.name])
            elif array.name in outputs:
                args.append(outputs[array.name])
            else:
                args.append(self.storage(array.type, "scratch"))
                written.append(args[-1])
        reads = tuple(a for a in args if a not in written)
        dims = tuple((sizes or {}).get(d, d) for d in kernel.dims)
        return Step("launch", reads, tuple(written), name, tuple(args), extra={"dims": dims},
                    reusable=pairs.reusable, blocked=pairs.blocked)  # fmt: skip

    # ------------------------------------------------------------------------------------------- graphs

    def lower_graph(
        self, graph: Graph, memory: dict[Node, Storage], reasons: tuple = ()
    ) -> tuple[list[Step], list[Storage]]:
        """Steps that compute a graph whose inputs lie in ``memory``; and where its outputs lie.

        Args:
            reasons: those for which a run is refused, by the number that the last output is; it is made first.
        """
        steps: list[Step] = []
        memory = dict(memory)
        outside, self.packed, self.fusion = (self.packed, self.fusion), {}, Fusion()
        notes = self.notes.fusions[graph] = self.fusion
        regions = unite_sums(unite_attention(fuse(graph, notes), graph.roots, notes), notes)
        before, after = _needed_first(regions, graph) if reasons else (regions, [])
        for region in before:
            steps += self._noted(region, graph, memory)
        if reasons:
            steps.append(Step("refuse", (self.find(graph.outputs[-1], memory),), extra={"reasons": reasons}))
        for region in after:
            steps += self._noted(region, graph, memory)
        self.packed, self.fusion = outside
        self.notes.holds.update((s.name, (graph, n)) for n, s in memory.items() if isinstance(s, Storage))
        return steps, [self.find(n, memory) for n in graph.outputs]

    def _noted(self, region: Region, graph: Graph, memory: dict) -> list[Step]:
        """``lower_region``, with a note at each launch of what it computes; graphs inside the region have made their own."""
        steps = self.lower_region(region, memory)
        launches = [x for step in steps for x in with_inner(step) if x.kind == "launch" and x.of is None]
        nodes = tuple(computed(region)) if launches else ()
        for step in launches:
            step.of = graph, nodes
        return steps

    def find(self, node: Node, memory: dict) -> Storage:
        """The storage of a materialised value; constants are placed on first use, reshape and view share that of their operand."""
        if node.op in VIEWS and node not in memory:
            source = node
            while source.op in VIEWS and source not in memory:
                source = source.inputs[0]
            memory[node] = self.view(self.find(source, memory), node.type)
        if node not in memory:
            if node.op == "item":
                return memory[node.inputs[0]][node.attr("index")]
            elif node.op == "const":
                data = node.attr("value")
                memory[node] = self.constant(node.type, (data, node.type), lambda: np.broadcast_to(data.array, node.shape))
            else:
                raise CompileError(f"{node.op} at {node.location} was not materialised")
        return memory[node]

    def lower_region(self, region: Region, memory: dict) -> list[Step]:
        """Steps for one region; its outputs are entered into ``memory``."""
        if region.kind == SINGLE:
            return self._single(region.node, memory)
        outputs = []
        for n in region.outputs:
            memory[n] = self.storage(n.type, n.op)
            outputs.append(memory[n])
        outs = {f"out{k}": s for k, s in enumerate(outputs)}
        is_conv = region.kind == DOT and any(n.op in CONVOLUTIONS for n in toposort(region.graph.outputs))
        if self.gpu is not None:
            steps = on_gpu(self, region, CONV if is_conv else region.kind, outs, memory)
            if steps is not None:
                return steps
        if region.kind == DOT:
            return self._conv(region, outs, memory) if is_conv else self._dot(region, outs, memory)
        sources = [self.find(s, memory) for s in region.sources]
        inputs = {f"x{k}": s for k, s in enumerate(sources)}
        if region.kind == ATTENTION:
            return self._attention(region, inputs, outs)
        if region.kind == MAP:
            graph, sizes = generalise(region.graph, self.target)

            def make() -> Kernel:
                return map_kernel(graph, self.target)

            pairs = pointwise(region.graph, dict(enumerate(sources)), outputs, set())
            pairs = pairs.without(outputs, TURNED) if self.kernel(graph, make)[1].name == TURN else pairs
            return [self.launch(graph, make, inputs, outs, pairs, sizes)]
        pairs = Pairs.apart(sources, outputs, READ_AGAIN)
        return [self.launch(region.graph, lambda: reduce_kernel(region.graph, self.target.machine), inputs, outs, pairs)]

    def _dot(self, region: Region, outputs: dict, memory: dict) -> list[Step]:
        graph = region.graph
        node = next(n for n in toposort(graph.outputs) if n.op in PRODUCTS)
        dot = describe(node, self.target)
        y = region.sources[graph.inputs.index(node.inputs[1])]
        steps: list[Step] = []
        inputs: dict[str, Storage] = {}
        if y.op == "const" and y.type.is_static and y.type.size:
            array = np.broadcast_to(y.attrs[0][1].array, y.shape)
            packed = pack_constant(dot, array)
            content = ("columns", y.attr("value"), y.shape, node.attr("transpose_y"))
            inputs["packed"] = self.panels(packed, dot.tile.dtype, content)
        elif dot.wants_packing or self.find(y, memory).root() in self.still:
            form = (y, node.attr("transpose_y"), dot.packed_type)
            if form not in self.packed:
                made = self.packed[form] = self.storage(dot.packed_type, "packed")
                source = {"x0": self.find(y, memory)}
                steps.append(self.launch(("pack", node), lambda: pack_kernel(dot, self.target), source, {"out0": made}))
            inputs["packed"] = self.packed[form]
        packed = "packed" in inputs
        key = (graph, packed)

        def make() -> Kernel:
            return dot_kernel(graph, self.target, packed)

        read = {a.name for a in self.kernel(key, make)[1].arrays}  # a packed constant is not kept unpacked as well
        places = {k: self.find(s, memory) for k, s in enumerate(region.sources) if f"x{k}" in read}
        inputs |= {f"x{k}": s for k, s in places.items()}
        operands = {s.root() for k, s in places.items() if graph.inputs[k] in node.inputs}
        early = outputs.get(f"out{partial_output(dot, graph, packed)}")  # written before the epilogue reads its operands
        pairs = pointwise(graph, places, list(outputs.values()), operands).without([early], WRITTEN_EARLY)
        steps.append(self.launch(key, make, inputs, outputs, pairs))
        return steps

    def _attention(self, region: Region, inputs: dict, outputs: dict) -> list[Step]:
        attention = describe_attention(region.graph, region.scores, self.target)
        steps, key = [], (region.graph, region.scores)
        for number in attention.packed:
            dot = (attention.first, attention.second)[number]
            packed = inputs[f"packed{number}"] = self.storage(dot.packed_type, "packed")
            steps.append(self.launch((*key, number), partial(pack_operand, attention, dot), inputs, {"packed": packed}))
        pairs = Pairs.apart(inputs.values(), outputs.values(), READ_IN_BLOCKS)
        return [*steps, self.launch(key, partial(attention_kernel, attention), inputs, outputs, pairs)]

    def _conv(self, region: Region, outputs: dict, memory: dict) -> list[Step]:
        graph = region.graph
        node = conv_of(graph)
        x, w = [region.sources[graph.inputs.index(n)] for n in node.inputs]
        form = form_of(node, w, self.target)
        array = packed_weights(node, w, form, self.target)
        inputs = {"source": self.find(x, memory)}
        packed = outside = None
        steps: list[Step] = []
        if array is not None:
            packed = Type(dt.accumulator(node.dtype), array.shape)
            content = (form, w.attr("value"), w.shape, node.attr("groups"))
            inputs["packed"] = self.panels(array, packed.dtype, content)
        elif form == CLIP:
            packed, outside = packed_types(node, self.target)
            inputs["packed"], inputs["outside"] = self.storage(packed, "packed"), self.storage(outside, "outside")
            made = {"out0": inputs["packed"], "out1": inputs["outside"]}
            source, pack = {"x0": self.find(w, memory)}, ("pack", _anonymous(node))
            steps.append(self.launch(pack, lambda: pack_conv(node, self.target), source, made))
        key = (graph, packed, outside, form)

        def make() -> Kernel:
            return conv_kernel(graph, self.target, w, packed, form, outside)

        read = {a.name for a in self.kernel(key, make)[1].arrays}  # packed weights are not kept as they were as well
        places = {k: self.find(s, memory) for k, s in enumerate(region.sources) if f"x{k}" in read}
        inputs |= {f"x{k}": s for k, s in places.items()}
        if "weights" in read:
            inputs["weights"] = self.find(w, memory)
        operands = {s.root() for s in (inputs["source"], *[s for k, s in places.items() if graph.inputs[k] in node.inputs])}
        pairs = pointwise(graph, places, list(outputs.values()), operands)
        return [*steps, self.launch(key, make, inputs, outputs, pairs)]

    def _single(self, node: Node, memory: dict) -> list[Step]:
        if node.op == "item":
            memory[node] = memory[node.inputs[0]][node.attr("index")]
            return []
        types = node.type.items if isinstance(node.type, TupleType) else (node.type,)
        results = [self.storage(t, node.op) for t in types]
        memory[node] = results if isinstance(node.type, TupleType) else results[0]
        operands = [self.find(x, memory) for x in node.inputs]
        if node.op in control.CONTROL and not control.is_hosted(node):
            return control.CONTROL[node.op](self, node, operands, results)
        if TABLE[node.op].nest in NESTS and all(t.dtype.is_native for t in (*types, *(x.type for x in node.inputs))):
            inputs = {f"x{k}": s for k, s in enumerate(operands)}
            outputs = {f"out{k}": s for k, s in enumerate(results)}
            key, nest = _anonymous(node), TABLE[node.op].nest
            if nest in CHANGES:
                old, new = operands[0], results[0]
                copy = Step("copy", (old,), (new,), reusable=((old.root(), new),))
                return [copy, self.launch(key, self._nest(node, CHANGES, GPU_CHANGES), inputs, outputs)]
            pairs = Pairs.apart(operands, results, READ_IN_OWN_ORDER)
            return [self.launch(key, self._nest(node, NESTS, GPU_NESTS), inputs, outputs, pairs)]
        self.fusion.arrays[node] = ON_HOST
        return [Step("host", tuple(operands), tuple(results), node=node)]

    def _nest(self, node: Node, nests: dict, gpu_nests: dict) -> Callable[[], Kernel]:
        """The maker of a nest of a node, of the tables for CPUs and for GPUs."""
        nest = TABLE[node.op].nest
        if self.gpu is not None and nest in gpu_nests:
            return lambda: gpu_nests[nest](node, self.gpu)
        return lambda: nests[nest](node, self.target)


def _anonymous(node: Node):
    """What a nest depends on: the operation, its attributes and types, not which values it reads."""
    return (node.op, node.attrs, node.type, tuple(x.type for x in node.inputs))


# --------------------------------------------------------------------------------------------- programs


def strip(graph: Graph) -> Graph:
    """Drop what means nothing to code: ``stop`` and ``guard``, promises that hold by their types, sizes that nothing uses.

    Constants of strings become operations, as native memory cannot hold them.
    """

    def visit(node, inputs):
        if node.op in ("stop", "guard") or (node.op == "ensure" and inputs[0].type == node.type):
            return inputs[0]
        return text(node.attr("value"), node.type) if node.op == "const" and node.dtype is dt.string else None

    return _without_unused_sizes(graph.with_roots(rebuild(graph.roots, visit)))


def _without_unused_sizes(graph: Graph) -> Graph:
    kept, used, left = set(), set(), list(graph.measures)
    roots = (*graph.outputs, *[r.condition for r in graph.requires]) if left else ()
    while roots:
        for node in toposort(roots):
            used.update((node,) if node.op == "symbol" else symbols_of(node))
        roots = tuple([m for m in left if used.intersection(made_by(m))])
        kept.update(roots)
        left = [m for m in left if m not in kept]
    return replace(graph, measures=tuple([m for m in graph.measures if m in kept])) if left else graph


def _refusing(graph: Graph) -> tuple[Graph, tuple]:
    """The graph, whose last output may be a ``refusal``, with that in operations that have a way down; and its reasons."""
    if not graph.outputs or graph.outputs[-1].op != "refusal":
        return graph, ()
    code = graph.outputs[-1]
    return replace(graph, outputs=(*graph.outputs[:-1], number_of(code.inputs))), code.attr("reasons")


def _needed_first(regions: list[Region], graph: Graph) -> tuple[list[Region], list[Region]]:
    """The regions that the last output needs, and all others, in the order in which they are."""
    maker = {node: region for region in regions for node in region.outputs}
    stack, needed = [graph.outputs[-1], *graph.measures], set()
    while stack:
        node = stack.pop()
        while node not in maker and node.op in VIEWS:
            node = node.inputs[0]
        region = maker.get(node)
        if region is not None and id(region) not in needed:
            needed.add(id(region))
            stack += region.sources
    return [r for r in regions if id(r) in needed], [r for r in regions if id(r) not in needed]


def lower(graph: Graph, target: Target | Gpu, notes: Notes | None = None) -> Program:
    """Lower a graph for a target.

    Args:
        notes: is told what was decided, where given.

    Raises:
        CompileError: an operation cannot be lowered; the message names it and the user's line.
    """
    graph, reasons = _refusing(strip(graph))
    lowering = Lowering(target, Notes() if notes is None else notes)
    lowering.notes.graph = graph
    memory = {x: lowering.storage(x.type, x.attr("name"), ("input", k)) for k, x in enumerate(graph.inputs)}
    inputs = list(memory.values())
    steps, results = lowering.lower_graph(graph, memory, reasons)
    if reasons:  # the number is no result
        graph, results = replace(graph, outputs=graph.outputs[:-1], names=graph.names[:-1]), results[:-1]
    steps = place_outputs(lowering, graph, inputs, steps, results)
    measure_lives(steps)
    reuse(steps, lowering.notes)
    made = dict.fromkeys(s for step in steps if step.kind == "host" for s in made_by(step.node))
    arena = plan(lowering.storages, tuple(made))
    launches = (inner for step in steps for inner in with_inner(step) if inner.kind == "launch")
    lowering.notes.schedules.update({name: kernel.why for kernel, name in lowering.kernels.items() if kernel.why})
    lowering.notes.launches += [Launched(step.kernel, *step.of) for step in launches]
    return _program(lowering, graph, steps, arena)


def _is_needless(step: Step) -> bool:
    """True for a copy of a value to where it lies."""
    if step.kind != "copy":
        return False
    if any(s.found_by() for s in (*step.reads, *step.writes)):
        return False
    a, b = step.reads[0].root(), step.writes[0].root()
    return a is b or (a.place is not None and a.place == b.place)


class _Blocks:
    """What launches say of the blocks that run their kernels: nothing on CPUs."""

    def __init__(self, lowering: Lowering):
        kernels = {} if lowering.gpu is None else {name: kernel for kernel, name in lowering.kernels.items()}
        self.kernels = {name: (kernel.dims, geometry(kernel), maps_of(kernel)) for name, kernel in kernels.items()}

    def of(self, kernel: str, dims: tuple) -> tuple:
        """Grid, threads, shared bytes and tensor maps of a launch with these values of the kernel's dims."""
        if kernel not in self.kernels:
            return ()
        own, found, maps = self.kernels[kernel]
        grid = found.grid
        if isinstance(grid, Node):
            values = {d: v if isinstance(v, Node) else const(v, INDEX) for d, v in zip(own, dims)}
            grid = simplified(simplified_index(substitute((grid,), values)[0]))
        return grid, found.threads, found.shared, maps


def _program(lowering: Lowering, graph: Graph, steps: list[Step], arena) -> Program:
    buffers: dict[str, Buffer] = {}
    blocks = _Blocks(lowering)

    def name(s: Storage) -> str:
        if s.name not in buffers:
            row = s.found_by()
            buffers[s.name] = Buffer(s.name, s.type, s.root().place if row is None else ("row", tuple(map(name, row))))
        return s.name

    def emit(step: Step):
        match step.kind:
            case "launch":
                dims = step.extra["dims"]
                lines = [n.location for n in step.of[1] if n.location is not None] if lowering.gpu is not None else []
                return Launch(step.kernel, tuple(map(name, step.args)), dims, *blocks.of(step.kernel, dims), location=lines[-1] if lines else None)
            case "copy" if step.reads[0].type.dtype is dt.string:
                return Host("stop", (), (name(step.reads[0]),), (name(step.writes[0]),))
            case "copy":
                return Copy(name(step.reads[0]), name(step.writes[0]))
            case "host":
                node = step.node
                return Host(node.op, node.attrs, tuple(map(name, step.reads)), tuple(map(name, step.writes)), node.location)
            case "branch":
                then, orelse = map(emit_all, step.parts)
                return Branch(name(step.reads[0]), then, orelse)
            case "refuse":
                return Refuse(name(step.reads[0]), step.extra["reasons"])
            case "repeat":
                body, test = map(emit_all, step.parts)
                extra = {k: name(v) if isinstance(v, Storage) else v for k, v in step.extra.items()}
                return Repeat(body, test, **extra)
        raise CompileError(f"unknown step {step.kind}")

    def emit_all(steps) -> tuple:
        return tuple([emit(step) for step in steps if not _is_needless(step)])

    emitted = emit_all(steps)
    kernels = tuple(replace(kernel, name=given) for kernel, given in lowering.kernels.items())
    signature = Signature(
        tuple(Param(x.attr("name"), x.type, x.location) for x in graph.inputs),
        tuple(Param(n, x.type, x.location) for n, x in zip(graph.names, graph.outputs)),
        tuple(s.attr("name") for s in dict.fromkeys((*graph.symbols, *graph.measured))),
        graph.donated,
        arena,
    )
    return Program(graph.name, signature, tuple(buffers.values()), kernels, emitted, Blob(lowering.constant_size, tuple(lowering.constants)), graph.requires)
