"""The Python SDK of the hosted artifact store, against a Cairn: each method, and each error that it defines."""

import os
import sys

import artifacta
import httpx
from artifacta import Client, errors

client = Client(session_id="sdk", agent_id="tester")


def refused(kind, call):
    try:
        call()
    except kind as error:
        assert type(error) is kind, type(error)
        return error
    raise AssertionError(f"{kind.__name__} was expected")


# Push and pull, in each form.
made = client.push(content=b"hello", filename="a.txt", metadata={"k": "v", "l": "w"}, ttl="24h")
assert (made.filename, made.size_bytes, made.session_id, made.agent_id) == ("a.txt", 5, "sdk", "tester")
assert made.content_type == "text/plain" and made.content_hash.startswith("sha256:")
assert made.metadata == {"k": "v", "l": "w"} and made.expires_at > made.created_at
assert client.pull_bytes(made.id) == b"hello"
assert client.pull(made.id, output="out/").read_bytes() == b"hello"
assert client.pull_dict(client.push_dict({"x": 1}).id) == {"x": 1}
assert client.get(made.id).to_dict()["artifact_id"] == made.id
large = os.urandom(3 << 20)
assert client.pull_bytes(client.push(content=large, filename="large.bin").id) == large
presigned = client.push(content=large, filename="presigned.bin", presigned=True, metadata={"k": "v"})
assert client.pull_bytes(presigned.id) == large and presigned.metadata == {"k": "v"}
keyed = [client.push(content=b"once", filename="once", idempotency_key="k") for _ in range(2)]
assert keyed[0].id == keyed[1].id

# Lists.
assert [it.filename for it in client.list(metadata={"k": "v"})] == ["presigned.bin", "a.txt"]
assert [it.filename for it in client.list(metadata={"k": "v", "l": "w"})] == ["a.txt"]
assert len(client.list(limit=2)) == 5
page = client.list(limit=2, auto_paginate=False)
assert page.has_more and len(client.list(limit=2, auto_paginate=False, cursor=page.next_cursor)) == 2

# Links, sessions, identity.
link = client.create_link(made.id, expires_in=60)
assert httpx.get(link.url).content == b"hello"
assert client.create_link(made.id).artifact_id == made.id
assert client.delete(keyed[0].id)["deleted"] and client.delete(keyed[0].id)["deleted"]
sessions = client.list_sessions(limit=1)
assert [(it.session_id, it.artifact_count, it.is_sealed) for it in sessions] == [("sdk", 4, False)]
sealed = [client.seal_session("sdk") for _ in range(2)]
assert sealed[0].to_dict() == sealed[1].to_dict() and sealed[0].status == "sealed" and sealed[0].artifact_count == 4
whoami = client.whoami()
assert whoami.tenant_name == "acme" and whoami.active_links == 2 and whoami.usage_storage_bytes > 0
plan = ("usage_requests_month", "plan_requests_limit_month", "plan_storage_limit_bytes", "max_active_links", "rate_limit_sustained", "rate_limit_burst")
assert all(isinstance(whoami.to_dict()[name], int) for name in plan)

# Each error.
refused(errors.AuthenticationError, Client(api_key="cairn_wrong").whoami)
refused(errors.ArtifactNotFoundError, lambda: client.get("art_0000000000000000"))
refused(errors.ArtifactDeletedError, lambda: client.get(keyed[0].id))
refused(errors.ArtifactExpiredError, lambda: client.get(os.environ["EXPIRED"]))
refused(errors.SessionSealedError, lambda: client.push(content=b"late", filename="late"))
refused(errors.SessionNotFoundError, lambda: client.seal_session("none"))
refused(errors.InvalidRequestError, lambda: client.create_link(made.id, expires_in=0))
refused(errors.InvalidRequestError, lambda: client.push(content=b"x", filename="x", ttl="soon", session_id="s"))
refused(errors.TTLExceedsPlanLimitError, lambda: client.push(content=b"x", filename="x", ttl="never", session_id="s"))
refused(errors.UploadNotFoundError, lambda: client.complete_upload(
    client.request_upload_url("x", "text/plain", 1, session_id="s", idempotency_key="u")["artifact_id"]))
refused(errors.FileTooLargeError, lambda: client.request_upload_url("x", "text/plain", 6 << 30, session_id="s"))
limited = Client(api_key=os.environ["LIMITED_KEY"])
limited.push(content=b"x", filename="x")
refused(errors.QuotaExceededError, lambda: limited.push(content=b"x", filename="y"))
print("artifacta", artifacta.__version__, "on", sys.version.split()[0])
