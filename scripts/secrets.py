# SPDX-License-Identifier: Apache-2.0
"""Searches what servers logged and counted for what must not be there.

Usage: secrets.py FOLDER NAMES_RS
"""

import base64
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

folder, names_rs = Path(sys.argv[1]), Path(sys.argv[2])
logs = sorted(folder.glob("*.log"))


def base64_forms(secret):
    """What is left of a text in base64, wherever in a longer text it begins."""
    for shift in range(3):
        padded = base64.b64encode(b"\0" * shift + secret)
        # Characters that also depend on the neighbours are left out.
        first = (shift * 8 + 5) // 6
        last = (shift + len(secret)) * 8 // 6
        form = padded[first:last]
        if len(form) >= 8:
            yield form
            yield form.translate(bytes.maketrans(b"+/", b"-_"))


def forms(secret):
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield quote(secret, safe="").encode()
    yield quote_plus(secret).encode()
    yield secret.replace(" ", "%20").encode()
    yield from base64_forms(raw)


def listed(name, text):
    """The words of a list in the sandbox's source."""
    body = re.search(rf"pub const {name}: &\[&str\] = &\[(.*?)\];", text, re.S).group(1)
    return re.findall(r'"([^"]+)"', body)


secrets = sorted(set((folder / "secrets.txt").read_text().splitlines()))
patterns = folder / "patterns"
patterns.write_bytes(b"\n".join(sorted({f for s in secrets for f in forms(s)})) + b"\n")

words = names_rs.read_text()
first, last = (
    "|".join(map(re.escape, listed(name, words))) for name in ("FIRST", "LAST")
)
shapes = {
    "an email": r"[\w.+-]+@[\w-]+\.\w{2,}",
    "a phone number": r"(?<![\w.:+-])\+\d{7,}",
    "a callback's URL": r"/callbacks/[0-9a-f-]{36}/",
    "a callback's secret": r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{43}(?![\w-])",
    "a name": rf"\b(?:{first}) (?:{last})\b",
}
any_shape = re.compile("|".join(shapes.values()))

found = 0


def report(kind, log, line):
    global found
    found += 1
    if found <= 20:
        print(f"secrets: {kind} in {log.name}: {line[:300]}", file=sys.stderr)


size = sum(log.stat().st_size for log in logs)
lines = 0
for log in logs:
    # As bytes, because what is searched for may be cut anywhere.
    grep = ["grep", "--text", "--fixed-strings", "--file", str(patterns), str(log)]
    hits = subprocess.run(grep, capture_output=True, env={"LC_ALL": "C"}, check=False)
    if hits.returncode > 1:
        sys.exit(hits.stderr.decode())
    for line in hits.stdout.decode(errors="replace").splitlines():
        report("something secret", log, line)
    with log.open(errors="replace") as text:
        for line in text:
            lines += 1
            if any_shape.search(line):
                kinds = [k for k, shape in shapes.items() if re.search(shape, line)]
                report(" and ".join(kinds), log, line.rstrip())

# A search that had nothing to find, or nowhere to look, proves nothing.
if len(secrets) < 100 or lines < 1000 or not (folder / "metrics.log").exists():
    sys.exit(f"secrets: only {len(secrets)} secrets and {lines} lines were recorded")
print(
    f"secrets secrets={len(secrets)} logs={len(logs)} lines={lines} bytes={size} found={found}"
)
sys.exit(found > 0)
