"""One hook beside tox.ini: with TOPOEVAL_TOX_DISCARD=1 an environment that passed is removed.

The eleven environments of a whole run take 15 GB, most of it the same torch, and they are made one
after the other: with this the disk has to hold one of them. `.ci/run` sets it. Without it tox keeps
them, and the next call of an environment starts at once. What failed is kept, to look at.
"""

import os
import shutil

from tox.plugin import impl
from tox.tox_env.api import ToxEnv


@impl
def tox_after_run_commands(tox_env: ToxEnv, exit_code: int) -> None:
    """Remove the environment where that was asked for and its commands passed."""
    if os.environ.get("TOPOEVAL_TOX_DISCARD") == "1" and exit_code == 0:
        shutil.rmtree(tox_env.env_dir)
