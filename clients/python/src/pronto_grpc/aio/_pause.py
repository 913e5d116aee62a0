# SPDX-License-Identifier: Apache-2.0
"""Waits that can be ended."""

from __future__ import annotations

import asyncio
import contextlib


async def pause(closed: asyncio.Event, seconds: float) -> bool:
    """Wait until `closed` is set, for so many seconds at most; true if it is."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(closed.wait(), seconds)
    return closed.is_set()
