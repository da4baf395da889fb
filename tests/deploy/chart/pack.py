#!/usr/bin/env python3
"""Packs a folder as an image, in the form that `docker save` writes: pack.py FOLDER NAME:TAG TAR COMMAND..."""

import hashlib
import io
import json
import platform
import sys
import tarfile

folder, name, out, *command = sys.argv[1:]


def as_root(member):
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def add(tar, path, content):
    member = tarfile.TarInfo(path)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as tar:
    tar.add(folder, arcname=".", filter=as_root)
config = {
    "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
    "os": "linux",
    "config": {"Cmd": command, "Env": ["PATH=/usr/local/bin:/bin"]},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()]},
}
with tarfile.open(out, "w") as tar:
    add(tar, "layer.tar", layer.getvalue())
    add(tar, "config.json", json.dumps(config).encode())
    add(tar, "manifest.json", json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode())
