#!/usr/bin/env python3
"""Writes tokens.json, the test vectors of delegated tokens: docs/access.md has the format.

It shares no code with the server, so that the vectors check the format and not one implementation of it.
"""

import base64
import hashlib
import hmac
import json
import pathlib

SCOPES = ["unspecified", "read", "write", "delete", "link", "seal", "hold", "admin"]
KEYS = {1: "the first secret, of 32 characters", 2: "the second secret, 32 characters"}
KEY_ID = bytes.fromhex("0192f6a0b1c27d3e8f9001122334455a")
TOKEN_ID = bytes.fromhex("00112233445566ff")
ISSUED = 1_800_000_000
HOUR = 3600


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def integer(field, value):
    return varint(field << 3) + varint(value) if value else b""


def block(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def text(field, value):
    return block(field, value.encode()) if value else b""


def narrowing(of):
    sessions = b"".join(text(1, session) for session in of.get("session_ids", []))
    names = ["session_prefix", "namespace", "user_id", "agent_id", "filename_prefix"]
    return sessions + b"".join(text(i + 2, of.get(name, "")) for i, name in enumerate(names))


def caveat(of):
    numbers = b"".join(varint(SCOPES.index(scope)) for scope in of.get("scopes", []))
    out = block(1, numbers) if numbers else b""
    if "narrowing" in of:
        out += block(2, narrowing(of["narrowing"]))
    return out + integer(3, of.get("not_after", 0))


def root(of):
    return (
        block(1, KEY_ID)
        + text(2, of.get("workload", ""))
        + integer(3, ISSUED)
        + block(4, caveat(of["grant"]))
        + block(5, TOKEN_ID)
    )


def part(value):
    return len(value).to_bytes(2, "big") + value


def mac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def written(payload):
    return "ct_" + base64.urlsafe_b64encode(payload).decode().rstrip("=")


def signed(key, first, caveats, version=1):
    head = bytes([version, key]) + part(first)
    tags = [mac(KEYS[key].encode(), head)]
    for one in caveats:
        tags.append(mac(tags[-1], one))
    return head + b"".join(part(one) for one in caveats), tags


def vector(name, grant, caveats, key=1, workload=""):
    content = {"workload": workload, "grant": grant}
    body, tags = signed(key, root(content), [caveat(one) for one in caveats])
    return {
        "name": name,
        "key_id": key,
        "root": {
            "credential_id": KEY_ID.hex(),
            "workload": workload,
            "issued_at": ISSUED,
            "grant": grant,
            "token_id": TOKEN_ID.hex(),
        },
        "root_hex": root(content).hex(),
        "caveats": caveats,
        "caveats_hex": [caveat(one).hex() for one in caveats],
        "tags_hex": [tag.hex() for tag in tags],
        "token": written(body + tags[-1]),
    }


ALL = {"scopes": SCOPES[1:7], "not_after": ISSUED + HOUR}
ONE = {"narrowing": {"session_ids": ["run-42"]}}
EVERY = {
    "scopes": ["read"],
    "narrowing": {
        "session_prefix": "run-",
        "namespace": "app",
        "user_id": "u-1",
        "agent_id": "müller",
        "filename_prefix": "out/",
    },
    "not_after": ISSUED + 60,
}

GOOD = [
    vector("as it was made", ALL, []),
    vector("of a workload", ALL, [], workload="system:serviceaccount:agents:runner"),
    vector("made with a narrowing", {**ALL, **ONE}, []),
    vector("signed by the second key", ALL, [{"scopes": ["read", "write"]}], key=2),
    vector("narrowed to one session", ALL, [ONE]),
    vector("narrowed in every way", ALL, [EVERY]),
    vector("narrowed again and again", ALL, [{"scopes": ["read", "write"]}, ONE, {"scopes": ["read"]}, EVERY]),
    vector("with the most caveats", ALL, [{"not_after": ISSUED + i} for i in range(16, 0, -1)]),
    vector("with a caveat that takes nothing away", ALL, [{}]),
]


def refused():
    first = root({"grant": ALL})
    narrow = caveat(ONE)
    body, tags = signed(1, first, [narrow])
    plain, (tag,) = signed(1, first, [])
    yield "with its caveat removed", "forged", plain + tags[-1]
    yield "with its caveat removed, and the tag of its key", "forged", plain + mac(b"any", plain)
    other, _ = signed(1, first, [caveat({"narrowing": {"session_ids": ["run-43"]}})])
    yield "with its caveat changed", "forged", other + tags[-1]
    yield "with one bit of its tag changed", "forged", plain + bytes([tag[0] ^ 1]) + tag[1:]
    yield "with the id of the other key", "forged", bytes([1, 2]) + plain[2:] + tag
    yield "with the id of no key", "forged", bytes([1, 9]) + plain[2:] + tag
    swapped = [narrow, caveat({"scopes": ["read"]})]
    _, at_end = signed(1, first, swapped)
    yield "with its caveats exchanged", "forged", signed(1, first, swapped[::-1])[0] + at_end[-1]

    def of(name, why, first, caveats=(), version=1):
        body, tags = signed(1, first, caveats, version)
        return name, why, body + tags[-1]

    yield of("of a later version", "unknown", first, version=2)
    yield of("with a caveat of a later version", "unknown", first, [integer(4, 7)])
    yield of("with a narrowing of a later version", "unknown", first, [block(2, text(1, "run-42") + text(9, "x"))])
    yield of("with a root of a later version", "unknown", first + text(6, "x"))
    yield of("with fields in another order", "unknown", first, [integer(3, 5) + block(1, b"\x01")])
    yield of("with a default that is written", "unknown", first, [block(2, narrowing(ONE["narrowing"])) + b"\x18\x00"])
    yield of("with a caveat that is no message", "malformed", first, [b"\xff"])
    yield of("with one caveat too many", "too_long", first, [caveat({"not_after": ISSUED})] * 17)
    yield of("with a scope that no server knows", "grant", first, [block(1, varint(99))])
    yield of("with more sessions than a narrowing has", "grant", first, [caveat({"narrowing": {"session_ids": [str(i) for i in range(17)]}})])
    yield of("without an end", "grant", root({"grant": {"scopes": ["read"]}}))
    yield of("without a grant", "grant", block(1, KEY_ID) + integer(3, ISSUED))
    yield of("that has ended", "grant", first, [caveat({"not_after": ISSUED - 1})])
    yield "cut short", "malformed", (plain + tag)[:-1]
    yield "of a tag alone", "malformed", tag
    yield "without a root", "malformed", bytes([1, 1]) + tag


REFUSED = [{"name": name, "because": why, "token": written(payload)} for name, why, payload in refused()]
REFUSED += [
    {"name": "with padding", "because": "malformed", "token": GOOD[0]["token"] + "="},
    {"name": "in the other alphabet", "because": "malformed", "token": GOOD[0]["token"] + "+"},
    {"name": "without its beginning", "because": "malformed", "token": GOOD[0]["token"][3:]},
    {"name": "of 2,049 characters", "because": "too_long", "token": "ct_" + "A" * 2046},
]

VECTORS = {
    "about": "Delegated tokens, as docs/access.md has their format. A program that narrows tokens makes the same ones; all "
    "are checked at the second `now`. `because` of `grant` is what the server alone refuses. Written by tokens.py.",
    "now": ISSUED,
    "keys": [{"id": key, "secret": secret} for key, secret in KEYS.items()],
    "tokens": GOOD,
    "refused": REFUSED,
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(VECTORS, indent=1, ensure_ascii=False) + "\n")
