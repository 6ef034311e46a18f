"""TensorFlow's image files: their names, and the lib functions that build them."""

from __future__ import annotations

from graphc.api.op import Op
from graphc.lib import codec, decode

ROWS = (
    Op("io.encode_jpeg image.encode_jpeg", "EncodeJpeg", codec.encode_jpeg, "image"),
    Op("io.encode_png image.encode_png", "EncodePng", codec.encode_png, "image"),
    Op("io.decode_jpeg image.decode_jpeg", "DecodeJpeg", decode.decode_jpeg, "contents"),
    Op("io.decode_and_crop_jpeg image.decode_and_crop_jpeg", "DecodeAndCropJpeg", decode.decode_and_crop_jpeg,
       "contents"),
    Op("io.decode_png image.decode_png", "DecodePng", decode.decode_png, "contents"),
    Op("io.decode_bmp image.decode_bmp", "DecodeBmp", decode.decode_bmp, "contents"),
    Op("io.decode_gif image.decode_gif", "DecodeGif", decode.decode_gif, "contents"),
    Op("io.decode_image image.decode_image", "DecodeImage", decode.decode_image, "contents",
       label="decode_image"),
    Op("io.extract_jpeg_shape image.extract_jpeg_shape", "ExtractJpegShape", codec.extract_jpeg_shape, "contents"),
    Op("io.is_jpeg image.is_jpeg", "IsJpeg", codec.is_jpeg, "contents",
       label="is_jpeg"),
    Op("image.adjust_jpeg_quality", "AdjustJpegQuality", codec.adjust_jpeg_quality, "image",
       label="adjust_jpeg_quality"),
)
