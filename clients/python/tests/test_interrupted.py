# SPDX-License-Identifier: Apache-2.0
"""A signal handler may close a client, whatever it interrupts."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).with_name("interrupted.py")


@pytest.mark.parametrize("work", ["call", "repeat", "watch", "follow"])
def test_a_signal_handler_may_close_a_client(work: str) -> None:
    command = [sys.executable, str(PROGRAM), work]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    # It did so at some lines at all.
    assert int(done.stdout) > 10
