# SPDX-License-Identifier: Apache-2.0
"""Client of pronto-grpc for asyncio: the same names as in `pronto_grpc`."""

from pronto_grpc._following import Followable
from pronto_grpc._tls import Tls
from pronto_grpc.aio._client import Client, connect
from pronto_grpc.aio._follow import Follow
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
