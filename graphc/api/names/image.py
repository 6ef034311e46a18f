"""TensorFlow's image operations: their names, and the lib functions that build them."""

from __future__ import annotations

from graphc.api.op import Op
from graphc.lib import boxes, color, crop, distort, image, image_quality, image_random, resize


def _random(name: str, tensor: str = "image") -> tuple[Op, Op]:
    """The rows of an operation that draws from the program's stream, and of its form with a seed."""
    kind = "".join(word.capitalize() for word in name.split("_"))
    return (
        Op(f"image.{name}", kind, getattr(image_random, name), tensor, random=True),
        Op(f"image.stateless_{name}", f"Stateless{kind}", getattr(image_random, f"stateless_{name}"),
           f"{tensor} | seed"),
    )  # fmt: skip


ROWS = (
    Op("image.resize", "ResizeBilinear", resize.resize, "images"),
    Op("compat.v1.image.resize compat.v1.image.resize_images", "ResizeBilinear", resize.resize_v1, "images"),
    Op("compat.v1.image.resize_bilinear", "ResizeBilinear", resize.resize_bilinear, "images"),
    Op("compat.v1.image.resize_bicubic", "ResizeBicubic", resize.resize_bicubic, "images"),
    Op("compat.v1.image.resize_nearest_neighbor", "ResizeNearestNeighbor", resize.resize_nearest_neighbor, "images"),
    Op("compat.v1.image.resize_area", "ResizeArea", resize.resize_area, "images"),
    Op("image.resize_with_pad", "ResizeWithPad", resize.resize_with_pad, "image"),
    Op("compat.v1.image.resize_image_with_pad", "ResizeWithPad", resize.resize_with_pad_v1, "image"),
    Op("image.resize_with_crop_or_pad compat.v1.image.resize_image_with_crop_or_pad", "ResizeWithCropOrPad",
       crop.resize_with_crop_or_pad, "image"),
    Op("image.crop_to_bounding_box", "CropToBoundingBox", crop.crop_to_bounding_box, "image"),
    Op("image.pad_to_bounding_box", "PadToBoundingBox", crop.pad_to_bounding_box, "image"),
    Op("image.central_crop", "CentralCrop", crop.central_crop, "image"),
    Op("compat.v1.image.crop_and_resize", "CropAndResize", crop.crop_and_resize_v1, "image | boxes | box_ind"),
    Op("compat.v1.image.extract_glimpse", "ExtractGlimpse", crop.extract_glimpse_v1, "input | offsets", random=True),
    Op("compat.v1.image.extract_image_patches", "ExtractImagePatches", crop.extract_image_patches, "images"),
    Op("compat.v1.image.draw_bounding_boxes", "DrawBoundingBoxesV2", image.draw_bounding_boxes_v1,
       "images | boxes | colors"),
    Op("image.crop_and_resize", "CropAndResize", crop.crop_and_resize, "image | boxes | box_indices"),
    Op("image.extract_glimpse", "ExtractGlimpse", crop.extract_glimpse, "input | offsets", random=True),
    Op("image.extract_patches", "ExtractImagePatches", crop.extract_patches, "images"),
    Op("image.flip_left_right", "FlipLeftRight", image.flip_left_right, "image"),
    Op("image.flip_up_down", "FlipUpDown", image.flip_up_down, "image"),
    Op("image.rot90", "Rot90", image.rot90, "image"),
    Op("image.transpose compat.v1.image.transpose_image", "TransposeImage", image.transpose, "image"),
    Op("image.per_image_standardization", "PerImageStandardization", image.per_image_standardization, "image"),
    Op("image.total_variation", "TotalVariation", image.total_variation, "images"),
    Op("image.image_gradients", "ImageGradients", image.image_gradients, "image"),
    Op("image.sobel_edges", "SobelEdges", image.sobel_edges, "image"),
    Op("image.draw_bounding_boxes", "DrawBoundingBoxesV2", image.draw_bounding_boxes, "images | boxes | colors"),
    Op("image.convert_image_dtype", "ConvertImageDtype", color.convert_image_dtype, "image"),
    Op("image.adjust_brightness", "AdjustBrightness", color.adjust_brightness, "image"),
    Op("image.adjust_contrast", "AdjustContrastv2", color.adjust_contrast, "images"),
    Op("image.adjust_gamma", "AdjustGamma", color.adjust_gamma, "image"),
    Op("image.adjust_hue", "AdjustHue", color.adjust_hue, "image"),
    Op("image.adjust_saturation", "AdjustSaturation", color.adjust_saturation, "image"),
    Op("image.rgb_to_hsv", "RGBToHSV", color.rgb_to_hsv, "images"),
    Op("image.hsv_to_rgb", "HSVToRGB", color.hsv_to_rgb, "images"),
    Op("image.rgb_to_grayscale", "RgbToGrayscale", color.rgb_to_grayscale, "images"),
    Op("image.grayscale_to_rgb", "GrayscaleToRgb", color.grayscale_to_rgb, "images"),
    Op("image.rgb_to_yiq", "RgbToYiq", color.rgb_to_yiq, "images"),
    Op("image.yiq_to_rgb", "YiqToRgb", color.yiq_to_rgb, "images"),
    Op("image.rgb_to_yuv", "RgbToYuv", color.rgb_to_yuv, "images"),
    Op("image.yuv_to_rgb", "YuvToRgb", color.yuv_to_rgb, "images"),
    Op("image.psnr", "PSNR", image_quality.psnr, "a b"),
    Op("image.ssim", "SSIM", image_quality.ssim, "img1 img2"),
    Op("image.ssim_multiscale", "SSIMMultiscale", image_quality.ssim_multiscale, "img1 img2"),
    Op("image.non_max_suppression", "NonMaxSuppressionV3", boxes.non_max_suppression, "boxes | scores"),
    Op("image.non_max_suppression_with_scores", "NonMaxSuppressionV5", boxes.non_max_suppression_with_scores,
       "boxes | scores"),
    Op("image.non_max_suppression_overlaps", "NonMaxSuppressionWithOverlaps", boxes.non_max_suppression_overlaps,
       "overlaps | scores"),
    Op("image.non_max_suppression_padded compat.v1.image.non_max_suppression_padded", "NonMaxSuppressionPadded",
       boxes.non_max_suppression_padded, "boxes | scores"),
    Op("image.combined_non_max_suppression", "CombinedNonMaxSuppression", boxes.combined_non_max_suppression,
       "boxes | scores"),
    *_random("random_flip_left_right"), *_random("random_flip_up_down"), *_random("random_brightness"),
    *_random("random_contrast"), *_random("random_hue"), *_random("random_saturation"),
    *_random("random_crop", "value"),
    *_random("random_jpeg_quality"),
    Op("image.sample_distorted_bounding_box", "SampleDistortedBoundingBoxV2", distort.sample_distorted_bounding_box,
       "image_size | bounding_boxes", random=True),
    Op("compat.v1.image.sample_distorted_bounding_box", "SampleDistortedBoundingBoxV2",
       distort.sample_distorted_bounding_box_v1, "image_size | bounding_boxes", random=True),
    Op("image.stateless_sample_distorted_bounding_box", "StatelessSampleDistortedBoundingBox",
       distort.stateless_sample_distorted_bounding_box, "image_size | bounding_boxes | seed"),
)

FUNCTIONS = {
    "image.ResizeMethod": resize.ResizeMethod,
    "compat.v1.image.ResizeMethod": resize.ResizeMethodV1,
}
