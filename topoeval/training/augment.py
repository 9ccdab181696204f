"""Augmentation and patches, by MONAI's transforms: the same for all methods.

A strong augmentation is part of a fair comparison: without it the plain loss is a weak opponent.
TopoMortar (arXiv 2503.03365) found that simple remedies explain much of what topology losses gain.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from topoeval.errors import UserError


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How images are varied; the defaults suit pictures without a preferred orientation.

    Parameters
    ----------
    flip
        Probability of a flip along each axis.
    rotate
        Largest angle in degrees, about each axis.
    scale
        Largest relative change of size.
    bend
        Largest displacement of a smooth elastic field, in voxels; 0 for none. 2D only.
    brightness, contrast, gamma
        Largest shift of grey values, relative change of them, and change of the logarithm of gamma.
    noise
        Largest standard deviation of white noise.
    blur
        Largest standard deviation of a Gaussian blur, in voxels.
    probability
        Of each of rotation with scaling, bending, each change of grey values, noise and blur.
    patch
        Voxels of each side of a random patch, cut before all else; 0 takes whole images. The Betti
        numbers of a patch are not those of its image: a prior per image does not hold for it.
    """

    flip: float = 0.5
    rotate: float = 25.0
    scale: float = 0.15
    bend: float = 0.0
    brightness: float = 0.1
    contrast: float = 0.25
    gamma: float = 0.4
    noise: float = 0.05
    blur: float = 1.0
    probability: float = 0.3
    patch: int = 0

    def __post_init__(self) -> None:
        for name in ("flip", "probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"augmentation: {name} must be 0 to 1, got {getattr(self, name)}")
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value < 0:
                raise UserError(f"augmentation: {name} must be 0 or more, got {value}")


def augment(
    images: torch.Tensor, targets: torch.Tensor, settings: Augmentation, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a varied copy of a batch, a pure function of its arguments.

    Each image has random numbers of its own, of which the order of the batch is a part; the place
    of every voxel changes alike in image and target. Targets are resampled to the nearest voxel, so
    they keep their values; thin structures may then break or merge, as they do in any augmentation.

    Parameters
    ----------
    images, targets
        ``(B, C, *spatial)`` of equal spatial shape; images in [0, 1].
    settings
        What varies, and how much.
    seed
        Of the batch.

    Returns
    -------
    Images in [0, 1] and targets, of the dtype and on the device of the given ones.

    Raises
    ------
    UserError
        If the shapes do not fit each other, or the images are smaller than a patch.

    Examples
    --------
    >>> images = torch.rand(2, 1, 8, 8)
    >>> still = Augmentation(flip=0, probability=0)
    >>> same, _ = augment(images, images, still, seed=0)
    >>> torch.equal(same, images)
    True
    """
    if images.shape[0] != targets.shape[0] or images.shape[2:] != targets.shape[2:]:
        raise UserError(
            f"images {tuple(images.shape)} and targets {tuple(targets.shape)} are no pairs"
        )
    if settings.patch > min(images.shape[2:]):
        sides = tuple(images.shape[2:])
        raise UserError(f"patch={settings.patch} is larger than images of {sides}")
    transform = _transform(settings, images.ndim - 2)
    seeds = np.random.SeedSequence(seed).generate_state(len(images))
    varied = []
    with _plain_tensors():
        for image, target, one in zip(images.cpu(), targets.cpu(), seeds.tolist(), strict=True):
            transform.set_random_state(seed=one)
            varied.append(transform({"image": image.float(), "target": target.float()}))
    return tuple(
        torch.stack([pair[key] for pair in varied])
        .clamp(0, 1)
        .to(device=like.device, dtype=like.dtype)
        for key, like in (("image", images), ("target", targets))
    )  # type: ignore[return-value]  # two entries, one for each key


def varied_batch(
    images: torch.Tensor,
    targets: torch.Tensor,
    counted: torch.Tensor | None,
    settings: Augmentation,
    seed: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Return a varied copy of a batch of which ``(B, 1, *spatial)`` says which voxels count."""
    if counted is None:
        return *augment(images, targets, settings, seed), None
    joined = torch.cat([targets, counted.to(targets)], dim=1)
    images, joined = augment(images, joined, settings, seed)
    return images, joined[:, :-1], joined[:, -1:] > 0.5


@contextmanager
def _plain_tensors() -> Iterator[None]:
    """Have MONAI keep no account of what it did to each image, a third of the time it takes."""
    from monai.data.meta_obj import get_track_meta, set_track_meta

    before = get_track_meta()
    set_track_meta(False)
    try:
        yield
    finally:
        set_track_meta(before)


@lru_cache(maxsize=8)
def _transform(settings: Augmentation, ndim: int) -> Any:
    """Return MONAI's transforms for these settings."""
    from monai import transforms as T

    both, p = ["image", "target"], settings.probability
    steps: list[Any] = []
    if settings.patch:
        steps.append(T.RandSpatialCropd(both, roi_size=(settings.patch,) * ndim, random_size=False))
    steps += [T.RandFlipd(both, prob=settings.flip, spatial_axis=axis) for axis in range(ndim)]
    resampling: dict[str, Any] = {"mode": ("bilinear", "nearest"), "padding_mode": "reflection"}
    if settings.rotate or settings.scale:
        angle = np.radians(settings.rotate)
        steps.append(
            T.RandAffined(
                both,
                prob=p,
                rotate_range=(angle,) * (1 if ndim == 2 else 3),
                scale_range=(settings.scale,) * ndim,
                **resampling,
            )
        )
    if settings.bend:
        if ndim != 2:
            raise UserError("augmentation: bend is for 2D images")
        steps.append(
            T.Rand2DElasticd(
                both, spacing=(24, 24), magnitude_range=(0, settings.bend), prob=p, **resampling
            )
        )
    if settings.blur:
        sigma: dict[str, Any] = {f"sigma_{axis}": (0.1, settings.blur) for axis in "xyz"}
        steps.append(T.RandGaussianSmoothd("image", prob=p, **sigma))
    if settings.contrast:
        steps.append(T.RandScaleIntensityd("image", factors=settings.contrast, prob=p))
    if settings.brightness:
        steps.append(T.RandShiftIntensityd("image", offsets=settings.brightness, prob=p))
    if settings.gamma:
        gamma = (float(np.exp(-settings.gamma)), float(np.exp(settings.gamma)))
        steps.append(T.RandAdjustContrastd("image", gamma=gamma, prob=p))
    if settings.noise:
        steps.append(T.RandGaussianNoised("image", std=settings.noise, prob=p))
    return T.Compose(steps)
