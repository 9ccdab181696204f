"""Where else a training is followed: TensorBoard, MLflow, Weights & Biases.

Each is an extra, imported when a run asks for it by name. What they are told decides nothing: a
sink that fails is said in the log and left out from there on, and the run goes on. Third parties
add sinks through the entry-point group ``topoeval.sinks``.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from topoeval.registry import Registry
from topoeval.training.callbacks import Callback, Epoch, Step


@dataclass(frozen=True, slots=True)
class RunCard:
    """What a sink is given of a run before it begins.

    Parameters
    ----------
    id, name, group
        Its identity, what people call it, and the suite it is of.
    folder
        Where it may write.
    config
        What decides the run, as flat names and values.
    """

    id: str
    name: str
    group: str
    folder: Path
    config: Mapping[str, bool | int | float | str]


class TensorBoard:
    """Writes TensorBoard event files into the folder ``tensorboard`` of the run.

    Steps that an interrupted training repeats replace those it had written.
    """

    def __init__(self, run: RunCard) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._make = SummaryWriter
        self._folder = run.folder / "tensorboard"
        self._writer: SummaryWriter | None = None

    def on_step(self, step: Step) -> None:
        """Write the step."""
        if self._writer is None:
            self._writer = self._make(str(self._folder), purge_step=step.step)
        for name, value in _scalars(step).items():
            self._writer.add_scalar(name, value, step.step)

    def on_epoch(self, epoch: Epoch) -> None:
        """Let readers see it."""
        if self._writer is not None:
            self._writer.flush()

    def on_end(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()


class MLflow:
    """Logs to the tracking server of ``MLFLOW_TRACKING_URI``: one MLflow run per run.

    Steps go there epoch by epoch. An interrupted training goes on in the MLflow run it began.
    """

    def __init__(self, run: RunCard) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient()
        known = self._client.get_experiment_by_name(run.group)
        experiment = known.experiment_id if known else self._client.create_experiment(run.group)
        begun = self._client.search_runs([experiment], f"tags.topoeval = '{run.id}'", max_results=1)
        if begun:
            self._run = begun[0].info.run_id
            self._client.update_run(self._run, status="RUNNING")
        else:
            tags = {"topoeval": run.id}
            self._run = self._client.create_run(
                experiment, run_name=run.name, tags=tags
            ).info.run_id
            for name, value in run.config.items():
                self._client.log_param(self._run, name, value)
        self._waiting: list[Step] = []

    def on_step(self, step: Step) -> None:
        """Keep the step until its epoch is over."""
        self._waiting.append(step)

    def on_epoch(self, epoch: Epoch) -> None:
        """Send the steps that are waiting."""
        from time import time

        from mlflow.entities import Metric

        now = int(time() * 1000)
        metrics = [
            Metric(name, value, now, step.step)
            for step in self._waiting
            for name, value in _scalars(step).items()
        ]
        for first in range(0, len(metrics), _MLFLOW_BATCH):
            self._client.log_batch(self._run, metrics[first : first + _MLFLOW_BATCH])
        self._waiting.clear()

    def on_end(self) -> None:
        """End the MLflow run."""
        self._client.set_terminated(self._run)


class WandB:
    """Logs to Weights & Biases, whose environment variables say where (``WANDB_MODE=offline``)."""

    def __init__(self, run: RunCard) -> None:
        import wandb

        self._run = wandb.init(
            project=run.group,
            name=run.name,
            id=run.id,
            config=dict(run.config),
            dir=str(run.folder),
            resume="allow",
        )

    def on_step(self, step: Step) -> None:
        """Log the step."""
        self._run.log(_scalars(step), step=step.step)

    def on_epoch(self, epoch: Epoch) -> None:
        """Nothing: the service makes its own means."""

    def on_end(self) -> None:
        """End the run there."""
        self._run.finish()


_MLFLOW_BATCH = 1000  # more metrics in one request are refused
_HERE = "topoeval.training.sinks"

SINKS: Registry[Any] = Registry(
    "sink",
    {
        "mlflow": f"{_HERE}:MLflow",
        "tensorboard": f"{_HERE}:TensorBoard",
        "wandb": f"{_HERE}:WandB",
    },
    group="topoeval.sinks",
    requires={"mlflow": ("mlflow",), "tensorboard": ("tensorboard",), "wandb": ("wandb",)},
)


def open_sinks(names: Sequence[str], run: RunCard) -> list[Callback]:
    """Return the sinks called `names`, each guarded: its failure is not the run's.

    Raises
    ------
    UserError
        An unknown name.
    UnavailableError
        Its extra is not installed.
    """
    return [Guarded(name, SINKS.load(name), run) for name in names]


class Guarded:
    """A sink whose failure is printed, and ends the sink alone."""

    def __init__(self, name: str, kind: Any, run: RunCard) -> None:
        self._name = name
        self._sink: Callback | None = None
        self._sink = self._safely(kind, run)

    def on_step(self, step: Step) -> None:
        """Pass it on."""
        if self._sink is not None:
            self._safely(self._sink.on_step, step)

    def on_epoch(self, epoch: Epoch) -> None:
        """Pass it on."""
        if self._sink is not None:
            self._safely(self._sink.on_epoch, epoch)

    def on_end(self) -> None:
        """Pass it on."""
        if self._sink is not None:
            self._safely(self._sink.on_end)

    def _safely(self, function: Any, *arguments: object) -> Any:
        try:
            return function(*arguments)
        except Exception:  # whatever a service or its library raises
            traceback.print_exc()
            print(f"sink {self._name!r} failed; the run goes on without it", file=sys.stderr)
            self._sink = None
            return None


def _scalars(step: Step) -> dict[str, float]:
    return {
        **{f"terms/{name}": value for name, value in step.terms.items()},
        "total": step.total,
        "learning_rate": step.learning_rate,
        "seconds": step.seconds,
    }
