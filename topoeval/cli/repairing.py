"""What ``topoeval repair`` does and prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from topoeval.cli.evaluation import check_axes, check_threshold
from topoeval.cli.execution import lanes_of
from topoeval.cli.habits import print_json, problems_to
from topoeval.cli.notes import print_notes
from topoeval.cli.output import escape
from topoeval.cli.places import check_file, check_folder
from topoeval.cli.repair_checks import (
    check_options,
    check_priors,
    check_report,
    repaired_labels,
    told,
)
from topoeval.cli.stale_page import PAGE, remove_stale_page
from topoeval.cli.terminal import Terminal
from topoeval.csv_tables import to_csv
from topoeval.errors import UserError
from topoeval.evaluate import parse_priors
from topoeval.evaluate.classes import notes_on_ignored
from topoeval.evaluate.label_names import check_ignored
from topoeval.evaluate.nnunet import DATASET, find_predictions, unread_softmaxes
from topoeval.evaluate.parallel import Problem, Threads
from topoeval.images import image_files, split_inside
from topoeval.images.reading import decide, none_reaches
from topoeval.images.survey import Terms, survey
from topoeval.images.writing import check_writable
from topoeval.limits import usable_cores
from topoeval.repair import Options
from topoeval.repair.edits import SHORT_BAR
from topoeval.repair.files import Order, Priors, RepairedFile, repair_order
from topoeval.repair.journal import Journal, key_of
from topoeval.topology import Topology
from topoeval.whole_file import write_bytes, write_text

if TYPE_CHECKING:
    from topoeval.harness.runs.executors import Settings as Execution

_COLUMNS = (
    "file", "class", "kind", "cost", "bar", "voxels", "volume", "i", "j", "k", "x", "y", "z",
)  # fmt: skip
# Columns of a report without any edit, too: a table without columns is none.
_ALWAYS = ("file", "class", "kind", "cost", "voxels")


def repair_files(
    paths: Sequence[Path],
    *,
    out: Path,
    betti: tuple[str, ...],
    threshold: float | None,
    ignore: int | None,
    topology: str,
    options: Options,
    axes: str | None,
    executor: str,
    settings: Execution,
    report: Path | None,
    html: bool,
    overwrite: bool,
    as_json: bool = False,
) -> int:
    """Repair files, print what was done, and return how many could not be repaired."""
    check_threshold(threshold)
    chosen = Topology.parse(topology)
    if not chosen.superlevel:
        raise UserError("files are read with bright as foreground; say T or V, not sublevel")
    priors = parse_priors(betti)
    if not priors and not options.acts_without_prior:
        raise UserError("say what is wanted: --betti 1,0, or --limit, --min-size or --keep")
    found = find_predictions(paths[0]) if len(paths) == 1 else None
    if found is not None and threshold is not None:
        raise UserError(
            f"{paths[0]} holds predictions of nnU-Net ({DATASET}), which are label maps: leave "
            "--threshold out"
        )
    names_out = _sources(paths, out) if found is None else _named(found.softmaxes)
    sources = list(names_out)
    if found is not None:
        # a name and its number may both be given
        priors = parse_priors(
            ("" if name is None else f"{found.label(name)}:") + ",".join(map(str, one))
            for name, one in priors.items()
        )
    targets = _targets(names_out, out)
    soft = {} if found is None else found.softmaxes
    orders = [
        Order(source, target, soft.get(source))
        for source, target in zip(sources, targets, strict=True)
    ]
    if report is not None:
        check_file(report, "--report")
        check_report(report, orders, out)
    for source in sources:
        check_writable(source)
    terms = Terms(side="prediction", threshold=threshold, axes=check_axes(axes))
    surveys = [survey(source, terms) for source in sources]
    check_ignored(ignore, None if found is None else found.names)
    ignored = found.names.ignore if ignore is None and found is not None else ignore
    reading = decide(surveys, terms, () if ignored is None else (ignored,))
    repaired = repaired_labels(surveys, reading, ignore, ignored)
    members = {} if found is None else found.names.members
    names = {labels[0]: name for name, labels in members.items() if len(labels) == 1}
    check_priors(priors, surveys, repaired, names, chosen)
    of_probabilities = reading.fractions or any(one.channels for one in surveys)
    check_options(options, priors, of_probabilities, threshold, orders)
    keys = {
        names_out[one.source].as_posix(): key_of(
            seen.sha256, one.softmax, reading, priors, chosen, options, ignored
        )
        for one, seen in zip(orders, surveys, strict=True)
    }
    journal = Journal(out, keys)
    done = _finished(orders, names_out, journal, overwrite)
    console = Terminal(soft_wrap=True)
    if found is not None:
        console.print(escape(found.line))
    console.print(escape(f"{len(sources)} files, {reading.line}"))
    notes = [dark] if (dark := none_reaches(surveys, reading)) else []
    held = ignored in reading.labels
    if held:
        console.print(f"voxels of label {ignored} stay as they are, background to every class")
    named = found is not None or (bool(priors) and None not in priors)
    notes += notes_on_ignored(repaired, ignore, held, named, "file", "repaired")
    if found is None and (beside := unread_softmaxes(sources)):
        notes.append(
            f"{beside} of the files have a softmax of nnU-Net beside them, which is read where "
            "their folder is named: here edits cost voxels"
        )
    print_notes(console, notes)
    ndim = len(surveys[0].shape)
    conventions = f"{chosen.describe(ndim)}; wanted {_wanted(priors, names)}"
    console.print(escape(conventions))
    if done:
        console.print(f"{len(done)} of them were repaired by an earlier run of this command")
    refused: list[str] = []
    rest = [one for one in orders if one.source not in done]
    work = partial(
        repair_order,
        reading=reading,
        priors=priors,
        topology=chosen,
        options=options,
        ignored=ignored,
    )
    with lanes_of(executor, settings, out) as lanes:
        out.mkdir(parents=True, exist_ok=True)
        journal.begin()
        here = lanes or Threads(settings.jobs or usable_cores())
        try:
            for _, result in here.over(work, rest, lambda one: str(one.source)):
                if isinstance(result, Problem):
                    refused.append(result.message)
                    why = escape(result.message)
                    problems_to(console).print(f"[red]not repaired[/] {why}")
                    continue
                name = names_out[result.source]
                place = console if result.met else problems_to(console)
                _print(place, name, result, names, _limits(options))
                journal.add(name.as_posix(), result)
                done[result.source] = result
        finally:
            journal.close(complete=len(done) == len(orders))
    all_done = [done[source] for source in sources if source in done]
    if found is not None and all_done:
        # evaluate --nnunet looks for the names of classes there
        write_bytes(out / DATASET, (paths[0] / DATASET).read_bytes())
    met = sum(one.met for one in all_done)
    counted = f", numbers met in {met}" if priors else ""
    console.print(f"{len(all_done)} files written to {escape(str(out))}{counted}")
    if report is not None:
        rows = [
            {
                **row,
                "file": names_out[one.source].as_posix(),
                "class": names.get(row["class"], row["class"]),
            }
            for one in all_done
            for row in one.rows
        ]
        frame = pd.DataFrame(rows, columns=[*_COLUMNS])
        empty = [name for name in frame if name not in _ALWAYS and frame[name].isna().all()]
        write_text(report, to_csv(frame.drop(columns=empty)))
    if html:
        from topoeval.report.repair_page import write_repair_page

        lines = [f"{len(sources)} files, {reading.line}", conventions, *notes]
        by_name = {names_out[one.source].as_posix(): one for one in all_done}
        write_repair_page(
            out / PAGE, by_name, reading, names, lines, refused, are_wanted=bool(priors)
        )
        console.print(escape(str(out / PAGE)))
    elif gone := remove_stale_page(out):
        console.print(escape(gone))
    if as_json:
        documents = [_document(names_out[one.source], one, names) for one in all_done]
        print_json({"files": documents, "not_repaired": refused, "notes": notes})
    return len(refused) + len(all_done) - met


def _finished(
    orders: Sequence[Order], names: Mapping[Path, Path], journal: Journal, overwrite: bool
) -> dict[Path, RepairedFile]:
    """Return what an interrupted command has finished; refuse to replace what is not its own."""
    done: dict[Path, RepairedFile] = {}
    for one in orders:
        name = names[one.source].as_posix()
        if found := journal.finished(name, one.source, one.target):
            done[one.source] = found
        elif one.target.exists() and not overwrite and not journal.writes(name):
            raise UserError(f"{one.target} is there already; say --overwrite to replace it")
    return done


def _document(name: Path, done: RepairedFile, names: Mapping[int, str]) -> dict[str, Any]:
    """Return what was done to a file, for programs."""
    classes = {
        names.get(label, str(label)): {
            "before": one.before,
            "after": one.after,
            "met": one.met,
            "edits": one.kinds,
            "flipped": one.flipped,
        }
        for label, one in done.classes.items()
    }
    return {"file": name, "written": done.target, "met": done.met, "classes": classes}


def _named(paths: Iterable[Path]) -> dict[Path, Path]:
    return {path: Path(path.name) for path in paths}


def _sources(paths: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Return the files, each with the name to write it under: in folders, as it lies there."""
    found: dict[Path, Path] = {}
    for path in paths:
        place, _ = split_inside(path)
        if not place.exists():
            raise UserError(f"{path}: no such file or folder")
        if not place.is_dir():
            found |= _named([path])
            continue
        files = image_files(path, deep=True)
        # what an earlier command has written is no input
        own = [file for file in files if not file.resolve().is_relative_to(out.resolve())]
        found |= {file: file.relative_to(place) for file in own or files}
    return found


def _targets(names: Mapping[Path, Path], out: Path) -> list[Path]:
    check_folder(out)
    for name, count in Counter(names.values()).items():
        if count > 1:
            raise UserError(f"{count} files have the name {name}; repair them into folders apart")
    targets = []
    for source, name in names.items():
        target = out / name
        if target.exists() and target.samefile(split_inside(source)[0]):
            raise UserError(f"--out {out} holds the files to repair; name another folder")
        targets.append(target)
    return targets


def _wanted(priors: Priors, names: Mapping[int, str]) -> str:
    if not priors:
        return "no numbers"
    return ", ".join(
        f"{'' if name is None else f'class {told(name, names)} '}{prior}"
        for name, prior in priors.items()
    )


def _limits(options: Options) -> str:
    """Return the options that forbid edits, as they are written; empty without any."""
    given = {
        "--evidence": options.evidence or None,
        "--limit": options.limit,
        "--max-change": options.max_change,
        "--only": None if options.only is None else ",".join(options.only),
    }
    return ", ".join(f"{name} {value}" for name, value in given.items() if value is not None)


def _print(
    console: Console, name_out: Path, done: RepairedFile, names: Mapping[int, str], limits: str
) -> None:
    parts = []
    for label, one in done.classes.items():
        kinds = {kind: count for kind, count in one.kinds.items() if kind != "thicken"}
        edits = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "nothing to do"
        name = f"class {names.get(label, label)}: " if len(done.classes) > 1 else ""
        text = f"{name}{one.before} -> {one.after}, {edits}"
        if one.kinds:
            text += f", {one.flipped} voxels flipped"
        if one.doubtful:
            text += f"; a bar of {one.shortest_bar:.3f} < {SHORT_BAR:g}: is the number right?"
        if not one.met:
            text += "; NOT MET"
            if limits:
                text += f" by the edits that {limits} allows"
        parts.append(text)
    console.print(escape(f"{name_out.as_posix()}  " + "; ".join(parts)))
