# SPDX-License-Identifier: Apache-2.0
"""What waiting depends on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """The time and chance; tests bring their own."""

    now: Callable[[], float] = time.monotonic
    """Seconds from any beginning."""
    random: Callable[[], float] = random.random
    """A number from 0 to 1."""
