"""A survey of a suite: which runs are done, which are to run, which cannot and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from topoeval.harness.plans.estimate import Estimate, Experience
from topoeval.harness.plans.plan import selected
from topoeval.harness.plans.preflight import obstacles
from topoeval.harness.runs.store import Store
from topoeval.harness.suites.selection import Filters
from topoeval.harness.suites.suite import Suite
from topoeval.harness.suites.tuned import Tuned
from topoeval.records.code import records_before
from topoeval.records.files import DamagedRecordError, read_records
from topoeval.records.spec import RunSpec

State = Literal["done", "failed", "to run", "cannot"]


@dataclass(frozen=True, slots=True)
class Prospect:
    """A run and what is to be expected of it.

    ``failed`` runs have a record of that and are kept until they are asked for again. ``detail``
    says how one failed, why it cannot be run, or why it is to run again. ``estimate`` is None for a
    run that is not to run, or of which no record tells. ``obstacle`` says why it cannot be done
    here, also of a run that has its record: 'topoeval run' refuses either.
    """

    run: RunSpec
    state: State
    detail: str = ""
    estimate: Estimate | None = None
    obstacle: str = ""


def survey(
    suite: Suite,
    store: Store,
    filters: Filters,
    records: Iterable[Path] = (),
    *,
    tuned: Tuned | None = None,
) -> list[Prospect]:
    """Return what is to be expected of each run that passes the filters, parents first.

    Parameters
    ----------
    store
        The results folder: what exists there is not run again.
    records
        Folders of records that tell how long runs take, besides that of the store.
    tuned
        Values that a search chose, in place of the methods' own.

    Raises
    ------
    UserError
        As `topoeval.harness.plans.plan.plan`.
    """
    absent: dict[str, str] = {}
    runs = selected(suite, filters, absent, tuned)
    reasons = obstacles(runs, absent=absent)
    prospects = {run.id: _recorded(run, store, reasons, absent) for run in runs}
    for run in reversed(runs):  # children first, so that they can call their parents back
        if prospects[run.id].state == "to run":
            for parent in run.parents.values():
                if prospects[parent].state == "done" and not store.network(parent).exists():
                    told = "done, but its network is gone"
                    prospects[parent] = replace(prospects[parent], state="to run", detail=told)
    _tell_old_code(prospects, runs, store)
    experience = Experience([store.records, *records])
    return [
        replace(one, estimate=experience.estimate(one.run)) if one.state == "to run" else one
        for one in prospects.values()
    ]


def _tell_old_code(prospects: dict[str, Prospect], runs: Sequence[RunSpec], store: Store) -> None:
    """Note at a run that it has a record which older code of its parts has made."""
    records, _ = read_records(sorted(store.records.glob("[!.]*.json")))
    for run, _, code in records_before(runs, [record for record, _ in records]):
        one = prospects[run.id]
        detail = f"has a record of the old code, {code}"
        prospects[run.id] = replace(one, detail="; ".join(filter(None, (one.detail, detail))))


def _recorded(
    run: RunSpec, store: Store, reasons: dict[str, str], absent: dict[str, str]
) -> Prospect:
    # without its data a run has no identity to be found by
    damage = ""
    try:
        record = None if run.dataset.label in absent else store.read(run.id)
    except DamagedRecordError as error:
        record, damage = None, str(error)
    reason = reasons.get(run.id, "")
    if record is not None and record.fault != "machine":
        told = ["" if record.ok else str(record.status)]
        if reason:
            told.append(f"cannot be done here again: {reason}")
        state: State = "done" if record.ok else "failed"
        return Prospect(run, state, "; ".join(filter(None, told)), obstacle=reason)
    if reason:
        return Prospect(run, "cannot", reason, obstacle=reason)
    if record is not None:
        return Prospect(run, "to run", f"{record.status}, the machine's fault")
    return Prospect(run, "to run", damage)
