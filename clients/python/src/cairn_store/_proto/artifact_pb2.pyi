import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ArtifactState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARTIFACT_STATE_UNSPECIFIED: _ClassVar[ArtifactState]
    ARTIFACT_STATE_VISIBLE: _ClassVar[ArtifactState]
    ARTIFACT_STATE_EXPIRED: _ClassVar[ArtifactState]
    ARTIFACT_STATE_DELETED: _ClassVar[ArtifactState]
    ARTIFACT_STATE_UNPUBLISHED: _ClassVar[ArtifactState]

class ArtifactKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARTIFACT_KIND_UNSPECIFIED: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_CODE: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_DOCUMENT: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_CONFIG: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_PLAN: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_DATA: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_IMAGE: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_OTHER: _ClassVar[ArtifactKind]

class ArtifactStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARTIFACT_STAGE_UNSPECIFIED: _ClassVar[ArtifactStage]
    ARTIFACT_STAGE_DRAFT: _ClassVar[ArtifactStage]
    ARTIFACT_STAGE_REVIEW: _ClassVar[ArtifactStage]
    ARTIFACT_STAGE_FINAL: _ClassVar[ArtifactStage]

class OnDuplicate(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ON_DUPLICATE_UNSPECIFIED: _ClassVar[OnDuplicate]
    ON_DUPLICATE_CREATE_NEW: _ClassVar[OnDuplicate]
    ON_DUPLICATE_RETURN_EXISTING: _ClassVar[OnDuplicate]
ARTIFACT_STATE_UNSPECIFIED: ArtifactState
ARTIFACT_STATE_VISIBLE: ArtifactState
ARTIFACT_STATE_EXPIRED: ArtifactState
ARTIFACT_STATE_DELETED: ArtifactState
ARTIFACT_STATE_UNPUBLISHED: ArtifactState
ARTIFACT_KIND_UNSPECIFIED: ArtifactKind
ARTIFACT_KIND_CODE: ArtifactKind
ARTIFACT_KIND_DOCUMENT: ArtifactKind
ARTIFACT_KIND_CONFIG: ArtifactKind
ARTIFACT_KIND_PLAN: ArtifactKind
ARTIFACT_KIND_DATA: ArtifactKind
ARTIFACT_KIND_IMAGE: ArtifactKind
ARTIFACT_KIND_OTHER: ArtifactKind
ARTIFACT_STAGE_UNSPECIFIED: ArtifactStage
ARTIFACT_STAGE_DRAFT: ArtifactStage
ARTIFACT_STAGE_REVIEW: ArtifactStage
ARTIFACT_STAGE_FINAL: ArtifactStage
ON_DUPLICATE_UNSPECIFIED: OnDuplicate
ON_DUPLICATE_CREATE_NEW: OnDuplicate
ON_DUPLICATE_RETURN_EXISTING: OnDuplicate

class Artifact(_message.Message):
    __slots__ = ("artifact_id", "filename", "version", "content_type", "size_bytes", "content_hash", "session_id", "namespace", "user_id", "agent_id", "metadata", "expires_at", "created_at", "deduplicated", "title", "kind", "language", "change_summary", "stage", "labels", "inputs", "etag", "updated_at", "existing", "state", "legal_hold", "persistent")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    DEDUPLICATED_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_SUMMARY_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    EXISTING_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LEGAL_HOLD_FIELD_NUMBER: _ClassVar[int]
    PERSISTENT_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    filename: str
    version: int
    content_type: str
    size_bytes: int
    content_hash: str
    session_id: str
    namespace: str
    user_id: str
    agent_id: str
    metadata: _containers.ScalarMap[str, str]
    expires_at: _timestamp_pb2.Timestamp
    created_at: _timestamp_pb2.Timestamp
    deduplicated: bool
    title: str
    kind: ArtifactKind
    language: str
    change_summary: str
    stage: ArtifactStage
    labels: _containers.RepeatedScalarFieldContainer[str]
    inputs: _containers.RepeatedScalarFieldContainer[str]
    etag: str
    updated_at: _timestamp_pb2.Timestamp
    existing: bool
    state: ArtifactState
    legal_hold: bool
    persistent: bool
    def __init__(self, artifact_id: _Optional[str] = ..., filename: _Optional[str] = ..., version: _Optional[int] = ..., content_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., content_hash: _Optional[str] = ..., session_id: _Optional[str] = ..., namespace: _Optional[str] = ..., user_id: _Optional[str] = ..., agent_id: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deduplicated: _Optional[bool] = ..., title: _Optional[str] = ..., kind: _Optional[_Union[ArtifactKind, str]] = ..., language: _Optional[str] = ..., change_summary: _Optional[str] = ..., stage: _Optional[_Union[ArtifactStage, str]] = ..., labels: _Optional[_Iterable[str]] = ..., inputs: _Optional[_Iterable[str]] = ..., etag: _Optional[str] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., existing: _Optional[bool] = ..., state: _Optional[_Union[ArtifactState, str]] = ..., legal_hold: _Optional[bool] = ..., persistent: _Optional[bool] = ...) -> None: ...

class ArtifactName(_message.Message):
    __slots__ = ("filename", "session_id", "namespace", "user_id", "version")
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    filename: str
    session_id: str
    namespace: str
    user_id: str
    version: int
    def __init__(self, filename: _Optional[str] = ..., session_id: _Optional[str] = ..., namespace: _Optional[str] = ..., user_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ArtifactSpec(_message.Message):
    __slots__ = ("filename", "content_type", "session_id", "namespace", "user_id", "agent_id", "metadata", "ttl", "never_expires", "longest", "content_hash", "size_bytes", "title", "kind", "language", "change_summary", "stage", "labels", "inputs", "if_version", "on_duplicate", "idempotency_key", "unpublished", "persistent")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    NEVER_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    LONGEST_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_SUMMARY_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    IF_VERSION_FIELD_NUMBER: _ClassVar[int]
    ON_DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    UNPUBLISHED_FIELD_NUMBER: _ClassVar[int]
    PERSISTENT_FIELD_NUMBER: _ClassVar[int]
    filename: str
    content_type: str
    session_id: str
    namespace: str
    user_id: str
    agent_id: str
    metadata: _containers.ScalarMap[str, str]
    ttl: _duration_pb2.Duration
    never_expires: bool
    longest: bool
    content_hash: str
    size_bytes: int
    title: str
    kind: ArtifactKind
    language: str
    change_summary: str
    stage: ArtifactStage
    labels: _containers.RepeatedScalarFieldContainer[str]
    inputs: _containers.RepeatedScalarFieldContainer[str]
    if_version: int
    on_duplicate: OnDuplicate
    idempotency_key: str
    unpublished: bool
    persistent: bool
    def __init__(self, filename: _Optional[str] = ..., content_type: _Optional[str] = ..., session_id: _Optional[str] = ..., namespace: _Optional[str] = ..., user_id: _Optional[str] = ..., agent_id: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., never_expires: _Optional[bool] = ..., longest: _Optional[bool] = ..., content_hash: _Optional[str] = ..., size_bytes: _Optional[int] = ..., title: _Optional[str] = ..., kind: _Optional[_Union[ArtifactKind, str]] = ..., language: _Optional[str] = ..., change_summary: _Optional[str] = ..., stage: _Optional[_Union[ArtifactStage, str]] = ..., labels: _Optional[_Iterable[str]] = ..., inputs: _Optional[_Iterable[str]] = ..., if_version: _Optional[int] = ..., on_duplicate: _Optional[_Union[OnDuplicate, str]] = ..., idempotency_key: _Optional[str] = ..., unpublished: _Optional[bool] = ..., persistent: _Optional[bool] = ...) -> None: ...
