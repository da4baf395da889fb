"""The rules of filenames. A name from a store is data: a program that makes a local file of it checks it first."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from .errors import Invalid

_LONGEST = 1024
_LONGEST_SEGMENT = 255


def problem(name: str) -> str | None:
    """What is wrong with a filename; None for a good one."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return "must be UTF-8"
    if not 1 <= length <= _LONGEST:
        return f"must be 1 to {_LONGEST:,} bytes"
    if any(unicodedata.category(character) == "Cc" for character in name):
        return "must have no control character"
    if "\\" in name:
        return "must have no backslash"
    for segment in name.split("/"):
        if segment in ("", ".", ".."):
            return 'must have no empty, "." or ".." segment and no "/" at either end'
        if len(segment.encode()) > _LONGEST_SEGMENT:
            return f"must have segments of at most {_LONGEST_SEGMENT} bytes"
    return None


def below(folder: Path, name: str) -> Path:
    """The path of a filename below a folder, which it cannot leave.

    Raises:
        Invalid: The name breaks a rule.
    """
    if wrong := problem(name):
        raise Invalid(f"filename {name[:64]!r} {wrong}", fields={"filename": wrong})
    return folder.joinpath(*name.split("/"))
