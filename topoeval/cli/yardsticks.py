"""What the rows of a suite are compared with: found by name, or written by the run of a suite file.

A suite of the catalogue is looked up by the name in its records. One that lies elsewhere cannot be,
so its run leaves ``yardsticks.json`` in the results folder: the reference, the base of each
method that names one, and the suite's title and description. It is data; a report executes no
plug-in of a suite to know them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from topoeval.checksums import opened, sealed
from topoeval.errors import UserError

if TYPE_CHECKING:
    from topoeval.harness.suites.suite import Suite
    from topoeval.report.bases import Yardsticks
    from topoeval.results.records import Records

FILE = "yardsticks.json"
# before the first schema there was none, and no checksum
_SCHEMA = _SEALED_FROM = 1


def leave_yardsticks(suite: Suite, root: Path) -> None:
    """Write what a suite outside the catalogue compares its rows with; of others remove it."""
    from topoeval.harness.suites.catalogue import load_suite, suite_names
    from topoeval.whole_file import write_text

    path = root / FILE
    if suite.name in suite_names() and load_suite(suite.name) == suite:
        path.unlink(missing_ok=True)
        return
    root.mkdir(parents=True, exist_ok=True)
    left = {
        "schema": _SCHEMA,
        "reference": suite.reference,
        "bases": _bases(suite),
        "title": suite.title,
        "question": suite.description,
    }
    write_text(path, json.dumps(sealed(left), sort_keys=True, indent=1) + "\n")


def _bases(suite: Suite) -> dict[str, str]:
    from topoeval.harness.suites.catalogue import load_method
    from topoeval.records.variant import variants

    names = {one.name for text in suite.methods for one in variants(text)}
    bases = {name: load_method(name, folders=suite.folders).base for name in names}
    bases |= {name: values["base"] for name, values in suite.override.items() if "base" in values}
    return {name: str(base) for name, base in sorted(bases.items()) if base}


def yardsticks_of(records: Records, results: Path, reference: str | None = None) -> Yardsticks:
    """Return what the rows of a suite are compared with: what its file says, everywhere the same.

    Without a suite of the records' name and without `FILE`, methods are compared with the bases
    that their folders in ``baselines/`` name, and the reference is cross-entropy.

    Parameters
    ----------
    records, results
        Records, and the results folder that they are from.
    reference
        A reference that was asked for; it goes before the suite's.

    Raises
    ------
    UserError
        `FILE` is damaged.
    """
    from topoeval.harness.suites.catalogue import (
        load_method,
        load_suite,
        method_names,
        suite_names,
    )
    from topoeval.report.bases import DEFAULT_REFERENCE, Yardsticks

    names = {str(name) for name in records.runs["method"]}
    bases = {name: load_method(name).base for name in names & set(method_names())}
    own, words = DEFAULT_REFERENCE, ("", "")
    path = results / FILE
    known = [name for name in records.suites if name in suite_names()]
    if path.is_file():
        own, left, words = _read(path)
        bases |= left
    elif known:
        suite = load_suite(known[0])
        own, words = suite.reference, (suite.title, suite.description)
        bases |= {
            name: str(values["base"]) for name, values in suite.override.items() if "base" in values
        }
    bases = {name: base for name, base in bases.items() if base}
    return Yardsticks(reference or own, bases, *words)


def _read(path: Path) -> tuple[str, dict[str, str], tuple[str, str]]:
    """Return the reference, the bases and the words that a run has left."""
    try:
        left = opened(json.loads(path.read_text(encoding="utf-8")), _SEALED_FROM, _SCHEMA)
        reference, bases = left["reference"], left["bases"]
        words = left.get("title", ""), left.get("question", "")  # earlier runs left none
        texts = [reference, *bases, *bases.values(), *words]
    except (ValueError, KeyError, TypeError, AttributeError):
        texts = [None]
    if not all(isinstance(text, str) for text in texts):
        raise UserError(f"{path} is damaged; delete it, and run the suite again to have it anew")
    return reference, dict(bases), words
