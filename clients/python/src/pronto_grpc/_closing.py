# SPDX-License-Identifier: Apache-2.0
"""What is told when a client is closed."""

from __future__ import annotations

import grpc

from pronto_grpc.errors import ProntoError

MESSAGE = "the client is closed"


def client_closed(cause: grpc.RpcError | None) -> ProntoError:
    """Say that something ended because the client was closed.

    Its cause is the last refusal of the server, where one was waited after.
    """
    error = ProntoError(grpc.StatusCode.CANCELLED, MESSAGE, cause=cause)
    error.__cause__ = cause
    return error
