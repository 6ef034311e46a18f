"""Names of TensorFlow 2's summaries."""

from graphc.api.summary import state, write, writer

_WRITTEN = (
    "audio", "graph", "histogram", "image", "scalar", "text", "trace_export", "trace_off", "trace_on", "write",
)  # fmt: skip

FUNCTIONS = {
    **{f"summary.{name}": getattr(write, name) for name in _WRITTEN},
    **{f"summary.{name}": getattr(writer, name) for name in
       ("SummaryWriter", "create_file_writer", "create_noop_writer", "flush")},
    "summary.record_if": state.record_if,
    "summary.should_record_summaries": state.should_record_summaries,
    "summary.experimental.get_step": state.get_step,
    "summary.experimental.set_step": state.set_step,
    "summary.experimental.summary_scope": write.summary_scope,
    "summary.experimental.write_raw_pb": write.write_raw_pb,
}  # fmt: skip
