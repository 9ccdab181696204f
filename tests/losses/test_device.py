"""What each loss fetches from the device of its input is what its card says.

There is no GPU here. `Elsewhere` stands for its memory: tensors that say they are on another
device, computed on by the CPU behind the scenes. As on a GPU, what mixes devices raises, and a
value reaches Python through a copy to the host alone; each copy is written down.
"""

from pathlib import Path

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

from topoeval.losses import LOSSES, CapeLoss, RegionSeparationLoss, TopoInteractionLoss
from topoeval.persistence import backends
from topoeval.persistence._parallel import links
from topoeval.testing.loss_subject import Subject, default_make

aten = torch.ops.aten
ELSEWHERE = torch.device("meta")  # which autograd serves without a driver
HERE = torch.device("cpu")
# losses that cannot be built without arguments, or whose defaults are for larger images
MAKE = {
    "cape": lambda ndim, channels: CapeLoss(corridor=2, snap=1),
    "region_separation": lambda ndim, channels: RegionSeparationLoss(margin=1),
    "topo_interaction": lambda ndim, channels: TopoInteractionLoss(exclusion=[[0, 1]]),
}


class Elsewhere(torch.Tensor):
    """A tensor on the device that is not there; `host` has its values."""

    @staticmethod
    def __new__(cls, host):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            host.shape,
            strides=host.stride(),
            storage_offset=host.storage_offset(),
            dtype=host.dtype,
            device=ELSEWHERE,
        )

    def __init__(self, host):
        self.host = host

    def __repr__(self):
        return f"Elsewhere({self.host})"

    def tolist(self):
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, function, types, arguments=(), keywords=None):
        raise AssertionError(f"{function} outside of the device")


class Device(TorchDispatchMode):
    """Runs what is asked of tensors that are elsewhere; `fetched`: bytes of each copy here."""

    def __init__(self):
        super().__init__()
        self.fetched = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        keywords = dict(keywords or {})
        given = [t for t in tree_leaves((arguments, keywords)) if isinstance(t, torch.Tensor)]
        away = [isinstance(tensor, Elsewhere) for tensor in given]
        assert all(t.device == HERE for t in given if not isinstance(t, Elsewhere)), function
        device = keywords.get("device")
        if device is not None:
            keywords["device"] = HERE
        else:
            device = ELSEWHERE if any(away) else HERE

        moves = function in (aten._to_copy.default, aten.copy_.default)
        indexed = function._schema.name.startswith(("aten::index", "aten::_index_put_impl"))
        if any(away) and not moves and not indexed:
            stays = [tensor for tensor, is_away in zip(given, away, strict=True) if not is_away]
            assert all(tensor.ndim == 0 for tensor in stays), (
                f"{function} of tensors on two devices"
            )
        host = tree_map_only(Elsewhere, lambda tensor: tensor.host, (arguments, keywords))
        answer = function(*host[0], **host[1])
        if function is aten.copy_.default:
            device = arguments[0].device
        if any(away) and (device == HERE or not isinstance(answer, torch.Tensor | tuple | list)):
            self.fetched.append(
                sum(
                    leaf.nbytes if isinstance(leaf, torch.Tensor) else 8
                    for leaf in tree_leaves(answer)
                )
            )
        if device == HERE:
            return answer
        answer = tree_map_only(torch.Tensor, Elsewhere, answer)
        return return_and_correct_aliasing(function, arguments, keywords, answer)


class Literals(TorchFunctionMode):
    """Moves what is told in numbers from here: torch's own way there would pass by `Device`."""

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        keywords = dict(keywords or {})
        told = function in (torch.tensor, torch.as_tensor)
        if told and keywords.get("device") == ELSEWHERE:
            if not isinstance(arguments[0], torch.Tensor):
                keywords["device"] = HERE
            return function(*arguments, **keywords).to(ELSEWHERE)
        away = bool(arguments) and isinstance(arguments[0], Elsewhere)
        if function is torch.unravel_index and away:  # makes tensors of the sides by itself
            axes = function(arguments[0].host, *arguments[1:], **keywords)
            return tuple(map(Elsewhere, axes))
        if function in (torch.Tensor.__getitem__, torch.Tensor.__setitem__) and away:
            tensor, index, *value = arguments
            index = index if isinstance(index, tuple) else (index,)
            index = tuple(_there(i) if isinstance(i, list) else i for i in index)
            arguments = tensor, index, *(_there(number, tensor.dtype) for number in value)
        return function(*arguments, **keywords)


def _there(numbers, dtype=None):
    if isinstance(numbers, torch.Tensor):
        return numbers
    return torch.tensor(numbers, dtype=dtype).to(ELSEWHERE)


@pytest.fixture
def device(monkeypatch):
    """The device that is not there, where "auto" is as on a GPU; no table of links left on it."""
    monkeypatch.setitem(backends._AUTO_ON, ELSEWHERE.type, backends._AUTO_ON["cuda"])
    with Literals():
        yield Device()
    for table in (links._components, links.components_less_euler):
        table.cache_clear()


def test_the_device_is_as_strict_as_a_gpu(device):
    """It computes, differentiates, tells of each copy to the host and refuses to mix devices."""
    host = torch.tensor([3.0, -4.0, 0.0])
    with device:
        x = host.to(ELSEWHERE).requires_grad_()
        weights = torch.tensor([1.0, 2.0, 3.0], device=x.device)
        (x.abs()[1:] * weights[1:]).sum().backward()
        assert device.fetched == []
        assert x.grad.tolist() == [0.0, -2.0, 0.0]
        assert device.fetched == [12]
        assert bool((x > 0).any())
        assert float(x.detach().sum()) == -1
        assert device.fetched[1:] == [8, 8]
        with pytest.raises(AssertionError, match="two devices"):
            x + host
        with pytest.raises((RuntimeError, TypeError), match="numpy"):
            x.detach().numpy()


def fetched(device, name, ndim):
    """Return the bytes of each copy to the host in a loss and its gradient, and the gradient."""
    factory = LOSSES.load(name)
    make = MAKE.get(name, default_make(factory))
    subject = Subject(factory.info, make)
    logits, target = (tensor.float() for tensor in subject.case(ndim))
    truth = subject.truth(target)
    backend = {"backend": "torch"} if factory.info.takes_backend else {}
    loss = make(ndim, 2, **backend)
    x = subject.input(logits)
    expected = x.clone().requires_grad_()
    loss(expected, **truth).backward()
    with device:
        x = x.to(ELSEWHERE).requires_grad_()
        away = {key: tensor.to(ELSEWHERE) for key, tensor in truth.items()}
        loss.to(ELSEWHERE)(x, **away).backward()
        sizes = list(device.fetched)
        gradient = x.grad.cpu()
    torch.testing.assert_close(gradient, expected.grad)
    return sizes


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_what_is_fetched_is_what_the_card_says(name, device):
    """Single numbers at most, in 2D or everywhere; else more, and the card says "part"."""
    info = LOSSES.load(name).info
    for ndim in info.ndims:
        largest = max(fetched(device, name, ndim), default=0)
        device.fetched.clear()
        stays = info.device == "all" or (info.device == "2D" and ndim == 2)
        assert (largest <= 8) == stays, f"{ndim}D: {largest} bytes in one copy"


def test_the_page_says_what_the_cards_say():
    """The table of docs/backends.md, row by row."""
    rows = []
    for stays, words in (("all", "everything"), ("2D", "everything, in 2D"), ("part", "a part")):
        names = [n for n in sorted(LOSSES) if LOSSES.load(n).info.device == stays]
        rows.append(f"| {words} | {', '.join(f'`{name}`' for name in names)} |")
    page = (Path(__file__).parents[2] / "docs" / "backends.md").read_text(encoding="utf-8")
    table = page.partition("<!-- device -->")[2].partition("<!-- /device -->")[0]
    assert table.strip().splitlines()[2:] == rows
