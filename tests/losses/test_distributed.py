"""Losses in a training over two processes: the gradient is that of the whole batch in one."""

import subprocess
import sys

import pytest
import torch

from topoeval.losses import LOSSES

# One of each kind: torch alone, the engine, a matching, components, a prior, logits.
NAMES = (
    "betti_matching",
    "betti_prior",
    "blob",
    "boundary",
    "cape",
    "cbdice",
    "cldice",
    "cldice_topological",
    "dice_cross_entropy",
    "scnp",
    "skeleton_recall",
    "topograph",
    "warping",
)

# What each of the two processes runs: its share of the batch through DistributedDataParallel.
WORKER = """
import sys
import torch
from torch.nn.parallel import DistributedDataParallel
from topoeval.losses import LOSSES

rank, folder, *names = int(sys.argv[1]), *sys.argv[2:]
torch.distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
case = torch.load(f"{folder}/case.pt")
gradients = {}
for name in names:
    info = LOSSES.load(name).info
    loss = LOSSES.load(name)(**({} if info.input == "logits" else {"sigmoid": True}))
    for kind, shares in {"halves": (2, 2), "one idle": (4, 0)}.items():
        network = torch.nn.Conv2d(1, 1, 3, padding=1).double()
        network.load_state_dict(case["network"])
        parallel = DistributedDataParallel(network)
        start = sum(shares[:rank])
        mine = slice(start, start + shares[rank])
        logits = parallel(case["images"][mine])
        wanted = "prior" if info.needs_prior else "target"
        truth = {wanted: case[wanted][mine]}
        loss(logits, **truth).backward()
        gradients[name, kind] = network.weight.grad.clone()
if rank == 0:
    torch.save(gradients, f"{folder}/gradients.pt")
torch.distributed.barrier()
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_have_the_gradient_of_one(tmp_path):
    """Two images each; and four beside none, whose loss of 0 halves the mean of the two."""
    torch.manual_seed(0)
    masks = torch.nn.functional.avg_pool2d(torch.rand(4, 1, 20, 20).double(), 5, 1, 2) > 0.5
    network = torch.nn.Conv2d(1, 1, 3, padding=1).double()
    torch.nn.init.constant_(network.bias, -4.0)
    torch.nn.init.constant_(network.weight, 0.9)
    case = {
        "network": network.state_dict(),
        "images": masks + 0.1 * torch.randn(masks.shape, dtype=torch.float64),
        "target": masks.double(),
        "prior": torch.tensor([[1, 0], [1, 1], [2, 0], [1, 0]]),
    }
    torch.save(case, tmp_path / "case.pt")
    workers = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", WORKER, str(rank), str(tmp_path), *NAMES],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    errors = [worker.communicate(timeout=300)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], errors
    gradients = torch.load(tmp_path / "gradients.pt")
    assert len(gradients) == 2 * len(NAMES)
    for (name, kind), found in gradients.items():
        info = LOSSES.load(name).info
        loss = LOSSES.load(name)(**({} if info.input == "logits" else {"sigmoid": True}))
        wanted = "prior" if info.needs_prior else "target"
        value = loss(network(case["images"]), **{wanted: case[wanted]})
        (whole,) = torch.autograd.grad(value, network.weight)
        assert whole.norm() > 0, name
        share = 1 if kind == "halves" else 0.5
        torch.testing.assert_close(found, share * whole, msg=f"{name}, {kind}")
