"""TensorFlow's image operations: their names, and the lib functions that build them."""

from __future__ import annotations

from graphc.api.op import Op
from graphc.lib import crop, resize

ROWS = (
    Op("image.resize", "ResizeBilinear", resize.resize, "images"),
    Op("compat.v1.image.resize compat.v1.image.resize_images", "ResizeBilinear", resize.resize_v1, "images"),
    Op("compat.v1.image.resize_bilinear", "ResizeBilinear", resize.resize_bilinear, "images"),
    Op("compat.v1.image.resize_bicubic", "ResizeBicubic", resize.resize_bicubic, "images"),
    Op("compat.v1.image.resize_nearest_neighbor", "ResizeNearestNeighbor", resize.resize_nearest_neighbor, "images"),
    Op("compat.v1.image.resize_area", "ResizeArea", resize.resize_area, "images"),
    Op("image.resize_with_pad", "ResizeWithPad", resize.resize_with_pad, "image"),
    Op("compat.v1.image.resize_image_with_pad", "ResizeWithPad", resize.resize_with_pad_v1, "image"),
    Op("image.resize_with_crop_or_pad", "ResizeWithCropOrPad", crop.resize_with_crop_or_pad, "image"),
    Op("image.crop_to_bounding_box", "CropToBoundingBox", crop.crop_to_bounding_box, "image"),
    Op("image.pad_to_bounding_box", "PadToBoundingBox", crop.pad_to_bounding_box, "image"),
    Op("image.central_crop", "CentralCrop", crop.central_crop, "image"),
)
