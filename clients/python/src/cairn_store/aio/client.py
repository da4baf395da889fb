"""The connection to a store, from which scopes are taken."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from types import TracebackType
from typing import Any

from .. import _config, _keys
from .. import _methods as methods
from .._proto import artifact_service_pb2 as api
from .._proto import identity_service_pb2
from .._proto import link_service_pb2 as links
from .._proto import session_service_pb2 as sessions
from .._spec import Place, id_of
from ..filters import Condition, joined
from ..models import Artifact, Deletion, Identity, Link, Session
from . import io
from .calls import Calls
from .scope import Scope
from .upload import Uploads

Path = str | os.PathLike[str]


def connect(
    address: str | None = None,
    *,
    api_key: str | None = None,
    api_key_file: Path | None = None,
    ca_file: Path | None = None,
    client_cert_file: Path | None = None,
    client_key_file: Path | None = None,
) -> Client:
    """A client of the store that the arguments name, or the environment: CAIRN_ADDR, or port 7070 of this machine; CAIRN_API_KEY or
    CAIRN_API_KEY_FILE; for https CAIRN_CA_FILE, CAIRN_CLIENT_CERT_FILE and CAIRN_CLIENT_KEY_FILE. `. ./cairn-data/dev.env`
    sets them for `cairn dev`. The first call connects.

    Raises:
        ConfigurationError: Something of it is missing or malformed.
    """
    config = _config.load(address, api_key, api_key_file, ca_file, client_cert_file, client_key_file)
    return Client(config)


class Client:
    """A connection to a store. Threads may share it; processes and event loops get a connection of their own each."""

    def __init__(self, config: _config.Config) -> None:
        self._calls = Calls(io.Transport(config))
        self._uploads = Uploads(self._calls)

    @property
    def config(self) -> _config.Config:
        """Where the store is. It can be pickled, without the connection."""
        return self._calls.transport.config

    def __repr__(self) -> str:
        # fsspec tells clients apart by this text, and two of one address may have different keys.
        return f"<cairn_store client of {self.config.address} at {id(self):#x}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Client, (self.config,)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection. Another call makes another one."""
        await self._calls.transport.close()

    def scope(self, session: str = "", *, agent: str = "", namespace: str = "", user: str = "") -> Scope:
        """The files of a session, of a user, or of both; see `Scope`. Nothing has to exist yet."""
        return Scope(self._calls, self._uploads, Place(session, namespace, user, agent))

    async def whoami(self) -> Identity:
        """Who the caller is."""
        it = await self._calls.unary(methods.WHO_AM_I, identity_service_pb2.WhoAmIRequest())
        return Identity(
            tenant=it.tenant_name,
            server_version=it.server_version,
            stored_artifacts=it.stored_artifacts,
            stored_bytes=it.stored_bytes,
            max_artifacts=it.max_artifacts if it.HasField("max_artifacts") else None,
            max_stored_bytes=it.max_stored_bytes if it.HasField("max_stored_bytes") else None,
            workload=it.workload,
        )

    async def artifact(self, artifact_id: str) -> Artifact:
        """An artifact by its id.

        Raises:
            NotFound: There is none, or it has expired or was deleted.
        """
        answer = await self._calls.unary(methods.GET, api.GetArtifactRequest(artifact_id=artifact_id))
        return Artifact.of(answer.artifact)

    async def find(
        self, *conditions: Condition | str, latest: bool = False, order_by: str = "", limit: int | None = None
    ) -> AsyncIterator[Artifact]:
        """The artifacts of the tenant that match all conditions, newest first; or by name with order_by="filename". Pages are read
        when they are wanted.

        Raises:
            Invalid: A condition that was given as text is malformed.
        """
        request = api.ListArtifactsRequest(filter=joined(conditions), latest_only=latest, order_by=order_by)
        left = limit
        async for page in self._calls.pages(methods.LIST, request, min(limit or 200, 200)):
            for artifact in page.artifacts:
                if left is not None and left <= 0:
                    return
                left = None if left is None else left - 1
                yield Artifact.of(artifact)

    async def sessions(self, *, prefix: str = "", labels: Iterable[str] = ()) -> AsyncIterator[Session]:
        """Sessions: by their ids if they are to start with a prefix, else the most recently active first."""
        request = sessions.ListSessionsRequest(session_id_prefix=prefix, labels=list(labels))
        async for page in self._calls.pages(methods.LIST_SESSIONS, request):
            for session in page.sessions:
                yield Session.of(session)

    async def delete(self, *artifacts: str | Artifact) -> Deletion:
        """Deletes up to 1,000 artifacts by their ids, in one transaction. Those under a legal hold are kept."""
        request = api.DeleteArtifactsRequest(
            artifact_ids=[id_of(artifact) for artifact in artifacts], idempotency_key=_keys.fresh()
        )
        answer = await self._calls.unary(methods.DELETE_MANY, request)
        return Deletion(answer.deleted_count, answer.size_bytes, tuple(answer.not_deleted_artifact_ids))

    async def restore(self, *artifacts: str | Artifact) -> int:
        """Undoes the deletion of up to 1,000 artifacts whose delete window is open, and returns how many are visible again."""
        request = api.RestoreArtifactsRequest(
            artifact_ids=[id_of(artifact) for artifact in artifacts], idempotency_key=_keys.fresh()
        )
        return (await self._calls.unary(methods.RESTORE, request)).restored_count

    async def revoke(self, link: Link | str) -> datetime:
        """Revokes a link at once."""
        link_id = link.id if isinstance(link, Link) else link
        request = links.RevokeLinkRequest(link_id=link_id, idempotency_key=_keys.fresh())
        return (await self._calls.unary(methods.REVOKE_LINK, request)).link.revoked_at.ToDatetime()
