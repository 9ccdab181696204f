"""The methods of a suite and what they start from, refused before anything is planned."""

import pytest

from topoeval import UserError
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.methods import beginning, methods_of
from topoeval.records.variant import variants


@pytest.fixture
def methods(suite_file):
    """Return the methods of the tiny suite with some lines added, those named and included."""

    def found(*added, named=None, included=()):
        suite_file.write_text("\n".join((suite_file.read_text(), *added)))
        suite = load_suite(str(suite_file))
        named = [one for text in named or suite.methods for one in variants(text)]
        return methods_of(suite, named, [one for text in included for one in variants(text)])

    return found


def test_what_a_method_starts_from_is_there_though_nobody_named_it(methods):
    """The correction of a network needs the network, and that the common start."""
    found = methods(named=["cross_entropy"], included=["betti_prior_post"])
    assert set(found) == {"start", "cross_entropy", "betti_prior_post"}
    assert beginning(found["betti_prior_post"]) == "cross_entropy"
    assert beginning(found["cross_entropy"]) == "start"
    assert beginning(found["start"]) is None


def test_a_variant_is_a_method_of_its_own(methods):
    """By its label, with the override of its name below its own values."""
    named = ["cross_entropy", "betti_prior_post[adaptation.steps=[3, 5]]"]
    found = methods(named=named)
    steps = {label: method.adaptation.steps for label, method in found.items() if "[" in label}
    assert sorted(steps.values()) == [3, 5]
    assert all(str(number) in label for label, number in steps.items())


def circle(name, start):
    """An override of what a method starts from."""
    return f'[override.{name}]\nstarts_from = "{start}"'


@pytest.mark.parametrize(
    ("added", "words"),
    [
        (
            [
                circle("cross_entropy", "betti_prior_semi"),
                circle("betti_prior_semi", "cross_entropy"),
            ],
            "start from each other: .* -> ",
        ),
        ([circle("cross_entropy", "cross_entropy")], "start from each other: .* -> "),
        ([circle("cross_entropy", "largest_component")], "leaves no network"),
        (
            [circle("betti_prior_semi", "cross_entropy[augmentation=[1, 2]]")],
            r"starts from 'cross_entropy\[augmentation=\[1, 2\]\]', which is several methods",
        ),
        ([circle("dice_ce", "start")], "override of 'dice_ce', which is not among its methods"),
    ],
)
def test_a_chain_that_leads_nowhere_is_refused(methods, added, words):
    """A circle is shown as one; a correction leaves nothing to start from."""
    with pytest.raises(UserError, match=words) as caught:
        methods(*added)
    assert "\n" not in str(caught.value)


def test_a_reference_that_nobody_wrote(methods, suite_file):
    """The message says what to write, with a method of the suite; one that was written is named."""
    text = suite_file.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("reference")]
    suite_file.write_text("\n".join(lines))
    with pytest.raises(
        UserError, match=r'names no reference.*; write reference = "betti_prior_post"'
    ):
        methods(named=["betti_prior_post"])
    assert "cross_entropy" in methods(named=["betti_prior_post", "cross_entropy"])
    suite_file.write_text('reference = "cldice"\n' + "\n".join(lines))
    with pytest.raises(UserError, match="reference 'cldice' is not among its methods"):
        methods(named=["betti_prior_post"])
