"""Tables of kept results, for the terminal and for pages."""

from __future__ import annotations

from pathlib import Path

from . import plot, results
from .workloads import WORKLOADS

COMPILERS = ("torch.compile", "jax", "tensorflow-xla")  # those that make code, as graphc does
START_GOAL = 3.0
FAR = 20  # ratios beyond it tell nothing more


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
    text += "".join(
        f"; {p} {shown(v['median'])} = {v['ratio']:.2f}x"
        for p, v in sorted(others.items(), key=lambda e: e[1]["ratio"])
    )
    return text


def lines_of(head: str, rows: list[list[str]], numbers: set[int]) -> str:
    """A Markdown table; columns of ``numbers`` are flush right."""
    columns = [c.strip() for c in head.split("|")]
    rule = ["--:" if k in numbers else "---" for k in range(len(columns))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [columns, rule, *rows])


def met(ratio: float, goal: float | None) -> str:
    return "" if goal is None else "yes" if ratio >= goal else "**no**"


def measured_rows(book: dict) -> list[tuple[str, int, dict]]:
    """Name, threads and row of what graphc has a time for, in the order of the workloads."""
    found = [(n, t, book["rows"].get(results.key(n, t))) for n in WORKLOADS for t in sorted(map(int, book["limits"]))]
    return [(n, t, row) for n, t, row in found if row and "median" in row["peers"].get("graphc", {})]


def table(book: dict) -> str:
    """All rows: time, the best peer and its time by ours, the share of the limit, the goal; the other peers' ratios."""
    rows = []
    for name, threads, row in measured_rows(book):
        w, ours, best = WORKLOADS[name], row["peers"]["graphc"], results.best_peer(book, name, threads)
        cells = [name, str(threads), shown(ours["median"]), f"{shown(ours['p10'])} - {shown(ours['p90'])}"]
        if best:
            goal = f"{w.goal:g}" if w.goal else ""
            cells += [best[0], shown(row["peers"][best[0]]["median"]), f"{best[1]:.2f}", goal, met(best[1], w.goal)]
        else:
            cells += [""] * 5
        cells.append(f"{row['limit'] / ours['median']:.0%} {w.limit}" if row["limit"] else "")
        others = sorted(
            (v["ratio"], p) for p, v in row["peers"].items() if "ratio" in v and p not in ("graphc", best and best[0])
        )
        wrong = [p for p, v in row["peers"].items() if v.get("note", "").startswith("wrong")]
        texts = [f"{p} {'> ' + str(FAR) if r > FAR else format(r, '.2f')}" for r, p in others] + [
            f"{p} wrong" for p in wrong
        ]
        rows.append([*cells, ", ".join(texts)])
    head = "workload|threads|graphc|p10 - p90|best peer|its time|ratio|goal|met|of the limit|ratios of others"
    return lines_of(head, rows, {1, 2, 3, 5, 6, 7, 9})


def short_table(book: dict) -> str:
    """A row for each workload on one thread: time, best peer, ratio."""
    rows = []
    for name, threads, row in measured_rows(book):
        best = results.best_peer(book, name, threads)
        if threads == 1 and best:
            ours, theirs = row["peers"]["graphc"]["median"], row["peers"][best[0]]["median"]
            rows.append([name, shown(ours), f"{best[0]} {shown(theirs)}", f"{best[1]:.2f}"])
    return lines_of("workload, one thread|graphc|best peer|its time by ours", rows, {1, 3})


def scaling_table(book: dict) -> str:
    """What the second thread brings, where both were measured."""
    times: dict[str, dict[int, float]] = {}
    for name, threads, row in measured_rows(book):
        times.setdefault(name, {})[threads] = row["peers"]["graphc"]["median"]
    rows = [[n, shown(t[1]), shown(t[2]), f"{t[1] / t[2]:.2f}"] for n, t in times.items() if 1 in t and 2 in t]
    return lines_of("workload|1 thread|2 threads|speed-up", rows, {1, 2, 3})


def start_table(book: dict) -> str:
    """Compiling and running once in a new process, with empty caches and with full ones; importing; memory."""
    rows = []
    for name, peers in book.get("starts", {}).items():
        ours = peers.get("graphc", {})
        for peer, v in peers.items():
            if "compile" not in v:
                continue
            ratio = v["compile"] / ours["compile"] if "compile" in ours and peer != "graphc" else None
            goal = met(ratio, START_GOAL) if ratio and peer in COMPILERS else ""
            whole = (v["import"] + v["compile"]) / (ours["import"] + ours["compile"]) if ratio else None
            rows.append(
                [
                    name,
                    peer,
                    f"{v['import']:.2f} s",
                    shown(v["compile"]),
                    shown(v["cached"]),
                    f"{ratio:.1f}" if ratio else "",
                    goal,
                    f"{whole:.1f}" if whole else "",
                    f"{v['memory'] / 1e6:.0f} MB",
                ]
            )
    head = "workload|peer|import|compile and first run|cached|by graphc's"
    head += f"|>= {START_GOAL:g} of compilers|with importing|peak memory"
    return lines_of(head, rows, {2, 3, 4, 5, 7, 8})


def heading(book: dict) -> str:
    """Where and with what the results were measured."""
    versions = {}
    for row in book["rows"].values():
        versions |= {
            p.partition(".compile")[0].partition("-xla")[0]: v["version"]
            for p, v in row["peers"].items()
            if "version" in v
        }
    limits = []
    for threads, v in sorted(book["limits"].items()):
        fma, copy, read = (v[k] / 1e9 for k in ("fma", "copy", "read"))
        limits.append(
            f"{threads} thread{'s' if threads != '1' else ''}: {fma:.0f} GFlop/s of multiply-adds, "
            f"copying {copy:.1f} GB/s (read and write together), reading {read:.1f} GB/s"
        )
    dates = sorted({row["date"] for row in book["rows"].values()})
    when = "" if not dates else dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    names = ", ".join(f"{p} {v}" for p, v in sorted(versions.items()))
    return f"{when}, {book['machine']} ({book['cores']} cores), Python {book['python']}; {names}. Limits: {'; '.join(limits)}."


def command(options) -> None:
    book = results.read(options.json)
    tables = {
        "bench": heading(book) + "\n\n" + table(book),
        "bench short": short_table(book),
        "bench threads": scaling_table(book),
        "bench starts": start_table(book),
    }
    if not options.write and not options.plot:
        print("\n\n".join(tables[k] for k in ("bench", "bench threads", "bench starts")))
    for page in map(Path, options.write):
        text = read_page(page)
        wanted = [k for k in tables if f"<!-- {k} -->" in text]
        if not wanted:
            raise SystemExit(f"{page} has none of the markers {', '.join(f'<!-- {k} -->' for k in tables)}")
        for k in wanted:
            text = between(text, k, tables[k])
        page.write_text(text)
    if options.plot:
        bars = [
            (n, b[1], WORKLOADS[n].goal, b[0])
            for n, t, _ in measured_rows(book)
            if t == 1 and (b := results.best_peer(book, n, t))
        ]
        try:
            Path(options.plot).write_text(plot.svg(bars))
        except OSError as e:
            raise SystemExit(f"{options.plot}: {e.strerror}") from None


def read_page(page: Path) -> str:
    try:
        return page.read_text()
    except OSError as e:
        raise SystemExit(f"{page}: {e.strerror}") from None


def between(text: str, marker: str, new: str) -> str:
    """The text with ``new`` between ``<!-- marker -->`` and ``<!-- /marker -->``.

    Raises:
        SystemExit: one of the two is missing.
    """
    begin, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    if begin not in text or end not in text:
        raise SystemExit(f"there is no {begin} ... {end}")
    head, _, rest = text.partition(begin)
    return f"{head}{begin}\n{new}\n{end}{rest.partition(end)[2]}"
