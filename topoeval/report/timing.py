"""Tables of what a step costs, from the records of the timing lane.

Times of different machines, or of different software on one, never share a table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from topoeval.archives import DamagedFileError
from topoeval.errors import UserError
from topoeval.records.spec import RunSpec
from topoeval.records.timings import read_timing
from topoeval.results.arms import Labels, label_runs
from topoeval.topology import Topology

_PARTS = ("augmentation", "network", "persistence", "loss", "backward", "other")
_MIB = 2**20
_NOTE = (
    "A step is one of the optimiser (of a correction, one batch), every loss at full strength, "
    "from the network that the method starts from. Medians of all counted steps, with the middle "
    "half of them; the parts are medians, too, and need not add up. First step: median over "
    "processes. Targets: what a loss computes of them once. Peak RSS: the whole process, libraries "
    "included."
)

Record = Mapping[str, Any]


def read_timings(folder: Path | str) -> list[Record]:
    """Return the records of a ``timing`` folder by identity.

    Raises
    ------
    UserError
        There are none, or a file is no such record.
    """
    paths = sorted(path for path in Path(folder).glob("*.json") if not path.name.startswith("."))
    if not paths:
        raise UserError(f"no records (*.json) in {folder}; topoeval time SUITE makes them")
    records: list[Record] = []
    for path in paths:
        try:
            record = read_timing(path)
            RunSpec.model_validate(record["spec"])
        except DamagedFileError as error:
            problem = error.problem
            raise UserError(f"{path} is no timing record: {problem}; delete or move it") from None
        except ValueError:
            raise UserError(
                f"{path} is no timing record: its spec is none; delete or move it"
            ) from None
        records.append(record)
    return records


def timing_tables(records: Sequence[Record]) -> str:
    """Return Markdown: a section per machine and software, a table per dataset in it."""
    specs = {record["id"]: RunSpec.model_validate(record["spec"]) for record in records}
    labels = label_runs(specs, {})
    lines = ["# What a step costs", ""]
    for group in _grouped(records, lambda record: _key(record)):
        lines += _heading(group)
        for same in _grouped(group, lambda record: labels[record["id"]].dataset):
            lines += [f"### {labels[same[0]['id']].dataset}", "", *_table(same, labels), ""]
        lines += [*_failures(group, labels), _NOTE, ""]
    return "\n".join(lines).rstrip() + "\n"


def _key(record: Record) -> str:
    """Return what must be equal for times to share a table."""
    parts = [record[name] for name in ("machine", "software", "settings")]
    versions = dict(parts[1]["versions"])
    # every record names its own backend beside the libraries that all of them use, torch among them
    if record["spec"]["backend"] != "torch":
        versions.pop(record["spec"]["backend"], None)
    parts[1] = {**parts[1], "versions": versions}
    return json.dumps(parts, sort_keys=True)


def _grouped(records: Sequence[Record], key: Any) -> list[list[Record]]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return [groups[name] for name in sorted(groups)]


def _heading(group: Sequence[Record]) -> list[str]:
    first = group[0]
    machine, software, settings = first["machine"], first["software"], first["settings"]
    gpus = sorted({str(record["machine"]["gpu"]) for record in group} - {"None"})
    memory = f"{machine['memory_bytes'] / 2**30:.0f} GiB"
    hardware = ", ".join([f"{machine['cpu']}, {machine['cores']} cores", memory, *gpus])
    versions = ", ".join(
        f"{name} {version}" for name, version in sorted(software["versions"].items()) if version
    )
    samples = [one for record in group for one in record["rounds"]]
    rounds = max((len(record["rounds"]) for record in group), default=0)
    pinned = sorted({core for one in samples for core in one["cores"]})
    lines = [
        f"## {hardware}",
        "",
        f"{software['platform']}, Python {software['python']}, {versions}; topoeval "
        f"{software['topoeval']}, code {software['code']}.",
        "",
        f"{settings['threads']} thread(s) "
        + (f"pinned to core {', '.join(map(str, pinned))}" if pinned else "not pinned")
        + f"; {rounds} rounds over all methods in shuffled order, each a fresh process of "
        f"{settings['warmup']} steps to warm up and {settings['steps']} that count.",
        "",
    ]
    shares = [one["cpu_s"] / one["wall_s"] for one in samples if one.get("wall_s")]
    if shares and not gpus:
        lines[-2] += (
            f" The processor was at work for {min(shares):.0%} to {max(shares):.0%} of the time "
            "by the clock."
        )
    if any(record["busy"] for record in group):
        busiest = max((one["busy_cores"] for one in samples), default=0.0)
        lines += [
            f"**Measured beside other work (--busy): up to {busiest:.1f} cores were busy at the "
            "start of the lane. These are not times to quote.**",
            "",
        ]
    return lines


def _table(records: Sequence[Record], labels: Mapping[str, Labels]) -> list[str]:
    done = [record for record in records if record["status"] == "ok" and record["summary"]]
    if not done:
        return ["No method was measured."]
    done.sort(key=lambda record: record["summary"]["steady_s"]["median"])
    shape, spec = done[0]["rounds"][0]["shape"], done[0]["spec"]
    network = " ".join(
        [spec["network"]["name"], "-".join(map(str, spec["network"].get("channels", ())))]
    ).strip()
    reading = Topology.parse(spec["topology"]).describe(len(shape) - 1)
    sides = "x".join(map(str, shape[1:]))
    caption = f"Images of {sides}, {network}; {reading}."
    cuda = any("peak_cuda_bytes" in record["summary"] for record in done)
    parts = [
        part
        for part in dict.fromkeys(
            (*_PARTS, *(part for record in done for part in record["summary"]["parts_s"]))
        )
        if any(record["summary"]["parts_s"].get(part) for record in done)
    ]
    head = [
        "method",
        "images",
        "step (ms)",
        "middle half",
        *parts,
        "first step",
        "targets (ms/image)",
    ]
    head += ["peak RSS (MiB)", *(["CUDA (MiB)"] if cuda else [])]
    lines = [caption, "", _row(head), _row(["---", *["---:"] * (len(head) - 1)])]
    for record in done:
        told = record["summary"]
        steady, prepare = told["steady_s"], told["prepare_s_per_image"]
        cells = [
            labels[record["id"]].arm,
            str(told["images"]),
            _ms(steady["median"]),
            f"{_ms(steady['q1'])} to {_ms(steady['q3'])}",
            *(_ms(told["parts_s"].get(part)) for part in parts),
            _ms(told["cold_s"]["median"]),
            _ms(prepare),
            f"{told['peak_rss_bytes'] / _MIB:.0f}",
        ]
        if cuda:
            used = told.get("peak_cuda_bytes")
            cells.append("" if used is None else f"{used / _MIB:.0f}")
        lines.append(_row(cells))
    return lines


def _failures(group: Sequence[Record], labels: Mapping[str, Labels]) -> list[str]:
    lines = []
    for record in group:
        if record["status"] != "ok":
            label = labels[record["id"]]
            last = (record["error"] or "").strip().splitlines()[-1:]
            lines.append(f"- {label.arm} on {label.dataset}: {record['status']}: {' '.join(last)}")
    return ["Not measured:", "", *lines, ""] if lines else []


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _ms(seconds: float | None) -> str:
    """Return milliseconds with three digits that count."""
    if seconds is None:
        return ""
    value = 1e3 * seconds
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
