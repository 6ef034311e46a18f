"""Names of checkpoints."""

from __future__ import annotations

from graphc.api.checkpoint import reader, rotation, state_file
from graphc.api.checkpoint.checkpoint import Checkpoint
from graphc.api.checkpoint.options import CheckpointOptions

ROWS = ()
FUNCTIONS = {
    "train.Checkpoint": Checkpoint,
    "train.CheckpointManager": rotation.CheckpointManager,
    "train.CheckpointOptions": CheckpointOptions,
    **{f"train.{name}": getattr(reader, name) for name in ("list_variables", "load_checkpoint", "load_variable")},
    **{f"train.{name}": getattr(state_file, name)
       for name in ("checkpoints_iterator", "get_checkpoint_state", "latest_checkpoint")},
}  # fmt: skip
