"""Reads the list of crates that cargo-auditable wrote into a program: sbom.py SECTION PACKAGE."""

import json
import pathlib
import sys
import zlib

section, package = sys.argv[1:]
packages = json.loads(zlib.decompress(pathlib.Path(section).read_bytes()))["packages"]
names = {entry["name"] for entry in packages}
if not {package, "tokio", "rustls"} <= names:
    sys.exit(f"test-image: {package} does not say what it was made of, but {sorted(names)}")
print(f"test-image: {package} names {len(packages)} crates it was made of")
