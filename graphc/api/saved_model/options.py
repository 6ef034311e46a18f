"""SaveOptions and LoadOptions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class VariablePolicy(Enum):
    """How variables are saved that have a device; without effect, as there is one."""

    NONE = None
    SAVE_VARIABLE_DEVICES = "save_variable_devices"
    EXPAND_DISTRIBUTED_VARIABLES = "expand_distributed_variables"


@dataclass
class SaveOptions:
    """How ``tf.saved_model.save`` writes.

    Args:
        extra_tags: tags beside ``serve``; all others are for compatibility.
    """

    namespace_whitelist: list | None = None
    save_debug_info: bool = False
    function_aliases: dict | None = None
    experimental_debug_stripper: bool = False
    experimental_io_device: str | None = None
    experimental_variable_policy: VariablePolicy | str | None = None
    experimental_custom_gradients: bool = True
    experimental_image_format: bool = False
    experimental_skip_saver: bool = False
    experimental_sharding_callback: object = None
    extra_tags: list | None = None


@dataclass
class LoadOptions:
    """How ``tf.saved_model.load`` reads.

    Args:
        allow_partial_checkpoint: variables without a saved value are zeros instead of an error.
        experimental_skip_checkpoint: all variables are zeros. Others are for compatibility.
    """

    allow_partial_checkpoint: bool = False
    experimental_io_device: str | None = None
    experimental_skip_checkpoint: bool = False
    experimental_variable_policy: VariablePolicy | str | None = None
    experimental_load_function_aliases: bool = False
