"""``topoeval data``: what data sets there are, what they look like, and how they get here."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from topoeval.cli.habits import AsJson
from topoeval.cli.output import say
from topoeval.limits import usable_cores

app = typer.Typer(
    help="List, describe, prepare and show datasets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Params = Annotated[
    Optional[list[str]],  # noqa: UP045  # typer reads the annotation at run time
    typer.Option(
        "--param",
        "-p",
        help="A parameter of the dataset, KEY=VALUE, for example side=128; topoeval data info NAME "
        "names the keys; may be repeated.",
    ),
]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all datasets: drawn, part of topoeval, or read from files, and whether these are here.

    Examples:
    topoeval data list
    """
    from rich.table import Table

    from topoeval import datasets
    from topoeval.cli.habits import print_json
    from topoeval.cli.terminal import Terminal

    found = {name: datasets.info(name) for name in datasets.DATASETS}
    if as_json:
        listed = [
            {"name": name, "state": _state(name, info), "ndim": info.ndim}
            | {"licence": info.licence, "what": info.title}
            for name, info in found.items()
        ]
        print_json(listed)
        return
    table = Table("name", "state", "dim", "licence", "what", box=None)
    for name, info in found.items():
        table.add_row(name, _state(name, info), f"{info.ndim}D", info.licence, info.title)
    Terminal(width=None if os.isatty(1) else 120).print(table)


@app.command()
def info(
    name: Annotated[str, typer.Argument(help="Name of a dataset (topoeval data list).")],
    param: Params = None,
    as_json: AsJson = False,
) -> None:
    """Print what is known of a dataset: licence, citation, address, Betti numbers, splits, files.

    Examples:
    topoeval data info strokes
    """
    import inspect

    from topoeval import datasets
    from topoeval.cli.habits import print_json

    cls, params = datasets.DATASETS.load(name), _params(param)
    card = datasets.info(name, **params)
    if _state(name, card) == "here" or {"images", "labels"} <= params.keys():
        card = datasets.resolve(name, **params)
    if as_json:
        print_json(
            {"state": _state(name, card)} | {f.name: getattr(card, f.name) for f in fields(card)}
        )
        return
    say(f"{card.title} ({name}, {_state(name, card)})")
    for field in fields(card):
        value = getattr(card, field.name)
        if field.name not in ("name", "title", "sizes") and value not in ("", None, (), {}, False):
            say(f"  {field.name.replace('_', ' ')}: {value}")
    sizes = ", ".join(f"{split} {size or 'all'}" for split, size in card.sizes.items())
    say(f"  splits: {sizes}")
    print()
    say(inspect.cleandoc(cls.__doc__ or ""))


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="Name of a dataset (topoeval data list).")],
    source: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--from", help="Folder with the files as their authors publish them."),
    ] = None,
    data: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Folder of all prepared datasets; this one goes into DATA/NAME. By default what "
            "the environment variable TOPOEVAL_DATA names."
        ),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Download the files, where that is possible.")
    ] = False,
    split: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="Of a drawn dataset: only this split; may be repeated."),
    ] = None,
    size: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            help="Of a drawn dataset: images per split; by default as many as data info NAME says."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of a drawn dataset: seed of the training split.")] = 0,
    jobs: Annotated[
        int, typer.Option(min=1, help="Of a drawn dataset: processes side by side.")
    ] = usable_cores(),
    param: Params = None,
) -> None:
    """Check the files of a dataset and write them in a form that loads fast; or draw its images.

    'topoeval run --data DATA' finds what was prepared into DATA. Drawn datasets need no
    preparation; their images are then there when a run begins.

    Examples:
    topoeval data prepare drive --from DOWNLOADS --data DATA
    """
    from topoeval import datasets
    from topoeval.datasets.stored import Stored
    from topoeval.datasets.synthetic import Synthetic
    from topoeval.errors import UserError

    cls = datasets.DATASETS.load(name)
    params = _params(param)
    if issubclass(cls, Synthetic):
        _draw(name, split, size, seed, jobs, params)
    elif not cls.info.needs_data:
        raise UserError(
            f"{name} is {_state(name, cls.info)} and needs no preparation; "
            f"topoeval data show {name}"
        )
    elif download or (source is None and not issubclass(cls, Stored)):
        if not cls.info.downloads:
            raise UserError(f"{name} cannot be downloaded here; get it from {cls.info.home}")
        root = data or os.environ.get("TOPOEVAL_DATA")
        loaded = datasets.load(name, "train", 1, root=root, download=True, **params)
        say(f"{name} is there: {len(loaded)} sample read, checksums right")
    elif not issubclass(cls, Stored) or name == "folder":
        raise UserError(f"{name} needs no preparation; it is read from where it is")
    else:
        _convert(name, cls, source, data, params)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of a dataset (topoeval data list).")],
    out: Annotated[Path, typer.Option(help="SVG file to write.")] = Path("dataset.svg"),
    split: Annotated[str, typer.Option(help="Split to show.")] = "test",
    count: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="How many images; 4 by default, or all if there are fewer."),
    ] = None,
    param: Params = None,
) -> None:
    """Plot a few images of a dataset above their true masks, and print their Betti numbers.

    Datasets that are read from files are looked for in the folder that TOPOEVAL_DATA names.

    Examples:
    topoeval data show strokes --count 3 --out strokes.svg
    """
    from topoeval import datasets
    from topoeval.cli.places import check_file
    from topoeval.datasets.contact import contact_sheet
    from topoeval.whole_file import write_bytes

    check_file(out)
    dataset = datasets.load(name, split, count, **_params(param))
    samples = [dataset[k] for k in range(count or min(4, len(dataset)))]
    write_bytes(out, contact_sheet([(f"{name}, {split}", samples)]).encode())
    for sample in samples:
        say(f"{sample.case}: prior {sample.prior}, measured {dict(sample.betti)}")
    say(f"Picture: {out}")


def use_data_folder(folder: Path | None) -> None:
    """Make `folder` the one that real datasets are read from, here and in processes that we start.

    Raises
    ------
    UserError
        It is not there.
    """
    from topoeval.errors import UserError

    if folder is not None:
        if not folder.is_dir():
            raise UserError(f"data folder {folder} does not exist; make it, or name another")
        # workers inherit it; a path is no part of the identity of a run
        os.environ["TOPOEVAL_DATA"] = str(folder.resolve())


def _params(given: list[str] | None) -> dict[str, Any]:
    """Return parameters written as TOML; a bare word is a string."""
    import tomllib

    from topoeval.errors import UserError

    params: dict[str, Any] = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise UserError(f"--param {text!r} is not of the form KEY=VALUE")
        try:
            params[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            params[key] = value
    return params


def _state(name: str, info: Any) -> str:
    """Return where the data of a dataset come from, or whether they are here."""
    if not info.needs_data:
        return "bundled" if name == "digits" else "drawn"
    if name == "folder":
        return "yours"
    root = os.environ.get("TOPOEVAL_DATA")
    return "here" if root and (Path(root) / name).is_dir() else "needs data"


def _draw(
    name: str,
    splits: list[str] | None,
    size: int | None,
    seed: int,
    jobs: int,
    params: dict[str, Any],
) -> None:
    """Draw samples of a synthetic family into the cache."""
    from topoeval import datasets
    from topoeval.datasets.cache import cache_folder
    from topoeval.datasets.generate import generate
    from topoeval.errors import UserError

    if cache_folder() is None:
        raise UserError("TOPOEVAL_CACHE is empty, so there is nowhere to keep drawn samples")
    for split in splits or [s for s in datasets.info(name).splits if s != "relaxed"]:
        dataset = datasets.load(name, split, size, seed=seed, **params)
        drawn = sum(1 for _ in generate(dataset, jobs))
        say(f"{name} {split}: {drawn} samples in {dataset.cache().folder}")  # type: ignore[attr-defined]


def _convert(
    name: str, cls: Any, source: Path | None, data: Path | None, params: dict[str, Any]
) -> None:
    """Write a data set in files as a prepared copy."""
    from topoeval.cli.places import check_folder
    from topoeval.datasets.prepared import prepare as write
    from topoeval.errors import UserError

    if source is None:
        raise UserError(f"--from DIR must name the folder of {name} as published")
    if not source.is_dir():
        raise UserError(f"no folder {source}")
    target = data or (Path(os.environ["TOPOEVAL_DATA"]) if "TOPOEVAL_DATA" in os.environ else None)
    if target is None:
        raise UserError("name the folder of prepared data by --data or TOPOEVAL_DATA")
    if (target / name).resolve() in (source.resolve(), (source / name).resolve()):
        raise UserError(f"{target / name} is the source itself; name another folder by --data")
    check_folder(target, "--data")
    unknown = params.keys() - cls.options.keys()
    if unknown:
        raise UserError(f"{name} is prepared with {', '.join(cls.options) or 'no options'} only")
    options = {**cls.options, **params}
    manifest = write(cls.find(source, **options), name, options, target / name)
    parts: dict[str, int] = {}
    for entry in manifest["cases"]:
        parts[entry["part"]] = parts.get(entry["part"], 0) + 1
    counts = ", ".join(f"{part} {count}" for part, count in sorted(parts.items()))
    say(f"{name}: {counts}; content {manifest['content']}, in {target / name}")
