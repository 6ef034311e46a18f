"""``keras.ops.image`` by graphc's operations."""

from graphc.keras.keras_graphc.image.blurring import gaussian_blur, sobel_edges
from graphc.keras.keras_graphc.image.color import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from graphc.keras.keras_graphc.image.resizing import resize, scale_and_translate
from graphc.keras.keras_graphc.image.sampling import map_coordinates
from graphc.keras.keras_graphc.image.warping import (
    affine_transform,
    compute_homography_matrix,
    elastic_transform,
    perspective_transform,
)
