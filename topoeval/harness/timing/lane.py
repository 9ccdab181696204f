"""The timing lane: what a step of each method costs, measured alone, in turns, on pinned cores.

Every repetition is a fresh process under the supervisor of runs, with the limits of runs. It takes
a few steps, the first of them cold. Rounds go over all methods in an order shuffled anew, so that a
machine that slows down slows all of them. A sample is written as soon as it is there: an
interrupted lane goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from topoeval.archives import DamagedFileError, set_aside
from topoeval.harness.runs.blame import outcome_without_record
from topoeval.harness.runs.executors import Settings, make_executor
from topoeval.harness.runs.job import (
    LOG_TAIL_LINES,
    supervise,
    thread_variables,
)
from topoeval.harness.runs.machine import alone, busy_cores, check_quiet, cores_to_pin, fingerprint
from topoeval.harness.runs.store import Store, last_lines
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.suite import Limits, Timing
from topoeval.records.canonical import digest
from topoeval.records.spec import RunSpec
from topoeval.records.timings import SCHEMA, read_timing, write_timing
from topoeval.whole_file import write_text

# what is part of the identity of a measurement, whatever the form of its file
_MEASURED = 1
# -P: the current folder must not decide which topoeval is imported
WORKER = (sys.executable, "-P", "-m", "topoeval.harness.timing.timed")
Listener = Callable[[str], None]
Record = dict[str, Any]


@dataclass(frozen=True)
class Lane:
    """Measures the methods of a suite; see `measure`.

    Parameters
    ----------
    folder
        Where records go: ``ID.json`` each, and scratch below ``work``.
    suite
        Its name.
    settings
        Rounds and steps.
    limits
        Hard limits of a repetition, and of a training of what methods start from.
    threads
        Threads of a step, each on a core of its own.
    busy
        Whether to measure although others work here. Records then say so.
    worker
        The program that takes the steps of a repetition; it is given a job file.
    """

    folder: Path
    suite: str
    settings: Timing
    limits: Limits
    threads: int = 1
    busy: bool = False
    worker: tuple[str, ...] = WORKER

    def measure(
        self,
        runs: Sequence[RunSpec],
        *,
        again: bool = False,
        listener: Listener = lambda words: None,
    ) -> list[Record]:
        """Time the first seed of each method among `runs`; return one record per method.

        Parameters
        ----------
        runs
            A plan, or a selection of it with all that the selected build on.
        again
            Measure anew what has been measured.
        listener
            Called with a few words before each repetition.

        Raises
        ------
        UserError
            Others work here.
        """
        targets = first_seeds(runs)
        records = {spec.id: self._record(spec, again) for spec in targets}
        if all(map(self._finished, records.values())):
            return list(records.values())
        if not self.busy:
            check_quiet()  # before the trainings, which take their time
        starts = self._starts(runs, targets, listener)
        with alone():
            others = busy_cores() if self.busy else check_quiet()
            for record in records.values():
                record["busy"] = record["busy"] or self.busy
            for turn in range(self.settings.rounds):
                order = list(targets)
                random.Random(turn).shuffle(order)
                for position, spec in enumerate(order):
                    record = records[spec.id]
                    if record["status"] != "ok" or _has_round(record, turn):
                        continue
                    listener(f"round {turn + 1} of {self.settings.rounds}: {spec.label}")
                    place = {"round": turn, "position": position, "busy_cores": others}
                    self._repeat(record, spec, starts, place)
                    record["summary"] = summarise(record)
                    self._write(record)
        return list(records.values())

    def _record(self, spec: RunSpec, again: bool) -> Record:
        """Return the record of a method as far as there is one, by its timing identity."""
        prints = fingerprint(spec.device, self.threads, spec.backend)
        settings = {
            "warmup": self.settings.warmup, "steps": self.settings.steps, "threads": self.threads,
        }  # fmt: skip
        identity = digest(json.dumps([_MEASURED, spec.id, settings, prints], sort_keys=True))
        if not again and (record := self._read(identity)) is not None:
            return record
        return {
            "schema": SCHEMA,
            "id": identity,
            "run": spec.id,
            "suite": self.suite,
            "spec": spec.recorded().model_dump(mode="json", by_alias=True),
            "settings": settings,
            **prints,
            "busy": False,
            "status": "ok",
            "error": None,
            "rounds": [],
        }

    def _finished(self, record: Record) -> bool:
        turns = range(self.settings.rounds)
        return record["status"] != "ok" or all(_has_round(record, turn) for turn in turns)

    def _read(self, identity: str) -> Record | None:
        path = self.folder / f"{identity}.json"
        if not path.exists():
            return None
        with suppress(DamagedFileError):
            record = read_timing(path)
            if record["id"] == identity:
                return record
        set_aside(path)  # and measured anew
        return None

    def _write(self, record: Record) -> None:
        write_timing(self.folder / f"{record['id']}.json", record)

    def _starts(
        self, runs: Sequence[RunSpec], targets: Sequence[RunSpec], listener: Listener
    ) -> Store:
        """Train the networks that methods start from; return where they are.

        They are kept apart from the suite's results, whose records come without networks.
        """
        store = Store(self.folder / "work" / "starts", self.suite)
        by_id = {run.id: run for run in runs}
        wanted = {spec.parents["start"] for spec in targets if "start" in spec.parents}
        queue = list(wanted)
        while queue:
            more = set(by_id[queue.pop()].parents.values()) - wanted
            wanted |= more
            queue.extend(more)
        for identity in wanted:
            if not store.network(identity).exists():
                store.discard(identity)
        needed = [run for run in runs if run.id in wanted]
        listener(f"training {len(needed)} networks to start from")
        settings = Settings(jobs=1, threads=self.threads)
        with closing(make_executor("local", settings, needed)) as place:
            sweep(needed, store, place, self.limits)
        return store

    def _repeat(self, record: Record, spec: RunSpec, starts: Store, sample: dict[str, Any]) -> None:
        """Add the sample of a fresh process to a record, or the reason why there is none."""
        start = spec.parents.get("start")
        if start is not None and not starts.network(start).exists():
            ended = starts.read(start)
            status = "no record" if ended is None else ended.status
            record["status"] = "failed"
            record["error"] = f"what it starts from ended as {status!r}"
            return
        work = (self.folder / "work" / "repetition").resolve()
        work.mkdir(parents=True, exist_ok=True)
        outcome_file, cores = work / "outcome.json", cores_to_pin(self.threads)
        outcome_file.unlink(missing_ok=True)
        job = {
            "spec": spec.model_dump(mode="json", by_alias=True),
            "steps": self.settings.warmup + self.settings.steps,
            "start": None if start is None else str(starts.network(start).resolve()),
            "threads": self.threads,
            "cores": cores,
            "outcome": str(outcome_file),
        }
        write_text(work / "job.json", json.dumps(job))
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        began = datetime.now(UTC).isoformat(timespec="seconds")
        ending, printed = supervise(
            (*self.worker, str(work / "job.json")),
            work,
            outcome_file,
            self.limits,
            variables=thread_variables(self.threads),
        )
        if outcome_file.exists():
            outcome = json.loads(outcome_file.read_text(encoding="utf-8"))
        else:
            lines = [*printed, *last_lines(work / "log.txt", LOG_TAIL_LINES)]
            outcome = outcome_without_record(ending, self.limits, lines)
        if outcome["status"] != "ok":
            record["status"], record["error"] = outcome["status"], outcome["error"]
            return
        del outcome["status"]
        told = {"started": began, "load_average": load, "cores": list(cores)}
        record["rounds"].append({**sample, **told, **outcome})


def first_seeds(runs: Iterable[RunSpec]) -> list[RunSpec]:
    """Return one run for each method on each dataset, backend and device: that of its first seed.

    A seed changes what is learnt and not what a step costs.
    """
    first: dict[tuple[str, ...], RunSpec] = {}
    for run in runs:
        if run.method.role == "method":
            key = (run.dataset.model_dump_json(), run.method.label, run.backend, run.device)
            first.setdefault(key, run)
    return list(first.values())


def summarise(record: Record) -> dict[str, Any]:
    """Return medians and quartiles of a record's samples, in seconds and bytes.

    ``cold`` is the first step of each process, ``steady`` are those after the warm-up of all
    processes, ``parts`` the medians of the steady steps' parts (medians need not add up).
    """
    rounds = record["rounds"]
    if not rounds:
        return {}
    steady = [lap for one in rounds for lap in one["laps"][record["settings"]["warmup"] :]]
    prepared = [one["prepare_s"] / one["prepared"] for one in rounds if one["prepared"]]
    return {
        "images": rounds[0]["images"],
        "steady_s": _quartiles([sum(lap.values()) for lap in steady]),
        "cold_s": _quartiles([sum(one["laps"][0].values()) for one in rounds]),
        "parts_s": {
            part: statistics.median(lap.get(part, 0.0) for lap in steady)
            for part in sorted({part for lap in steady for part in lap})
        },
        "prepare_s_per_image": statistics.median(prepared) if prepared else None,
        **{
            key: max(one[key] for one in rounds)
            for key in ("peak_rss_bytes", "peak_cuda_bytes")
            if key in rounds[0]
        },
    }


def _quartiles(values: Sequence[float]) -> dict[str, float]:
    if len(values) == 1:
        return dict.fromkeys(("q1", "median", "q3"), values[0])
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return {"q1": q1, "median": median, "q3": q3}


def _has_round(record: Record, turn: int) -> bool:
    return any(one["round"] == turn for one in record["rounds"])
