"""Datasets: named sources of samples whose topology is known.

`load` builds a split, `info` describes a dataset without touching its data. Third parties add
datasets through the entry-point group ``topoeval.datasets``. Importing this package imports neither
torch nor scikit-learn, and no dataset module before it is asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from topoeval.datasets.dataset_info import DatasetInfo, Split
from topoeval.datasets.sample import Dataset, Sample, stack
from topoeval.errors import UserError, nearest
from topoeval.registry import Registry

BUILTIN = {
    "acdc": "topoeval.datasets.acdc:Acdc",
    "cardiac": "topoeval.datasets.cardiac:Cardiac",
    "chase_db1": "topoeval.datasets.retina:ChaseDb1",
    "cremi": "topoeval.datasets.electron:Cremi",
    "digits": "topoeval.datasets.digits:Digits",
    "drive": "topoeval.datasets.retina:Drive",
    "fives": "topoeval.datasets.retina:Fives",
    "folder": "topoeval.datasets.folder:Folder",
    "hrf": "topoeval.datasets.retina:Hrf",
    "isbi12": "topoeval.datasets.electron:Isbi12",
    "massachusetts_roads": "topoeval.datasets.roads:MassachusettsRoads",
    "membranes": "topoeval.datasets.membranes:Membranes",
    "mnist": "topoeval.datasets.mnist:Mnist",
    "msd": "topoeval.datasets.volumes:Msd",
    "network": "topoeval.datasets.network:Network",
    "placenta": "topoeval.datasets.placenta:Placenta",
    "strokes": "topoeval.datasets.strokes:Strokes",
    "sunnybrook": "topoeval.datasets.sunnybrook:Sunnybrook",
    "topcow": "topoeval.datasets.volumes:TopCow",
    "topomortar": "topoeval.datasets.topomortar:TopoMortar",
    "vessels": "topoeval.datasets.vessels:Vessels",
    "vnc": "topoeval.datasets.electron:Vnc",
}
"""Name to ``"module:class"`` of the datasets that come with topoeval."""


def _is_dataset(plugin: object) -> None:
    if not callable(plugin) or not isinstance(getattr(plugin, "info", None), DatasetInfo):
        raise TypeError(
            f"{plugin!r} is no dataset: a class with a DatasetInfo as its info is wanted"
        )


DATASETS: Registry[type[Any]] = Registry(
    "dataset", BUILTIN, group="topoeval.datasets", validate=_is_dataset
)

__all__ = [
    "BUILTIN",
    "DATASETS",
    "Dataset",
    "DatasetInfo",
    "Sample",
    "Split",
    "info",
    "load",
    "resolve",
    "stack",
]


def info(name: str, **params: Any) -> DatasetInfo:
    """Return what is known about a dataset with certain parameters.

    No data are read; some parameters change the card, such as those that choose classes.

    Raises
    ------
    UserError
        If there is no dataset of that name, or a parameter is not one that it knows.

    Examples
    --------
    >>> info("strokes").splits
    ('train', 'unlabelled', 'val', 'test', 'judge', 'shifted')
    """
    cls = DATASETS.load(name)
    _check_parameters(name, cls, params)
    found: DatasetInfo = cls.card(**params) if hasattr(cls, "card") else cls.info
    return found


def resolve(name: str, **params: Any) -> DatasetInfo:
    """Return the card whose revision names the content, for which files may have to be read.

    For data that lie in files it is that of the files that are there; for the user's own images
    their dimension, channels and classes come from them, too.

    Raises
    ------
    UserError
        As `info`; or files are damaged.

    Examples
    --------
    >>> resolve("strokes") == info("strokes")
    True
    """
    cls = DATASETS.load(name)
    _check_parameters(name, cls, params)
    if not hasattr(cls, "resolve"):
        return info(name, **params)
    found: DatasetInfo = cls.resolve(**params)
    return found


def load(
    name: str, split: str, size: int | None = None, *, seed: int = 0, **params: Any
) -> Dataset:
    """Return one split of a dataset.

    Parameters
    ----------
    name
        Name of the dataset.
    split
        One of its splits.
    size
        Number of samples; None takes the dataset's default for the split. The first n samples are
        the same whatever the size.
    seed
        Draws ``train``, ``unlabelled`` and ``val``; ``test`` and ``judge`` are the same for every
        seed.
    **params
        The dataset's own parameters.

    Raises
    ------
    UserError
        If the name, split, size or a parameter is not one the dataset knows.

    Examples
    --------
    >>> sample = load("strokes", "test", 10)[0]
    >>> sample.image.shape, sample.betti["T"] == sample.prior
    ((1, 28, 28), True)
    """
    cls = DATASETS.load(name)
    _check_parameters(name, cls, params)
    if size is None:
        # of the family's card: that of these parameters may take reading all files
        size = cls.info.default_size(split) or None
    dataset: Dataset = cls(split, size, seed=seed, **params)
    return dataset


def _check_parameters(name: str, cls: type[Any], params: Mapping[str, Any]) -> None:
    known = set(inspect.signature(cls).parameters) - {"split", "size", "seed", "options"}
    known |= {*getattr(cls, "options", ()), *getattr(cls, "ranges", ())}
    for param in params:
        if param not in known:
            raise UserError(f"dataset {name!r} has no parameter {param!r}{nearest(param, known)}")
