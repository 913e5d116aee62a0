# SPDX-License-Identifier: Apache-2.0
"""Who calls: tokens and keys, which every call carries as metadata."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import grpc

from pronto_grpc._endpoint import Endpoint
from pronto_grpc._files import naming

CallMetadata = Sequence[tuple[str, str | bytes]]
"""What one call carries besides."""
PathLike = str | os.PathLike[str]


class TokenFile:
    """A token in a file, which is read again when the file changes.

    It must be there at first. When it is gone or empty later, as it is for a moment where a
    token is replaced, the last token counts: the server says whether it still does.
    """

    def __init__(self, path: PathLike) -> None:
        self._path = Path(path)
        # Which file was read last, and the token in it: one value, so that threads agree.
        self._read: tuple[object, str] = (None, "")
        self._read_again()

    def __call__(self) -> str:
        """Return the token as it is now."""
        with contextlib.suppress(OSError, ValueError):
            self._read_again()
        return self._read[1]

    def _read_again(self) -> None:
        with naming("token_file"):
            self._read_if_changed()

    def _read_if_changed(self) -> None:
        stat = self._path.stat()
        # A file that is replaced by another one of the same age has another inode.
        version = (stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_dev)
        if self._read[0] != version:
            # What is no UTF-8 is no ASCII either, and is refused as that.
            token = self._path.read_text(encoding="utf-8", errors="replace").strip()
            self._read = (version, _token(token, f"the token in token_file {str(self._path)!r}"))


class Credentials:
    """What every call carries to say who calls."""

    def __init__(
        self,
        *,
        token: str | None = None,
        token_file: PathLike | None = None,
        api_key: str | None = None,
    ) -> None:
        if token is not None and token_file is not None:
            raise ValueError("token and token_file exclude each other: give one of them")
        self._token = _token_source(token, token_file)
        self._api_key = None if api_key is None else _sendable(api_key, "api_key")

    def __bool__(self) -> bool:
        return self._token is not None or self._api_key is not None

    def beside(
        self,
        metadata: Iterable[tuple[str, str | bytes]] | None,
        credentials: grpc.CallCredentials | None,
    ) -> list[tuple[str, str | bytes]]:
        """Return what a call that begins now carries, if it brings this by itself.

        Its own token or key takes the place of the client's: a server refuses two. What gRPC's
        credentials of a call send is not known here. It is a token nearly always, so they take
        the place of the client's token, and its key stays.
        """
        pairs = list(metadata or ())
        own = {name.lower() for name, _ in pairs}
        if self._token is not None and credentials is None and "authorization" not in own:
            pairs.append(("authorization", f"Bearer {self._token()}"))
        if self._api_key is not None and "x-api-key" not in own:
            pairs.append(("x-api-key", self._api_key))
        return pairs


def check_not_exposed(
    credentials: Credentials, endpoint: Endpoint, *, tls: bool, allow_insecure: bool
) -> None:
    """Refuse to send credentials in the clear to another machine."""
    if not credentials or tls or endpoint.local or allow_insecure:
        return
    raise ValueError(
        f"a token or key would be sent to {endpoint.target} in the clear, where everybody on the "
        "way can read it: set tls=True (or tls=Tls(...)), connect to a loopback address or a Unix "
        "socket, or set allow_insecure=True if the network keeps others out"
    )


def _token_source(token: str | None, token_file: PathLike | None) -> Callable[[], str] | None:
    if token is not None:
        text = _token(token, "token")
        return lambda: text
    if token_file is None:
        return None
    return TokenFile(token_file)


def _token(text: str, what: str) -> str:
    """Return `text` if it is one word, as `Bearer` needs it."""
    if any(map(str.isspace, text)):
        raise ValueError(f"{what} must be without blanks")
    return _sendable(text, what)


def _sendable(text: str, what: str) -> str:
    """Return `text` if metadata can carry it; an error never shows it."""
    if not text:
        raise ValueError(f"{what} is empty")
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise ValueError(f"{what} must be printable ASCII text without outer blanks")
    return text
