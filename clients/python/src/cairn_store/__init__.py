"""Cairn, an artifact store for AI agents.

    import cairn_store as cairn

    with cairn.connect() as store:
        run = store.scope("run-42", agent="writer")
        run.push("report.md", "# Sales\\n", meta={"topic": "sales"})
        print(run.read_text("report.md"))

`cairn_store.aio` is the same with await. docs/python.md of the project describes all of it.
"""

from . import _config as _config  # first, because it configures grpc
from . import errors, filters
from ._content import Content
from ._spec import FRESH, LONGEST, NEVER_EXPIRES
from ._sync.client import Client, connect
from ._sync.publication import Publication
from ._sync.run import current, run
from ._sync.scope import Scope
from .errors import CairnError
from .filters import Condition
from .models import Artifact, Deletion, Event, Identity, Link, Manifest, Progress, Session, Todo

__all__ = [
    "FRESH",
    "LONGEST",
    "NEVER_EXPIRES",
    "Artifact",
    "CairnError",
    "Client",
    "Condition",
    "Content",
    "Deletion",
    "Event",
    "Identity",
    "Link",
    "Manifest",
    "Progress",
    "Publication",
    "Scope",
    "Session",
    "Todo",
    "connect",
    "current",
    "errors",
    "filters",
    "run",
]
