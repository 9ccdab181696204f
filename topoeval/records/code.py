"""Records of the old code: runs whose loss, dataset, network or remedy has been changed since.

What made a record is part of its identity (`topoeval.records.spec.RunSpec.code`), so new code makes
new records beside the old ones. The old ones are listed, left alone, and never averaged or compared
with the new ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from topoeval.checksums import canonical_text
from topoeval.records.canonical import canonical_json
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec

# how a method is called decides nothing, nor where files lie
_NEITHER = {
    "code": True,
    "scoring": True,
    "seed": True,
    "parents": True,
    "method": {"title", "summary", "paper", "variant"},
    "dataset": {"paths"},
}


def words(code: Mapping[str, str]) -> str:
    """Return the code that made a record in words.

    >>> words({"loss my_loss": "my-package 1.2"}), words({})
    ('loss my_loss (my-package 1.2)', 'first revisions')
    """
    told = ", ".join(f"{part} ({version})" for part, version in sorted(code.items()))
    return told or "first revisions"


def old_records(records: Mapping[str, Record]) -> dict[str, str]:
    """Return which records are of the old code, by identity, with that code in words.

    Of runs that differ in nothing but seed and code, the present code is that of the run which
    ended last.

    Parameters
    ----------
    records
        All records of a folder by identity.
    """
    if not any(record.spec.code for record in records.values()):
        return {}
    family = _Family({identity: record.spec for identity, record in records.items()})
    groups: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for identity, record in records.items():
        groups[family.arm(record.spec)][words(family.code(record.spec))].append(identity)
    old: dict[str, str] = {}
    for by_code in groups.values():
        ended = {
            code: max(records[identity].finished for identity in members)
            for code, members in by_code.items()
        }
        present = max(by_code, key=lambda code: (ended[code], code))
        for code, members in by_code.items():
            if code != present:
                old |= dict.fromkeys(members, code)
    return old


def records_before(
    runs: Iterable[RunSpec], records: Iterable[Record]
) -> list[tuple[RunSpec, Record, str]]:
    """Return the records of planned runs that other code made, with that code in words.

    Parameters
    ----------
    runs
        A plan, with all that its runs build on.
    records
        Those of its folder.
    """
    planned = {run.id: run for run in runs}
    others = [record for record in records if record.id not in planned]
    family = _Family({**{record.id: record.spec for record in others}, **planned})
    same: dict[tuple[str, int], RunSpec] = {}
    for run in planned.values():
        same[family.arm(run), run.seed] = run
    found = []
    for record in others:
        today = same.get((family.arm(record.spec), record.spec.seed))
        if today is not None:
            found.append((today, record, words(family.code(record.spec))))
    return found


class _Family:
    """Runs with those that they build on, by identity."""

    def __init__(self, specs: Mapping[str, RunSpec]) -> None:
        self._specs = specs
        self._arms: dict[str, str] = {}

    def arm(self, spec: RunSpec) -> str:
        """Return what a run is, less its seed and the code of it and of what it builds on."""
        if spec.id not in self._arms:
            parents = {
                role: self.arm(self._specs[parent]) if parent in self._specs else parent
                for role, parent in spec.parents.items()
            }
            self._arms[spec.id] = canonical_text([canonical_json(spec, _NEITHER), parents])
        return self._arms[spec.id]

    def code(self, spec: RunSpec) -> dict[str, str]:
        """Return the code of a run and of all that it builds on."""
        code: dict[str, str] = {}
        for parent in spec.parents.values():
            if parent in self._specs:
                code |= self.code(self._specs[parent])
        return code | spec.code
