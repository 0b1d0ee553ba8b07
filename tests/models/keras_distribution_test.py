"""Keras code trains on several devices as on one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cmlc
import numpy as np
import pytest
from support.networks import trainable

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("train_on_devices.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("code") / "vit"
    cmlc.write(trainable.vit(), path, form="keras-code", batch="dynamic")
    return path


def losses(folder, backend, count):
    """The loss of every epoch, in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), str(count)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_losses_on_two_devices_are_those_on_one(folder, backend):
    pytest.importorskip(backend)
    one, two = (losses(folder, backend, count) for count in (1, 2))
    assert one[-1] < 0.9 * one[0]
    # Gradients of halves of a batch are added: other sums of the same numbers, in four epochs.
    np.testing.assert_allclose(two, one, rtol=1e-4)
