# SPDX-License-Identifier: Apache-2.0
"""Waits that can be ended.

Without `asyncio.wait_for`: up to Python 3.11 it forgets that it was cancelled when what it waits
for is done at the same moment.
"""

from __future__ import annotations

import asyncio
from typing import Any


async def done_within(
    task: asyncio.Future[Any], seconds: float | None, ending: asyncio.Future[None]
) -> bool:
    """Wait for a task; false if it took too long, or the end came first.

    A task that nobody waits for is cancelled.
    """
    try:
        both = {task, ending}
        await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return task.done()
    finally:
        if not task.cancel() and not task.cancelled():
            # It failed while the one who waits was cancelled: asyncio would complain of an error
            # that nobody looked at.
            task.exception()
