"""Names of optimizers and of the schedules of their learning rates."""

from graphc.api.op import Late

_WHERE = {
    "gradient_descent": "SGD Lion Muon",
    "adam": "Adam AdamW Adamax Nadam Lamb ScheduleFreeAdamW",
    "adaptive": "Adagrad Adadelta RMSprop Adafactor Ftrl",
    "composed": "LossScaleOptimizer OptimizerMap MultiOptimizer",
    "optimizer": "Optimizer",
    "registry": "get serialize deserialize",
}
_SCHEDULES = (
    "LearningRateSchedule ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay CosineDecay "
    "CosineDecayRestarts serialize deserialize"
)

FUNCTIONS = {
    **{f"optimizers.{name}": Late(f"graphc.api.optimizers.{module}", name)
       for module, names in _WHERE.items() for name in names.split()},
    **{f"optimizers.legacy.{name}": Late("graphc.api.optimizers.former", name)
       for name in "SGD RMSprop Adam Adagrad Ftrl Optimizer".split()},
    **{f"optimizers.schedules.{name}": Late("graphc.api.optimizers.schedules", name) for name in _SCHEDULES.split()},
}  # fmt: skip
