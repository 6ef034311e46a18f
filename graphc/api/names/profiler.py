"""Names of profiles."""

from graphc.api.op import Late

_OWN = ("Profile", "ProfilerOptions", "Trace", "start", "stop")
_REFUSED = {"client.monitor": "monitor", "client.trace": "trace", "server.start": "serve"}

FUNCTIONS = {
    **{f"profiler.experimental.{name}": Late("graphc.api.profiler", name) for name in _OWN},
    **{f"profiler.experimental.{name}": Late("graphc.api.profiler", own) for name, own in _REFUSED.items()},
}
