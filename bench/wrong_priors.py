"""What wrong Betti numbers do to a repair and to post-processing, and whether the bars tell.

    topoeval run repair-myocardium --results results/repair-myocardium
    python bench/wrong_priors.py results/repair-myocardium --post 1

takes the networks that the runs of a results folder left in its ``work`` (they are not committed),
answers the test images and repairs the answers with the images' own prior and with priors that are
wrong by one in each dimension. Printed for each dataset, as Markdown:

- accuracy (all Betti numbers are the true mask's) by prior and ``evidence``, and that of
  post-processing, which is slow: ``--post SEEDS`` says for how many seeds;
- how well the length of the shortest bar that a feature was created for tells a wrong prior from
  an own one: the area under the ROC curve, and for bars below 0.02 to 0.3 the share of images with
  a wrong prior and with their own prior that are marked. An image for which nothing is created is
  never marked.

A prior that would be negative, and a hole without a component, is left out.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from topoeval.harness.runs.build import (
    classes_of,
    load_split,
    maps_of,
    network_of,
    terms_of,
    weights_of,
)
from topoeval.harness.runs.store import Store
from topoeval.metrics import betti_numbers
from topoeval.records.files import read_record, record_files
from topoeval.records.spec import RunSpec
from topoeval.repair import Options, repair_batch
from topoeval.topology import Topology
from topoeval.training import Adaptation, post_process

EVIDENCE = (0.0, 0.05, 0.1)
BARS = (0.02, 0.05, 0.1, 0.2, 0.3)
OWN = "own"
NO_BAR = 1.0
"""What stands for the bar where nothing was created: no map has a longer one."""
POST = "betti_prior_post"


@dataclass
class Found:
    """What was found of one dataset, by prior; lists have an entry an image of every seed.

    Parameters
    ----------
    right
        By prior and ``evidence``: whether the Betti numbers of the true mask were met.
    bars
        By prior: the shortest bar of a creation, without ``evidence``.
    post
        By prior: whether post-processing met the true numbers.
    """

    right: dict[tuple[str, float], list[bool]] = field(default_factory=lambda: defaultdict(list))
    bars: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    post: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))


def main() -> None:
    """Print the tables of results folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--post", type=int, default=0, help="so many seeds are post-processed, too")
    parser.add_argument("--flips", action="store_true", help="repair means over mirrored views")
    parser.add_argument("--cases", type=int, help="the first test images of each seed alone")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for folder in chosen.results:
        for dataset, specs in post_processings(folder).items():
            found = Found()
            for number, spec in enumerate(specs):
                adapts = number < chosen.post
                look(found, folder, spec, chosen.cases, flips=chosen.flips, adapts=adapts)
            print(f"### `{folder.name}`: {dataset}, {len(specs)} seeds\n")
            print(f"{accuracy_table(found)}\n\n{roc_table(found)}\n", flush=True)


def post_processings(folder: Path) -> dict[str, list[RunSpec]]:
    """Return the runs of plain post-processing by dataset, in the order of their seeds.

    They name the network that all corrections begin with, and how it is adapted.
    """
    runs: dict[str, list[RunSpec]] = defaultdict(list)
    for path in record_files(folder / "records"):
        spec = read_record(path).spec
        if spec.method.label == POST:
            runs[spec.dataset.label].append(spec)
    if not runs:
        raise SystemExit(f"{folder}: has no record of {POST}; run the suite first")
    return {name: sorted(found, key=lambda one: one.seed) for name, found in sorted(runs.items())}


def look(
    found: Found, folder: Path, spec: RunSpec, cases: int | None, *, flips: bool, adapts: bool
) -> None:
    """Add what one seed's network, repaired and post-processed, makes of all priors."""
    store, topology = Store(folder, folder.name), Topology.parse(spec.topology)
    test = load_split(spec, "test", cases)
    assert test.priors is not None, "post-processing was given them"
    network = network_of(spec, test)
    network.load_state_dict(weights_of(store, spec.parents["start"], spec.device))
    method = spec.method.model_copy(update={"flips": flips})
    maps = maps_of(spec.model_copy(update={"method": method}), network, test.images).numpy()[:, 0]
    own = test.priors.numpy()
    true = betti_numbers(test.targets.numpy()[:, 0] >= 0.5, topology, maps.ndim - 1)
    for name, priors, which in wrong(own):
        for evidence in EVIDENCE:
            options = Options(evidence=evidence)
            results = repair_batch(maps[which], priors[which], topology, options)
            after = np.array([one.after for one in results])
            found.right[name, evidence] += (after == true[which]).all(1).tolist()
            if not evidence:
                bars = [one.shortest_bar for one in results]
                found.bars[name] += [NO_BAR if np.isnan(bar) else bar for bar in bars]
        if adapts:
            answers = post_processed(spec, network, test.images[which], priors[which])
            after = betti_numbers(answers[:, 0] >= 0.5, topology, maps.ndim - 1)
            found.post[name] += (after == true[which]).all(1).tolist()


def wrong(own: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.bool_]]]:
    """Yield the own priors, and those wrong by one, with the images that they are possible for.

    Parameters
    ----------
    own
        ``(N, d)``.
    """
    yield OWN, own, np.ones(len(own), bool)
    for k in range(own.shape[1]):
        for error in (1, -1):
            priors = own.copy()
            priors[:, k] += error
            # no number is negative, and without a component there is no hole
            which = (priors >= 0).all(1) & ((priors[:, 0] > 0) | (priors.sum(1) == 0))
            if which.any():
                yield f"b{k} {error:+d}", priors, which


def post_processed(
    spec: RunSpec, network: torch.nn.Module, images: torch.Tensor, priors: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the answers of post-processing, as a run gives them."""
    assert spec.method.adaptation is not None, "it is a run of post-processing"
    (term,) = terms_of(spec, reduction="none")
    answers = post_process(
        network,
        images,
        torch.from_numpy(priors),
        term.loss,
        Adaptation(weight=term.weight, **spec.method.adaptation.model_dump()),
        softmax=classes_of(spec).softmax,
        precision=spec.precision,
    )
    return np.asarray(answers.numpy())


def area(own: Sequence[float], other: Sequence[float]) -> float:
    """Return the area under the ROC curve of short bars: own prior against a wrong one.

    That is the chance that a wrong prior has the shorter bar, ties counted half (Mann-Whitney).

    >>> area([1.0, 1.0, 0.4], [0.1, 0.4])
    0.9166666666666666
    """
    ranks = rankdata([*own, *other])
    n, m = len(own), len(other)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def accuracy_table(found: Found) -> str:
    """Return accuracies by prior, as Markdown."""
    heads = ["prior", "images", *(f"repair, evidence {one:g}" for one in EVIDENCE)]
    heads += [f"post-processing ({len(found.post[OWN])} images)"] if found.post else []
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in found.bars:
        rights = [found.right[name, evidence] for evidence in EVIDENCE]
        cells = [name, str(len(rights[0])), *(f"{np.mean(right):.3f}" for right in rights)]
        cells += [f"{np.mean(found.post[name]):.3f}"] if found.post else []
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def roc_table(found: Found) -> str:
    """Return how well the shortest bar of a creation tells wrong priors, as Markdown."""
    heads = ["prior", "AUC", *(f"marked below {bar:g}" for bar in BARS)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, bars in found.bars.items():
        told = "" if name == OWN else f"{area(found.bars[OWN], bars):.2f}"
        shares = [f"{np.mean(np.asarray(bars) < bar):.3f}" for bar in BARS]
        lines.append(f"| {' | '.join([name, told, *shares])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
