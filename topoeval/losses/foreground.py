"""The foreground of maps as a topology reads it, and what digital topology makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import generate_binary_structure, label

from topoeval.digital import thin
from topoeval.losses.base import as_mask, outside_graph
from topoeval.topology import Topology


def foreground(maps: torch.Tensor, topology: Topology) -> torch.Tensor:
    """Return how much of each voxel is foreground: maps in [0, 1], or what they lack of 1."""
    return maps if topology.superlevel else 1 - maps


def foreground_mask(maps: torch.Tensor, topology: Topology) -> torch.Tensor:
    """Return the boolean foreground: 0.5 and above, or below 0.5 where dark is foreground."""
    mask = as_mask(maps)
    return mask if topology.superlevel else ~mask


def thinned(masks: torch.Tensor, topology: Topology) -> torch.Tensor:
    """Return the homotopic skeletons of boolean ``(B, C, *spatial)`` masks, on their device."""
    threads = torch.get_num_threads()
    return on_host(lambda images: thin(images, topology, threads=threads), masks)


def components(masks: torch.Tensor, *, corners: bool) -> torch.Tensor:
    """Return the components of boolean ``(B, C, *spatial)`` masks, int32 from 1, 0 outside."""

    def labels(images: NDArray[np.bool_]) -> NDArray[np.int32]:
        ndim = images.ndim - 1
        structure = generate_binary_structure(ndim, ndim if corners else 1)
        return np.stack([label(image, structure)[0] for image in images]).astype(np.int32)

    return on_host(labels, masks)


@outside_graph
def on_host(function: Callable[..., NDArray[Any]], *masks: torch.Tensor) -> torch.Tensor:
    """Apply a numpy function of ``(B * C, *spatial)`` images to ``(B, C, *spatial)`` masks.

    What it returns for each image may have any shape: ``(B * C, ...)`` becomes ``(B, C, ...)``.
    """
    device, lead = masks[0].device, masks[0].shape[:2]
    result = function(*[mask.detach().flatten(0, 1).cpu().numpy() for mask in masks])
    return torch.from_numpy(result.reshape(*lead, *result.shape[1:])).to(device)
