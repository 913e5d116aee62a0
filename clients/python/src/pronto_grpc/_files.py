# SPDX-License-Identifier: Apache-2.0
"""Files that options name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming(option: str) -> Iterator[None]:
    """Add to the error of a file which option names it; a `FileNotFoundError` stays one."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{option}: {error.strerror}", error.filename) from error
