"""What a run tells of itself while it is at work."""

import io
import subprocess
import sys

import pytest
from tqdm import tqdm

from topoeval import UserError, plugins
from topoeval.harness.runs import worker


def test_a_run_tells_how_far_its_bars_are():
    """Those that are shown, with what an earlier start had done; hidden ones are nobody's."""
    assert worker._bars() == ""
    shown = {"file": io.StringIO(), "unit": "epoch", "leave": False}
    with tqdm(total=10, initial=3, **shown) as bar, tqdm(total=5, disable=True):
        assert worker._bars() == "3/10 epoch"
        bar.update(2)
        assert worker._bars() == "5/10 epoch"
    assert worker._bars() == ""


def test_a_run_ends_by_itself_while_its_standard_input_is_open():
    """The thread that reads standard input must not stand in the way of the interpreter's end."""
    program = "from topoeval.harness.runs import worker; worker.exit_with_parent()"
    with subprocess.Popen([sys.executable, "-P", "-c", program], stdin=subprocess.PIPE) as process:
        assert process.wait(60) == 0


def test_a_training_has_a_bar():
    """The loop of the trainings shows its epochs in one, so that a heartbeat can tell of them."""
    import torch

    from topoeval.networks.unets import unet
    from topoeval.topology import Topology
    from topoeval.training import Schedule, TensorSet, build_term, fit

    images = torch.rand(4, 1, 16, 16)
    data = TensorSet(images, (images > 0.5).float(), None, None, tuple("abcd"))
    term = build_term("cross_entropy", topology=Topology.parse("T"), backend="native")
    said = []

    def forward(module, inputs):
        said.append(worker._bars())

    network = unet(ndim=2, in_channels=1, out_channels=1, channels=(4, 8))
    network.register_forward_pre_hook(forward)
    fit(network, [term], data, None, schedule=Schedule(epochs=2), seed=0, progress=True)
    assert said == ["0/2 epoch", "1/2 epoch"]


def test_a_plugin_that_changed_since_the_plan_is_refused(fake_run, tmp_path):
    """Its record would be of one code under the name of another."""
    path = tmp_path / "my_loss.py"
    path.write_text(
        "from topoeval.losses import LOSSES, DiceLoss\n"
        "LOSSES.register('mine', type('Mine', (DiceLoss,), {}))\n"
    )
    before = plugins.load(str(path)).source.fingerprint
    run = fake_run("any").model_copy(update={"code": {"loss mine": before}})
    worker.load_plugins(run)
    path.write_text(path.read_text() + "# another\n")
    with pytest.raises(UserError, match=r"loss mine: .*my_loss.py has changed since the run was"):
        worker.load_plugins(run)
