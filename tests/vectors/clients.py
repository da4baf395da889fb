#!/usr/bin/env python3
"""Writes clients.json, the test vectors of clients: what one language derives, quotes or splits, all do alike.

It shares no code with any client, so that the vectors check the format and not one implementation of it.
"""

import hashlib
import json
import pathlib

MIB = 1 << 20


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def block(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def number(field, value):
    return varint(field << 3) + varint(value)


TEXTS = {
    "filename": 1, "content_type": 2, "session_id": 3, "namespace": 4, "user_id": 5, "agent_id": 6, "content_hash": 10,
    "title": 12, "language": 14, "change_summary": 15,
}  # fmt: skip
NUMBERS = {"size_bytes": 11, "kind": 13, "stage": 16, "if_version": 19, "on_duplicate": 20}
FLAGS = {"never_expires": 9, "unpublished": 22, "persistent": 23, "longest": 24}
LISTS = {"labels": 17, "inputs": 18}
PRESENCE = {"size_bytes", "if_version", "never_expires", "longest"}


def encoded(spec):
    """An ArtifactSpec without metadata, its fields in the order of their numbers."""
    fields = []
    for name, value in spec.items():
        if name in TEXTS and value:
            fields.append((TEXTS[name], block(TEXTS[name], value.encode())))
        elif name in NUMBERS and (value or name in PRESENCE):
            fields.append((NUMBERS[name], number(NUMBERS[name], value)))
        elif name in FLAGS and (value or name in PRESENCE):
            fields.append((FLAGS[name], number(FLAGS[name], int(value))))
        elif name in LISTS:
            fields.append((LISTS[name], b"".join(block(LISTS[name], it.encode()) for it in value)))
        elif name == "ttl_milliseconds":
            seconds, rest = divmod(value, 1000)
            ttl = (number(1, seconds) if seconds else b"") + (number(2, rest * 1_000_000) if rest else b"")
            fields.append((8, block(8, ttl)))
    return b"".join(field for _, field in sorted(fields))


def hashed(what, parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return f"cairn-{what}-{digest.hexdigest()}"


def upload_key(spec, gone):
    pairs = sorted((key.encode(), value.encode()) for key, value in spec.get("metadata", {}).items())
    return hashed("push", [encoded(spec), gone.encode(), *(part for pair in pairs for part in pair)])


HASH = "sha256:" + hashlib.sha256(b"hello").hexdigest()
SMALL = {"filename": "a.txt", "session_id": "run-1", "content_hash": HASH, "size_bytes": 5}
SPECS = [
    ("a name and its content", SMALL),
    ("empty content", {"filename": "a", "content_hash": HASH, "size_bytes": 0}),
    ("metadata in the order of its bytes", SMALL | {"metadata": {"b": "2", "a": "1", "B": "", "é": "ü"}}),
    ("text of other scripts", SMALL | {"filename": "Bericht/ünï.txt", "title": "报告"}),
    ("a time to live", SMALL | {"ttl_milliseconds": 90_500}),
    ("never expires", SMALL | {"never_expires": True}),
    ("longest, whose field number is the last", SMALL | {"longest": True, "persistent": True}),
    ("a version of 0", SMALL | {"if_version": 0}),
    ("lists keep their order", SMALL | {"labels": ["z", "a"], "inputs": ["art_2", "art_1"]}),
    (
        "every field",
        {
            "filename": "f", "content_type": "text/plain", "session_id": "s", "namespace": "n", "user_id": "u", "agent_id": "a",
            "metadata": {"k": "v"}, "longest": True, "content_hash": HASH, "size_bytes": 5, "title": "t", "kind": 2,
            "language": "en", "change_summary": "c", "stage": 3, "labels": ["l"], "inputs": ["art_1"], "if_version": 7,
            "on_duplicate": 2, "unpublished": True, "persistent": True,
        },
    ),
]  # fmt: skip


def keys():
    uploads = [{"name": name, "spec": spec, "gone": "", "key": upload_key(spec, "")} for name, spec in SPECS]
    gone = "art_tpbfaczTWydroG0h"
    uploads.append({"name": "after one that is gone", "spec": SMALL, "gone": gone, "key": upload_key(SMALL, gone)})
    first = uploads[0]["key"]
    ids = ["art_1", "art_2"]
    return {
        "uploads": uploads,
        "after_upload": [{"key": first, "upload_id": "upl_1", "next": hashed("again", [first.encode(), b"upl_1"])}],
        "links": [
            {"upload_key": key, "artifact_id": "art_1", "key": hashed("link", [key.encode(), b"art_1"])}
            for key in ("", first)
        ],
        "commits": [
            {
                "session_id": "run-1",
                "artifact_ids": ids,
                "seal": seal,
                "key": hashed("commit", [b"run-1", bytes([seal]), *(it.encode() for it in ids)]),
            }
            for seal in (False, True)
        ],
    }


def manifests():
    def entry(filename, version):
        return {
            "filename": filename, "version": version, "artifact_id": "art_1", "size_bytes": 3, "content_hash": "sha256:00",
        }  # fmt: skip

    cases = [[], [entry("a", 1)], [entry("é.txt", 1), entry("a", 10), entry("a", 2), entry("Z", 1)]]
    out = []
    for entries in cases:
        lines = sorted(("\t".join(str(it) for it in case.values()) + "\n").encode() for case in entries)
        out.append({"entries": entries, "digest": "sha256:" + hashlib.sha256(b"".join(lines)).hexdigest()})
    return out


QUOTED = [
    ("plain", '"plain"'),
    ('a "quoted" word', r'"a \"quoted\" word"'),
    ("back\\slash", r'"back\\slash"'),
    ("tab\tand\nline", r'"tab\tand\nline"'),
    ("star*", '"star*"'),
    ("AND OR NOT ()", '"AND OR NOT ()"'),
    ("it's", '"it\'s"'),
    ("ünï 报告 🗿", '"ünï 报告 🗿"'),
    ("\u0001", r'"\u0001"'),
]


def quoting():
    out = []
    for text, quoted in QUOTED:
        assert json.loads(quoted) == text
        # A star of the text is no wildcard, and the last one is.
        out.append({"text": text, "quoted": quoted, "prefix": quoted[:-1].replace("*", r"\*") + '*"'})
    return out


FILENAMES = [
    "a", "a.txt", "a/b/c.txt", ".hidden", "..hidden", "a..", "...", " space ", "ünï/报告.md", "a:b", "~", "-",
    "\u202ertl", "a" * 255, "/".join(["a" * 255] * 4),
]  # fmt: skip
NOT_FILENAMES = [
    "", "/", "/a", "a/", "a//b", ".", "..", "a/.", "a/../b", "./a", "a\\b", "a\0b", "a\nb", "a\u007fb", "a\u0085b", "a" * 256,
    "é" * 128, "/".join(["a" * 255] * 4) + "/b",
]  # fmt: skip


def transfers():
    def case(size):
        if size <= MIB:
            return {"size": size, "call": "CreateArtifact", "pieces": 1}
        call = "UploadArtifact" if size <= 64 * MIB else "WriteUpload"
        return {"size": size, "call": call, "pieces": -(-size // (256 << 10))}

    sizes = [0, 1, MIB, MIB + 1, 5 * MIB, 64 * MIB, 64 * MIB + 1]
    return {"piece_bytes": 256 << 10, "cases": [case(size) for size in sizes]}


def main():
    vectors = {
        "about": (
            "What clients in every language do alike. `keys`: the idempotency keys that they derive; specs have the field names of "
            "ArtifactSpec, and a ttl in milliseconds. `manifests`: Session.manifest_hash. `quoting`: texts as values of filters, "
            "and as prefixes. `filenames`: good and refused. `transfers`: which call sends content of a size, in how many messages "
            "of content. Written by clients.py."
        ),
        "keys": keys(),
        "manifests": manifests(),
        "quoting": quoting(),
        "filenames": {"good": FILENAMES, "refused": NOT_FILENAMES},
        "transfers": transfers(),
    }
    path = pathlib.Path(__file__).with_name("clients.json")
    path.write_text(json.dumps(vectors, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


main()
