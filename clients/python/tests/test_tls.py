# SPDX-License-Identifier: Apache-2.0
"""Certificates and keys that cannot be used, which gRPC would not tell of."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from fake import Server

import pronto_grpc
from pronto_grpc import ProntoError, Tls, aio, v1


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two certificates with their keys, and what is none."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("one", "two"):
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        files = ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
        subprocess.run(  # noqa: S603 (the command is ours)
            [*command.split(), "-subj", f"/CN={name}", *files],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    encrypt = "openssl pkcs8 -topk8 -in one.key -out encrypted.key -passout pass:secret"
    subprocess.run(encrypt.split(), cwd=folder, check=True)  # noqa: S603
    certificate = (folder / "one.crt").read_bytes()
    (folder / "empty").touch()
    (folder / "text").write_text("no PEM")
    (folder / "torn").write_bytes(certificate[:200])
    (folder / "half torn").write_bytes(certificate + certificate[:200])
    (folder / "commented").write_bytes("# Autorität\n".encode() + certificate)
    return folder


@pytest.mark.parametrize("content", ["empty", "text", "torn", "half torn", "one.key"])
def test_authorities_that_cannot_be_used(folder: Path, content: str) -> None:
    file = folder / content
    refused(Tls(ca=file), rf"Tls\.ca '.*{content}' holds no certificate")
    refused(Tls(ca=file.read_bytes()), r"^Tls\.ca holds no certificate")


def test_authorities_that_can_be_used(folder: Path) -> None:
    for content in ("one.crt", "commented"):
        pronto_grpc.connect(tls=Tls(ca=folder / content)).close()


@pytest.mark.parametrize("content", ["empty", "text", "torn", "one.key"])
def test_certificates_that_cannot_be_used(folder: Path, content: str) -> None:
    file, key = folder / content, folder / "one.key"
    refused(Tls(certificate=file, key=key), rf"Tls\.certificate '.*{content}' holds no certificate")
    refused(Tls(certificate=file.read_bytes(), key=key), r"^Tls\.certificate holds no certificate")


@pytest.mark.parametrize("content", ["empty", "text", "one.crt", "encrypted.key"])
def test_keys_that_cannot_be_used(folder: Path, content: str) -> None:
    file, certificate = folder / content, folder / "one.crt"
    refused(Tls(certificate=certificate, key=file), rf"Tls\.key '.*{content}' holds no key")
    refused(Tls(certificate=certificate, key=file.read_bytes()), r"^Tls\.key holds no key")


def test_a_key_of_another_certificate(folder: Path) -> None:
    tls = Tls(certificate=folder / "one.crt", key=folder / "two.key")
    refused(tls, r"Tls\.key '.*two\.key' is not the key of Tls\.certificate '.*one\.crt'$")
    own = Tls(certificate=folder / "one.crt", key=folder / "one.key")
    pronto_grpc.connect(tls=own).close()


@pytest.mark.parametrize("option", ["ca", "certificate", "key"])
def test_files_that_are_not_there(folder: Path, option: str) -> None:
    pair: dict[str, Path] = {"certificate": folder / "one.crt", "key": folder / "one.key"}
    with pytest.raises(FileNotFoundError, match=rf"Tls\.{option}: .*none"):
        pronto_grpc.connect(tls=Tls(**{**pair, option: folder / "none"}))


def test_a_server_without_tls_is_told(server: Server, folder: Path) -> None:
    tls = Tls(ca=folder / "one.crt")
    question = r"WRONG_VERSION_NUMBER.* \(is this address without TLS\?"

    async def ask() -> None:
        async with aio.connect(server.target, tls=tls) as client:
            with pytest.raises(ProntoError, match=question):
                await client.contacts.EnrichContact(v1.EnrichContactRequest())

    with pronto_grpc.connect(server.target, tls=tls) as client:
        with pytest.raises(ProntoError, match=question):
            client.contacts.EnrichContact(v1.EnrichContactRequest())
        with pytest.raises(ProntoError, match=question):
            list(client.follow("job", patience=0.1))
    asyncio.run(ask())


def refused(tls: Tls, message: str) -> None:
    """Expect a ValueError, from both kinds of clients."""
    for connect in (pronto_grpc.connect, aio.connect):
        with pytest.raises(ValueError, match=message):
            connect("localhost:1", tls=tls)
