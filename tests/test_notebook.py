"""The notebook of the examples runs in a real kernel, shows what it says, and errors name cells."""

import json
import re
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbclient and ipykernel of the extra 'test' run notebooks")
nbclient = pytest.importorskip("nbclient", reason="nbclient and ipykernel of the extra 'test' run notebooks")
pytest.importorskip("ipykernel", reason="nbclient and ipykernel of the extra 'test' run notebooks")

NOTEBOOK = Path(__file__).resolve().parent.parent / "examples" / "v2" / "getting_started.ipynb"
KERNEL = {
    "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Python 3", "language": "python",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def kernel(tmp_path_factory):
    """A kernel of this very Python, and folders of its own."""
    folder = tmp_path_factory.mktemp("jupyter")
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps(KERNEL))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        patch.setenv("GRAPHC_PROGRESS", "0")  # a slow machine would show it
        for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
            patch.setenv(name, str(folder / name.lower()))
        yield


def executed(notebook, **options):
    """The outputs of each code cell."""
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", **options).execute()
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def texts(outputs, kind):
    return [o["data"][kind] for o in outputs if "data" in o and kind in o["data"]]


def printed(outputs):
    return "".join(o["text"] for o in outputs if o.output_type == "stream")


def test_the_notebook_is_kept_without_outputs():
    cells = [c for c in json.loads(NOTEBOOK.read_text())["cells"] if c["cell_type"] == "code"]
    assert cells and all(c["outputs"] == [] and c["execution_count"] is None for c in cells)


def test_the_notebook_runs_and_shows_values_graphs_and_a_plot():
    first, second, tape, call, drawn, as_text, trained, plot = executed(nbformat.read(NOTEBOOK, as_version=4))
    shown = "<tf.Tensor: shape=(2, 2), dtype=float32, numpy=\narray([[1., 2.],\n       [3., 4.]]"
    assert shown in texts(first, "text/plain")[0]
    assert "[[ 6. 12.]\n [12. 26.]]" in printed(second)
    assert "numpy=8.0" in texts(tape, "text/plain")[0]
    assert "shape=(2, 3), dtype=float32" in texts(call, "text/plain")[0]
    html = texts(drawn, "text/html")[0]
    assert html.startswith('<div class="graphc-graph">') and ">dot</text>" in html and "<svg" in html
    assert "dot(" in printed(as_text)
    before, after = map(float, re.search(r"loss (\S+) -> (\S+)", printed(trained)).groups())
    assert after < 0.05 < before
    assert texts(plot, "image/png")
    quiet = (first, second, tape, call, drawn, as_text, trained)
    assert not [o for cell in quiet for o in cell if o.get("name") == "stderr"]


def test_errors_name_the_cell_and_its_line():
    wrong = "a = tf.ones([2, 3])\n\ntry:\n    a @ a\nexcept ValueError as error:\n    print(error)"
    cells = ["import graphc as tf", wrong]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    found = printed(executed(notebook)[1])
    assert "at Cell In[2], line 4: a @ a" in found and "ipykernel" not in found


def test_graphs_and_functions_are_shown_as_pictures_and_text():
    cells = [
        "import graphc as tf\nimport graphc.v1 as v1\n"
        "f = tf.function(lambda x: tf.exp(x)).get_concrete_function(tf.TensorSpec([None, 3]))\nf",
        "f.graph",
        "f.graph.ir",
        "with v1.Graph().as_default() as g:\n    v1.exp(v1.placeholder(tf.float32, [3], name='fed'))\ng",
    ]
    found = executed(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells]))
    plain = [texts(outputs, "text/plain")[0] for outputs in found]
    assert plain[0].startswith("<ConcreteFunction ") and plain[3].startswith("Graph: 2 operations")
    assert plain[1] == plain[2] and "= exp(" in plain[1]
    assert all('<div class="graphc-graph">' in texts(outputs, "text/html")[0] for outputs in found)
