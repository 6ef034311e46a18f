"""Models of keras.applications and KerasHub with the same weights on two back ends: outputs and a training step.

python -m graphc.keras tools/keras_models.py run FOLDER_A [NAME ...]       # on graphc
KERAS_BACKEND=jax python tools/keras_models.py run FOLDER_B [NAME ...]     # on another back end
python tools/keras_models.py compare FOLDER_A FOLDER_B
python -m graphc.keras tools/keras_models.py run --exact FOLDER_C [NAME ...]   # to see which of the two is further away

``run`` draws the weights with NumPy and writes NAME.npz for each model: its outputs for one batch, the loss of one step of
SGD without dropout, the weights after it, and the seconds of first and later calls. ``compare`` prints the worst
differences, each relative to the largest number of its array.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

IMAGES = {  # name in keras.applications: size of its images
    "ResNet50": 64, "MobileNetV2": 64, "EfficientNetB0": 64, "MobileNetV3Small": 64, "DenseNet121": 64, "VGG16": 32,
    "Xception": 75, "InceptionV3": 75, "ConvNeXtTiny": 32, "NASNetMobile": 32, "EfficientNetV2B0": 64, "ResNet50V2": 64,
}  # fmt: skip
TEXT = {"vocabulary_size": 100, "num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32,
        "max_sequence_length": 12}  # fmt: skip
PICTURE = {"image_shape": (32, 32, 3), "patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}
HUB = {"BertBackbone": TEXT, "GPT2Backbone": TEXT, "ViTBackbone": PICTURE}
BATCH, CLASSES = 4, 10
FLOAT32 = 5e-3  # of weights after a step of a deep network: ResNet50 in float64 is 2e-3 from both back ends


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("run")
    command.add_argument("folder", type=Path)
    command.add_argument("names", nargs="*", metavar="NAME", help=", ".join((*IMAGES, *HUB)))
    command.add_argument("--exact", action="store_true", help="in float64, to compare both back ends with")
    command = commands.add_parser("compare")
    command.add_argument("folders", nargs=2, type=Path)
    options = parser.parse_args()
    if options.command == "compare":
        return compare(*options.folders)
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.names or (*IMAGES, *HUB):
        found = measured(name, "float64" if options.exact else "float32")
        np.savez(options.folder / f"{name}.npz", **found)
        print(name, *[f"{key[8:]} {value:.2f} s" for key, value in found.items() if key.startswith("seconds_")], flush=True)
    return 0


def measured(name, floats):
    """What one model answers and becomes, and how long that takes."""
    import keras  # the back end is chosen by whoever runs this

    keras.config.set_floatx(floats)
    rng = np.random.default_rng(0)
    keras.backend.clear_session()
    begin = time.perf_counter()
    if name in IMAGES:
        size = IMAGES[name]
        model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=CLASSES,
                                                         classifier_activation=None)  # fmt: skip
        x = rng.normal(size=(BATCH, size, size, 3)).astype(floats)
        y = rng.integers(0, CLASSES, BATCH).astype("int32")
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    else:
        model, x = hub_model(name, rng, floats)
        y, loss = model.predict(x, verbose=0), "mse"
        y = {key: rng.normal(size=y[key].shape).astype(floats) for key in sorted(y)} if isinstance(y, dict) else (
            rng.normal(size=y.shape).astype(floats))  # fmt: skip
    for layer in model._flatten_layers():
        for rate in ("rate", "drop_path_rate"):  # back ends draw other numbers
            if hasattr(layer, rate):
                setattr(layer, rate, 0.0)
    draw_weights(model, rng)
    seconds = {"build": time.perf_counter() - begin}
    outputs = timed(seconds, "predict", lambda: model.predict(x, verbose=0))
    model.compile(optimizer=keras.optimizers.SGD(0.001), loss=loss)
    first = float(np.ravel(timed(seconds, "train", lambda: model.train_on_batch(x, y), again=False))[0])
    found = {f"weight {w.path}": np.asarray(keras.ops.convert_to_numpy(w)) for w in model.weights}
    timed(seconds, "train", lambda: model.train_on_batch(x, y), first=False)
    outputs = outputs if isinstance(outputs, dict) else {"": outputs}
    found |= {f"output {key}": value for key, value in outputs.items()}
    return found | {"loss": first} | {f"seconds_{key}": value for key, value in seconds.items()}


def hub_model(name, rng, floats):
    """A tiny model of KerasHub from its configuration, and a batch for it."""
    import keras_hub

    model = getattr(keras_hub.models, name)(**HUB[name])
    if name == "ViTBackbone":
        return model, rng.normal(size=(BATCH, 32, 32, 3)).astype(floats)
    tokens = rng.integers(1, 100, (BATCH, 12)).astype("int32")
    mask = (np.arange(12) < rng.integers(4, 13, (BATCH, 1))).astype("int32")
    x = {"token_ids": tokens * mask, "padding_mask": mask}
    return model, x | ({"segment_ids": np.zeros_like(mask)} if name == "BertBackbone" else {})


def draw_weights(model, rng):
    """Numbers as trained weights have them, in the order of the weights."""
    for weight in model.weights:
        shape, kind = weight.shape, weight.name
        if "int" in weight.dtype:
            continue
        drawn = rng.normal(size=shape)
        if kind in ("gamma", "scale") or "variance" in kind:
            weight.assign(0.8 + 0.1 * abs(drawn))
        elif len(shape) < 2:
            weight.assign(0.1 * drawn)
        else:
            fan_in = np.prod(shape[:2]) if kind == "depthwise_kernel" else np.prod(shape[:-1])
            weight.assign(drawn / max(fan_in, 1) ** 0.5)


def timed(seconds, name, call, first=True, again=True):
    """The answer of a call; how long the first and another one take."""
    begin = time.perf_counter()
    answer = call()
    seconds[f"{name} {'first' if first else 'again'}"] = time.perf_counter() - begin
    return timed(seconds, name, call, False, False) if first and again else answer


def compare(mine, others):
    """Print what is apart; the status is 1 if that is more than float32 explains."""
    worst = 0.0
    for path in sorted(mine.glob("*.npz")):
        if not (others / path.name).exists():
            continue
        with np.load(path) as a, np.load(others / path.name) as b:
            assert set(a.files) == set(b.files), f"{path.stem} has other weights: {sorted(set(a.files) ^ set(b.files))}"
            apart = {}
            for key in a.files:
                if not key.startswith("seconds_"):
                    apart[key] = float(abs(a[key] - b[key]).max() / max(abs(b[key]).max(), 1e-30))
            outputs = max(v for k, v in apart.items() if k.startswith("output"))
            weights = max((v, k) for k, v in apart.items() if k.startswith("weight"))
            print(f"{path.stem:18s} outputs {outputs:.1e}   loss {apart['loss']:.1e}   weights after a step {weights[0]:.1e}"
                  f" ({weights[1][7:]})")  # fmt: skip
            for kind in ("predict", "train"):
                rows = [[float(c[f"seconds_{kind} {when}"]) for when in ("first", "again")] for c in (a, b)]
                shown = "; ".join(f"{first:.2f} s, then {again * 1e3:.0f} ms" for first, again in rows)
                print(f"{'':18s} {kind}: {shown}")
            worst = max(worst, outputs, apart["loss"], weights[0])
    print(f"the worst difference is {worst:.1e} of the largest number; more than {FLOAT32:.0e} is no float32 rounding")
    return int(worst > FLOAT32)


if __name__ == "__main__":
    sys.exit(main())
