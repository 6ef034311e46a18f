"""What the benchmark writes about results that are given."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from tools.bench import plot, report, results
from tools.bench.cli import main


def entry(median: float, ratio: float) -> dict:
    return {"version": "1", "median": median, "p10": 0.9 * median, "p90": 1.2 * median, "ratio": ratio}


def given() -> dict:
    book = {"machine": "a processor", "cores": 2, "python": "3", "rows": {}, "limits": {}}
    book["limits"]["1"] = measured = {"fma": 250e9, "int8": 1e12, "copy": 36e9, "read": 38e9}
    book["limits"]["2"] = {k: 2 * v for k, v in measured.items()}
    peers = {"graphc": entry(1e-3, 1.0), "torch": entry(1.5e-3, 1.5), "jax": entry(2.5e-2, 25.0),
             "openvino": {"version": "1", "note": "wrong: error 1, 1e-4 is allowed"}}  # fmt: skip
    results.merge(book, "gemm-512", 1, {"peers": peers}, measured)
    results.merge(book, "gemm-512", 2, {"peers": {"graphc": entry(5e-4, 1.0)}}, book["limits"]["2"])
    results.merge(book, "scalar-add", 1, {"peers": {"graphc": entry(1e-6, 1.0), "numpy": entry(5e-7, 0.5)}}, measured)
    start = {"import": 0.1, "compile": 0.5, "cached": 0.01, "memory": 80_000_000}
    book["starts"] = {"mlp-1": {"graphc": start, "jax": {**start, "compile": 1.0}, "torch": {"note": "not set up"}}}
    return book


def test_the_table():
    lines = report.table(given()).splitlines()
    assert lines[2] == "| scalar-add | 1 | 1 us | 0.9 us - 1.2 us |  |  |  |  |  |  | numpy 0.50 |"  # no peer to choose
    assert lines[3] == ("| gemm-512 | 1 | 1 ms | 900 us - 1.2 ms | torch | 1.5 ms | 1.50 | 0.95 | yes | 107% fma | "
                        "jax > 20, openvino wrong |")  # fmt: skip
    assert lines[4].startswith("| gemm-512 | 2 | 500 us |") and "107% fma" in lines[4]


def test_the_other_tables():
    book = given()
    assert report.short_table(book).splitlines()[2:] == ["| gemm-512 | 1 ms | torch 1.5 ms | 1.50 |"]
    assert report.scaling_table(book).splitlines()[2:] == ["| gemm-512 | 1 ms | 500 us | 2.00 |"]
    starts = report.start_table(book).splitlines()[2:]
    assert starts == ["| mlp-1 | graphc | 0.10 s | 500 ms | 10 ms |  |  |  | 80 MB |",
                      "| mlp-1 | jax | 0.10 s | 1 s | 10 ms | 2.0 | **no** | 1.8 | 80 MB |"]  # fmt: skip
    assert "copying 36.0 GB/s" in report.heading(book) and "a processor (2 cores)" in report.heading(book)


def test_rows_are_merged(tmp_path):
    book = given()
    results.merge(book, "gemm-512", 1, {"peers": {"jax": entry(1e-3, 0.9)}}, book["limits"]["1"])
    assert results.best_peer(book, "gemm-512", 1) == ("jax", 0.9)
    assert results.complete(book, "gemm-512", 1, ["torch", "jax"])
    assert not results.complete(book, "gemm-512", 1, ["numpy"])
    results.write(book, str(tmp_path / "kept.json"))
    assert results.read(str(tmp_path / "kept.json")) == book


def test_pages_and_the_picture_are_written(tmp_path):
    kept, page, picture = tmp_path / "kept.json", tmp_path / "page.md", tmp_path / "picture.svg"
    kept.write_text(json.dumps(given()))
    page.write_text("# Before\n<!-- bench short -->\nold\n<!-- /bench short -->\nafter\n")
    main(["report", str(kept), "--write", str(page), "--plot", str(picture)])
    table = report.short_table(given())
    assert page.read_text() == f"# Before\n<!-- bench short -->\n{table}\n<!-- /bench short -->\nafter\n"
    texts = [e.text for e in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert texts[-2:] == ["gemm-512", "1.50 torch"]
    page.write_text("nothing")
    with pytest.raises(SystemExit, match="none of the markers"):
        main(["report", str(kept), "--write", str(page)])


def test_places_on_the_axis():
    assert plot.place(plot.LEAST) == plot.place(0.01) == plot.LEFT
    assert plot.place(plot.MOST) == plot.place(100) == plot.LEFT + plot.WIDTH
