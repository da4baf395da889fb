"""Uploads a file, lists it, downloads and verifies it, seals the session and reads its events: main.py FILE"""

import hashlib
import os
import sys
import uuid

import grpc

sys.path.append("gen")
from cairn.v1 import artifact_service_pb2 as api, session_service_pb2 as sessions_api
from cairn.v1.artifact_pb2 import ArtifactSpec
from cairn.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from cairn.v1.session_service_pb2_grpc import SessionServiceStub

REPEAT = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
channel = grpc.insecure_channel(os.environ["CAIRN_GRPC_TARGET"])
auth = [("authorization", f"Bearer {os.environ['CAIRN_API_KEY']}")]
artifacts, sessions = ArtifactServiceStub(channel), SessionServiceStub(channel)


def pieces(path, spec):
    """The spec, the content, then the end with its hash and size. The file may have any size."""
    yield api.UploadArtifactRequest(spec=spec)
    with open(path, "rb") as file:
        sha256 = hashlib.sha256()
        while data := file.read(256 * 1024):
            sha256.update(data)
            yield api.UploadArtifactRequest(data=data)
        end = api.UploadEnd(content_hash=f"sha256:{sha256.hexdigest()}", size_bytes=file.tell())
    yield api.UploadArtifactRequest(end=end)


def upload(path, spec, attempts=4):
    """Retries: under its idempotency key the write happens once."""
    try:
        return artifacts.UploadArtifact(pieces(path, spec), metadata=auth, timeout=60).artifact
    except grpc.RpcError as error:
        said = trailer(error, "cairn-retry")
        retry = said == "yes" if said else error.code() in REPEAT
        if not retry or attempts == 1:
            raise
        return upload(path, spec, attempts - 1)


def trailer(error, name):
    """What the server says in plain text. It is None for an error of a proxy or the network."""
    return dict(error.trailing_metadata() or ()).get(name)


path, session = sys.argv[1], f"python-{uuid.uuid4()}"
watch = sessions.WatchSession(sessions_api.WatchSessionRequest(session_id=session, until_sealed=True), metadata=auth)
spec = ArtifactSpec(filename=os.path.basename(path), session_id=session, agent_id="example", idempotency_key=str(uuid.uuid4()))

made = upload(path, spec)
assert upload(path, spec).artifact_id == made.artifact_id, "the same key returns the same artifact"

found = artifacts.ListArtifacts(api.ListArtifactsRequest(session_id=session), metadata=auth, timeout=10).artifacts
print([f"{artifact.filename} v{artifact.version}, {artifact.size_bytes} bytes" for artifact in found])

sha256, size = hashlib.sha256(), 0
for message in artifacts.DownloadArtifact(api.DownloadArtifactRequest(artifact_id=made.artifact_id), metadata=auth):
    sha256.update(message.data)
    size += len(message.data)
end = api.DownloadEnd(content_hash=f"sha256:{sha256.hexdigest()}", size_bytes=size)
assert message.end == end, "the downloaded bytes are those that were uploaded"

sessions.SealSession(sessions_api.SealSessionRequest(session_id=session), metadata=auth, timeout=10)
try:
    upload(path, ArtifactSpec(filename="late", session_id=session, agent_id="example"))
except grpc.RpcError as error:
    if trailer(error, "cairn-reason") != "SESSION_SEALED":
        raise
    print("sealed: no more uploads")

for message in watch:
    for event in message.events:
        print(event.position, sessions_api.SessionEventType.Name(event.type), event.artifact.filename)
