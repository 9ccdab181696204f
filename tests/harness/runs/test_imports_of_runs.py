"""What a run imports is known before it begins."""

import re
import subprocess
import sys


def test_what_a_run_imports_is_known_before(suite_file):
    """In a fresh interpreter: what is named is imported, and the optimiser's only where one is."""
    text = suite_file.read_text().replace('"betti_prior_semi", "betti_prior_post", ', "")
    text = text.replace("[override.betti_prior_post.adaptation]\nsteps = 3\n", "")
    text = text.replace(", judge = 40", "").replace("[auxiliary.judge]\nepochs = 1\n", "")
    program = (
        "import sys, tempfile\n"
        "from pathlib import Path\n"
        "from topoeval.harness.suites.catalogue import load_suite\n"
        "from topoeval.harness.runs.executors import Inline\n"
        "from topoeval.harness.plans.plan import plan\n"
        "from topoeval.harness.runs.store import Store\n"
        "from topoeval.harness.suites.suite import Limits\n"
        "from topoeval.harness.runs.worker import imports\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    store = Store(Path(folder), 'tiny')\n"
        "    for file in sys.argv[1:]:\n"
        "        runs = plan(load_suite(file))\n"
        "        for run in runs:\n"
        "            assert Inline().run(run, store, Limits()).ok\n"
        "        named = imports(runs)\n"
        "        assert set(named) <= set(sys.modules), named\n"
        "        assert ('torch._dynamo' in named) == ('torch._dynamo' in sys.modules), named\n"
        "        print(named[-1])\n"
    )
    untrained = suite_file.with_name("untrained.toml")
    untrained.write_text(re.sub("epochs = [23]", "epochs = 0", text))
    suite_file.write_text(text)
    command = [sys.executable, "-P", "-c", program, str(untrained), str(suite_file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["monai.networks.nets", "torch._dynamo"]
