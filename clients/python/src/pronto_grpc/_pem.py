# SPDX-License-Identifier: Apache-2.0
"""Certificates and keys, checked before gRPC has them.

Of those that are of no use it tells nothing but lines in its log, and calls wait for their
deadline. Where one is empty it trusts whom the system trusts, or ends the whole process.
"""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from pronto_grpc._files import naming

PemSource = bytes | str | os.PathLike[str]

_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----.+?-----END ", re.DOTALL)
_ENCRYPTED = re.compile(rb"-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)


@dataclass(frozen=True)
class Pem:
    """What was read."""

    name: str
    """The option, and the file where it is one."""
    content: bytes
    path: Path | None
    """The file; absent for bytes."""

    @classmethod
    def read(cls, option: str, source: PemSource) -> Pem:
        """Read bytes, or a file."""
        if isinstance(source, bytes):
            return cls(option, source, None)
        path = Path(source)
        with naming(option):
            return cls(f"{option} {str(path)!r}", path.read_bytes(), path)


def certificates(pem: Pem) -> bytes:
    """Return certificates, of which there must be one, and each must be whole."""
    try:
        # OpenSSL passes over what stands beside them, but Python takes ASCII only.
        _context().load_verify_locations(cadata=pem.content.decode("ascii", "ignore"))
    except (ValueError, ssl.SSLError) as error:
        raise ValueError(f"{pem.name} holds no certificate in PEM, or one that is torn") from error
    return pem.content


def key_of(certificate: Pem, key: Pem) -> bytes:
    """Return the key of a certificate; whether it is that is checked where both are files."""
    if not _KEY.search(key.content) or _ENCRYPTED.search(key.content):
        raise ValueError(f"{key.name} holds no key in PEM, or one that is encrypted")
    if certificate.path is not None and key.path is not None:
        try:
            # The password keeps OpenSSL from asking for one at the terminal.
            _context().load_cert_chain(certificate.path, key.path, password="")
        except ssl.SSLError as error:
            raise ValueError(f"{key.name} is not the key of {certificate.name}") from error
    return key.content


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Which keys are strong enough is for gRPC and the server to say.
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
