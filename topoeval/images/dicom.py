"""DICOM SEG, read by highdicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from topoeval.errors import UserError
from topoeval.images.image import Image, usable_spacing
from topoeval.images.itk import LPS_TO_RAS

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


def read(path: Path, inside: str) -> Image:
    """Read the segments as labels by their numbers; overlapping or fractional ones as channels."""
    import highdicom
    import pydicom

    head = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    if head.get("SOPClassUID") not in _SEGMENTATIONS:
        raise UserError(f"{path}: a DICOM file without segments (SEG); save the mask as NIfTI")
    found: Any = highdicom.seg.segread(path)
    fractional = str(found.SegmentationType) == "FRACTIONAL"
    try:
        volume = found.get_volume(combine_segments=not fractional)
    except RuntimeError as error:
        if "overlap" not in str(error).lower():
            raise
        volume = found.get_volume(combine_segments=False)
    array = np.asarray(volume.array)
    affine = LPS_TO_RAS @ np.asarray(volume.affine, np.float64)[:3]
    channel_axis = 3 if array.ndim == 4 else None
    if channel_axis is not None and array.shape[3] == 1:
        array, channel_axis = array[..., 0], None
    return Image(
        array,
        usable_spacing(volume.spacing),
        affine,
        channel_axis,
        "probabilities" if fractional else "labels",
    )
