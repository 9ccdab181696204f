"""What all pages of a suite are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from topoeval.records.record import OK
from topoeval.report.bases import Yardsticks
from topoeval.report.boards import Board
from topoeval.report.drawing import Drawing
from topoeval.report.figures import Looks, method_looks
from topoeval.report.gains import Gains, draw_gains, gains, verdict
from topoeval.report.names import slugs
from topoeval.report.published import Published
from topoeval.report.row import MethodRow
from topoeval.report.summary import Summary
from topoeval.results.arms import flatten, varying
from topoeval.results.records import Records

FlatSettings = Mapping[str, str]


@dataclass(frozen=True)
class Site:
    """Where the pages of a suite lie, seen from their folder.

    Parameters
    ----------
    records
        The folder of records.
    assets
        The folder of the style sheet and the script.
    home
        The page above this suite's overview; nothing if there is none.
    """

    records: str
    assets: str = "assets"
    home: str = ""


@dataclass(frozen=True)
class SuiteReport:
    """What all pages of a suite are made from.

    Parameters
    ----------
    records, summary
        The runs, and one row per dataset and method.
    boards, further
        Standings on the main test, and on each further test by its name.
    published
        Numbers of papers.
    site
        Where the pages lie.
    yardsticks
        With the title and the question of the suite's file.
    """

    records: Records
    summary: Summary
    boards: Sequence[Board]
    further: Mapping[str, Sequence[Board]]
    published: Sequence[Published]
    site: Site
    yardsticks: Yardsticks = field(default_factory=Yardsticks)

    @cached_property
    def name(self) -> str:
        """Names of the suites that the records come from."""
        return ", ".join(self.records.suites)

    @property
    def title(self) -> str:
        """The title of the suite, or names where records of several are shown as one."""
        return self.yardsticks.title if self._is_one else self.name

    @property
    def question(self) -> str:
        """What the suite asks; empty where its file says nothing or is not known."""
        return self.yardsticks.question if self._is_one else ""

    @property
    def _is_one(self) -> bool:
        return bool(self.yardsticks.title) and len(self.records.suites) == 1

    @cached_property
    def gains(self) -> list[Gains]:
        """What each method adds to its own base, by dataset."""
        return gains(self.summary)

    @property
    def verdict(self) -> str:
        """How many methods gain over their own base, in a sentence or two."""
        return verdict(self.gains)

    @cached_property
    def lead(self) -> Drawing | None:
        """The gains, drawn."""
        conventions = self.summary.conventions([one.dataset for one in self.gains])
        return draw_gains(self.gains, "\n".join(conventions))

    @cached_property
    def counts(self) -> dict[str, int]:
        """How much was run; an auxiliary network is no run of a method."""
        runs = self.records.runs
        return {
            "methods": len({row.arm for row in self.summary.rows if row.role != "start"}),
            "datasets": len({row.dataset for row in self.summary.rows if row.is_main}),
            "seeds": int(runs["seed"].nunique()),
            # By file: a run with several tests has as many rows.
            "ok": runs.loc[runs["status"] == OK, "file"].nunique(),
            "runs": runs["file"].nunique(),
        }

    @cached_property
    def look(self) -> Looks:
        """Colour and mark of each method, the same on all pages."""
        return method_looks(self.summary)

    @cached_property
    def method_pages(self) -> dict[str, str]:
        """File name of each method's page, without ending."""
        return slugs(self.summary.arms)

    @cached_property
    def dataset_pages(self) -> dict[str, str]:
        """File name of each dataset's page, without ending; its anchor on the other pages, too."""
        return slugs(self.summary.datasets)

    @cached_property
    def only(self) -> dict[str, Summary]:
        """The summary of each dataset."""
        return {dataset: self.summary.only(dataset) for dataset in self.summary.datasets}

    @cached_property
    def flat_specs(self) -> dict[str, dict[str, str]]:
        """Flattened specs of the runs that restore images, by identity."""
        return {
            identity: flatten(
                self.records.documents[identity].spec.model_dump(mode="json", by_alias=True)
            )
            for identity in self.records.runs["id"]
        }

    @cached_property
    def varying_keys(self) -> set[str]:
        """Settings in which any two runs differ."""
        return set(varying(list(self.flat_specs.values())))

    def method_href(self, row: MethodRow) -> str:
        """Return where a row's runs are listed, from the folder of the suite."""
        return f"methods/{self.method_pages[row.arm]}.html#{self.dataset_pages[row.dataset]}"

    def record_href(self, file: str) -> str:
        """Return where a record lies, from the folder of the suite."""
        return f"{self.site.records}/{file}"

    @cached_property
    def shared_settings(self) -> FlatSettings:
        """What no run departs from, the datasets' own settings aside."""
        first = next(iter(self.flat_specs.values()))
        return {
            key: value
            for key, value in sorted(first.items())
            if key not in self.varying_keys and not _of_dataset(key)
        }

    def dataset_settings(self, dataset: str) -> FlatSettings:
        """Return the settings of a dataset."""
        flat = self._flat_spec(self.only[dataset].rows[0])
        return {key: value for key, value in flat.items() if _of_dataset(key)}

    def method_settings(self, rows: Sequence[MethodRow]) -> list[tuple[str, FlatSettings]]:
        """Return datasets and settings of a method's rows, as far as runs of the suite differ."""
        merged: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for row in rows:
            settings = tuple(
                (key, value)
                for key, value in self._flat_spec(row).items()
                if key in self.varying_keys
                # Said by the title, or a matter of the single run.
                and key not in ("seed", "method.title", "method.summary", "method.paper")
                and not key.startswith("parents")
                and not _of_dataset(key)
            )
            merged.setdefault(settings, []).append(row.dataset)
        return [(", ".join(datasets), dict(settings)) for settings, datasets in merged.items()]

    def _flat_spec(self, row: MethodRow) -> FlatSettings:
        return self.flat_specs[row.runs["id"].iloc[0]]


def _of_dataset(key: str) -> bool:
    return key == "topology" or key.startswith("dataset.")
