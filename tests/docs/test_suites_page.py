"""docs/suites.md: its suite can be planned, its names are parameters, no key is forgotten."""

import re
from collections import Counter
from pathlib import Path

import pytest

from topoeval.harness.plans.plan import plan
from topoeval.harness.suites.catalogue import load_method, load_suite
from topoeval.harness.suites.parameters import with_params
from topoeval.harness.suites.suite import Suite
from topoeval.records.variant import variants

PAGE = (Path(__file__).parents[2] / "docs" / "suites.md").read_text()


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """The suite that the page shows."""
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    path = tmp_path_factory.mktemp("page") / "my-suite.toml"
    path.write_text(text)
    return load_suite(str(path))


def test_the_suite_of_the_page_is_what_the_page_says(suite):
    """Two weights on three datasets with two engines, less the excluded, and the included."""
    runs = plan(suite)
    counts = Counter((run.method.label, run.backend) for run in runs)
    each = 3 * 3  # datasets, seeds
    assert counts == {
        ("start", "native"): each,
        ("dice_ce", "native"): each,
        ("cldice", "native"): each,
        ("betti_prior[weight=0.03]", "native"): each,
        ("betti_prior[weight=0.03]", "gudhi"): each - 3,
        ("betti_prior[weight=0.1]", "native"): each,
        ("betti_prior[weight=0.1]", "gudhi"): each - 3,
        ("betti_prior[weight=1.0]", "native"): 1,
        ("betti_prior[weight=1.0]", "gudhi"): 1,
    }


def test_every_key_of_a_suite_has_its_row():
    """By the name under which it is written."""
    (table,) = re.findall(r"^\| key \| what.*?\n\n", PAGE, re.DOTALL | re.MULTILINE)
    for name, field in Suite.model_fields.items():
        key = field.alias or name
        assert f"`{key}`" in table or f"[{key}]" in table or f"[{key}." in table, key


def test_the_variants_that_the_page_names_are_ones():
    """Each `method[key=value]` in the text is understood by the method."""
    named = set(re.findall(r"`([a-z_]+\[[a-z_.]+=[^`]+\])`", PAGE))
    assert len(named) >= 5
    for text in named:
        for one in variants(text):
            if one.name != "network":  # a dataset
                assert with_params(load_method(one.name), one.params).label == str(one)
