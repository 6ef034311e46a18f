"""Names of printing and assertions."""

from graphc.api import debugging
from graphc.api.op import Op
from graphc.lib import numerics

ROWS = (
    Op("debugging.check_numerics", "CheckNumerics", numerics.check_numerics, "tensor"),
    Op("debugging.assert_all_finite", "CheckNumerics", numerics.assert_all_finite, "x"),
)

_ASSERTIONS = {n: getattr(debugging, n) for n in dir(debugging) if n.startswith("assert_")}

FUNCTIONS = {
    "print": debugging.print,
    "Assert": debugging.Assert,
    "debugging.Assert": debugging.Assert,
    "debugging.is_numeric_tensor": debugging.is_numeric_tensor,
    **{f"debugging.{name}": function for name, function in _ASSERTIONS.items()},
    **{name: _ASSERTIONS[name] for name in ("assert_equal", "assert_greater", "assert_less", "assert_rank")},
}
