"""One repetition of one method in a process of its own: the worker of the timing lane.

As a program: ``python -m topoeval.harness.timing.timed JOB_FILE``. The job names the file for the
outcome: its status, and what each step cost or why there is none.
"""

from __future__ import annotations

import json
import math
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import nn

from topoeval import datasets
from topoeval.errors import UserError
from topoeval.harness.runs.blame import failure_of
from topoeval.harness.runs.build import (
    augmentation_of,
    classes_of,
    maps_of,
    network_of,
    teaching_of,
    terms_of,
    views_of,
)
from topoeval.harness.runs.environment import peak_memory_bytes
from topoeval.harness.runs.machine import pin
from topoeval.harness.runs.worker import exit_with_parent, load_plugins
from topoeval.records.spec import RunSpec
from topoeval.timing import Stopwatch, span
from topoeval.topology import Topology
from topoeval.training import (
    Adaptation,
    Schedule,
    TensorSet,
    apply_remedy,
    checkpoint,
    fit,
    post_process,
)
from topoeval.training.precision import reproducible
from topoeval.whole_file import write_text

# span of the training code -> part in a record
_PARTS = {"optimiser": "other", "remedy": "loss"}
_NOTHING = {"prepared": 0, "prepare_s": 0.0}


def repeat(spec: RunSpec, steps: int, start: Path | None) -> dict[str, Any]:
    """Take so many steps of a run as it would take them, and return what each cost.

    Schedules do not count: every loss has its full strength from the first step on.

    Parameters
    ----------
    start
        The network that the run starts from; None: a new one.

    Returns
    -------
    dict
        ``laps``, the seconds of each step by part; ``images`` a step, each of ``shape`` with its
        channels; ``wall_s`` and ``cpu_s``, what all steps and their preparation took by the clock
        and of the processor, which differ where the machine had other work; ``prepare_s``, what was
        computed once of ``prepared`` targets; memory in bytes, ``rss_before_bytes`` that before the
        first step.
    """
    torch.manual_seed(spec.derived_seed("weights"))
    post = spec.method.regime in ("post_process", "remedy")
    images = _load(spec, "test" if post else "train", steps)
    network = network_of(spec, images)
    if start is not None:
        network.load_state_dict(checkpoint.load(start, spec.device))
    before = psutil.Process().memory_info().rss
    synchronize = torch.cuda.synchronize if spec.device == "cuda" else None
    lap = "remedy" if spec.method.regime == "remedy" else "optimiser"
    prepared = _NOTHING
    clock, cpu_clock = time.perf_counter(), time.process_time()
    # the settings of a run, which on CUDA cost time
    with reproducible(spec.device), Stopwatch(synchronize, lap=lap) as watch:
        if spec.method.regime == "post_process":
            size = len(images)
            _adapt(spec, network, images, steps)
        elif spec.method.regime == "remedy":
            size = len(images)
            _correct(spec, network, images, steps)
        else:
            size = min(spec.training.batch_size, len(images))
            prepared = _train(spec, network, images, steps)
    wall, cpu = time.perf_counter() - clock, time.process_time() - cpu_clock
    laps = [
        {_PARTS.get(name, name): seconds for name, seconds in lap.items()}
        for lap in watch.laps[:steps]
    ]
    return {
        "images": size,
        "shape": list(images.images.shape[1:]),
        "laps": laps,
        "wall_s": wall,
        "cpu_s": cpu,
        "rss_before_bytes": before,
        **prepared,
        **peak_memory_bytes(spec.device),
    }


def _train(spec: RunSpec, network: nn.Module, labelled: TensorSet, steps: int) -> dict[str, Any]:
    """Train for at least `steps` steps; return what preparing the targets took."""
    terms = terms_of(spec, scheduled=False)
    clock = time.perf_counter()
    augmentation = augmentation_of(spec)
    # with varied targets, or voxels that do not count, there is nothing to compute once
    fixed = augmentation is None and labelled.counted is None
    kept = [term.prepare(labelled.targets) if fixed else None for term in terms]
    prepare = time.perf_counter() - clock
    per_epoch = math.ceil(len(labelled) / spec.training.batch_size)
    schedule = Schedule(
        **{**spec.training.model_dump(), "epochs": math.ceil(steps / per_epoch)},
    )
    unlabelled = _load(spec, "unlabelled", 1) if any(t.on == "unlabelled" for t in terms) else None
    fit(
        network,
        terms,
        labelled,
        unlabelled,
        schedule=schedule,
        augmentation=augmentation,
        seed=spec.seed,
        precision=spec.precision,
        teaching=teaching_of(spec),
    )
    if all(one is None for one in kept):
        return _NOTHING
    return {"prepared": len(labelled), "prepare_s": prepare}


def _adapt(spec: RunSpec, network: nn.Module, images: TensorSet, steps: int) -> None:
    if images.priors is None or spec.method.adaptation is None:
        raise UserError(f"dataset {spec.dataset.name!r} has no prior per sample to adapt to")
    if views_of(spec):
        raise UserError(
            f"method {spec.method.label!r} adapts to every view of an image by itself: a step of "
            "it is one of the method without flips and shifts; time that"
        )
    (term,) = terms_of(spec, scheduled=False, reduction="none")
    settings = {**spec.method.adaptation.model_dump(), "steps": steps, "weight": term.weight}
    post_process(
        network,
        images.images,
        images.priors,
        term.loss,
        Adaptation(**settings),
        softmax=classes_of(spec).softmax,
        precision=spec.precision,
    )


def _correct(spec: RunSpec, network: nn.Module, images: TensorSet, steps: int) -> None:
    if spec.method.remedy is None:
        raise UserError(f"method {spec.method.label!r} has no remedy to be timed")
    answers = maps_of(spec, network, images.images)
    priors = None if images.priors is None else images.priors.cpu().numpy()
    for _ in range(steps):
        with span("remedy"):
            apply_remedy(
                spec.method.remedy.name,
                answers.cpu().numpy(),
                priors,
                Topology.parse(spec.topology),
                exclusive=classes_of(spec).softmax,
                **spec.method.remedy.params,
            )


def _load(spec: RunSpec, split: datasets.Split, steps: int) -> TensorSet:
    """Return images for whole batches only, and no more than `steps` batches of them."""
    batch = {
        "train": spec.training.batch_size,
        "unlabelled": spec.training.unlabelled_batch_size,
        "test": (
            spec.training.batch_size
            if spec.method.adaptation is None
            else spec.method.adaptation.copies
        ),
    }[split]
    params = {**spec.dataset.params, **spec.dataset.paths}
    size = spec.dataset.sizes.get(split)
    there = len(datasets.load(spec.dataset.name, split, size, seed=spec.seed, **params))
    wanted = batch * min(steps, max(1, there // batch)) if split != "test" else batch
    some = datasets.load(spec.dataset.name, split, min(wanted, there), seed=spec.seed, **params)
    return TensorSet.from_samples(list(some), spec.device)


def main(arguments: Sequence[str]) -> None:
    """Do the job that the command line names."""
    job = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    exit_with_parent()
    outcome: dict[str, Any]
    try:
        spec = RunSpec.model_validate(job["spec"])
        load_plugins(spec)
        pin(job["cores"])
        torch.set_num_threads(job["threads"])
        start = None if job["start"] is None else Path(job["start"])
        outcome = {"status": "ok", **repeat(spec, job["steps"], start)}
    except Exception as error:
        traceback.print_exc()
        outcome = failure_of(error)
    write_text(Path(job["outcome"]), json.dumps(outcome))


if __name__ == "__main__":
    main(sys.argv[1:])
