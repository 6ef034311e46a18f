"""What a profile measured, as the page shows it."""

from __future__ import annotations

from graphc.inspect.profile import LAUNCH, Profile
from graphc.inspect.profile_view import kernel_times, roof


def timeline(profile: Profile) -> dict:
    """The fastest run as tracks, and what a run spends in each kernel.

    Returns:
        ``note``: how it was measured. ``tracks``: {``name``, ``spans``} each, the steps first, then the threads that took parts
        of their loops; a span is [start, length, what ran, name of the kernel or None], in microseconds. ``kernels``: by name
        [microseconds in one run, share of the run, what bounds it or None].
    """
    by_index = {one.index: one for one in profile.launches}

    def track(name: str, spans) -> dict:
        rows = []
        for span in spans:
            one = by_index[span.index]
            kernel = one.kernel if one.kind == LAUNCH else None
            rows.append([span.start_ns / 1e3, span.duration_ns / 1e3, one.kernel, kernel])
        return {"name": name, "spans": rows}

    threads = sorted({part.thread for part in profile.parts})
    parts = [track(f"thread {k}", [p for p in profile.parts if p.thread == k]) for k in threads]
    whole = f"the fastest of {profile.runs} runs on {profile.threads} thread{'s' if profile.threads > 1 else ''}"
    return {
        "note": whole if profile.is_complete else f"the beginning of {whole}",
        "tracks": [track("steps", profile.spans), *parts],
        "kernels": {
            k.name: [k.nanoseconds / 1e3, k.nanoseconds / profile.whole_ns, _bound(profile, k.launches)]
            for k in kernel_times(profile)
            if k.launches[0].kind == LAUNCH
        },
    }


def _bound(profile: Profile, launches) -> str | None:
    found = roof(profile, launches)
    return None if found is None else f"{found.name}, {100 * found.share:.0f} % of what it can"
