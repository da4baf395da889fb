"""The artifact service of the Agent Development Kit."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

import cairn_store as cairn

pytest.importorskip("google.adk", reason="it is in the environment of the adapters")

from google.adk.artifacts import BaseArtifactService, InMemoryArtifactService
from google.adk.cli.service_registry import get_service_registry
from google.genai import types

from cairn_store.adk import CairnArtifactService

PLACE = {"app_name": "app", "user_id": "ada@example.com"}
PNG = types.Part.from_bytes(data=b"\x89PNG", mime_type="image/png")


@pytest.fixture
def place(session: str) -> dict[str, str]:
    return PLACE | {"session_id": session}


@pytest.fixture(params=[InMemoryArtifactService, CairnArtifactService])
def service(request: Any) -> BaseArtifactService:
    made: BaseArtifactService = request.param()
    return made


def test_it_behaves_as_the_kits_own_service(service: BaseArtifactService, place: dict[str, str], session: str) -> None:
    user = {**place, "user_id": session}

    async def program() -> None:
        assert await service.list_artifact_keys(**user) == []
        assert await service.load_artifact(**user, filename="none") is None
        assert await service.list_versions(**user, filename="none") == []
        assert await service.get_artifact_version(**user, filename="none") is None
        await service.delete_artifact(**user, filename="none")
        assert await service.save_artifact(**user, filename="a.png", artifact=PNG) == 0
        as_dict = {"inlineData": {"mimeType": "text/csv", "data": "YSxi"}}
        assert await service.save_artifact(**user, filename="a.png", artifact=as_dict) == 1
        text, custom = types.Part(text="hello"), {"topic": "sales", "nested": {"list": [1, None]}, "long": "x" * 3000}
        assert await service.save_artifact(**user, filename="user:note", artifact=text, custom_metadata=custom) == 0
        assert await service.list_artifact_keys(**user) == ["a.png", "user:note"]
        assert (await service.load_artifact(**user, filename="a.png", version=0)) == PNG
        latest = await service.load_artifact(**user, filename="a.png")
        assert latest is not None
        assert latest.inline_data is not None
        assert (latest.inline_data.data, latest.inline_data.mime_type) == (b"a,b", "text/csv")
        for missing in (-1, 2):
            assert await service.load_artifact(**user, filename="a.png", version=missing) is None
            assert await service.get_artifact_version(**user, filename="a.png", version=missing) is None
        other = {**user, "session_id": f"{session}-other"}
        assert await service.list_artifact_keys(**other) == ["user:note"]
        assert await service.load_artifact(**other, filename="user:note") == text
        assert await service.load_artifact(**other, filename="a.png") is None
        assert await service.list_versions(**user, filename="a.png") == [0, 1]
        versions = await service.list_artifact_versions(**user, filename="a.png")
        assert [(it.version, it.mime_type) for it in versions] == [(0, "image/png"), (1, "text/csv")]
        assert len({it.canonical_uri for it in versions}) == 2
        note = await service.get_artifact_version(**user, filename="user:note")
        assert note is not None
        assert (note.version, note.custom_metadata, note.mime_type) == (0, custom, "text/plain")
        assert note.create_time > 1_700_000_000
        odd = types.Part(inline_data=types.Blob(mime_type="jpeg", data=b"x", display_name="ünï.jpg"))
        await service.save_artifact(**user, filename="odd", artifact=odd)
        assert await service.load_artifact(**user, filename="odd") == odd
        # A reference is followed, and a rewound session saves an empty part in place of a deletion.
        uri = f"artifact://apps/app/users/{session}/sessions/{session}/artifacts/a.png/versions/0"
        reference = types.Part(file_data=types.FileData(file_uri=uri))
        await service.save_artifact(**user, filename="reference", artifact=reference)
        assert await service.load_artifact(**user, filename="reference") == PNG
        elsewhere = types.Part(file_data=types.FileData(file_uri=uri.replace("users/", "users/not")))
        with pytest.raises(ValueError, match="scope"):
            await service.save_artifact(**user, filename="elsewhere", artifact=elsewhere)
        remote = types.Part(file_data=types.FileData(file_uri="gs://bucket/a", mime_type="image/png"))
        await service.save_artifact(**user, filename="remote", artifact=remote)
        assert await service.load_artifact(**user, filename="remote") == remote
        empty = types.Part.from_bytes(data=b"", mime_type="application/octet-stream")
        await service.save_artifact(**user, filename="a.png", artifact=empty)
        assert await service.load_artifact(**user, filename="a.png") is None
        with pytest.raises(ValueError):
            await service.save_artifact(**user, filename="nothing", artifact=types.Part())
        await service.delete_artifact(**user, filename="a.png")
        assert await service.load_artifact(**user, filename="a.png") is None
        assert await service.list_artifact_keys(**user) == ["odd", "reference", "remote", "user:note"]

    asyncio.run(program())


def test_other_programs_find_the_files(store: cairn.Client, place: dict[str, str], session: str) -> None:
    service = CairnArtifactService(agent="painter")

    async def program() -> None:
        await service.save_artifact(**place, filename="a.png", artifact=PNG, custom_metadata={"topic": "sales"})
        await service.save_artifact(**PLACE, filename=f"{session}.txt", artifact=types.Part(text="of the user"))

    asyncio.run(program())
    app, user = PLACE.values()
    files = store.scope(f"{app}/{user}/{session}", namespace=app, user=user)
    [artifact] = files.find(cairn.filters.meta.topic == "sales")
    assert (artifact.filename, artifact.content_type, artifact.agent) == ("a.png", "image/png", "painter")
    assert store.scope(namespace=app, user=user).read_text(f"{session}.txt") == "of the user"


def test_every_method_of_the_installed_interface_is_there() -> None:
    for name in BaseArtifactService.__abstractmethods__:
        theirs = inspect.signature(getattr(BaseArtifactService, name)).parameters
        assert inspect.signature(getattr(CairnArtifactService, name)).parameters.keys() == theirs.keys()


def test_a_uri_chooses_the_store() -> None:
    for uri, address in (
        ("cairn://", cairn.connect().config.address),
        ("cairn://cairn:7070", "http://cairn:7070"),
        ("cairn://cairn.example?tls=true", "https://cairn.example:443"),
    ):
        assert CairnArtifactService(uri=uri, agents_dir="ignored")._client.config.address == address
    registry = get_service_registry()
    registry.register_artifact_service("cairn", lambda uri, **more: CairnArtifactService(uri=uri, **more))
    assert isinstance(registry.create_artifact_service("cairn://", agents_dir="."), CairnArtifactService)
