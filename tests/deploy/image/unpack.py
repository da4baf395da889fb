"""Unpacks the one image of an OCI layout, and checks what the chart relies on.

unpack.py LAYOUT FOLDER: every digest is checked on the way.
"""

import hashlib
import json
import pathlib
import re
import sys
import tarfile

layout, folder = map(pathlib.Path, sys.argv[1:])
PROGRAMS = {f"usr/local/bin/{name}" for name in ("cairn", "cairn-api", "cairn-gc-worker")}
BESIDE = {
    "etc/group", "etc/nsswitch.conf", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "usr/share/doc/cairn/LICENSE"
}


def fail(why):
    sys.exit(f"test-image: {why}")


def expect(what, is_, should):
    if is_ != should:
        fail(f"{what}: {is_}, not {should}")


def blob(descriptor):
    algorithm, digest = descriptor["digest"].split(":")
    path = layout / "blobs" / algorithm / digest
    expect(f"the hash of {path}", hashlib.new(algorithm, path.read_bytes()).hexdigest(), digest)
    return path


index = json.loads((layout / "index.json").read_text())
expect("the number of images", len(index["manifests"]), 1)
manifest = json.loads(blob(index["manifests"][0]).read_text())
image = json.loads(blob(manifest["config"]).read_text())
config = image["config"]

expect("the user", config["User"], "65532:65532")
expect("the path", config["Env"], ["PATH=/usr/local/bin"])
expect("the entry point", config.get("Entrypoint"), None)
expect("the command", config["Cmd"], ["cairn-api", "serve"])
version = re.search(r'^version = "(.*)"', pathlib.Path("Cargo.toml").read_text(), re.MULTILINE)[1]
expect("the version", config["Labels"]["org.opencontainers.image.version"], version)
for label in ("title", "description", "licenses"):
    if not config["Labels"].get(f"org.opencontainers.image.{label}"):
        fail(f"it has no label {label}")

files = set()
times = set()
for layer in manifest["layers"]:
    with tarfile.open(blob(layer)) as archive:
        for entry in archive:
            name = entry.name.strip("/").removeprefix("./")
            expect(f"the owner of /{name}", (entry.uid, entry.gid), (0, 0))
            # The test runs in a user namespace, where the owner may be any user: the rights of others count.
            needed = 0o555 if entry.isdir() or name in PROGRAMS else 0o444
            if entry.mode & needed != needed:
                fail(f"not everybody may use /{name}: {entry.mode:o}")
            if entry.mode & 0o002 and name != "tmp":
                fail(f"everybody may write to /{name}")
            if not entry.isdir():
                files.add(name)
            times.add(entry.mtime)
        archive.extractall(folder)
expect("the files", sorted(files), sorted(PROGRAMS | BESIDE))
expect("the number of different times", len(times), 1)
roots = (folder / "etc/ssl/certs/ca-certificates.crt").read_text().count("BEGIN CERTIFICATE")
if roots < 50:
    fail(f"it trusts {roots} roots: these are not all")

print(f"test-image: {index['manifests'][0]['digest']}: {len(PROGRAMS)} programs, {roots} roots, no shell, no library")
