"""The architecture as a test: who may import whom, and what no file may do."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "graphc"
CORE = "ir prims rewrite autodiff passes lower codegen runtime lib compile"
MAY_IMPORT = {
    "errors": "",
    "options": "ir",
    "ir": "errors",
    "prims": "errors ir",
    "rewrite": "errors ir prims",
    "codegen": "errors ir",
    "runtime": "errors ir",
    "autodiff": "errors ir prims",
    "lib": "errors ir prims",
    "passes": "errors ir prims rewrite",
    "lower": "errors ir prims rewrite",
    "compile": "errors options ir prims passes lower codegen runtime compile_placed",
    "compile_gpu": "errors ir codegen runtime",
    "compile_placed": "options ir passes runtime",
    "compile_sources": "errors options ir passes runtime compile",
    "formats": "errors ir",
    "api": "errors options ir prims autodiff lib runtime compile formats",
    "v1": "errors options ir prims autodiff lib api compile formats",
    "onnx": "errors options ir prims autodiff lib api compile compile_sources formats",
    "keras": "errors options ir lib api aot",
    "compat": "errors v1",
    "aot": "errors options ir codegen runtime compile",
    "inspect": "errors options ir prims passes lower codegen runtime compile compile_placed",
    "models": "errors options ir api v1 onnx passes compile aot inspect",
    "cli": "errors options ir onnx runtime compile aot inspect models",
    "__main__": "cli",
    "__init__": "errors options ir compile autodiff prims lib api aot",
}
OUTSIDE = {"numpy", "ml_dtypes", "networkx", "llvmlite", "google", "google_crc32c"}
FILES = sorted(ROOT.rglob("*.py"))


def layer(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[0] if len(parts) > 1 else path.stem


@cache
def imports(path: Path) -> tuple[tuple[int, str, bool], ...]:
    """(line, module, is it inside a function) of every import."""
    found, waiting = [], [(ast.parse(path.read_text()), False)]
    while waiting:
        node, nested = waiting.pop()
        if isinstance(node, ast.Import):
            found += [(node.lineno, name.name, nested) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} relative import"
            found += [(node.lineno, f"{node.module}.{name.name}", nested) for name in node.names]
        elif not isinstance(node, ast.expr):  # no expression has an import in it
            nested = nested or isinstance(node, ast.FunctionDef)
            waiting += [(child, nested) for child in ast.iter_child_nodes(node)]
    return tuple(sorted(found))


def lazy_modules() -> set[str]:
    """Modules that exist to be imported late: what only a compilation needs, llvmlite above all."""
    return {"graphc.runtime.jit", "graphc.runtime.elf", "graphc.runtime.wasm"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_follow_the_layers(path):
    mine = layer(path)
    allowed = set(MAY_IMPORT[mine].split()) | {mine}
    for line, module, nested in imports(path):
        top, *rest = module.split(".")
        if top == "graphc" and rest:
            late = any(module.startswith(name) for name in lazy_modules())
            assert not nested or late, f"{path}:{line} imports {module} inside a function"
            if mine == "__init__" and nested:
                continue
            assert rest[0] in allowed, f"{path}:{line} {mine} must not import {rest[0]}"
        if top in OUTSIDE:
            assert mine not in ("cli",) or top == "numpy", f"{path}:{line} {mine} must not import {top}"
            if top == "llvmlite":
                assert path.name == "jit.py", f"{path}:{line} llvmlite belongs to runtime/jit.py"
            if top.startswith("google"):
                assert mine == "formats", f"{path}:{line} {top} belongs to formats"


def test_no_import_cycles():
    graph = {}
    names = {".".join(("graphc", *p.relative_to(ROOT).with_suffix("").parts)): p for p in FILES}
    names = {n.removesuffix(".__init__"): p for n, p in names.items()}
    for name, path in names.items():
        targets = set()
        for _, module, nested in imports(path):
            if nested:
                continue
            while module and module not in names:
                module = module.rpartition(".")[0]
            if module and module != name and not name.startswith(module + "."):
                targets.add(module)
        graph[name] = targets
    seen, done = set(), set()

    def visit(node, trail):
        assert node not in trail, "cycle: " + " -> ".join([*trail[trail.index(node) :], node])
        if node in done:
            return
        seen.add(node)
        for target in sorted(graph[node]):
            visit(target, [*trail, node])
        done.add(node)

    for node in sorted(graph):
        visit(node, [])


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_one_concept(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert not re.search(r"(utils|common|misc|helpers|manager)\.py$", str(path)), "a name that says nothing"
    assert text.count("\n") <= 600, "more than one concept?"
    if path.name != "__init__.py" or text.strip():
        assert ast.get_docstring(tree), "say in one sentence what lives here"
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 75, f"{node.name} is {node.end_lineno - node.lineno} lines long"


def test_tests_make_code_as_the_product_does():
    """By ``tests/machine_code.py``: LLVM's own engine ends a process whose memory has grown large."""
    for path in Path(__file__).parent.rglob("*.py"):
        assert not re.search(r"^\s*(import|from) llvmlite", path.read_text(), re.MULTILINE), f"{path} must not import llvmlite"
