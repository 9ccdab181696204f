"""The executors of runs: `inline`, `local`, `dask`, `slurm`, and those of plug-ins.

All but `inline` call `run` of a `topoeval.harness.runs.work.Work`, each from the place it is named
for; none schedules by itself what an engine already does.
"""

from collections.abc import Sequence

from topoeval.harness.runs.executors.executor import Executor, Settings
from topoeval.harness.runs.executors.inline import Inline
from topoeval.harness.runs.executors.local import Local
from topoeval.records.spec import RunSpec
from topoeval.registry import Registry

__all__ = ["EXECUTORS", "Executor", "Inline", "Local", "Settings", "make_executor"]


def _is_executor(plugin: object) -> None:
    wanted = ("close", "configured", "perform", "run", "stop")
    missing = [name for name in wanted if not hasattr(plugin, name)]
    if missing:
        raise TypeError(f"{plugin!r} is no executor: it has no {', '.join(missing)}")


EXECUTORS: Registry[type[Executor]] = Registry(
    "executor",
    {
        "dask": "topoeval.harness.runs.executors.dask:Dask",
        "inline": "topoeval.harness.runs.executors.inline:Inline",
        "local": "topoeval.harness.runs.executors.local:Local",
        "slurm": "topoeval.harness.runs.executors.slurm:Slurm",
    },
    group="topoeval.executors",
    requires={"dask": ["distributed"], "slurm": ["submitit"]},
    validate=_is_executor,
)


def make_executor(name: str, settings: Settings, runs: Sequence[RunSpec]) -> Executor:
    """Return the executor called `name`, made for `runs`.

    Raises
    ------
    UserError
        Unknown, not installed, or not to be used with these settings.
    """
    return EXECUTORS.load(name).configured(settings, runs)
