"""``topoeval rescore``: further metrics for finished runs, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from topoeval.cli.filters import DataFolder
from topoeval.cli.habits import AsJson
from topoeval.cli.plugins import Plugins
from topoeval.errors import UserError


def rescore(
    results: Annotated[Path, typer.Argument(help="Results folder that 'topoeval run' made.")],
    metrics: Annotated[
        str,
        typer.Option(
            help="Scores to add (topoeval list metrics names all), for example cldice,hd95."
        ),
    ],
    data: DataFolder = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 1,
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """Add scores to the records of finished runs, without training.

    A run keeps its predictions on the test images in the results folder, unless the suite says
    otherwise; they are scored again. A run without them is named, with exit status 1.

    Examples:
    topoeval rescore results/quickstart --metrics cldice,hd95
    """
    from topoeval.cli.data import use_data_folder
    from topoeval.cli.habits import print_json, problems_to
    from topoeval.cli.terminal import Terminal
    from topoeval.harness.runs.rescoring import rescore as rescore_runs

    names = [name.strip() for name in metrics.split(",") if name.strip()]
    if not names:
        raise UserError("--metrics names no metric; write for example --metrics cldice,hd95")
    use_data_folder(data)
    done = rescore_runs(results, names, jobs)
    console = Terminal()
    for label, problem in sorted(done.problems.items()):
        problems_to(console).print(
            f"{label}: {problem}", markup=False, soft_wrap=True, highlight=False
        )
    console.print(
        f"{len(done.changed)} runs scored by {', '.join(names)}, {len(done.complete)} had them, "
        f"{len(done.problems)} could not be scored",
        markup=False,
        soft_wrap=True,
        highlight=False,
    )
    if as_json:
        print_json({"changed": done.changed, "complete": done.complete, "problems": done.problems})
    raise typer.Exit(1 if done.problems else 0)
