"""Each tox environment has the persistence libraries it says, and no others.

tox.ini names them in TOPOEVAL_TEST_PRESENT and TOPOEVAL_TEST_ABSENT, so that a suite that passes
with one library cannot have leaned on another.
"""

import importlib.util
import os
import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.version import Version

PRESENT, ABSENT = "TOPOEVAL_TEST_PRESENT", "TOPOEVAL_TEST_ABSENT"


def violations(environment):
    """Return a line for each module that is missing, or there though it must not be."""
    there = {
        name: importlib.util.find_spec(name) is not None
        for variable in (PRESENT, ABSENT)
        for name in environment.get(variable, "").split()
    }
    return [
        f"{name} is missing" for name in environment.get(PRESENT, "").split() if not there[name]
    ] + [f"{name} is here" for name in environment.get(ABSENT, "").split() if there[name]]


@pytest.mark.skipif(
    PRESENT not in os.environ and ABSENT not in os.environ, reason="not in a tox environment"
)
def test_this_environment_is_what_tox_promises():
    """Modules that must be importable are, those that must not be are not."""
    assert violations(os.environ) == []


def test_a_violation_is_found():
    """Both ways; numpy is always here."""
    assert violations({PRESENT: "numpy", ABSENT: "nothing_of_this_name"}) == []
    assert violations({PRESENT: "nothing_of_this_name"}) == ["nothing_of_this_name is missing"]
    assert violations({ABSENT: "nothing_of_this_name numpy"}) == ["numpy is here"]


def test_every_environment_of_one_library_forbids_the_others():
    """A library added to one line of tox.ini is added to all."""
    text = (Path(__file__).parents[1] / "tox.ini").read_text()
    sets = {"PRESENT": {}, "ABSENT": {}}
    for line in text.splitlines():
        for kind, found in sets.items():
            factor, variable, names = line.partition(f": TOPOEVAL_TEST_{kind} =")
            if variable:
                found[factor.strip()] = set(names.split())
    single = sets["ABSENT"]
    assert set(single) == {"native", "gudhi", "cripser", "ripser"}
    everything = single["native"]
    for factor, absent in single.items():
        assert absent | sets["PRESENT"].get(factor, set()) == everything, factor


def test_every_extra_of_a_single_environment_is_an_extra():
    """An extra of that name exists, or pip would install nothing and say so in one grey line."""
    root = Path(__file__).parents[1]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for line in (root / "tox.ini").read_text().partition("extras =")[2].splitlines()[1:7]:
        names = line.partition(":")[2]
        assert {name.strip() for name in names.split(",") if name.strip()} <= set(extras), line


def test_the_lowest_versions_are_those_that_are_promised():
    """`tox -e min` tests the bounds of pyproject.toml, all but torch's."""
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    promised = {
        found[1].lower(): Version(found[2])
        for line in chain(project["dependencies"], *project["optional-dependencies"].values())
        if (found := re.match(r"([\w.-]+)>=([\d.]+)", line))
    }
    tested = {
        name.lower(): Version(version)
        for name, version in re.findall(
            r"^([\w.-]+)==([\d.]+)$", (root / "constraints-min.txt").read_text(), re.MULTILINE
        )
    }
    elsewhere = {
        "torch",
        "distributed",
        "homcloud",
        "mlflow-skinny",
        "nnunetv2",
        "submitit",
        "wandb",
    }
    assert {n: v for n, v in promised.items() if n not in elsewhere} == {
        n: v for n, v in tested.items() if n not in elsewhere
    }
