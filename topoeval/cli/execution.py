"""The options of all commands that execute runs, or send cases where runs are executed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from topoeval.errors import UserError

if TYPE_CHECKING:
    from topoeval.evaluate.parallel import Lanes
    from topoeval.harness.runs.executors import Settings

_PANEL = "Where the work is done"

Executor = Annotated[
    str,
    typer.Option(
        help="local: a process per run on this machine; dask: workers of a dask scheduler; "
        "slurm: jobs of a cluster; inline: one by one in this process, for a debugger.",
        rich_help_panel=_PANEL,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Runs side by side (slurm: jobs in the queue); by default as many as cores and "
        "memory of the GPU allow.",
        rich_help_panel=_PANEL,
    ),
]
Threads = Annotated[
    int, typer.Option(min=1, help="CPU threads of one run.", rich_help_panel=_PANEL)
]
Gpus = Annotated[
    str | None,
    typer.Option(
        help="Numbers of the GPUs for runs on CUDA, for example 0,1, a run at a time on each; a "
        "GPU that is named twice has two. All that torch sees by default.",
        rich_help_panel=_PANEL,
    ),
]
DaskAddress = Annotated[
    str | None,
    typer.Option(
        help="Address of the dask scheduler, for example tcp://10.0.0.1:8786; "
        "one is started here by default.",
        rich_help_panel=_PANEL,
    ),
]
Slurm = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Option of sbatch, for example partition=gpu; may be repeated.",
        rich_help_panel=_PANEL,
    ),
]
CaseExecutor = Annotated[
    str,
    typer.Option(
        help="local: on this machine; dask: workers of a scheduler; slurm: jobs of a cluster. "
        "Workers and jobs must see files and the output folder under the same names.",
        rich_help_panel=_PANEL,
    ),
]
CaseJobs = Annotated[
    Optional[int],  # noqa: UP045  # typer reads the annotation at run time
    typer.Option(
        min=1,
        help="Files side by side, by default as many as there are cores to be used here (slurm: "
        "jobs in the queue, 64 by default).",
        rich_help_panel=_PANEL,
    ),
]


@contextmanager
def lanes_of(
    executor: str, settings: Settings, root: Path, memory: int | None = None
) -> Iterator[Lanes | None]:
    """Give the place where cases are worked on; None for this machine.

    Parameters
    ----------
    executor
        Its name.
    settings
        As `execution_settings` returns them.
    root
        The output folder, in which cases lie on their way to other machines.
    memory
        Bytes that each process on another machine may use.

    Raises
    ------
    UserError
        An unknown executor, or one that cannot be used with these settings.
    """
    for option, value, of in (
        ("--dask-address", settings.dask_address, "dask"), ("--slurm", settings.slurm, "slurm"),
    ):  # fmt: skip
        if value and executor != of:
            raise UserError(f"{option} is for --executor {of}, got --executor {executor}")
    if executor == "local":
        yield None
        return
    from topoeval.harness.runs.calls import Sent
    from topoeval.harness.runs.executors import make_executor

    place = make_executor(executor, settings, [])
    try:
        yield Sent(place, root, memory=memory)
    finally:
        place.close()


def execution_settings(
    jobs: int | None,
    threads: int,
    gpus: str | None,
    dask_address: str | None,
    slurm: list[str] | None,
) -> Settings:
    """Return what the command line says about where runs are executed.

    Raises
    ------
    UserError
        A GPU without a name, or an option of sbatch that is not NAME=VALUE.
    """
    from topoeval.harness.runs.executors import Settings

    named = None if gpus is None else tuple(name.strip() for name in gpus.split(","))
    if named is not None and not all(named):
        raise UserError(f"--gpus {gpus!r} names no GPU somewhere; write 0 or 0,1")
    options = {}
    for option in slurm or ():
        name, equals, value = option.partition("=")
        if not name or not equals:
            raise UserError(f"--slurm {option!r} is not NAME=VALUE, for example partition=gpu")
        options[name.removeprefix("--")] = value
    return Settings(jobs, threads, named, dask_address, options)
