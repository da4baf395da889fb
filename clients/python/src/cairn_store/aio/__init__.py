"""The same as `cairn_store`, with await."""

from .client import Client, connect
from .publication import Publication
from .run import current, run
from .scope import Scope

__all__ = ["Client", "Publication", "Scope", "connect", "current", "run"]
