"""The programs of the documentation run as they are written."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

import cairn_store as cairn

ROOT = pathlib.Path(__file__).parents[3]


@pytest.mark.parametrize("page", ["docs/python.md", "clients/python/README.md"])
def test_the_programs_of_a_page_run(page: str, session: str, tmp_path: pathlib.Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert blocks
    # Sessions of their own, so that the page can be tested twice on one store.
    program = tmp_path / "program.py"
    program.write_text(re.sub(r"run-4(\d)", rf"{session}-\1", "\n".join(blocks)), encoding="utf-8")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_page_has_every_call() -> None:
    text = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    for owner in (cairn.Scope, cairn.Client):
        for name in vars(owner):
            shown = f"{name}(" in text or name in ("config", "close", "scope", "session")
            assert name.startswith("_") or shown, f"docs/python.md says nothing of {owner.__name__}.{name}"
    for name in vars(cairn.errors):
        value = getattr(cairn.errors, name)
        if isinstance(value, type) and issubclass(value, cairn.CairnError):
            assert f"`{name}`" in text, f"docs/python.md says nothing of {name}"
