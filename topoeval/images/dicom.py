"""DICOM SEG, read by highdicom."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from topoeval.errors import UserError
from topoeval.images.image import Image, usable_spacing
from topoeval.images.itk import LPS_TO_RAS
from topoeval.images.size import check_bytes, check_size

_TAGS = ["SOPClassUID", "NumberOfFrames", "Rows", "Columns"]
_DEFLATED = "1.2.840.10008.1.2.1.99"
# preamble, prefix and the element that tells how long the rest of the header is
_BEFORE_META = 128 + 4 + 12
_CHUNK = 2**20
_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


def read(path: Path, inside: str) -> Image:
    """Read the segments as labels by their numbers; fractional ones as channels."""
    import highdicom
    import pydicom

    _check_deflated(path)
    head = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
    if head.get("SOPClassUID") not in _SEGMENTATIONS:
        raise UserError(f"{path}: a DICOM file without segments (SEG); save the mask as NIfTI")
    frames = [int(head.get(name) or 0) for name in ("NumberOfFrames", "Rows", "Columns")]
    check_size(path, frames, np.uint8)
    found: Any = highdicom.seg.segread(path)
    fractional = str(found.SegmentationType) == "FRACTIONAL"
    geometry = found.get_volume_geometry()
    if geometry is None:
        raise UserError(f"{path}: its frames are no slices of one volume")
    # a distance between slices that is wrong makes a volume of any height
    check_size(path, (*geometry.spatial_shape, found.number_of_segments), np.uint8)
    volume = None
    try:
        volume = found.get_volume(combine_segments=not fractional)
    except RuntimeError as error:
        if "overlap" not in str(error).lower():
            raise
    if volume is None:  # outside of the handler: until then highdicom's table is locked
        apart = np.asarray(found.get_volume(combine_segments=False).array)
        both = int((apart.astype(bool).sum(axis=3) > 1).sum())
        raise UserError(
            f"{path}: its segments overlap in {both} voxels, and a mask has one label in each; "
            "save each segment in a file of its own and evaluate them one by one"
        )
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


def _check_deflated(path: Path) -> None:
    """Refuse a data set that is compressed as a whole and too large when it is unpacked."""
    from pydicom.filereader import read_file_meta_info

    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != _DEFLATED:
        return
    unpacked, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(_BEFORE_META + int(meta.FileMetaInformationGroupLength))
        while data := unpacked.unconsumed_tail or file.read(_CHUNK):
            size += len(unpacked.decompress(data, _CHUNK))
            check_bytes(path, size, "data")
