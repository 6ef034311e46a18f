"""Names of the conversion of Python's control flow."""

from graphc.api.autograph import public

FUNCTIONS = {
    "autograph.to_graph": public.to_graph,
    "autograph.to_code": public.to_code,
    "autograph.set_verbosity": public.set_verbosity,
    "autograph.trace": public.trace,
    "autograph.experimental.do_not_convert": public.do_not_convert,
    "autograph.experimental.set_loop_options": public.set_loop_options,
    "autograph.experimental.Feature": public.Feature,
}
