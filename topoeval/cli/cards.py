"""What ``topoeval info`` says of a thing, in words for people; ``--json`` has every field.

Each function takes the card of one kind and yields a subject and what is said of it. What is empty
is left out by whoever prints it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from topoeval.datasets.dataset_info import DatasetInfo
    from topoeval.harness.suites.method_file import MethodFile
    from topoeval.harness.suites.suite import Suite
    from topoeval.losses.info import LossInfo
    from topoeval.metrics import Metric
    from topoeval.persistence.backends.base import Info
    from topoeval.records.parts import LossTerm, Training

Lines = Iterator[tuple[str, str]]

_COSTS = {
    "cheap": "about that of Dice",
    "moderate": "up to that of a training step of the network",
    "expensive": "more than that of a training step of the network",
}
_DEVICES = {
    "all": "all of it",
    "2D": "of images all of it, of volumes a part",
    "part": "a part of it; the rest is computed on the CPU",
}
_REGIMES = {
    "supervised": "a network is trained with labels",
    "semi_supervised": "a network is trained with labels and images without",
    "post_process": "the network is adapted to each test image by the losses below",
    "remedy": "the finished mask is corrected, without training",
}
_BETTER = {
    "lower": "lower is better",
    "higher": "higher is better",
    None: "describes, is not ranked",
}


def of_loss(card: LossInfo) -> Lines:
    """Yield what a loss is called with, what it costs, where it is from."""
    yield "what", card.title
    yield "images", _dims(card.ndims)
    needs = ["masks"] * card.needs_target + ["Betti numbers"] * card.needs_prior
    yield "needs", " and ".join(needs)
    yield (
        "input",
        "probabilities, or logits with sigmoid=True or softmax=True"
        if (card.input == "probabilities")
        else "logits",
    )
    if card.needs_target:
        yield "a teacher's answers", "probabilities" if card.soft_targets else "cut at one half"
    yield "several channels", card.multiclass
    yield "time", _COSTS[card.cost]
    yield "on a GPU", _DEVICES[card.device]
    yield "when to use", card.advice
    yield "differs from the authors' code", card.departures
    yield "from", card.citation


def of_dataset(card: DatasetInfo) -> Lines:
    """Yield what is in a dataset, and its terms."""
    yield "what", card.title
    yield "task", card.task
    yield "images", f"{_dims([card.ndim])}, {_number(card.channels, 'channel')}"
    yield "classes", ", ".join(card.classes)
    yield "samples", ", ".join(f"{split} {size or 'all'}" for split, size in card.sizes.items())
    yield "read as", card.topology.describe(card.ndim)
    yield "Betti numbers", card.prior
    yield "scores of its own", ", ".join(card.metrics)
    yield "files", "yours or downloaded" if card.needs_data else "none: drawn or part of topoeval"
    yield "licence", card.licence
    yield "cite", card.citation
    yield "address", card.home


def of_backend(card: Info) -> Lines:
    """Yield what an engine computes."""
    yield "what", card.title
    yield "images", _dims(card.ndims)
    yield "constructions", " and ".join(card.constructions)
    yield "bars of dimension", ", ".join(map(str, card.dims))
    yield (
        "places",
        "the voxels where a bar is born and dies"
        if card.gives_locations
        else ("none, values only: for metrics, not for losses"),
    )
    yield "in parallel", card.threads
    yield "package", f"{card.package} {card.version or '(not installed)'}, {card.licence}"
    yield "cite", card.citation


def of_metric(card: Metric) -> Lines:
    """Yield what a score means and how empty masks count."""
    yield "what", card.title.format(k="k")
    yield "direction", _BETTER[card.direction]
    high = "no limit" if card.range[1] is None else f"{card.range[1]:g}"
    yield "range", f"{card.range[0]:g} to {high}"
    yield "unit", card.unit
    yield "images", _dims(card.spatial_dims)
    yield "depends on", ", ".join(card.needs)
    rules = {"both masks": card.empty.both, "prediction": card.empty.prediction}
    rules["truth"] = card.empty.target
    yield "empty masks", ", ".join(f"{which} {value}" for which, value in rules.items())
    yield "computed", "where it is named" if card.on_request else "by default"
    yield "in Python", f"topoeval.metrics.{card.function}" if card.function else ""


def of_method(card: MethodFile) -> Lines:
    """Yield what a method does, and what it is compared with."""
    yield "what", card.title
    yield "in short", card.summary
    yield "how", _REGIMES[card.regime]
    yield "losses", _terms(card.losses)
    if card.remedy is not None:
        yield "correction", f"{card.remedy.name}{_arguments(card.remedy.params)}"
    begin = {"start": "the common start of the suite", None: "no network"}
    yield "begins at", begin.get(card.starts_from, f"the network of {card.starts_from}")
    yield "compared with", card.base
    yield "searched by topoeval tune", ", ".join(card.search)
    yield "paper", card.paper


def of_suite(card: Suite) -> Lines:
    """Yield what a suite runs."""
    yield "what", card.title
    yield "in short", card.description
    yield "datasets", ", ".join(one.label for one in card.datasets)
    yield "methods", ", ".join(card.methods)
    yield "seeds", ", ".join(map(str, card.seeds))
    yield "networks", ", ".join(one.label for one in card.network)
    yield "all begin at", f"{_terms(card.start.losses)}, {_training(card.start.training)}"
    yield "then", _training(card.training)
    yield "compared with", card.reference
    yield "engines", ", ".join(card.backend)
    yield "devices", ", ".join(card.device)
    limit = card.limits.memory_gib
    memory = "" if limit is None else f", {limit:g} GiB"
    yield "limits of a run", f"{card.limits.timeout_s:g} s{memory}"
    yield "go on with", f"topoeval plan {card.name}"


def _training(training: Training) -> str:
    epochs = _number(training.epochs, "epoch")
    rate = f"learning rate {training.learning_rate:g}"
    falling = ", falling to 0" if training.decay == "linear" else ""
    return f"{epochs}, batches of {training.batch_size}, {rate}{falling}"


def _terms(terms: Iterable[LossTerm]) -> str:
    """Return the losses as a sum, with their weights and parameters."""
    told = []
    for term in terms:
        strength = f"{term.weight:g} " if term.weight != 1 else ""
        if term.gradient_ratio is not None:
            strength = f"(gradient {term.gradient_ratio:g} of the others') "
        on = "" if term.on == "labelled" else " on images without labels"
        if term.target is not None:
            on += ", against a teacher's answers"
        told.append(f"{strength}{term.name}{_arguments(term.params)}{on}")
    return " + ".join(told)


def _arguments(params: Mapping[str, Any]) -> str:
    return f"({', '.join(f'{key}={value}' for key, value in params.items())})" if params else ""


def _dims(ndims: Iterable[int]) -> str:
    return " and ".join(f"{ndim}D" for ndim in ndims)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
