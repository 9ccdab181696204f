"""The command line: ``topoeval run | report | evaluate | audit | list | info`` and the rest.

Nothing heavy is imported until a command needs it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from topoeval.cli import data as data_commands
from topoeval.cli import output, words
from topoeval.cli.audit import audit
from topoeval.cli.barcode import barcode
from topoeval.cli.bench import app as bench
from topoeval.cli.comparing import compare
from topoeval.cli.doctor import check, doctor
from topoeval.cli.ensemble import ensemble
from topoeval.cli.evaluate import evaluate
from topoeval.cli.execution import (
    DaskAddress,
    Executor,
    Gpus,
    Jobs,
    Slurm,
    Threads,
    execution_settings,
)
from topoeval.cli.filters import (
    Backends,
    DataFolder,
    Datasets,
    Devices,
    Methods,
    ResultsFolder,
    Seeds,
    Suite,
    filters,
)
from topoeval.cli.group import Group
from topoeval.cli.habits import AsJson, allow_quiet
from topoeval.cli.planning import plan, schema
from topoeval.cli.plugins import NamedPlugins, Plugins
from topoeval.cli.repair import repair
from topoeval.cli.report import leaderboard, report
from topoeval.cli.rescore import rescore
from topoeval.cli.results import collect, query, submit
from topoeval.cli.status import retry, status
from topoeval.cli.timing import time
from topoeval.cli.usage import USAGE_ERROR, usage_line
from topoeval.errors import UserError, naming_extra

app = typer.Typer(
    name="topoeval",
    cls=Group,
    no_args_is_help=True,
    epilog="Begin with one of these:\n- topoeval audit MASK prints the Betti numbers of a mask.\n"
    "- topoeval evaluate PRED GT scores predicted masks against true ones.\n"
    "- topoeval run quickstart trains small networks with several losses and compares them.\n"
    "- topoeval COMMAND --help explains a command, its options and their words.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# The sections of the first page of help, in its order.
FILES, SUITES, RESULTS = "Masks and images", "Suites of methods", "Results of suites"
THERE = "What there is, and whether it works"
# These and others below declare their options in their own modules, which import little.
for of_files in (evaluate, compare, audit, repair, barcode):
    app.command(rich_help_panel=FILES)(of_files)


def main() -> None:
    """Run the command line; a user's mistake is one line and exit status 2."""
    output.set_up()
    try:
        with naming_extra("this command"):
            status = app(prog_name="topoeval", standalone_mode=False)
    except UserError as error:
        lines = map(output.visible, str(error).splitlines())
        print("topoeval:", "\n".join(lines), file=sys.stderr)
        sys.exit(2)
    except USAGE_ERROR as error:
        if type(error).__name__ != "NoArgsIsHelpError":  # the help was printed
            print(f"topoeval: {output.visible(usage_line(error))}", file=sys.stderr)
        sys.exit(2)
    except typer.Abort:
        print("topoeval: ended at a question", file=sys.stderr)
        sys.exit(1)
    except (OSError, MemoryError) as error:
        from topoeval.cli.machine import told

        print(f"topoeval: {output.visible(told(error))}", file=sys.stderr)
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def _print_version(asked: bool) -> None:
    if asked:
        import topoeval

        typer.echo(f"topoeval {topoeval.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Score segmentations by their topology, correct it, and compare losses that train for it.

    Topology means counts: how many components, holes and cavities (Betti numbers) a mask has.
    """


@app.command(rich_help_panel=SUITES)
def run(
    suite: Suite,
    method: Methods = None,
    dataset: Datasets = None,
    seed: Seeds = None,
    backend: Backends = None,
    device: Devices = None,
    plugin: Plugins = None,
    results: ResultsFolder = None,
    data: DataFolder = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch missing datasets into the data folder.")
    ] = False,
    executor: Executor = "local",
    jobs: Jobs = None,
    threads: Threads = 1,
    gpus: Gpus = None,
    dask_address: DaskAddress = None,
    slurm: Slurm = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run failed runs again.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Run again what the options select, although it has records."),
    ] = False,
    keep_maps: Annotated[
        bool,
        typer.Option(
            "--keep-maps",
            help="Keep the probability maps of all tests in RESULTS/work, whatever the suite says, "
            "for 'topoeval ensemble'.",
        ),
    ] = False,
    report: Annotated[bool, typer.Option(help="Make tables and HTML pages at the end.")] = True,
    tuned: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The tuned.toml with the parameters that 'topoeval tune' chose."),
    ] = None,
    log: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="Log trainings to tensorboard, mlflow or wandb; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a suite: train and score its methods, and make tables and pages of the results.

    The same command again goes on where it stopped: a run that has a record is not run again.

    Examples:
    topoeval run quickstart

    topoeval run quickstart --method betti_prior --seed 0 --results results/mine
    """
    from topoeval.cli.run import run_suite

    failures = run_suite(
        suite,
        filters=filters(method, dataset, seed, backend, device),
        results=results,
        data=data,
        download=download,
        executor=executor,
        settings=execution_settings(jobs, threads, gpus, dask_address, slurm),
        retry_failed=retry_failed,
        report=report,
        tuned=tuned,
        log=log or (),
        again=again,
        keep_maps=keep_maps,
        as_json=as_json,
    )
    raise typer.Exit(1 if failures else 0)


@app.command(rich_help_panel=SUITES)
def tune(
    suite: Suite,
    dataset: Datasets = None,
    plugin: Plugins = None,
    results: ResultsFolder = None,
    data: DataFolder = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch missing datasets into the data folder.")
    ] = False,
    executor: Executor = "local",
    jobs: Jobs = None,
    threads: Threads = 1,
    gpus: Gpus = None,
    dask_address: DaskAddress = None,
    slurm: Slurm = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run failed trials again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search for the best parameters of every method of a suite, on validation images.

    Several values of its parameters (mostly the weight of its loss) are tried for each method and
    dataset, each in a training of its own, a trial. Of those whose Dice is close to the best of
    the suite's reference, or above it, the one with the lowest betti_error is chosen. It goes to
    RESULTS/tuned.toml, which 'topoeval run SUITE --tuned RESULTS/tuned.toml' reads. The same
    command again goes on where it stopped.

    Examples:
    topoeval tune quickstart

    topoeval tune board-2d --dataset network --results tuned-board
    """
    from topoeval.cli.tune import tune_suite

    failures = tune_suite(
        suite,
        datasets=dataset or (),
        results=results,
        data=data,
        download=download,
        executor=executor,
        settings=execution_settings(jobs, threads, gpus, dask_address, slurm),
        retry_failed=retry_failed,
        as_json=as_json,
    )
    raise typer.Exit(1 if failures else 0)


def kinds(begun: str) -> list[str]:
    """Return the kinds of things that go on from what was typed, for the shell."""
    known = ("suites", "methods", "datasets", "losses", "backends", "networks", "metrics")
    return [kind for kind in (*known, "remedies") if kind.startswith(begun)]


@app.command("list", rich_help_panel=THERE)
def list_(
    kind: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            help="suites, methods, datasets, losses, backends, networks, metrics or remedies; all "
            "of these by default.",
            autocompletion=kinds,
        ),
    ] = None,
    as_json: AsJson = False,
    plugin: NamedPlugins = None,
) -> None:
    """List suites, methods, losses, metrics, ..., and say which can be used here.

    Examples:
    topoeval list

    topoeval list losses --plugin my_loss.py
    """
    from topoeval.cli.catalogue import print_list

    print_list(kind, plugin or (), as_json)


@app.command(rich_help_panel=THERE)
def info(
    name: Annotated[
        str,
        typer.Argument(
            help="Any name that 'topoeval list' prints, or the folder of a method of your own."
        ),
    ],
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """Print what is known of a suite, method, dataset, loss, metric, ... by its name.

    Examples:
    topoeval info betti_prior
    """
    from topoeval.cli.catalogue import print_info

    print_info(name, as_json)


for section, commands in {
    SUITES: (plan, status, retry, time),
    RESULTS: (report, leaderboard, query, collect, rescore, ensemble, submit),
    THERE: (doctor, check, schema),
}.items():
    for command in commands:
        app.command(rich_help_panel=section)(command)
app.add_typer(data_commands.app, name="data", rich_help_panel=THERE)
app.add_typer(bench, rich_help_panel=THERE)
allow_quiet(app)
words.explain(app)
