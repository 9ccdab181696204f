"""Print the folder to export as ``nnUNet_extTrainer``, and on stderr the trainers in it.

There too, where it is so, why nnU-Net would not find them.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

from topoeval.nnunet import FOLDER, TRAINERS, torchvision_fault

# the folder alone on stdout: it is put into a variable
print(FOLDER.resolve())
print("trainers:", *TRAINERS, sep="\n  ", file=sys.stderr)
if find_spec("nnunetv2") is not None and (fault := torchvision_fault()):
    print(f"none of them will be found: {fault}", file=sys.stderr)
