# SPDX-License-Identifier: Apache-2.0
"""Client of pronto-grpc.

`connect` returns a `Client`; `pronto_grpc.aio` has the same for asyncio. Messages and enums
are in `pronto_grpc.v1`.
"""

from pronto_grpc._client import Client, connect
from pronto_grpc._follow import Follow
from pronto_grpc._following import Followable
from pronto_grpc._tls import Tls
from pronto_grpc.errors import (
    FieldViolation,
    NoJobError,
    ProntoError,
    QuotaViolation,
    SequenceGapError,
)

__all__ = [
    "Client",
    "FieldViolation",
    "Follow",
    "Followable",
    "NoJobError",
    "ProntoError",
    "QuotaViolation",
    "SequenceGapError",
    "Tls",
    "connect",
]
