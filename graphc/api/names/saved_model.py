"""Names of SavedModels and modules."""

from graphc.api.module import Module
from graphc.api.op import Late
from graphc.api.saved_model import constants
from graphc.api.saved_model.folder import contains_saved_model
from graphc.api.saved_model.objects import Asset
from graphc.api.saved_model.options import LoadOptions, SaveOptions, VariablePolicy

_OLD = ("INIT_OP_SIGNATURE", "LEGACY_INIT_OP_KEY", "MAIN_OP_KEY", "TRAIN_OP_SIGNATURE")  # TensorFlow 1's

FUNCTIONS = {
    "Module": Module,
    **{f"saved_model.{name}": value for name, value in vars(constants).items() if name.isupper() and name not in _OLD},
    "saved_model.Asset": Asset,
    "saved_model.LoadOptions": LoadOptions,
    "saved_model.SaveOptions": SaveOptions,
    "saved_model.contains_saved_model": contains_saved_model,
    "saved_model.experimental.VariablePolicy": VariablePolicy,
    "saved_model.load": Late("graphc.api.saved_model.load", "load"),
    "saved_model.save": Late("graphc.api.saved_model.save", "save"),
}  # fmt: skip
