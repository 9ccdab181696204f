"""The parts of a run: its data, its network, its losses, made of its specification."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from topoeval import datasets, networks
from topoeval.archives import DamagedFileError, set_aside
from topoeval.datasets.classes import TargetClasses
from topoeval.errors import UserError
from topoeval.harness.runs.store import Store
from topoeval.records.parts import Params
from topoeval.records.spec import RunSpec
from topoeval.topology import Topology
from topoeval.training import (
    Schedule,
    Teaching,
    TensorSet,
    Term,
    Views,
    Window,
    build_term,
    checkpoint,
    predict,
)
from topoeval.training.augment import Augmentation


def classes_of(spec: RunSpec) -> TargetClasses:
    """Return what the channels of the targets mean, as the dataset's card says."""
    return datasets.info(spec.dataset.name, **spec.dataset.params).target_classes


def load_split(
    spec: RunSpec, split: datasets.Split, size: int | None = None, params: Params | None = None
) -> TensorSet:
    """Return a split on the device of the run.

    Raises
    ------
    UserError
        The targets have other channels than the classes of the dataset's card; or as
        `topoeval.datasets.load`.
    """
    samples = datasets.load(
        spec.dataset.name,
        split,
        size or spec.dataset.sizes.get(split),
        seed=spec.seed,
        **{**spec.dataset.params, **(params or {}), **spec.dataset.paths},
    )
    loaded = TensorSet.from_samples(list(samples), spec.device)
    check_channels(spec, loaded.targets.shape[1])
    if loaded.counted is not None and not Topology.parse(spec.topology).superlevel:
        raise UserError(
            f"dataset {spec.dataset.label!r} has voxels to ignore, which count as dark, and under "
            f"topology {spec.topology!r} dark is foreground; name a superlevel topology"
        )
    return loaded


def check_channels(spec: RunSpec, channels: int) -> None:
    """Refuse targets of other channels than the dataset's card has classes."""
    names = classes_of(spec).names
    if channels != len(names):
        raise UserError(
            f"dataset {spec.dataset.label!r}: targets have {channels} channels, and its card has "
            f"the classes {', '.join(names)}"
        )


def network_of(spec: RunSpec, like: TensorSet) -> nn.Module:
    """Return the new network of a run, for images of the form of `like`, on its device."""
    network = networks.build(
        spec.network.name,
        ndim=like.images.ndim - 2,
        in_channels=like.images.shape[1],
        out_channels=classes_of(spec).channels,
        **spec.network.params,
    )
    return network.to(spec.device)


def terms_of(spec: RunSpec, *, scheduled: bool = True, **params: Any) -> list[Term]:
    """Return the losses of a run.

    Parameters
    ----------
    scheduled
        Whether their strength changes in the course of the training, as the method says; else it is
        full from the first step.
    params
        Further parameters of each loss, as ``reduction="none"``.
    """
    terms = []
    for loss in spec.method.losses:
        settings = loss.model_dump()
        if not scheduled:
            settings |= {"start": 0.0, "ramp": 0.0}
        settings["params"] = {**settings["params"], **params}
        terms.append(
            build_term(
                **settings,
                topology=Topology.parse(spec.topology),
                backend=spec.backend,
                classes=classes_of(spec),
            )
        )
    return terms


def schedule_of(spec: RunSpec) -> Schedule:
    """Return length and step size of a run's training."""
    return Schedule(**spec.training.model_dump())


def teaching_of(spec: RunSpec) -> Teaching:
    """Return how the teacher of a run follows; the defaults where there is none."""
    return Teaching() if spec.method.teacher is None else Teaching(**dict(spec.method.teacher))


def augmentation_of(spec: RunSpec) -> Augmentation | None:
    """Return how the images of a run's training are varied, patches included."""
    if spec.augmentation is not None:
        varied = Augmentation(**spec.augmentation.model_dump())
        return replace(varied, patch=patch_of(spec))
    if spec.patch is not None:
        return Augmentation(flip=0, probability=0, patch=spec.patch.size)
    return None


def patch_of(spec: RunSpec) -> int:
    """Return the side of the patches that a training cuts; 0 for whole images."""
    if spec.patch is not None:
        return spec.patch.size
    return 0 if spec.augmentation is None else spec.augmentation.patch


def views_of(spec: RunSpec) -> Views:
    """Return over which views of an image a run's answers are means."""
    return Views(flips=spec.method.flips, shifts=spec.method.shifts)


def maps_of(spec: RunSpec, network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return what a network predicts: a map of each class, which is predicted from 0.5 on."""
    window = None if spec.patch is None else Window(spec.patch.size, spec.patch.overlap)
    softmax = classes_of(spec).softmax
    return predict(
        network,
        images,
        precision=spec.precision,
        softmax=softmax,
        window=window,
        views=views_of(spec),
    )


def weights_of(store: Store, run_id: str, device: str) -> dict[str, torch.Tensor]:
    """Return the trained weights that a run has left.

    Raises
    ------
    DamagedFileError
        They are gone or damaged, and then set aside: the same command trains them again.
    """
    path = store.network(run_id)
    try:
        found: dict[str, torch.Tensor] = checkpoint.load(path, device)
    except DamagedFileError as error:
        if path.exists():
            set_aside(path)
        raise DamagedFileError(
            path, f"{error.problem}; the same command trains it again"
        ) from error
    return found
