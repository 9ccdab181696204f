"""The options of all commands that execute runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from topoeval.errors import UserError

if TYPE_CHECKING:
    from topoeval.harness.runs.executors import Settings

_PANEL = "Where runs are executed"

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
        help="Runs side by side (slurm: jobs in the queue); as many as fit by default.",
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
