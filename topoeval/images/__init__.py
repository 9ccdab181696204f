"""Files of images and masks: one reader for every command that takes files.

`read_image` changes no value: whether an array is a mask, a label map or a probability is decided
once for a whole set of files, by `topoeval.images.survey` and `topoeval.images.reading`.
"""

from topoeval.images.formats import (
    FORMATS,
    Format,
    image_files,
    image_name,
    image_suffix,
    is_image,
    is_lossy,
    known_suffixes,
    read_image,
    split_inside,
)
from topoeval.images.image import Image, Values

__all__ = [
    "FORMATS",
    "Format",
    "Image",
    "Values",
    "image_files",
    "image_name",
    "image_suffix",
    "is_image",
    "is_lossy",
    "known_suffixes",
    "read_image",
    "split_inside",
]
