"""Names of printing, assertions and checks."""

from graphc.api import check_numerics, debugging, machine

ROWS = (check_numerics.ROW,)

_ASSERTIONS = {n: getattr(debugging, n) for n in dir(debugging) if n.startswith("assert_")}
_CHECKS = (
    "assert_all_finite", "check_numerics", "disable_check_numerics", "disable_traceback_filtering",
    "enable_check_numerics", "enable_traceback_filtering", "is_traceback_filtering_enabled",
)  # fmt: skip

FUNCTIONS = {
    "print": debugging.print,
    "Assert": debugging.Assert,
    "debugging.Assert": debugging.Assert,
    "debugging.is_numeric_tensor": debugging.is_numeric_tensor,
    "debugging.get_log_device_placement": machine.get_log_device_placement,
    "debugging.set_log_device_placement": machine.set_log_device_placement,
    **{f"debugging.{name}": getattr(check_numerics, name) for name in _CHECKS},
    "debugging.experimental.enable_dump_debug_info": check_numerics.enable_dump_debug_info,
    "debugging.experimental.disable_dump_debug_info": check_numerics.disable_dump_debug_info,
    **{f"debugging.{name}": function for name, function in _ASSERTIONS.items()},
    **{name: _ASSERTIONS[name] for name in ("assert_equal", "assert_greater", "assert_less", "assert_rank")},
}
