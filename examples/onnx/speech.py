"""Finds speech in a recording: the model of the silero-vad package, run by graphc.

    pip install --no-deps silero-vad
    python examples/onnx/speech.py recording.wav

The recording must have one channel of 16-bit samples at 8 or 16 kHz. The model keeps a state: it goes in with every piece of
sound and comes out changed.
"""

from __future__ import annotations

import sys
import wave

import numpy as np
from packaged import model_path

import graphc

SPEECH, SILENCE = 0.5, 0.35  # probability from which speech begins, and below which it ends


def read_sound(path: str) -> tuple[np.ndarray, int]:
    """Samples between -1 and 1, float32, and how many there are in a second."""
    with wave.open(path) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2 or file.getframerate() not in (8000, 16000):
            sys.exit(f"{path}: one channel of 16-bit samples at 8 or 16 kHz is needed")
        raw = file.readframes(file.getnframes())
        return np.frombuffer(raw, "<i2").astype(np.float32) / 32768, file.getframerate()


def probabilities(model, sound: np.ndarray, rate: int) -> np.ndarray:
    """How likely each piece of 32 ms is speech."""
    size, before = rate * 512 // 16000, rate * 64 // 16000
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros(before, np.float32)
    found = []
    for start in range(0, len(sound) - size + 1, size):
        piece = np.concatenate([context, sound[start : start + size]])
        probability, state = model.run({"input": piece[None], "state": state, "sr": np.array(rate, np.int64)})
        context = piece[-before:]
        found.append(probability[0, 0])
    return np.array(found)


def stretches(found: np.ndarray, seconds: float = 0.032) -> list[tuple[float, float]]:
    """From when to when there is speech, in seconds."""
    result, begun = [], None
    for k, p in enumerate(found):
        if begun is None and p >= SPEECH:
            begun = k
        elif begun is not None and p < SILENCE:
            result.append((begun * seconds, k * seconds))
            begun = None
    return result if begun is None else [*result, (begun * seconds, len(found) * seconds)]


def main(path: str) -> None:
    model = graphc.onnx.load(model_path("silero_vad", "data/silero_vad.onnx"))
    sound, rate = read_sound(path)
    found = probabilities(model, sound, rate)
    for start, end in stretches(found):
        print(f"speech from {start:.1f} s to {end:.1f} s")
    print(f"{np.mean(found >= SPEECH):.0%} of {len(sound) / rate:.1f} s is speech")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
