"""The preflight finds obstacles before the first run: missing data, losses that refuse them.

A plan is made of names alone; this touches the world. It costs seconds and saves a sweep that
would end as a table of failures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from topoeval import datasets, networks
from topoeval.errors import UserError
from topoeval.harness.plans.scoring import needs_prior
from topoeval.harness.plans.truth import look
from topoeval.harness.runs.build import check_channels, classes_of, patch_of
from topoeval.harness.runs.priors import check_told
from topoeval.harness.suites.parameters import takes_backend, tells_prior
from topoeval.harness.suites.suite import Suite
from topoeval.losses import LOSSES
from topoeval.persistence.backends import resolve
from topoeval.records.canonical import canonical_json
from topoeval.records.parts import TRAINED, DatasetSpec, Method
from topoeval.records.spec import RunSpec
from topoeval.topology import Topology
from topoeval.training import build_term, resolve_device
from topoeval.training.objective import check_first_step


def preflight(
    suite: Suite,
    runs: Sequence[RunSpec],
    *,
    download: bool = False,
    schedules: bool = True,
) -> None:
    """Open every split that the runs ask for, and evaluate every loss once on a tiny map.

    Parameters
    ----------
    suite
        Where the runs come from.
    runs
        Its plan, or a part of it.
    download
        Fetch missing data, here and not in the workers, which would all begin at once.
    schedules
        Whether the strength of losses changes in the course of a training, as the methods say. The
        timing lane has the full strength from the first step on.

    Raises
    ------
    UserError
        A run cannot be done here; the message says what is missing.
    """
    for reason in obstacles(runs, download=download, schedules=schedules).values():
        raise UserError(reason)


def obstacles(
    runs: Sequence[RunSpec],
    *,
    absent: Mapping[str, str] | None = None,
    download: bool = False,
    schedules: bool = True,
) -> dict[str, str]:
    """Return why runs cannot be done here, by their identities.

    Data that are not there; a size or parameter that a dataset does not take; a device or backend
    that this machine does not have; a loss that does not take the dataset's images, or misses
    its prior; a run that builds on one of these.

    Parameters
    ----------
    runs
        Parents before children, as `topoeval.harness.plans.plan.plan` returns them.
    absent
        Datasets that are known not to be here, as `plan` notes them.
    download
        Fetch missing data.
    schedules
        As of `preflight`.
    """
    examination = _Examination(absent or {}, download, schedules)
    reasons: dict[str, str] = {}
    for run in runs:
        reason = examination.reason(run)
        for parent in run.parents.values():
            if reason is None and parent in reasons:
                reason = reasons[parent]
        if reason is not None:
            reasons[run.id] = reason
    return reasons


class _Examination:
    """Looks at each dataset once, and at each method once per dataset, backend and device."""

    def __init__(self, absent: Mapping[str, str], download: bool, schedules: bool) -> None:
        self._absent = absent
        self._download = download
        self._schedules = schedules
        self._found: dict[tuple[str, ...], str | None] = {}
        # for either, files may have to be read
        self._cards: dict[str, datasets.DatasetInfo] = {}
        self._shown: dict[str, datasets.Sample] = {}
        self._texts: dict[int, str] = {}

    def reason(self, run: RunSpec) -> str | None:
        """Return why a run cannot be done, or None."""
        content, method = self._text(run.dataset), self._text(run.method)
        others = (
            run.network.label,
            run.prior,
            str(run.prior_error),
            str(run.patch),
            run.topology,
            str(run.training.epochs),
        )
        key = (content, method, run.backend, run.device, run.task, *others)
        if key not in self._found:
            try:
                self._examine(run, content)
                self._found[key] = None
            except UserError as error:
                self._found[key] = str(error)
        return self._found[key]

    def _text(self, value: DatasetSpec | Method) -> str:
        # thousands of runs share a few of these objects
        if id(value) not in self._texts:
            self._texts[id(value)] = canonical_json(value)
        return self._texts[id(value)]

    def _examine(self, run: RunSpec, content: str) -> None:
        resolve_device(run.device)
        if run.dataset.label in self._absent:
            raise UserError(self._absent[run.dataset.label])
        if (content,) not in self._found:
            self._found[content,] = None
            try:
                _open(run.dataset, run.score, run.seed, self._download)
            except UserError as error:
                self._found[content,] = str(error)
        if (closed := self._found[content,]) is not None:
            raise UserError(closed)
        if run.task == "restore":
            if content not in self._cards:
                params = {**run.dataset.params, **run.dataset.paths}
                self._cards[content] = datasets.resolve(run.dataset.name, **params)
            _check_card(run, self._cards[content])
            if needs_prior(run.scoring.metrics):
                if content not in self._shown:
                    self._shown[content] = _first(run)
                if self._shown[content].prior is None:
                    raise UserError(
                        f"dataset {run.dataset.name!r} has no prior, which metrics of the suite "
                        "need; leave them out"
                    )
            if content not in self._shown:
                self._shown[content] = _first(run)
            sample = self._shown[content]
            self._try_network(run, sample)
            self._check_truth(run, content)
            if run.method.losses:
                _try_losses(run, sample, self._schedules)

    def _check_truth(self, run: RunSpec, content: str) -> None:
        """Refuse a method that is given a prior which no true mask has."""
        if not tells_prior(run.method) or run.prior != "given":
            return
        key = ("truth", content, run.topology)
        if key not in self._found:
            truth = look(run)
            self._found[key] = truth.line if truth.right == 0 else None
        if self._found[key] is not None:
            own = self._cards[content].topology
            raise UserError(
                f"method {run.method.name!r} is given a prior that no true mask has: "
                f"{self._found[key]} The dataset's own topology is {own}; leave topology out of "
                "the suite, or give the dataset another prior"
            )

    def _try_network(self, run: RunSpec, sample: datasets.Sample) -> None:
        """Run the network once on images of the real shape."""
        check_channels(run, len(sample.target))
        shape, classes = sample.image.shape, classes_of(run).channels
        if patch := patch_of(run):
            shape = (shape[0], *(min(patch, side) for side in shape[1:]))
        key = ("network", run.network.label, str(shape), str(classes))
        if key not in self._found:
            self._found[key] = None
            try:
                networks.output_shape(run.network.name, shape, classes, run.network.params)
            except UserError as error:
                self._found[key] = str(error)
        if (refused := self._found[key]) is not None:
            raise UserError(f"dataset {run.dataset.label!r}: {refused}")


def _alike(name: str, samples: datasets.Dataset, first: datasets.Sample) -> None:
    """Refuse files of different form, naming two of them; splits share the channels of `first`."""
    own = samples[0]
    for sample in samples:
        for what in ("image", "target"):
            for like, axes in ((own, slice(None)), (first, slice(1))):
                shapes = [getattr(one, what).shape for one in (like, sample)]
                if shapes[0][axes] != shapes[1][axes]:
                    told = ["x".join(map(str, shape)) for shape in shapes]
                    raise UserError(
                        f"dataset {name!r}: the {what} of {like.case} is {told[0]} (channels "
                        f"first), that of {sample.case} {told[1]}; bring them to one size and one "
                        "number of channels"
                    )


def _open(dataset: DatasetSpec, scored: datasets.Split, seed: int, download: bool) -> None:
    fetch = {"download": True} if download and datasets.info(dataset.name).downloads else {}
    # of a split without a size a run takes all images
    splits: dict[datasets.Split, int | None] = {"train": None, scored: None, **dataset.sizes}
    first = None
    for split, size in splits.items():
        samples = datasets.load(
            dataset.name, split, size, seed=seed, **dataset.params, **dataset.paths, **fetch
        )
        if datasets.info(dataset.name).needs_data and len(samples):
            first = samples[0] if first is None else first
            _alike(dataset.name, samples, first)
    for test in dataset.tests.values():
        wanted = test.size or dataset.sizes.get(test.split)
        params = {**dataset.params, **test.params, **dataset.paths}
        datasets.load(dataset.name, test.split, wanted, seed=seed, **params)


def _check_card(run: RunSpec, card: datasets.DatasetInfo) -> None:
    """Refuse a dataset whose card says that it is not what the method needs."""
    method = run.method
    if method.regime == "semi_supervised" and "unlabelled" not in card.splits:
        raise UserError(
            f"method {method.name!r} needs unlabelled images, dataset {card.name!r} has none"
        )
    for term in method.losses:
        info = LOSSES.load(term.name).info
        if card.ndim not in info.ndims:
            takes = " or ".join(f"{ndim}D" for ndim in info.ndims)
            raise UserError(
                f"method {method.name!r}: loss {term.name!r} takes {takes} images, "
                f"dataset {card.name!r} is {card.ndim}D"
            )
        if info.needs_prior and method.regime in TRAINED and (patch := patch_of(run)):
            raise UserError(
                f"method {method.name!r}: loss {term.name!r} needs the Betti numbers of what it "
                f"sees, and patches of {patch} voxels a side cut the images"
            )
    if method.regime == "post_process" and run.patch is not None:
        raise UserError(f"method {method.name!r} adapts to whole images, and [patch] cuts them")
    check_told(run, card.ndim, bool(card.labels))
    if takes_backend(method):
        topology = Topology.parse(run.topology)
        resolve(run.backend, card.ndim, topology, device=run.device, locations=True)


def _first(run: RunSpec) -> datasets.Sample:
    """Return a training sample: what the losses will be given."""
    params = {**run.dataset.params, **run.dataset.paths}
    return datasets.load(run.dataset.name, "train", 1, seed=run.seed, **params)[0]


def _try_losses(run: RunSpec, sample: datasets.Sample, schedules: bool) -> None:
    method = run.method
    if method.regime == "post_process" and sample.prior is None and run.prior == "given":
        raise UserError(
            f"method {method.name!r} needs a Betti prior per sample, "
            f"and dataset {run.dataset.name!r} has none"
        )
    ndim, classes = sample.target.ndim - 1, classes_of(run)
    target = torch.zeros((1, len(classes.names)) + (8,) * ndim, device=run.device)
    logits = torch.zeros((1, classes.channels) + (8,) * ndim, device=run.device)
    prior = None
    if run.prior != "given":
        shape = (1, ndim) if len(classes.names) == 1 else (1, len(classes.names), ndim)
        prior = torch.zeros(shape, dtype=torch.int64, device=run.device)
    elif sample.prior is not None:
        prior = torch.zeros_like(torch.tensor(sample.prior, device=run.device))[None]
    terms = []
    for loss in method.losses:
        try:
            term = build_term(
                **loss.model_dump(),
                topology=Topology.parse(run.topology),
                backend=run.backend,
                classes=classes,
            )
            term(logits, target, prior)
            if schedules and method.regime in TRAINED and run.training.epochs:
                term.check_ramp(run.training.epochs)
        except UserError as error:
            raise UserError(f"method {method.name!r}: {error}") from error
        except Exception as error:  # as every run of the method would end, with a traceback each
            told = " ".join(f"{type(error).__name__}: {error}".split())
            raise UserError(
                f"method {method.name!r}: loss {loss.name!r} fails on a map of shape "
                f"{tuple(target.shape)}: {told}"
            ) from error
        terms.append(term)
    if schedules and method.regime in TRAINED and run.training.epochs:
        try:
            check_first_step(terms)
        except UserError as error:
            raise UserError(f"method {method.name!r}: {error}") from error
