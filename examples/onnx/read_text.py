"""Reads the text of an image: the three models of the rapidocr package (where is text, is it upside down, what does it say).

    pip install --no-deps rapidocr
    pip install 'graphc[image]'
    python examples/onnx/read_text.py [photo.png]

Without a file it reads an image that it draws itself.
"""

from __future__ import annotations

import sys

import numpy as np
from packaged import model_path

import graphc

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError:
    sys.exit("images need Pillow: pip install 'graphc[image]'")

GRID = 32  # the detector wants sizes that this divides
FEWEST = 40  # pixels of a piece of text
LINES = ("Hello graphc 2026", "one compile serves", "every batch size")


def drawn(lines=LINES, upside_down: bool = False) -> Image.Image:
    """Black text on white."""
    image = Image.new("RGB", (640, 60 + 80 * len(lines)), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(44)
    for k, line in enumerate(lines):
        pen.text((40, 40 + 80 * k), line, "black", font)
    return image.rotate(180) if upside_down else image


def as_input(image: Image.Image, width: int, height: int) -> np.ndarray:
    """float32 [1, 3, height, width] between -1 and 1; blue comes first, as the models learnt it."""
    pixels = np.asarray(image.resize((width, height), Image.BILINEAR), np.float32)[:, :, ::-1]
    return np.ascontiguousarray((pixels / 127.5 - 1).transpose(2, 0, 1)[None])


def components(mask: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) around the connected parts of a bool [height, width], from top to bottom."""
    left, boxes = mask.copy(), []
    for y, x in np.argwhere(mask):
        if not left[y, x]:
            continue
        todo, found = [(y, x)], []
        left[y, x] = False
        while todo:
            r, c = todo.pop()
            found.append((r, c))
            for p, q in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
                if 0 <= p < mask.shape[0] and 0 <= q < mask.shape[1] and left[p, q]:
                    left[p, q] = False
                    todo.append((p, q))
        if len(found) >= FEWEST:
            rows, columns = np.array(found).T
            boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return boxes


class Reader:
    """The three models."""

    def __init__(self):
        folder = model_path("rapidocr", "models")
        self.detector = graphc.onnx.load(folder / "PP-OCRv6_det_small.onnx")
        self.turned = graphc.onnx.load(folder / "ch_ppocr_mobile_v2.0_cls_mobile.onnx")
        self.recogniser = graphc.onnx.load(folder / "PP-OCRv6_rec_small.onnx")
        self.letters = ["", *self.recogniser.metadata["character"].split("\n"), " "]

    def boxes(self, image: Image.Image) -> list[tuple[int, int, int, int]]:
        """Where text is, in pixels of the image."""
        width, height = (max(GRID, round(n / GRID) * GRID) for n in image.size)
        (found,) = self.detector.run([as_input(image, width, height)])
        boxes = []
        for left, top, right, bottom in components(found[0, 0] > 0.3):
            more = 0.8 * (right - left) * (bottom - top) / (right - left + bottom - top)  # found is the middle of the text
            corners = np.array([left - more, top - more, right + more, bottom + more])
            corners *= np.array([image.width / width, image.height / height] * 2)
            limits = (image.width, image.height) * 2
            boxes.append(tuple(int(np.clip(v, 0, n)) for v, n in zip(corners.round(), limits)))
        return boxes

    def read(self, piece: Image.Image) -> tuple[str, float]:
        """The text of an image of one line, and how sure the model is."""
        (sides,) = self.turned.run([as_input(piece, 192, 48)])
        if sides[0, 1] > 0.9:
            piece = piece.rotate(180)
        (scores,) = self.recogniser.run([as_input(piece, max(48, round(48 * piece.width / piece.height)), 48)])
        best = scores[0].argmax(-1)
        kept = [k for k, n in enumerate(best) if n and (k == 0 or n != best[k - 1])]  # repeated and empty steps are dropped
        sure = float(np.mean([scores[0, k, best[k]] for k in kept])) if kept else 0.0
        return "".join(self.letters[best[k]] for k in kept), sure


def main(path: str | None = None) -> None:
    image = drawn() if path is None else Image.open(path).convert("RGB")
    reader = Reader()
    for box in reader.boxes(image):
        text, sure = reader.read(image.crop(box))
        print(f"{text}  ({sure:.0%} at {box})")


if __name__ == "__main__":
    main(*sys.argv[1:2])
