"""The summary of a compilation: one screen for people, and its numbers by name."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compile import cached, has_callbacks
from graphc.inspect.kept import Kept
from graphc.inspect.show import WIDTH, columns, counted, host_lines, program_lines, signature
from graphc.inspect.sizes import Sizes, amount, unit
from graphc.inspect.stages import Stages
from graphc.inspect.work import bytes_moved, family, flops, launched_bytes, operations, parameters, runs, total, transcendental
from graphc.ir.node import Node
from graphc.ir.program import Host, Launch, flat
from graphc.runtime.cache import default_cache

_MOST = 8  # kernels that are shown
_PARAMS = 6  # inputs that are shown, and outputs, and notes on sizes
_LONGEST = 44  # letters of a formula that are shown


def formulas(stages: Stages) -> dict:
    """What depends on open sizes: an int or a Node each, by name."""
    return {
        "flops": total(stages.optimised),
        "transcendental": total(stages.optimised, transcendental),
        "bytes_moved": bytes_moved(stages.program),
        "arena": stages.program.signature.arena,
    }


def numbers(stages: Stages, sizes: Sizes, exact: dict | None = None) -> dict[str, int | float]:
    """The summary as numbers, at the sizes that are given: what ``--json`` holds and ``--fail-if`` compares.

    Args:
        exact: the ``formulas``, where they are known already.
    """
    steps = list(flat(stages.program.steps))
    launches = [s.kernel for s in steps if isinstance(s, Launch)]
    tensors, elements, held = parameters(stages.graph)
    found = {name: sizes.number(value) for name, value in (exact or formulas(stages)).items()}
    return {
        "nodes": len(stages.graph.nodes),
        "optimised_nodes": len(stages.optimised.nodes),
        "kernels": len(set(launches)),
        "launches": len(launches),
        "host_steps": sum(isinstance(s, Host) for s in steps),
        "parameter_tensors": tensors,
        "parameters": elements,
        "parameter_bytes": held,
        **found,
        "intensity": round(found["flops"] / found["bytes_moved"], 3) if found["bytes_moved"] else 0.0,
        "constants": len(stages.program.constants),
    }


def summary(stages: Stages, sizes: Sizes) -> str:
    """Signature, operations by family, what they cost, the kernels that do most, and whether the cache has the program."""
    parts = [signature(stages, sizes, _PARAMS), _operations(stages), _costs(stages, sizes), _kernels(stages, sizes), [cache_line(stages)]]
    return "\n\n".join("\n".join(_cut(line) for line in part) for part in parts)


def cache_state(stages: Stages) -> tuple[str, str | None, str | None]:
    """``hit``, ``miss``, ``off`` (no cache, or a graph with Python functions, which is not kept) or ``file`` (the code is in
    the file that was read, and the cache is not asked); digest; file."""
    if isinstance(stages, Kept):
        return "file", None, stages.path
    digest, path = cached(stages.graph, stages.options)
    if default_cache().path is None or not stages.options.cache or has_callbacks(stages.graph):
        return "off", digest, None
    return "miss" if path is None else "hit", digest, None if path is None else str(path)


def cache_line(stages: Stages) -> str:
    """One sentence of what ``cache_state`` finds: where the machine code is."""
    if isinstance(stages, Kept):
        return f"code: {unit(stages.code_size)} for {stages.target.name} in the file"
    state, digest, path = cache_state(stages)
    if state == "hit":
        return f"cache: hit, compiled as {digest[:16]} in {default_cache().path}"
    if state == "off":
        return "cache: off, or not for this graph; it is compiled in each process"
    return f"cache: miss, not compiled yet (it will be {digest[:16]})"


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def _operations(stages: Stages) -> list[str]:
    rows = []
    for name, counts in operations(stages.optimised).items():
        every = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        rows.append((name, str(sum(counts.values())), ", ".join(f"{op} x{n}" if n > 1 else op for op, n in every)))
    return ["operations after the passes", *columns(rows, right=(1,))]


def _costs(stages: Stages, sizes: Sizes) -> list[str]:
    exact = formulas(stages)
    found = numbers(stages, sizes, exact)

    def formula(name: str) -> str:
        text = sizes.text(exact[name]).replace(" * ", "*")
        return f"= {text}" if isinstance(exact[name], Node) and len(text) <= _LONGEST else ""

    tensors = found["parameter_tensors"]
    held = f"in {tensors} tensor{'s' if tensors != 1 else ''}, {unit(found['parameter_bytes'])}"
    rows = [
        ("parameters", amount(found["parameters"]), held),
        ("FLOPs", amount(found["flops"]), formula("flops")),
        ("  transcendental", amount(found["transcendental"]), formula("transcendental")),
        ("bytes moved", unit(found["bytes_moved"]), formula("bytes_moved")),
        ("intensity", f"{found['intensity']:.3g}", "FLOPs a byte moved"),
        ("arena", unit(found["arena"]), formula("arena")),
        ("constants", unit(found["constants"]), ""),
    ]
    return [f"costs of one run{sizes.condition}", *columns(rows, right=(1,))]


@dataclass(frozen=True)
class KernelCost:
    """How often a kernel runs, and what one launch of it computes (what it computes again included) and moves."""

    name: str
    runs: int
    flops: int
    bytes: int


def kernel_costs(stages: Stages, sizes: Sizes) -> list[KernelCost]:
    """The cost of every kernel that is launched, in the order of their first launches."""
    moved, found = launched_bytes(stages.program), []
    for name, times in runs(stages.program).items():
        packs = name.startswith("pack")  # it only moves what the product after it reads
        work = 0 if packs else sum(sizes.number(flops(n)) for n in stages.launched.get(name, [()])[0])
        found.append(KernelCost(name, sizes.number(times), work, sizes.number(moved[name])))
    return found


def _kernels(stages: Stages, sizes: Sizes) -> list[str]:
    found = kernel_costs(stages, sizes)
    most = sorted(found, key=lambda k: (-k.runs * k.flops, -k.runs * k.bytes))[:_MOST]
    rows = [("  kernel", "runs", "FLOPs", "bytes", "operations, first line")]
    for k in most:
        rows.append((f"  {k.name}", f"{k.runs}x", amount(k.flops), unit(k.bytes), _about(stages.origins.get(k.name, ()))))
    lines = [*program_lines(stages), *(columns(rows, right=(1, 2, 3), indent="") if most else [])]
    if len(found) > len(most):
        lines.append(f"  and {len(found) - len(most)} more")
    return [*lines, *_few(host_lines(stages.program))]


def _few(lines: list[str], most: int = 4) -> list[str]:
    return lines if len(lines) <= most else [*lines[:most], f"  and {len(lines) - most} more on the host"]


def _about(nodes) -> str:
    """The operations that compute something, at most three, and the first of the user's lines."""
    telling = [n for n in nodes if family(n.op) not in (None, "moves")] or list(nodes)
    names = [op for op, _ in sorted(counted(n.op for n in telling), key=lambda item: family(item[0]) == "element-wise")]
    text = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    places = sorted({n.location for n in nodes if n.location is not None}, key=lambda at: (at.file, at.line, at.scope))
    return f"{text}  {places[0]}" if places else text
