"""Conditions for `find`, written as Python and quoted as the API wants it.

scope.find(stage == "final", (size_bytes > 1000) | labels.has("urgent"), meta.topic == "sales")
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone

_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def quote(value: str) -> str:
    """A value as a filter expression has it: JSON's quotes and escapes make every text literal."""
    return json.dumps(value, ensure_ascii=False)


class Condition:
    """A filter expression. `&`, `|` and `~` combine conditions."""

    def __init__(self, expression: str) -> None:
        self.expression = expression

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.expression} AND {other.expression})")

    def __or__(self, other: Condition) -> Condition:
        return Condition(f"({self.expression} OR {other.expression})")

    def __invert__(self) -> Condition:
        return Condition(f"(NOT {self.expression})")

    def __bool__(self) -> bool:
        raise TypeError("combine conditions with & and | in parentheses, not with `and`, `or` and chained comparisons")

    def __repr__(self) -> str:
        return f"Condition({self.expression!r})"


class Text:
    """A field with text."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        return Condition(f"{self._name} = {_text(value)}")

    def __ne__(self, value: object) -> Condition:  # type: ignore[override]
        return Condition(f"{self._name} != {_text(value)}")

    __hash__ = None  # type: ignore[assignment]

    def startswith(self, prefix: str) -> Condition:
        """The value starts with this."""
        # A star of the text is no wildcard.
        literal = quote(prefix)[:-1].replace("*", "\\*")
        return Condition(f'{self._name}:{literal}*"')

    def exists(self) -> Condition:
        """The field has a value."""
        return Condition(f"{self._name}:*")


class Filename(Text):
    """The name of the file."""

    def glob(self, pattern: str) -> Condition:
        """The whole name matches this pattern: `*`, `**`, `?`, `[a-z]`, `{a,b}`."""
        return Condition(f"{self._name} ~ {quote(pattern)}")


class Number:
    """A field that has an order."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        return self._compared("=", value)

    def __ne__(self, value: object) -> Condition:  # type: ignore[override]
        return self._compared("!=", value)

    __hash__ = None  # type: ignore[assignment]

    def __lt__(self, value: object) -> Condition:
        return self._compared("<", value)

    def __le__(self, value: object) -> Condition:
        return self._compared("<=", value)

    def __gt__(self, value: object) -> Condition:
        return self._compared(">", value)

    def __ge__(self, value: object) -> Condition:
        return self._compared(">=", value)

    def _compared(self, operator: str, value: object) -> Condition:
        if isinstance(value, datetime):
            moment = value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
            return Condition(f"{self._name} {operator} {quote(moment)}")
        if isinstance(value, int) and not isinstance(value, bool):
            return Condition(f"{self._name} {operator} {value}")
        raise TypeError(f"{self._name} is compared with a number or a datetime, not with {type(value).__name__}")


class Labels:
    """The labels of an artifact."""

    def has(self, label: str) -> Condition:
        """It has this label."""
        return Condition(f"labels:{quote(label)}")


class Flag:
    """A field that is true or false."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        return Condition(f"{self._name} = {'true' if value else 'false'}")

    __hash__ = None  # type: ignore[assignment]


class Metadata:
    """The metadata: `meta.topic` or `meta["dc:title"]`."""

    def __getattr__(self, key: str) -> Text:
        if key.startswith("__"):
            raise AttributeError(key)
        return self[key]

    def __getitem__(self, key: str) -> Text:
        return Text(f"metadata.{key if _BARE_KEY.match(key) else quote(key)}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"compare it with text, not with {type(value).__name__}")
    return quote(value)


def joined(conditions: tuple[Condition | str, ...]) -> str:
    """All of these conditions."""
    parts = [it.expression if isinstance(it, Condition) else f"({it})" for it in conditions]
    return " AND ".join(part for part in parts if part != "()")


meta = Metadata()
labels = Labels()
filename = Filename("filename")
session = Text("session_id")
namespace = Text("namespace")
user = Text("user_id")
agent = Text("agent_id")
content_type = Text("content_type")
content_hash = Text("content_hash")
title = Text("title")
language = Text("language")
kind = Text("kind")
stage = Text("stage")
created_at = Number("create_time")
size_bytes = Number("size_bytes")
version = Number("version")
persistent = Flag("persistent")
legal_hold = Flag("legal_hold")
