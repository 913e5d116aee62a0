"""Turns the fixtures of the tests into inputs to begin with.

  seeds.py FIXTURES SEEDS

Each file of FIXTURES/answers and FIXTURES/requests is an object of named forms.
Targets whose first byte is a choice get each form with each choice.
"""

import json
import sys
from pathlib import Path

# Kinds of results, whether it is a batch, and the source: see decode.rs.
DECODE_CHOICES = [kind | batch | source for kind in range(5) for batch in (0, 8) for source in (0, 16)]
# Messages: see json.rs.
JSON_CHOICES = range(13)


def main(fixtures: Path, seeds: Path) -> None:
    def seed(target: str, name: str, data: bytes) -> None:
        folder = seeds / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    for file in sorted(fixtures.glob("*/*.json")):
        for form, body in json.loads(file.read_text()).items():
            name = f"{file.parent.name}-{file.stem}-{form.replace('/', '_')}"
            text = json.dumps(body, ensure_ascii=False).encode()
            if file.stem.startswith("webhook_") or file.stem.startswith("get_"):
                for choice in DECODE_CHOICES:
                    seed("decode", f"{name}-{choice}", bytes([choice]) + text)
            for choice in JSON_CHOICES:
                seed("json", f"{name}-{choice}", bytes([choice]) + text)
            if isinstance(body, dict):
                seed("correlation", name, json.dumps(body.get("custom", body)).encode())
    for place, item in enumerate([
        {"pronto_grpc_item": {"index": 2}},
        {"pronto_grpc_item": {"index": "2", "callers": {"crm": 1}}, "crm": "7"},
        {"pronto_grpc_item": {"index": -1}},
    ]):
        seed("correlation", f"ours-{place}", json.dumps(item).encode())
    for place, uri in enumerate([
        "/callbacks/019aa2f0-7d6c-7000-8000-000000000000/c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I",
        "http://pronto.example:8080/callbacks/job/secret?retry=1",
        "/callbacks/job", "/callbacks//", "/callbacks/a%2Fb/c/d", "*", "/",
    ]):
        seed("callback_path", str(place), uri.encode())


main(Path(sys.argv[1]), Path(sys.argv[2]))
