"""A split of a dataset as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from topoeval.datasets.sample import Sample, stack

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor | None]
"""Images, targets, priors and which voxels count."""


@dataclass(frozen=True, slots=True, eq=False)
class TensorSet:
    """All samples of a small split, stacked.

    Parameters
    ----------
    images, targets
        ``(N, C, *spatial)`` float32 in [0, 1].
    priors
        ``(N, d)`` int64 Betti numbers; None if any sample has none.
    labels
        ``(N,)`` int64 classes; None if any sample has none.
    cases
        Names of the samples.
    spacings
        Size of a voxel along each axis for each sample, in mm; None if any sample has none.
    counted
        ``(N, 1, *spatial)`` bool: which voxels count; None if all do.
    """

    images: torch.Tensor
    targets: torch.Tensor
    priors: torch.Tensor | None
    labels: torch.Tensor | None
    cases: tuple[str, ...]
    spacings: tuple[tuple[float, ...], ...] | None = None
    counted: torch.Tensor | None = None

    @classmethod
    def from_samples(
        cls, samples: Sequence[Sample], device: torch.device | str = "cpu"
    ) -> TensorSet:
        """Stack samples of equal shape on `device`."""
        images, targets = (torch.from_numpy(array).to(device) for array in stack(samples))
        priors = [sample.prior for sample in samples]
        labels = [sample.label for sample in samples]
        spacings = [sample.spacing for sample in samples if sample.spacing is not None]
        return cls(
            images=images,
            targets=targets,
            priors=None if None in priors else torch.tensor(priors, device=device),
            labels=None if None in labels else torch.tensor(labels, device=device),
            cases=tuple(sample.case for sample in samples),
            spacings=tuple(spacings) if len(spacings) == len(samples) else None,
            counted=_counted(samples, device),
        )

    @classmethod
    def joined(cls, sets: Sequence[TensorSet]) -> TensorSet:
        """Return the samples of several sets of equal shape as one set, in their order."""
        priors = [one.priors for one in sets if one.priors is not None]
        labels = [one.labels for one in sets if one.labels is not None]
        return cls(
            images=torch.cat([one.images for one in sets]),
            targets=torch.cat([one.targets for one in sets]),
            priors=torch.cat(priors) if len(priors) == len(sets) else None,
            labels=torch.cat(labels) if len(labels) == len(sets) else None,
            cases=tuple(case for one in sets for case in one.cases),
            # what is joined is predicted together; each set is scored by its own
            spacings=None,
            counted=None
            if all(one.counted is None for one in sets)
            else torch.cat([one._all_counted() for one in sets]),
        )

    def __len__(self) -> int:
        return len(self.cases)

    def batch(self, index: torch.Tensor) -> Batch:
        """Return images, targets, priors and the voxels that count of the samples at `index`."""
        index = index.to(self.images.device)
        priors = None if self.priors is None else self.priors[index]
        counted = None if self.counted is None else self.counted[index]
        return self.images[index], self.targets[index], priors, counted

    def without_ignored(self, maps: torch.Tensor) -> torch.Tensor:
        """Return predictions ``(N, C, *spatial)`` with background where no voxel counts."""
        return maps if self.counted is None else torch.where(self.counted, maps, 0.0)

    def _all_counted(self) -> torch.Tensor:
        if self.counted is not None:
            return self.counted
        return torch.ones_like(self.targets[:, :1], dtype=torch.bool)


def _counted(samples: Sequence[Sample], device: torch.device | str) -> torch.Tensor | None:
    """Return which voxels of samples count, or None if all do."""
    if all(sample.ignored is None for sample in samples):
        return None
    masks = [
        torch.ones((1, *sample.target.shape[1:]), dtype=torch.bool)
        if sample.ignored is None
        else torch.from_numpy(~sample.ignored)
        for sample in samples
    ]
    return torch.stack(masks).to(device)


def shuffled_batches(n: int, size: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Return the index tensors of one epoch: a random order cut into batches, none left out.

    >>> [len(b) for b in shuffled_batches(10, 4, torch.Generator().manual_seed(0))]
    [4, 4, 2]
    """
    return list(torch.split(torch.randperm(n, generator=generator), min(size, n)))
