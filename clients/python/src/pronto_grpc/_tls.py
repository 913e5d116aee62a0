# SPDX-License-Identifier: Apache-2.0
"""How connections are encrypted."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from pronto_grpc._pem import Pem, PemSource, certificates, key_of

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
)
"""Where systems keep all the certificates that they trust in one file."""


@dataclass(frozen=True)
class Tls:
    """Encryption of connections. Each field takes the bytes of a PEM, or the path of its file.

    Files are read once, by `connect`: after a renewal, a new client is needed. What cannot be
    used is a ValueError. That a key is the certificate's is known at once where both are files.
    """

    ca: PemSource | None = None
    """Who signs the server's certificate. Absent: those whom the system trusts."""
    certificate: PemSource | None = None
    """The client's certificate, with those that lead to its root. Needs `key`."""
    key: PemSource | None = None
    """The key of the client's certificate."""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key of a client belong together: give both or none")

    def credentials(self) -> grpc.ChannelCredentials:
        """Return what gRPC takes."""
        key, chain = self._identity()
        return grpc.ssl_channel_credentials(
            root_certificates=self._roots(), private_key=key, certificate_chain=chain
        )

    def _roots(self) -> bytes | None:
        return system_roots() if self.ca is None else certificates(Pem.read("Tls.ca", self.ca))

    def _identity(self) -> tuple[bytes | None, bytes | None]:
        """Return the client's key and certificate."""
        if self.certificate is None or self.key is None:
            return None, None
        certificate = Pem.read("Tls.certificate", self.certificate)
        chain = certificates(certificate)
        return key_of(certificate, Pem.read("Tls.key", self.key)), chain


def system_roots() -> bytes | None:
    """Return the certificates that the system trusts.

    None, which stands for those that grpcio brings, where Python finds none.
    """
    found = ssl.create_default_context().get_ca_certs(binary_form=True)
    if found:
        return "".join(map(ssl.DER_cert_to_PEM_cert, found)).encode()
    # Python reads a directory of certificates only while it connects, and lists none of them.
    return next((Path(path).read_bytes() for path in BUNDLES if Path(path).is_file()), None)
