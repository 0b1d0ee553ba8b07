"""Where other people's models are: no part of the repository, so tests of them skip without.

CMLC_SHARED names the folder that has `models/` and `conformance/`; by default it is beside the
repository. A relative path counts from the repository.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT / os.environ.get("CMLC_SHARED", ROOT.parent / "shared")
FOREIGN = SHARED / "models"

needs_models = pytest.mark.skipif(
    not FOREIGN.is_dir(),
    reason=f"{FOREIGN} is not there; CMLC_SHARED says where to look",
)
