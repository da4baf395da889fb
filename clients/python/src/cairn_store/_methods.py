"""The calls of the API: their paths and their messages. The generated service stubs refuse older grpcio releases and have no
types, so this table takes their place; a test compares it with the specification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from ._proto import artifact_service_pb2 as artifacts
from ._proto import identity_service_pb2 as identity
from ._proto import job_service_pb2 as jobs
from ._proto import link_service_pb2 as links
from ._proto import session_service_pb2 as sessions
from ._proto import todo_service_pb2 as todos
from ._proto import upload_service_pb2 as uploads

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)


@dataclass(frozen=True)
class Method(Generic[Q, A]):
    """One call of the API."""

    service: str
    name: str
    request: type[Q]
    answer: type[A]
    streams_request: bool = False
    streams_answer: bool = False

    @property
    def path(self) -> str:
        """The path of HTTP/2."""
        return f"/cairn.v1.{self.service}/{self.name}"

    @property
    def encode(self) -> Callable[[Q], bytes]:
        """Makes the bytes of a request."""
        return self.request.SerializeToString

    @property
    def decode(self) -> Callable[[bytes], A]:
        """Reads the bytes of an answer."""
        return self.answer.FromString


_A, _S, _L, _U = "ArtifactService", "SessionService", "LinkService", "UploadService"

BATCH_CREATE = Method(_A, "BatchCreateArtifacts", artifacts.BatchCreateArtifactsRequest, artifacts.BatchCreateArtifactsResponse)
COPY = Method(_A, "CopyArtifact", artifacts.CopyArtifactRequest, artifacts.CopyArtifactResponse)
CREATE = Method(_A, "CreateArtifact", artifacts.CreateArtifactRequest, artifacts.CreateArtifactResponse)
DELETE = Method(_A, "DeleteArtifact", artifacts.DeleteArtifactRequest, artifacts.DeleteArtifactResponse)
DELETE_MANY = Method(_A, "DeleteArtifacts", artifacts.DeleteArtifactsRequest, artifacts.DeleteArtifactsResponse)
DOWNLOAD = Method(
    _A, "DownloadArtifact", artifacts.DownloadArtifactRequest, artifacts.DownloadArtifactResponse, streams_answer=True
)
DOWNLOAD_MANY = Method(
    _A, "DownloadArtifacts", artifacts.DownloadArtifactsRequest, artifacts.DownloadArtifactsResponse, streams_answer=True
)
GET = Method(_A, "GetArtifact", artifacts.GetArtifactRequest, artifacts.GetArtifactResponse)
LIST = Method(_A, "ListArtifacts", artifacts.ListArtifactsRequest, artifacts.ListArtifactsResponse)
RESTORE = Method(_A, "RestoreArtifacts", artifacts.RestoreArtifactsRequest, artifacts.RestoreArtifactsResponse)
UPDATE = Method(_A, "UpdateArtifact", artifacts.UpdateArtifactRequest, artifacts.UpdateArtifactResponse)
UPLOAD = Method(_A, "UploadArtifact", artifacts.UploadArtifactRequest, artifacts.UploadArtifactResponse, streams_request=True)
VERSIONS = Method(_A, "ListVersions", artifacts.ListVersionsRequest, artifacts.ListVersionsResponse)

COMMIT = Method(_S, "CommitSession", sessions.CommitSessionRequest, sessions.CommitSessionResponse)
GET_SESSION = Method(_S, "GetSession", sessions.GetSessionRequest, sessions.GetSessionResponse)
LIST_MANIFEST = Method(_S, "ListManifest", sessions.ListManifestRequest, sessions.ListManifestResponse)
LIST_SESSIONS = Method(_S, "ListSessions", sessions.ListSessionsRequest, sessions.ListSessionsResponse)
SEAL = Method(_S, "SealSession", sessions.SealSessionRequest, sessions.SealSessionResponse)
UPDATE_SESSION = Method(_S, "UpdateSession", sessions.UpdateSessionRequest, sessions.UpdateSessionResponse)
WATCH = Method(_S, "WatchSession", sessions.WatchSessionRequest, sessions.WatchSessionResponse, streams_answer=True)

CREATE_LINK = Method(_L, "CreateLink", links.CreateLinkRequest, links.CreateLinkResponse)
REVOKE_LINK = Method(_L, "RevokeLink", links.RevokeLinkRequest, links.RevokeLinkResponse)

START_UPLOAD = Method(_U, "StartUpload", uploads.StartUploadRequest, uploads.StartUploadResponse)
WRITE_UPLOAD = Method(_U, "WriteUpload", uploads.WriteUploadRequest, uploads.WriteUploadResponse, streams_request=True)
GET_UPLOAD = Method(_U, "GetUpload", uploads.GetUploadRequest, uploads.GetUploadResponse)
FINISH_UPLOAD = Method(_U, "FinishUpload", uploads.FinishUploadRequest, uploads.FinishUploadResponse)

ADD_TODO = Method("TodoService", "AddTodo", todos.AddTodoRequest, todos.AddTodoResponse)
LIST_TODOS = Method("TodoService", "ListTodos", todos.ListTodosRequest, todos.ListTodosResponse)
UPDATE_TODO = Method("TodoService", "UpdateTodo", todos.UpdateTodoRequest, todos.UpdateTodoResponse)

GET_JOB = Method("JobService", "GetJob", jobs.GetJobRequest, jobs.GetJobResponse)
WHO_AM_I = Method("IdentityService", "WhoAmI", identity.WhoAmIRequest, identity.WhoAmIResponse)
