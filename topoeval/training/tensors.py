"""A split of a dataset as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from topoeval.datasets.sample import Sample, stack

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]
"""Images, targets and priors."""


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
    """

    images: torch.Tensor
    targets: torch.Tensor
    priors: torch.Tensor | None
    labels: torch.Tensor | None
    cases: tuple[str, ...]
    spacings: tuple[tuple[float, ...], ...] | None = None

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
        )

    def __len__(self) -> int:
        return len(self.cases)

    def batch(self, index: torch.Tensor) -> Batch:
        """Return images, targets and priors of the samples at `index`."""
        index = index.to(self.images.device)
        priors = None if self.priors is None else self.priors[index]
        return self.images[index], self.targets[index], priors


def shuffled_batches(n: int, size: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Return the index tensors of one epoch: a random order cut into batches, none left out.

    >>> [len(b) for b in shuffled_batches(10, 4, torch.Generator().manual_seed(0))]
    [4, 4, 2]
    """
    return list(torch.split(torch.randperm(n, generator=generator), min(size, n)))
