# SPDX-License-Identifier: Apache-2.0
"""Waits that can be ended.

Without `asyncio.wait_for`: up to Python 3.11 it forgets that it was cancelled when what it waits
for is done at the same moment.
"""

from __future__ import annotations

import asyncio
from typing import Any


async def done_within(task: asyncio.Future[Any], seconds: float) -> bool:
    """Wait for a task; false if it took too long. A task that nobody waits for is cancelled."""
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        return bool(done)
    finally:
        if not task.cancel() and not task.cancelled():
            # It failed while the one who waits was cancelled: asyncio would complain of an error
            # that nobody looked at.
            task.exception()


async def pause(closed: asyncio.Event, seconds: float) -> bool:
    """Wait until `closed` is set, for so many seconds at most; true if it is."""
    await done_within(asyncio.ensure_future(closed.wait()), seconds)
    return closed.is_set()
