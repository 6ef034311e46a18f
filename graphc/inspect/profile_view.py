"""A profile for people and for programs: a table, JSON, and the events that chrome://tracing and Perfetto show."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from graphc.errors import Location
from graphc.inspect.profile import HOST, LaunchTime, Profile
from graphc.inspect.roofs import NEAR
from graphc.inspect.show import columns
from graphc.inspect.sizes import amount
from graphc.inspect.work import family
from graphc.options import VERSION

SCHEMA = 1  # raised when a field is removed or changes its meaning; fields may be added
_MOST = 20  # kernels that are shown
_WIDEST = 120  # columns
_UNEVEN = 1.25  # times as long as the fastest run: no run of a quiet machine


@dataclass(frozen=True)
class KernelTime:
    """All launches of one kernel in one run: how often it ran, nanoseconds, FLOPs and bytes of all together."""

    name: str
    runs: int
    nanoseconds: float
    flops: int
    bytes: int
    busy: float
    launches: tuple[LaunchTime, ...]


@dataclass(frozen=True)
class Roof:
    """What bounds a launch: ``compute``, ``cache`` or ``memory``; and how much of that it reaches, 1.0 for all."""

    name: str
    share: float


def kernel_times(profile: Profile) -> list[KernelTime]:
    """Launches of a profile by their kernels, that which takes longest first."""
    groups: dict[str, list[LaunchTime]] = {}
    for one in profile.launches:
        groups.setdefault(one.kernel, []).append(one)
    found = []
    for name, each in groups.items():
        lasted = sum(x.duration_ns for x in each)
        busy = sum(x.busy * x.duration_ns for x in each) / lasted if lasted else 0.0
        sums = (sum(x.count for x in each), lasted, sum(x.flops for x in each), sum(x.bytes for x in each))
        found.append(KernelTime(name, *sums, busy, tuple(each)))
    return sorted(found, key=lambda k: -k.nanoseconds)


def shares(profile: Profile) -> dict[str, str]:
    """What a run spends in each kernel, by name: ``12.3 us, 15 % of a run``."""
    return {
        k.name: f"{_time(k.nanoseconds)}, {_percent(k.nanoseconds / profile.whole_ns)} % of a run" for k in kernel_times(profile)
    }  # fmt: skip


def roof(profile: Profile, each: tuple[LaunchTime, ...]) -> Roof | None:
    """The roof of launches of one kernel: whichever alone would let them take longest; None where there is none.

    Arrays of a launch that are small, NEAR bytes for each thread, are held against copies in the cache.
    """
    peaks, seconds = profile.peaks, sum(x.duration_ns for x in each) * 1e-9
    moved, count = sum(x.bytes for x in each), sum(x.count for x in each)
    near = moved <= NEAR * profile.threads * count
    least = {
        "compute": sum(x.flops for x in each) / getattr(peaks, each[0].work),
        "cache" if near else "memory": moved / (peaks.cache if near else peaks.memory),
    }
    name = max(least, key=least.get)
    if each[0].kind == HOST or not (seconds and least[name]):
        return None
    return Roof(name, least[name] / seconds)


def table(profile: Profile, every: bool = False) -> str:
    """The kernels that take longest, or all of them with ``every``, and what else a run spends."""
    found = kernel_times(profile)
    shown = found if every else found[:_MOST]
    rows = [_TITLES, *(_row(profile, k) for k in shown)]
    rest = found[len(shown) :]
    if rest:
        rows.append(_summed(profile, f"{len(rest)} more", sum(k.nanoseconds for k in rest), "--all shows them"))
    rows.append(_summed(profile, "outside", profile.outside_ns, "the call, its arguments and results"))
    rows.append(_summed(profile, "whole run", profile.whole_ns, ""))
    if profile.threads == 1:
        rows = [(*row[:8], *row[9:]) for row in rows]
    lines = [*_head(profile), "", *map(_cut, columns(rows, right=tuple(range(1, len(rows[0]) - 2)), indent=""))]
    over = any(x.bytes * 1e9 > profile.peaks.memory * x.duration_ns for x in profile.launches)
    parts = f", and two more for each part of a parallel loop ({len(profile.parts)} in the fastest run)" if profile.parts else ""
    notes = ["", f"each time has a look at the clock in it, {profile.clock_ns:.0f} ns{parts}"]
    if profile.whole_ns > _UNEVEN * profile.least_ns:
        more = _percent(profile.whole_ns / profile.least_ns - 1)
        notes.append(f"runs differ: the middle half takes {more} % longer than the fastest; was something else at work on the machine?")
    if over:
        notes.append("more than 100 % of memory: the data is in the caches, which are faster")
    if any(_is_conv(x) and x.flops * 1e9 > getattr(profile.peaks, x.work) * x.duration_ns for x in profile.launches):
        notes.append("more than 100 % of peak: FLOPs count what a convolution takes from its padding, which is not computed")
    if profile.assumed:
        assumed = ", ".join(f"{name} = {profile.sizes[name]}" for name in profile.assumed)
        notes.append(f"sizes that the host makes while it runs are not looked at; FLOPs and bytes are for {assumed}")
    if not profile.is_complete:
        notes.append("loops ran so often that spans and the trace are of the beginning of a run; the times here are complete")
    return "\n".join([*lines, *notes])


def _is_conv(one: LaunchTime) -> bool:
    return any(family(op) == "convolutions" for op in one.operations)


_TITLES = ("kernel", "runs", "time", "%", "GFLOP/s", "peak %", "GB/s", "memory %", "busy %", "bound by", "first line, operations")


def _cut(line: str) -> str:
    return line if len(line) <= _WIDEST else line[: _WIDEST - 3] + "..."


def _head(profile: Profile) -> list[str]:
    peaks, threads = profile.peaks, f"{profile.threads} thread{'s' if profile.threads > 1 else ''}"
    known = [f"{name} = {size}" for name, size in profile.sizes.items() if name not in profile.assumed]
    sizes = f" at {', '.join(known)}" if known else ""
    work = {"f32": 0, "f64": 0, "i8": 0}
    for one in profile.launches:
        work[one.work] += one.flops
    used = [name for name in work if work[name]] or ["f32"]
    rates = ", ".join(f"{name} {amount(round(getattr(peaks, name)))}FLOP/s" for name in used)
    return [
        f"profile of {profile.graph}{sizes} on {threads}, {profile.target}",
        f"  {profile.runs} runs, the middle half of them: {_time(profile.whole_ns)}; without clocks {_time(profile.plain_ns)}; "
        f"the fastest: {_time(profile.least_ns)}",
        f"  peaks of {peaks.cpu} on {threads}, measured {peaks.date}:",
        f"    {rates}; copies in memory {_rate(peaks.memory)}, in cache {_rate(peaks.cache)}",
    ]


def _rate(bytes_a_second: float) -> str:
    return f"{amount(round(bytes_a_second))}B/s"


def _time(nanoseconds: float) -> str:
    """``840 ns``, ``12.3 us``, ``4.56 ms``, ``1.2 s``."""
    value = nanoseconds
    for name in ("ns", "us", "ms"):
        if abs(value) < 999.5:
            return f"{value:.0f} ns" if name == "ns" else f"{value:.3g} {name}"
        value /= 1000
    return f"{value:.3g} s"


def _percent(share: float) -> str:
    return f"{share * 100:.0f}" if share >= 0.0995 else f"{share * 100:.1f}"


def _row(profile: Profile, kernel: KernelTime) -> tuple[str, ...]:
    seconds, peaks = kernel.nanoseconds * 1e-9, profile.peaks
    found = roof(profile, kernel.launches)
    computes = kernel.flops > 0 and seconds > 0
    moves = seconds > 0 and kernel.launches[0].kind != HOST
    flops, moved = (kernel.flops / seconds, kernel.bytes / seconds) if seconds else (0.0, 0.0)
    return (
        kernel.name, f"{kernel.runs}x", _time(kernel.nanoseconds), _percent(kernel.nanoseconds / profile.whole_ns),
        f"{flops / 1e9:.3g}" if computes else "", _percent(flops / getattr(peaks, kernel.launches[0].work)) if computes else "",
        f"{moved / 1e9:.3g}" if moves else "", _percent(moved / peaks.memory) if moves else "",
        _percent(kernel.busy) if moves else "", "" if found is None else f"{found.name} {_percent(found.share)}", _about(kernel.launches),
    )  # fmt: skip


def _summed(profile: Profile, name: str, nanoseconds: float, about: str) -> tuple[str, ...]:
    return (name, "", _time(nanoseconds), _percent(nanoseconds / profile.whole_ns), *[""] * 6, about)


def _about(each: tuple[LaunchTime, ...]) -> str:
    """The first of the user's lines, and at most three of the operations that compute something."""
    first = each[0]
    telling = [op for op in first.operations if family(op) not in (None, "moves")] or list(first.operations)
    telling.sort(key=lambda op: family(op) == "element-wise")
    text = ", ".join(telling[:3]) + (", ..." if len(telling) > 3 else "")
    if first.kind == HOST:
        text = "on the host"
    places = sorted((at for x in each for at in x.locations), key=lambda at: (at.file, at.line, at.scope))
    return f"{places[0]}  {text}" if places else text


# ------------------------------------------------------------------------------------------- for programs


def profile_text(profile: Profile) -> str:
    """The profile as JSON text; times are nanoseconds, ``share`` is of the roof that bounds a launch, 1.0 for all of it."""
    found = {
        "version": SCHEMA, "graphc": VERSION, "graph": profile.graph, "target": profile.target, "threads": profile.threads,
        "sizes": profile.sizes, "assumed": profile.assumed, "runs": profile.runs, "whole_ns": profile.whole_ns, "least_ns": profile.least_ns,
        "plain_ns": profile.plain_ns, "outside_ns": profile.outside_ns, "clock_ns": profile.clock_ns,
        "peaks": asdict(profile.peaks), "launches": [_launch(profile, x) for x in profile.launches],
    }  # fmt: skip
    return json.dumps(found, indent=1)


def _launch(profile: Profile, one: LaunchTime) -> dict:
    found = roof(profile, (one,))
    bound = {"bound": None, "share": None} if found is None else {"bound": found.name, "share": round(found.share, 4)}
    return {**asdict(one), "locations": [_place(at) for at in one.locations], **bound}


def _place(at: Location) -> dict:
    return {"file": at.file, "line": at.line, "scope": at.scope}


def trace_text(profile: Profile) -> str:
    """The fastest run as a Chrome trace: a track for the steps, and one for each thread that took parts of their loops."""
    by_index = {x.index: x for x in profile.launches}
    threads = sorted({p.thread for p in profile.parts})
    names = [("process_name", 0, f"{profile.graph} on {profile.target}"), ("thread_name", 0, "steps")]
    names += [("thread_name", 1 + k, f"thread {k}") for k in threads]
    events = [{"ph": "M", "pid": 1, "tid": tid, "name": kind, "args": {"name": name}} for kind, tid, name in names]
    for track, spans in ((0, profile.spans), (1, profile.parts)):
        for span in spans:
            one = by_index[span.index]
            args = {"operations": ", ".join(one.operations), "line": "; ".join(map(str, one.locations))}
            if not track:
                args |= {"flops": one.flops // one.count, "bytes": one.bytes // one.count}
            events.append({
                "ph": "X", "name": one.kernel, "cat": one.kind if not track else "part", "pid": 1, "tid": track and 1 + span.thread,
                "ts": span.start_ns / 1000, "dur": span.duration_ns / 1000, "args": args,
            })  # fmt: skip
    about = {"graphc": VERSION, "threads": profile.threads, "complete": profile.is_complete}
    return json.dumps({"displayTimeUnit": "ns", "otherData": about, "traceEvents": events})
