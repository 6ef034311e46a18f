"""Tables and a plot of kept results."""

from __future__ import annotations

from pathlib import Path

from . import results
from .workloads import WORKLOADS


def shown(seconds: float) -> str:
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            break
    return f"{seconds * scale:.3g} {unit}"


def line(book: dict, name: str, threads: int) -> str:
    """One line for the terminal."""
    row = book["rows"][results.key(name, threads)]
    ours = row["peers"].get("graphc", {})
    if "median" not in ours:
        return f"{name} ({threads}): graphc: {ours.get('note', 'not measured')}"
    text = f"{name} ({threads}): graphc {shown(ours['median'])}"
    if row["limit"]:
        text += f" ({row['limit'] / ours['median']:.0%} of the limit)"
    others = {p: v for p, v in row["peers"].items() if p != "graphc" and "ratio" in v}
    text += "".join(f"; {p} {shown(v['median'])} = {v['ratio']:.2f}x" for p, v in sorted(others.items(), key=lambda e: e[1]["ratio"]))
    return text


def table(book: dict) -> str:
    """All rows: time, ratio to the best peer, share of the limit, goal."""
    lines = ["| workload | threads | graphc | p10 - p90 | best peer | its time | ratio | goal | met | of the limit | others |",
             "|---|--:|--:|--:|---|--:|--:|--:|---|--:|---|"]  # fmt: skip
    for name, w in WORKLOADS.items():
        for threads in (1, 2):
            row = book["rows"].get(results.key(name, threads))
            if row:
                lines.append(_row(book, name, threads, row, w))
    return "\n".join(lines)


def _row(book: dict, name: str, threads: int, row: dict, w) -> str:
    ours = row["peers"].get("graphc", {})
    if "median" not in ours:
        return f"| {name} | {threads} | {ours.get('note', '')} | | | | | | | | |"
    best = results.best_peer(book, name, threads)
    spread = f"{shown(ours['p10'])} - {shown(ours['p90'])}"
    cells = [name, str(threads), shown(ours["median"]), spread]
    if best:
        met = "" if w.goal is None else "yes" if best[1] >= w.goal else "**no**"
        cells += [best[0], shown(row["peers"][best[0]]["median"]), f"{best[1]:.2f}", f"{w.goal:g}" if w.goal else "", met]
    else:
        cells += [""] * 5
    cells.append(f"{row['limit'] / ours['median']:.0%} {w.limit}" if row["limit"] else "")
    others = {p: v for p, v in row["peers"].items() if p != "graphc" and (not best or p != best[0])}
    cells.append(", ".join(f"{p} {v['ratio']:.2f}" if "ratio" in v else f"{p} -" for p, v in others.items()))
    return "| " + " | ".join(cells) + " |"


def command(options) -> None:
    book = results.read(options.json)
    text = table(book)
    if not options.write:
        print(text)
    for page in options.write:
        between(Path(page), "bench", text)


def between(page: Path, marker: str, text: str) -> None:
    """Put text between ``<!-- marker -->`` and ``<!-- /marker -->``."""
    begin, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    whole = page.read_text()
    if begin not in whole or end not in whole:
        raise SystemExit(f"{page} has no {begin} ... {end}")
    head, _, rest = whole.partition(begin)
    page.write_text(f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}")
