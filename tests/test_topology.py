"""`Topology` refuses nonsense and decides each connectivity once."""

import pytest

from topoeval import Topology, UserError


@pytest.mark.parametrize(
    ("construction", "ndim", "foreground", "background"),
    [("V", 2, 4, 8), ("T", 2, 8, 4), ("V", 3, 6, 26), ("T", 3, 26, 6)],
)
def test_connectivities_are_dual(construction, ndim, foreground, background):
    """Foreground and background never share a connectivity."""
    topology = Topology(construction)
    assert topology.foreground_connectivity(ndim) == foreground
    assert topology.background_connectivity(ndim) == background


@pytest.mark.parametrize("text", ["T", "V-sublevel", "T-superlevel-framed", "V/sublevel/plain"])
def test_parse_reads_what_str_writes(text):
    """A recorded topology comes back as it was."""
    topology = Topology.parse(text)
    assert Topology.parse(str(topology)) == topology


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("X", "construction"),
        ("T-superlevl", "did you mean 'superlevel'"),
        ("T-a-b-c", "form"),
        ("V-framed", "'V-framed' is not of the form .*; write V-superlevel-framed$"),
        ("sublevel", "write T-sublevel-plain$"),
        ("V-plain-sublevel", "write V-sublevel-plain$"),
        ("V-V", "direction must be one of superlevel, sublevel, got 'V'"),
        (
            "4",
            "say V for a foreground with 4 neighbours in 2D and 6 in 3D, T for one with 8 and 26",
        ),
        ("26", "'26': say V"),
    ],
)
def test_nonsense_is_refused(text, words):
    """The message names the field and the nearest value."""
    with pytest.raises(UserError, match=words):
        Topology.parse(text)


def test_only_images_and_volumes():
    """One dimension has no such connectivity."""
    with pytest.raises(UserError, match="2D or 3D"):
        Topology().foreground_connectivity(1)
