"""Every registered loss meets the specification of a loss."""

import pytest
import torch

from topoeval.errors import UserError
from topoeval.losses import (
    LOSSES,
    CapeLoss,
    DiscreteMorseLoss,
    RegionSeparationLoss,
    TopoInteractionLoss,
    TopoSemiLoss,
)
from topoeval.testing.loss_subject import Subject, default_make
from topoeval.testing.losses import loss_checks
from topoeval.testing.results import NotApplicable
from topoeval.topology import Topology

# Losses that cannot be built without arguments, or whose defaults are for images of more than nine
# voxels: how they are built for ndim and channels.
MAKE = {
    "cape": lambda ndim, channels, **extra: CapeLoss(corridor=2, snap=1, **extra),
    # After a softmax two voxels may be nearly equal, and an arc step from one to the other.
    "discrete_morse": lambda ndim, channels, **extra: DiscreteMorseLoss(dilation=2, **extra),
    "region_separation": lambda ndim, channels, **extra: RegionSeparationLoss(margin=1, **extra),
    "topo_interaction": lambda ndim, channels, **extra: TopoInteractionLoss(
        exclusion=[[0, 1]], **extra
    ),
    # By default it sees strong components alone, and masks with equally many are alike to it.
    "topo_semi": lambda ndim, channels, **extra: TopoSemiLoss(threshold=0.3, dims=None, **extra),
}


@pytest.mark.parametrize("check", loss_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_conformance(name, check):
    """One check on one loss."""
    factory = LOSSES.load(name)
    assert factory.info.name == name
    try:
        check(Subject(factory.info, MAKE.get(name, default_make(factory))))
    except NotApplicable as reason:
        pytest.skip(str(reason))


def test_sparse_tensors_are_refused_in_one_line():
    """Input and target alike; most operations of a loss are not defined for them."""
    dense = torch.rand(1, 1, 6, 6)
    loss = LOSSES.load("dice")()
    for pair in ((dense.to_sparse(), dense), (dense, dense.to_sparse())):
        with pytest.raises(UserError, match=r"of layout torch.sparse_coo; a loss takes \w+\.to_de"):
            loss(*pair)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_topology_may_be_a_text(name):
    """As wherever else one is taken; a text that is none is refused when the loss is made."""
    factory = LOSSES.load(name)
    if not factory.info.takes_topology:
        pytest.skip("takes none")
    make = MAKE.get(name, default_make(factory))
    text = "V-superlevel-framed"
    assert make(ndim=2, channels=2, topology=text).topology == Topology.parse(text)
    with pytest.raises(UserError, match="W"):
        make(ndim=2, channels=2, topology="W")
