"""The tasks of a run: it trains, corrects and scores, wherever it is executed."""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from topoeval import datasets
from topoeval.errors import UserError
from topoeval.harness.runs.answers import Answer, keep
from topoeval.harness.runs.build import (
    augmentation_of,
    classes_of,
    load_split,
    maps_of,
    network_of,
    schedule_of,
    teaching_of,
    terms_of,
    views_of,
    weights_of,
)
from topoeval.harness.runs.priors import with_told_priors
from topoeval.harness.runs.scoring import (
    columns_of,
    label_classifier,
    needs_probabilities,
    readers_of,
    revisions,
    score_test,
)
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.thresholds import Thresholds, choose, scores_at, shifted
from topoeval.harness.suites.space import flattened
from topoeval.records.parts import MAIN_TEST, TRAINED
from topoeval.records.spec import RunSpec
from topoeval.timing import Stopwatch
from topoeval.topology import Topology
from topoeval.training import (
    Adaptation,
    TensorSet,
    apply_remedy,
    checkpoint,
    fit,
    post_process,
)
from topoeval.training.callbacks import Callback, JsonLines
from topoeval.training.classification import train_classifier
from topoeval.training.precision import reproducible
from topoeval.training.sinks import RunCard, open_sinks

# span of the training code -> part in a record
_PARTS = {
    "augmentation": "augmentation",
    "network": "network",
    "persistence": "persistence",
    "loss": "loss",
    "backward": "backward",
    "optimiser": "other",
}
_EXAMPLES = 3


def perform(spec: RunSpec, store: Store, progress: bool = False) -> dict[str, Any]:
    """Do what `spec` says; return the part of the record that is its result."""
    torch.manual_seed(spec.derived_seed("weights"))
    synchronize = torch.cuda.synchronize if spec.device == "cuda" else None
    with reproducible(spec.device) as settings, Stopwatch(synchronize) as watch:
        result = (_restore if spec.is_scored else _auxiliary)(spec, store, progress)
    # counted here and not told by the training, which may have resumed from another process
    steps = watch.counts["optimiser"]
    spent = {part: watch.seconds[span] for span, part in _PARTS.items() if watch.seconds[span]}
    per_step = {part: seconds / steps for part, seconds in spent.items()} if steps else {}
    result["timing"] = {"steps": steps, "per_step_s": per_step}
    result["numerics"] = {"network": spec.precision, "losses": "float32", **settings}
    return result


def _callbacks(spec: RunSpec, store: Store) -> list[Callback]:
    """Return what records the training: a file, and the sinks that TOPOEVAL_LOG names."""
    # every worker inherits it; it does not change the result, so it is not in the specification
    names = [name for name in os.environ.get("TOPOEVAL_LOG", "").split(",") if name]
    settings = flattened(spec.recorded().model_dump(mode="json", by_alias=True))
    card = RunCard(
        id=spec.id,
        name=spec.label,
        group=store.suite,
        folder=store.work(spec.id),
        config={
            key: value if isinstance(value, int | float | str) else json.dumps(value)
            for key, value in settings.items()
        },
    )
    return [JsonLines(store.history(spec.id)), *open_sinks(names, card)]


def _auxiliary(spec: RunSpec, store: Store, progress: bool) -> dict[str, Any]:
    clean = load_split(spec, datasets.info(spec.dataset.name).auxiliary[spec.task])
    network = label_classifier(spec, clean).to(spec.device)
    schedule = schedule_of(spec)
    accuracy = train_classifier(
        network,
        clean,
        schedule=schedule,
        seed=spec.derived_seed("batches"),
        callbacks=_callbacks(spec, store),
        progress=progress,
    )
    checkpoint.save(network.state_dict(), store.network(spec.id))
    return {"summary": {"accuracy": accuracy, "images": len(clean)}}


def _restore(spec: RunSpec, store: Store, progress: bool) -> dict[str, Any]:
    tests = tests_of(spec)
    # one network, one correction: all tests are answered as one
    test = TensorSet.joined(list(tests.values()))
    network = network_of(spec, test)
    if start := spec.parents.get("start"):
        network.load_state_dict(weights_of(store, start, spec.device))

    history: dict[str, list[float]] = {}
    if spec.method.regime in TRAINED:
        outcome = fit(
            network,
            terms_of(spec),
            with_told_priors(spec, load_split(spec, "train")),
            with_told_priors(spec, load_split(spec, "unlabelled"))
            if spec.method.regime == "semi_supervised"
            else None,
            schedule=schedule_of(spec),
            augmentation=augmentation_of(spec),
            seed=spec.derived_seed(f"batches of {spec.method.role}"),
            resume_from=store.state(spec.id),
            progress=progress,
            precision=spec.precision,
            callbacks=_callbacks(spec, store),
            teaching=teaching_of(spec),
        )
        history = outcome.terms
        probabilities = maps_of(spec, network, test.images)
        checkpoint.save(network.state_dict(), store.network(spec.id))
    elif spec.method.regime == "post_process":
        probabilities = _adapted(spec, network, with_told_priors(spec, test), store, progress)
    else:
        probabilities = maps_of(spec, network, test.images)
    if spec.method.remedy is not None:
        probabilities = _corrected(spec, probabilities, with_told_priors(spec, test))

    # voxels of which the truth says nothing are background on both sides, in every score
    probabilities = test.without_ignored(probabilities)
    answers = torch.split(probabilities, [len(one) for one in tests.values()])
    predicted = {name: answer.cpu().numpy() for name, answer in zip(tests, answers, strict=True)}
    found = _thresholds(spec, network)
    at_each = None
    if found is not None:
        topology, main = Topology.parse(spec.topology), tests[MAIN_TEST]
        targets = main.targets.cpu().numpy()
        at_each = scores_at(found, predicted[MAIN_TEST], targets, topology)
        threshold = found.named[spec.threshold]
        predicted = {name: shifted(maps, threshold) for name, maps in predicted.items()}
    columns = {name: columns_of(spec, one) for name, one in tests.items()}
    readers = readers_of(spec, test, store)
    cases = {
        name: {
            "case": list(one.cases),
            **({} if one.labels is None else {"label": one.labels.tolist()}),
            **score_test(spec, one, predicted[name], columns[name], readers),
        }
        for name, one in tests.items()
    }
    result = {
        "cases": cases.pop(MAIN_TEST),
        "metrics": revisions({name for names in columns.values() for name in names}),
        "answers": _kept(spec, store, tests, predicted, columns),
        "history": history,
        "examples": (
            _examples(tests[MAIN_TEST], torch.from_numpy(predicted[MAIN_TEST]))
            if spec.scoring.examples
            else []
        ),
    }
    if at_each is not None:
        result["thresholds"] = at_each
    if cases:
        # in a field of their own: a reader of `cases` must not pool them with the main test
        result["tests"] = {name: {"cases": columns} for name, columns in cases.items()}
    return result


def _thresholds(spec: RunSpec, network: nn.Module) -> Thresholds | None:
    """Return the thresholds that validation images choose; None where there are none.

    Exclusive classes have none: the largest logit decides. Corrections keep 0.5, which they were
    made for; and the validation images of a search are its test.
    """
    chosen = spec.method.regime in TRAINED and "val" in spec.dataset.sizes
    if not chosen or spec.score == "val" or classes_of(spec).softmax:
        return None
    val = load_split(spec, "val")
    maps = val.without_ignored(maps_of(spec, network, val.images)).cpu().numpy()
    return choose(maps, val.targets.cpu().numpy(), Topology.parse(spec.topology))


def _kept(
    spec: RunSpec,
    store: Store,
    tests: Mapping[str, TensorSet],
    predicted: Mapping[str, NDArray[np.float32]],
    columns: Mapping[str, Sequence[str]],
) -> str:
    """Keep the predictions on the tests; return what a record says of it."""
    if not spec.scoring.keep_answers:
        return "not kept: the suite says keep_answers = false"
    kept = {
        name: Answer(
            one.cases,
            predicted[name],
            masks_only=spec.scoring.keep_answers != "maps"
            and not needs_probabilities(columns[name]),
        )
        for name, one in tests.items()
    }
    reason = keep(store.answers(spec.id), kept)
    return f"not kept: {reason}" if reason else "kept"


def _corrected(spec: RunSpec, maps: torch.Tensor, test: TensorSet) -> torch.Tensor:
    """Return what the remedy of a method makes of answers."""
    assert spec.method.remedy is not None  # the caller has seen to it
    corrected = apply_remedy(
        spec.method.remedy.name,
        maps.cpu().numpy(),
        None if test.priors is None else test.priors.cpu().numpy(),
        Topology.parse(spec.topology),
        exclusive=classes_of(spec).softmax,
        **spec.method.remedy.params,
    )
    return torch.from_numpy(corrected).to(spec.device)


def _adapted(
    spec: RunSpec, network: nn.Module, test: TensorSet, store: Store, progress: bool
) -> torch.Tensor:
    """Return the corrected probabilities of the test images."""
    if test.priors is None:
        raise UserError(
            f"dataset {spec.dataset.name!r} has no prior per sample; "
            f"method {spec.method.name!r} needs one"
        )
    assert spec.method.adaptation is not None  # the model of a method has seen to it
    (term,) = terms_of(spec, reduction="none")
    # each view is an image of its own, with a copy of the weights of its own
    views, softmax = views_of(spec), classes_of(spec).softmax
    images = views.of(test.images)
    priors = test.priors.repeat(len(images) // len(test), *[1] * (test.priors.ndim - 1))
    answers = post_process(
        network,
        images,
        priors,
        term.loss,
        Adaptation(weight=term.weight, **spec.method.adaptation.model_dump()),
        softmax=softmax,
        resume_from=store.state(spec.id),
        progress=progress,
        precision=spec.precision,
        callbacks=_callbacks(spec, store),
    )
    return views.mean(answers, exclusive=softmax)


def tests_of(spec: RunSpec) -> dict[str, TensorSet]:
    """Return what a run is scored on by name, the main test or what takes its place first."""
    return {name: test_of(spec, name) for name in (MAIN_TEST, *spec.dataset.tests)}


def test_of(spec: RunSpec, name: str) -> TensorSet:
    """Return one of the tests of a run by its name."""
    if name == MAIN_TEST:
        return load_split(spec, spec.score)
    test = spec.dataset.tests[name]
    return load_split(spec, test.split, test.size, test.params)


def _examples(test: TensorSet, probabilities: torch.Tensor) -> list[dict[str, Any]]:
    """Return a few cases as pictures: the first of each class, or the first ones.

    Of several classes it is their union. Of a volume it is the slice across the first axis with
    most of the truth: records are committed.
    """
    if test.labels is None:
        chosen = list(range(min(_EXAMPLES, len(test))))
    else:
        labels = test.labels.tolist()
        chosen = [labels.index(label) for label in sorted(set(labels))]
    examples = []
    for i in chosen:
        pictures = {
            "image": test.images[i, 0],
            "target": test.targets[i].amax(0),
            "prediction": probabilities[i].amax(0),
        }
        if test.targets.ndim == 5:
            best = int(pictures["target"].sum(dim=(1, 2)).argmax())
            pictures = {name: volume[best] for name, volume in pictures.items()}
        shape = list(pictures["target"].shape)
        packed = {name: _packed(picture) for name, picture in pictures.items()}
        examples.append({"case": test.cases[i], "shape": shape, **packed})
    return examples


def _packed(image: torch.Tensor) -> str:
    grey = np.rint(image.cpu().numpy() * 255).astype(np.uint8)
    return base64.b64encode(zlib.compress(grey.tobytes(), 9)).decode("ascii")
