# SPDX-License-Identifier: Apache-2.0
"""Addresses, credentials, and what is refused."""

from __future__ import annotations

import asyncio
import os
import pathlib

import grpc
import pytest
from fake import JOB, Server, completed

import pronto_grpc
from pronto_grpc import Tls, _tls, aio, v1
from pronto_grpc._connection import Connection
from pronto_grpc._credentials import Credentials, TokenFile
from pronto_grpc._dialer import Dialer
from pronto_grpc._endpoint import parse
from pronto_grpc._options import channel_options
from pronto_grpc.aio._dialer import Dialer as AsyncDialer

Metadata = tuple[tuple[str, str | bytes], ...]

CREDENTIALS = [{"token": "secret"}, {"api_key": "secret"}]
ELSEWHERE = ["pronto.example:443", "10.0.0.7:50051", "[2001:db8::1]:50051", "127.evil.example:1"]
HERE = ["localhost:1", "LOCALHOST:1", "127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "unix:/run/x"]


@pytest.mark.parametrize("target", ELSEWHERE)
@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_credentials_are_not_sent_in_the_clear(target: str, credentials: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"in the clear.*tls=True.*allow_insecure") as raised:
        pronto_grpc.connect(target, **credentials)  # type: ignore[arg-type]
    assert "secret" not in str(raised.value)
    with pytest.raises(ValueError, match="in the clear"):
        aio.connect(target, **credentials)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", HERE)
def test_credentials_are_sent_to_this_machine(target: str) -> None:
    pronto_grpc.connect(target, token="secret").close()


def test_credentials_are_sent_where_that_is_wanted() -> None:
    pronto_grpc.connect(ELSEWHERE[0], token="secret", tls=True).close()
    pronto_grpc.connect(ELSEWHERE[0], token="secret", allow_insecure=True).close()
    pronto_grpc.connect(ELSEWHERE[0]).close()


NO_HOSTS = ["", "localhost", "localhost:", "::1:5", "a b:1", "x:70000", "dns:///x:1", "a@b:1"]


@pytest.mark.parametrize("target", [*NO_HOSTS, "unix:", "unix://x"])
def test_what_is_no_address(target: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse(target)


def test_a_unix_socket_is_no_name_of_a_host() -> None:
    assert ("grpc.default_authority", "localhost") in channel_options(parse("unix:/run/x"))
    assert ("grpc.default_authority", "localhost") not in channel_options(parse("localhost:1"))


def test_a_proxy_is_not_between_us_and_this_machine() -> None:
    assert ("grpc.enable_http_proxy", 0) in channel_options(parse("localhost:1"))
    assert ("grpc.enable_http_proxy", 0) not in channel_options(parse("pronto.example:1"))


def test_calls_and_streams_carry_the_credentials(server: Server) -> None:
    call(server, token="t", api_key="k")
    asyncio.run(call_with_asyncio(server, token="t", api_key="k"))
    assert server.sent("authorization") == [["Bearer t"]] * 4
    assert server.sent("x-api-key") == [["k"]] * 4


def test_without_credentials_there_are_none(server: Server) -> None:
    call(server)
    assert server.sent("authorization") == server.sent("x-api-key") == [[], []]


def test_the_metadata_of_a_caller_stay(server: Server) -> None:
    server.jobs.append(v1.Job(id=JOB))
    with pronto_grpc.connect(server.target, token="t") as client:
        client.jobs.GetJob(v1.GetJobRequest(), metadata=(("x-request-id", "7"),))
    assert server.sent("x-request-id") == [["7"]]
    assert server.sent("authorization") == [["Bearer t"]]


OWN: Metadata = (("x-api-key", "its own"), ("authorization", "Bearer its own"))


@pytest.mark.parametrize("count", [1, 2])
def test_the_credentials_of_a_call_replace_those_of_the_client(server: Server, count: int) -> None:
    own = OWN[:count]
    call(server, metadata=own, token="t", api_key="k")
    asyncio.run(call_with_asyncio(server, metadata=own, token="t", api_key="k"))
    assert server.sent("x-api-key") == [["its own"]] * 4
    assert server.sent("authorization") == [["Bearer t" if count == 1 else "Bearer its own"]] * 4


def test_grpcs_credentials_of_a_call_replace_the_token(tmp_path: pathlib.Path) -> None:
    # gRPC sends them to whom it trusts only.
    target = f"unix:{tmp_path}/socket"
    local = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
    options = channel_options(parse(target))
    connection = Connection(target, options, local, Credentials(token="t", api_key="k"))
    server = Server(confidential=target)  # type: ignore[abstract]
    own = grpc.access_token_call_credentials("its own")
    server.jobs.extend([v1.Job(id=JOB)] * 2)
    server.streams.extend([[completed(1)]] * 2)

    async def ask() -> None:
        async with aio.Client(AsyncDialer(connection, None)) as client:
            await client.jobs.GetJob(v1.GetJobRequest(), credentials=own)
            stream = client.jobs.WatchJob(v1.WatchJobRequest(), credentials=own)
            assert len([event async for event in stream]) == 1

    with pronto_grpc.Client(Dialer(connection, None)) as client:
        client.jobs.GetJob(v1.GetJobRequest(), credentials=own)
        assert len(list(client.jobs.WatchJob(v1.WatchJobRequest(), credentials=own))) == 1
    asyncio.run(ask())
    server.stop()
    assert server.sent("authorization") == [["Bearer its own"]] * 4
    assert server.sent("x-api-key") == [["k"]] * 4


def test_a_follow_has_credentials_of_its_own(server: Server) -> None:
    job = v1.Job(id=JOB, state=v1.JOB_STATE_COMPLETED, last_sequence=1)
    server.streams.extend([[]] * 2)
    server.jobs.extend([job] * 2)

    async def follow() -> None:
        async with aio.connect(server.target, token="t", api_key="k") as client:
            assert [_ async for _ in client.follow(JOB, after=1, metadata=OWN)] == []

    with pronto_grpc.connect(server.target, token="t", api_key="k") as client:
        assert list(client.follow(JOB, after=1, metadata=OWN)) == []
    asyncio.run(follow())
    kinds = [type(request) for request in server.requests]
    assert kinds == [v1.WatchJobRequest, v1.GetJobRequest] * 2
    assert server.sent("x-api-key") == [["its own"]] * 4
    assert server.sent("authorization") == [["Bearer its own"]] * 4


def test_a_token_file_is_read_again(server: Server, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_text("one\n")
    server.jobs.extend([v1.Job()] * 2)
    with pronto_grpc.connect(server.target, token_file=path) as client:
        client.jobs.GetJob(v1.GetJobRequest())
        (tmp_path / "new").write_text("two\n")
        os.replace(tmp_path / "new", path)
        client.jobs.GetJob(v1.GetJobRequest())
    assert server.sent("authorization") == [["Bearer one"], ["Bearer two"]]


def test_a_token_file_that_stays_is_read_once(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    source = TokenFile(path)
    assert source() == "one"
    stat = path.stat()
    # Other content under the same age, size and inode: only a second reading would show it.
    path.write_text("two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert source() == "one"


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"a\x00b"])
def test_the_last_token_counts_while_there_is_none(
    tmp_path: pathlib.Path, content: bytes | None
) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    source = TokenFile(path)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert source() == "one"
    path.write_text("three")
    assert source() == "three"


def test_a_bundle_stands_in_for_a_directory(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"pem")
    monkeypatch.setattr(_tls, "BUNDLES", (str(tmp_path / "none"), str(bundle)))
    # As Python is where OpenSSL has a directory of certificates, and no file.
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    assert _tls.system_roots() == b"pem"
    bundle.unlink()
    assert _tls.system_roots() is None


def test_a_token_file_must_be_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"token_file: .*none"):
        pronto_grpc.connect(token_file=tmp_path / "none")
    for content, fault in ((b"", "is empty"), (b"\xff", "printable ASCII")):
        (tmp_path / "token").write_bytes(content)
        with pytest.raises(ValueError, match=rf"the token in token_file '.*token' .*{fault}"):
            pronto_grpc.connect(token_file=tmp_path / "token")


@pytest.mark.parametrize("token", ["", "ü", "a\x00b"])
def test_tokens_that_metadata_cannot_carry(token: str) -> None:
    with pytest.raises(ValueError, match=r"^token (must be printable ASCII|is empty)"):
        pronto_grpc.connect(token=token)


@pytest.mark.parametrize("token", [" x", "x\n", "se cret", "se\tcret", "se\u2003cret"])
def test_tokens_with_blanks(token: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="token must be without blanks") as raised:
        pronto_grpc.connect(token=token)
    assert "cret" not in str(raised.value)
    (tmp_path / "token").write_text("two words")
    with pytest.raises(ValueError, match="without blanks"):
        pronto_grpc.connect(token_file=tmp_path / "token")


def test_unix_sockets_speak_no_tls() -> None:
    for tls in (True, Tls()):
        with pytest.raises(ValueError, match="never speak TLS"):
            pronto_grpc.connect("unix:/run/x", tls=tls)
        with pytest.raises(ValueError, match="never speak TLS"):
            aio.connect("unix:/run/x", tls=tls)


def test_what_contradicts_itself(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        pronto_grpc.connect(token="t", token_file=tmp_path)
    with pytest.raises(ValueError, match="belong together"):
        Tls(certificate=b"pem")


def call(server: Server, metadata: Metadata = (), **credentials: str) -> None:
    """Make a call and open a stream."""
    server.jobs.append(v1.Job())
    server.streams.append([completed(1)])
    with pronto_grpc.connect(server.target, **credentials) as client:  # type: ignore[arg-type]
        client.jobs.GetJob(v1.GetJobRequest(), metadata=metadata)
        list(client.jobs.WatchJob(v1.WatchJobRequest(), metadata=metadata))


async def call_with_asyncio(server: Server, metadata: Metadata = (), **credentials: str) -> None:
    """Make a call and open a stream, with asyncio."""
    server.jobs.append(v1.Job())
    server.streams.append([completed(1)])
    async with aio.connect(server.target, **credentials) as client:  # type: ignore[arg-type]
        await client.jobs.GetJob(v1.GetJobRequest(), metadata=metadata)
        async for _ in client.jobs.WatchJob(v1.WatchJobRequest(), metadata=metadata):
            pass
