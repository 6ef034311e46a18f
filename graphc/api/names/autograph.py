"""Names of the conversion of Python's control flow; it is imported when the first function is traced, or by these."""

from graphc.api.op import Late

_PUBLIC = ("set_verbosity", "to_code", "to_graph", "trace")
_EXPERIMENTAL = ("Feature", "do_not_convert", "set_loop_options")

FUNCTIONS = {
    **{f"autograph.{name}": Late("graphc.api.autograph.public", name) for name in _PUBLIC},
    **{f"autograph.experimental.{name}": Late("graphc.api.autograph.public", name) for name in _EXPERIMENTAL},
}
