import datetime

from . import artifact_pb2 as _artifact_pb2
from . import job_pb2 as _job_pb2
from . import read_service_pb2 as _read_service_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LineageDirection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LINEAGE_DIRECTION_UNSPECIFIED: _ClassVar[LineageDirection]
    LINEAGE_DIRECTION_INPUTS: _ClassVar[LineageDirection]
    LINEAGE_DIRECTION_OUTPUTS: _ClassVar[LineageDirection]
LINEAGE_DIRECTION_UNSPECIFIED: LineageDirection
LINEAGE_DIRECTION_INPUTS: LineageDirection
LINEAGE_DIRECTION_OUTPUTS: LineageDirection

class CreateArtifactRequest(_message.Message):
    __slots__ = ("spec", "content", "preview_bytes")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_BYTES_FIELD_NUMBER: _ClassVar[int]
    spec: _artifact_pb2.ArtifactSpec
    content: bytes
    preview_bytes: int
    def __init__(self, spec: _Optional[_Union[_artifact_pb2.ArtifactSpec, _Mapping]] = ..., content: _Optional[bytes] = ..., preview_bytes: _Optional[int] = ...) -> None: ...

class CreateArtifactResponse(_message.Message):
    __slots__ = ("artifact", "preview")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    artifact: _artifact_pb2.Artifact
    preview: _read_service_pb2.PreviewArtifactResponse
    def __init__(self, artifact: _Optional[_Union[_artifact_pb2.Artifact, _Mapping]] = ..., preview: _Optional[_Union[_read_service_pb2.PreviewArtifactResponse, _Mapping]] = ...) -> None: ...

class BatchCreateArtifactsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[CreateArtifactRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[CreateArtifactRequest, _Mapping]]] = ...) -> None: ...

class BatchCreateArtifactsResponse(_message.Message):
    __slots__ = ("outcomes", "previews")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    PREVIEWS_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[ArtifactOutcome]
    previews: _containers.RepeatedCompositeFieldContainer[_read_service_pb2.PreviewArtifactResponse]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[ArtifactOutcome, _Mapping]]] = ..., previews: _Optional[_Iterable[_Union[_read_service_pb2.PreviewArtifactResponse, _Mapping]]] = ...) -> None: ...

class ArtifactOutcome(_message.Message):
    __slots__ = ("artifact", "error")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    artifact: _artifact_pb2.Artifact
    error: ItemError
    def __init__(self, artifact: _Optional[_Union[_artifact_pb2.Artifact, _Mapping]] = ..., error: _Optional[_Union[ItemError, _Mapping]] = ...) -> None: ...

class ItemError(_message.Message):
    __slots__ = ("code", "reason", "message", "metadata", "fields")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    code: int
    reason: str
    message: str
    metadata: _containers.ScalarMap[str, str]
    fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, code: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., fields: _Optional[_Iterable[str]] = ...) -> None: ...

class CopyArtifactRequest(_message.Message):
    __slots__ = ("artifact_id", "name", "spec")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    spec: _artifact_pb2.ArtifactSpec
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., spec: _Optional[_Union[_artifact_pb2.ArtifactSpec, _Mapping]] = ...) -> None: ...

class CopyArtifactResponse(_message.Message):
    __slots__ = ("artifact",)
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    artifact: _artifact_pb2.Artifact
    def __init__(self, artifact: _Optional[_Union[_artifact_pb2.Artifact, _Mapping]] = ...) -> None: ...

class FindMissingContentRequest(_message.Message):
    __slots__ = ("contents",)
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    contents: _containers.RepeatedCompositeFieldContainer[Content]
    def __init__(self, contents: _Optional[_Iterable[_Union[Content, _Mapping]]] = ...) -> None: ...

class FindMissingContentResponse(_message.Message):
    __slots__ = ("missing",)
    MISSING_FIELD_NUMBER: _ClassVar[int]
    missing: _containers.RepeatedCompositeFieldContainer[Content]
    def __init__(self, missing: _Optional[_Iterable[_Union[Content, _Mapping]]] = ...) -> None: ...

class Content(_message.Message):
    __slots__ = ("content_hash", "size_bytes")
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    content_hash: str
    size_bytes: int
    def __init__(self, content_hash: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class UploadArtifactRequest(_message.Message):
    __slots__ = ("spec", "data", "end")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    spec: _artifact_pb2.ArtifactSpec
    data: bytes
    end: UploadEnd
    def __init__(self, spec: _Optional[_Union[_artifact_pb2.ArtifactSpec, _Mapping]] = ..., data: _Optional[bytes] = ..., end: _Optional[_Union[UploadEnd, _Mapping]] = ...) -> None: ...

class UploadEnd(_message.Message):
    __slots__ = ("content_hash", "size_bytes")
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    content_hash: str
    size_bytes: int
    def __init__(self, content_hash: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class UploadArtifactResponse(_message.Message):
    __slots__ = ("artifact",)
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    artifact: _artifact_pb2.Artifact
    def __init__(self, artifact: _Optional[_Union[_artifact_pb2.Artifact, _Mapping]] = ...) -> None: ...

class DownloadArtifactRequest(_message.Message):
    __slots__ = ("artifact_id", "name", "offset", "limit")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    offset: int
    limit: int
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., offset: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class CreateDownloadUrlRequest(_message.Message):
    __slots__ = ("artifact_id", "name", "expires_in")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_IN_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    expires_in: _duration_pb2.Duration
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., expires_in: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CreateDownloadUrlResponse(_message.Message):
    __slots__ = ("url", "expire_time", "direct", "artifact_id", "filename", "content_type", "size_bytes", "content_hash")
    URL_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    DIRECT_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    url: str
    expire_time: _timestamp_pb2.Timestamp
    direct: bool
    artifact_id: str
    filename: str
    content_type: str
    size_bytes: int
    content_hash: str
    def __init__(self, url: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., direct: _Optional[bool] = ..., artifact_id: _Optional[str] = ..., filename: _Optional[str] = ..., content_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., content_hash: _Optional[str] = ...) -> None: ...

class DownloadArtifactResponse(_message.Message):
    __slots__ = ("artifact", "data", "end")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    artifact: _artifact_pb2.Artifact
    data: bytes
    end: DownloadEnd
    def __init__(self, artifact: _Optional[_Union[_artifact_pb2.Artifact, _Mapping]] = ..., data: _Optional[bytes] = ..., end: _Optional[_Union[DownloadEnd, _Mapping]] = ...) -> None: ...

class DownloadEnd(_message.Message):
    __slots__ = ("content_hash", "size_bytes")
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    content_hash: str
    size_bytes: int
    def __init__(self, content_hash: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class GetArtifactRequest(_message.Message):
    __slots__ = ("artifact_id", "name")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ...) -> None: ...

class GetArtifactResponse(_message.Message):
    __slots__ = ("artifact",)
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    artifact: _artifact_pb2.Artifact
    def __init__(self, artifact: _Optional[_Union[_artifact_pb2.Artifact, _Mapping]] = ...) -> None: ...

class BatchGetArtifactsRequest(_message.Message):
    __slots__ = ("artifact_ids", "names")
    ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    names: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactName]
    def __init__(self, artifact_ids: _Optional[_Iterable[str]] = ..., names: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactName, _Mapping]]] = ...) -> None: ...

class BatchGetArtifactsResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[ArtifactOutcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[ArtifactOutcome, _Mapping]]] = ...) -> None: ...

class DownloadArtifactsRequest(_message.Message):
    __slots__ = ("artifact_ids",)
    ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, artifact_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class DownloadArtifactsResponse(_message.Message):
    __slots__ = ("artifact", "data", "error", "end")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    artifact: _artifact_pb2.Artifact
    data: bytes
    error: ItemError
    end: DownloadEnd
    def __init__(self, artifact: _Optional[_Union[_artifact_pb2.Artifact, _Mapping]] = ..., data: _Optional[bytes] = ..., error: _Optional[_Union[ItemError, _Mapping]] = ..., end: _Optional[_Union[DownloadEnd, _Mapping]] = ...) -> None: ...

class ListArtifactsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "session_id", "agent_id", "namespace", "user_id", "filename", "content_type", "created_after", "created_before", "metadata", "filename_prefix", "kind", "stage", "labels", "min_size_bytes", "max_size_bytes", "metadata_keys", "latest_only", "include_user_scope", "order_by", "filter", "count_total", "filename_glob", "delimiter", "persistent", "content_hash", "read_mask")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AFTER_FIELD_NUMBER: _ClassVar[int]
    CREATED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    FILENAME_PREFIX_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    MIN_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    METADATA_KEYS_FIELD_NUMBER: _ClassVar[int]
    LATEST_ONLY_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_USER_SCOPE_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COUNT_TOTAL_FIELD_NUMBER: _ClassVar[int]
    FILENAME_GLOB_FIELD_NUMBER: _ClassVar[int]
    DELIMITER_FIELD_NUMBER: _ClassVar[int]
    PERSISTENT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    READ_MASK_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    session_id: str
    agent_id: str
    namespace: str
    user_id: str
    filename: str
    content_type: str
    created_after: _timestamp_pb2.Timestamp
    created_before: _timestamp_pb2.Timestamp
    metadata: _containers.ScalarMap[str, str]
    filename_prefix: str
    kind: _artifact_pb2.ArtifactKind
    stage: _artifact_pb2.ArtifactStage
    labels: _containers.RepeatedScalarFieldContainer[str]
    min_size_bytes: int
    max_size_bytes: int
    metadata_keys: _containers.RepeatedScalarFieldContainer[str]
    latest_only: bool
    include_user_scope: bool
    order_by: str
    filter: str
    count_total: bool
    filename_glob: str
    delimiter: str
    persistent: bool
    content_hash: str
    read_mask: _field_mask_pb2.FieldMask
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., session_id: _Optional[str] = ..., agent_id: _Optional[str] = ..., namespace: _Optional[str] = ..., user_id: _Optional[str] = ..., filename: _Optional[str] = ..., content_type: _Optional[str] = ..., created_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., filename_prefix: _Optional[str] = ..., kind: _Optional[_Union[_artifact_pb2.ArtifactKind, str]] = ..., stage: _Optional[_Union[_artifact_pb2.ArtifactStage, str]] = ..., labels: _Optional[_Iterable[str]] = ..., min_size_bytes: _Optional[int] = ..., max_size_bytes: _Optional[int] = ..., metadata_keys: _Optional[_Iterable[str]] = ..., latest_only: _Optional[bool] = ..., include_user_scope: _Optional[bool] = ..., order_by: _Optional[str] = ..., filter: _Optional[str] = ..., count_total: _Optional[bool] = ..., filename_glob: _Optional[str] = ..., delimiter: _Optional[str] = ..., persistent: _Optional[bool] = ..., content_hash: _Optional[str] = ..., read_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class ArtifactFilter(_message.Message):
    __slots__ = ("session_id", "agent_id", "namespace", "user_id", "filename", "content_type", "created_after", "created_before", "metadata", "filename_prefix", "filename_glob", "kind", "stage", "labels", "min_size_bytes", "max_size_bytes", "metadata_keys", "include_user_scope", "persistent", "filter", "content_hash")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AFTER_FIELD_NUMBER: _ClassVar[int]
    CREATED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    FILENAME_PREFIX_FIELD_NUMBER: _ClassVar[int]
    FILENAME_GLOB_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    MIN_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    METADATA_KEYS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_USER_SCOPE_FIELD_NUMBER: _ClassVar[int]
    PERSISTENT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    agent_id: str
    namespace: str
    user_id: str
    filename: str
    content_type: str
    created_after: _timestamp_pb2.Timestamp
    created_before: _timestamp_pb2.Timestamp
    metadata: _containers.ScalarMap[str, str]
    filename_prefix: str
    filename_glob: str
    kind: _artifact_pb2.ArtifactKind
    stage: _artifact_pb2.ArtifactStage
    labels: _containers.RepeatedScalarFieldContainer[str]
    min_size_bytes: int
    max_size_bytes: int
    metadata_keys: _containers.RepeatedScalarFieldContainer[str]
    include_user_scope: bool
    persistent: bool
    filter: str
    content_hash: str
    def __init__(self, session_id: _Optional[str] = ..., agent_id: _Optional[str] = ..., namespace: _Optional[str] = ..., user_id: _Optional[str] = ..., filename: _Optional[str] = ..., content_type: _Optional[str] = ..., created_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., filename_prefix: _Optional[str] = ..., filename_glob: _Optional[str] = ..., kind: _Optional[_Union[_artifact_pb2.ArtifactKind, str]] = ..., stage: _Optional[_Union[_artifact_pb2.ArtifactStage, str]] = ..., labels: _Optional[_Iterable[str]] = ..., min_size_bytes: _Optional[int] = ..., max_size_bytes: _Optional[int] = ..., metadata_keys: _Optional[_Iterable[str]] = ..., include_user_scope: _Optional[bool] = ..., persistent: _Optional[bool] = ..., filter: _Optional[str] = ..., content_hash: _Optional[str] = ...) -> None: ...

class ListArtifactsResponse(_message.Message):
    __slots__ = ("artifacts", "next_page_token", "total_size", "prefixes")
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    artifacts: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.Artifact]
    next_page_token: str
    total_size: int
    prefixes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, artifacts: _Optional[_Iterable[_Union[_artifact_pb2.Artifact, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ..., prefixes: _Optional[_Iterable[str]] = ...) -> None: ...

class ListVersionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "name", "read_mask")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    READ_MASK_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    name: _artifact_pb2.ArtifactName
    read_mask: _field_mask_pb2.FieldMask
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., read_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class ListVersionsResponse(_message.Message):
    __slots__ = ("artifacts", "next_page_token")
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    artifacts: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.Artifact]
    next_page_token: str
    def __init__(self, artifacts: _Optional[_Iterable[_Union[_artifact_pb2.Artifact, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SetLegalHoldRequest(_message.Message):
    __slots__ = ("artifact_ids", "legal_hold", "idempotency_key", "matching")
    ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    LEGAL_HOLD_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MATCHING_FIELD_NUMBER: _ClassVar[int]
    artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    legal_hold: bool
    idempotency_key: str
    matching: ArtifactFilter
    def __init__(self, artifact_ids: _Optional[_Iterable[str]] = ..., legal_hold: _Optional[bool] = ..., idempotency_key: _Optional[str] = ..., matching: _Optional[_Union[ArtifactFilter, _Mapping]] = ...) -> None: ...

class SetLegalHoldResponse(_message.Message):
    __slots__ = ("changed_count", "missing_artifact_ids", "job")
    CHANGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    MISSING_ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    changed_count: int
    missing_artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    job: _job_pb2.Job
    def __init__(self, changed_count: _Optional[int] = ..., missing_artifact_ids: _Optional[_Iterable[str]] = ..., job: _Optional[_Union[_job_pb2.Job, _Mapping]] = ...) -> None: ...

class DeleteArtifactsRequest(_message.Message):
    __slots__ = ("artifact_ids", "filter", "validate_only", "idempotency_key", "matching")
    ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MATCHING_FIELD_NUMBER: _ClassVar[int]
    artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    validate_only: bool
    idempotency_key: str
    matching: ArtifactFilter
    def __init__(self, artifact_ids: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., validate_only: _Optional[bool] = ..., idempotency_key: _Optional[str] = ..., matching: _Optional[_Union[ArtifactFilter, _Mapping]] = ...) -> None: ...

class DeleteArtifactsResponse(_message.Message):
    __slots__ = ("deleted_count", "size_bytes", "not_deleted_artifact_ids", "more", "job")
    DELETED_COUNT_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    NOT_DELETED_ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    deleted_count: int
    size_bytes: int
    not_deleted_artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    more: bool
    job: _job_pb2.Job
    def __init__(self, deleted_count: _Optional[int] = ..., size_bytes: _Optional[int] = ..., not_deleted_artifact_ids: _Optional[_Iterable[str]] = ..., more: _Optional[bool] = ..., job: _Optional[_Union[_job_pb2.Job, _Mapping]] = ...) -> None: ...

class RestoreArtifactsRequest(_message.Message):
    __slots__ = ("artifact_ids", "idempotency_key", "matching")
    ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MATCHING_FIELD_NUMBER: _ClassVar[int]
    artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    idempotency_key: str
    matching: ArtifactFilter
    def __init__(self, artifact_ids: _Optional[_Iterable[str]] = ..., idempotency_key: _Optional[str] = ..., matching: _Optional[_Union[ArtifactFilter, _Mapping]] = ...) -> None: ...

class RestoreArtifactsResponse(_message.Message):
    __slots__ = ("restored_count", "not_restored_artifact_ids", "more")
    RESTORED_COUNT_FIELD_NUMBER: _ClassVar[int]
    NOT_RESTORED_ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    restored_count: int
    not_restored_artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    more: bool
    def __init__(self, restored_count: _Optional[int] = ..., not_restored_artifact_ids: _Optional[_Iterable[str]] = ..., more: _Optional[bool] = ...) -> None: ...

class UpdateArtifactRequest(_message.Message):
    __slots__ = ("artifact_id", "name", "update_mask", "title", "metadata", "labels", "stage", "ttl", "never_expires", "longest", "etag", "agent_id", "idempotency_key", "persistent")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    NEVER_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    LONGEST_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    PERSISTENT_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    update_mask: _field_mask_pb2.FieldMask
    title: str
    metadata: _containers.ScalarMap[str, str]
    labels: _containers.RepeatedScalarFieldContainer[str]
    stage: _artifact_pb2.ArtifactStage
    ttl: _duration_pb2.Duration
    never_expires: bool
    longest: bool
    etag: str
    agent_id: str
    idempotency_key: str
    persistent: bool
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., title: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., labels: _Optional[_Iterable[str]] = ..., stage: _Optional[_Union[_artifact_pb2.ArtifactStage, str]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., never_expires: _Optional[bool] = ..., longest: _Optional[bool] = ..., etag: _Optional[str] = ..., agent_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., persistent: _Optional[bool] = ...) -> None: ...

class UpdateArtifactResponse(_message.Message):
    __slots__ = ("artifact",)
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    artifact: _artifact_pb2.Artifact
    def __init__(self, artifact: _Optional[_Union[_artifact_pb2.Artifact, _Mapping]] = ...) -> None: ...

class SetStageRequest(_message.Message):
    __slots__ = ("stage", "artifact_ids", "filter", "agent_id", "idempotency_key", "matching")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MATCHING_FIELD_NUMBER: _ClassVar[int]
    stage: _artifact_pb2.ArtifactStage
    artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    agent_id: str
    idempotency_key: str
    matching: ArtifactFilter
    def __init__(self, stage: _Optional[_Union[_artifact_pb2.ArtifactStage, str]] = ..., artifact_ids: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., agent_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., matching: _Optional[_Union[ArtifactFilter, _Mapping]] = ...) -> None: ...

class SetStageResponse(_message.Message):
    __slots__ = ("changed_count", "missing_artifact_ids", "job", "todo_count", "todo_hint")
    CHANGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    MISSING_ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    TODO_COUNT_FIELD_NUMBER: _ClassVar[int]
    TODO_HINT_FIELD_NUMBER: _ClassVar[int]
    changed_count: int
    missing_artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    job: _job_pb2.Job
    todo_count: int
    todo_hint: str
    def __init__(self, changed_count: _Optional[int] = ..., missing_artifact_ids: _Optional[_Iterable[str]] = ..., job: _Optional[_Union[_job_pb2.Job, _Mapping]] = ..., todo_count: _Optional[int] = ..., todo_hint: _Optional[str] = ...) -> None: ...

class ListStageChangesRequest(_message.Message):
    __slots__ = ("artifact_id", "name")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ...) -> None: ...

class ListStageChangesResponse(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[StageChange]
    def __init__(self, changes: _Optional[_Iterable[_Union[StageChange, _Mapping]]] = ...) -> None: ...

class StageChange(_message.Message):
    __slots__ = ("changed_at", "from_stage", "to_stage", "agent_id", "api_key_last_4", "workload")
    CHANGED_AT_FIELD_NUMBER: _ClassVar[int]
    FROM_STAGE_FIELD_NUMBER: _ClassVar[int]
    TO_STAGE_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    API_KEY_LAST_4_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    changed_at: _timestamp_pb2.Timestamp
    from_stage: _artifact_pb2.ArtifactStage
    to_stage: _artifact_pb2.ArtifactStage
    agent_id: str
    api_key_last_4: str
    workload: str
    def __init__(self, changed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., from_stage: _Optional[_Union[_artifact_pb2.ArtifactStage, str]] = ..., to_stage: _Optional[_Union[_artifact_pb2.ArtifactStage, str]] = ..., agent_id: _Optional[str] = ..., api_key_last_4: _Optional[str] = ..., workload: _Optional[str] = ...) -> None: ...

class GetLineageRequest(_message.Message):
    __slots__ = ("artifact_id", "name", "direction", "max_depth", "page_size", "page_token")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    MAX_DEPTH_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    direction: LineageDirection
    max_depth: int
    page_size: int
    page_token: str
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., direction: _Optional[_Union[LineageDirection, str]] = ..., max_depth: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetLineageResponse(_message.Message):
    __slots__ = ("derivations", "artifacts", "truncated", "next_page_token")
    DERIVATIONS_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    derivations: _containers.RepeatedCompositeFieldContainer[Derivation]
    artifacts: _containers.RepeatedCompositeFieldContainer[LineageArtifact]
    truncated: bool
    next_page_token: str
    def __init__(self, derivations: _Optional[_Iterable[_Union[Derivation, _Mapping]]] = ..., artifacts: _Optional[_Iterable[_Union[LineageArtifact, _Mapping]]] = ..., truncated: _Optional[bool] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class LineageArtifact(_message.Message):
    __slots__ = ("artifact_id", "filename", "version", "agent_id")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    filename: str
    version: int
    agent_id: str
    def __init__(self, artifact_id: _Optional[str] = ..., filename: _Optional[str] = ..., version: _Optional[int] = ..., agent_id: _Optional[str] = ...) -> None: ...

class Derivation(_message.Message):
    __slots__ = ("artifact_id", "input_id")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_ID_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    input_id: str
    def __init__(self, artifact_id: _Optional[str] = ..., input_id: _Optional[str] = ...) -> None: ...

class DeleteArtifactRequest(_message.Message):
    __slots__ = ("artifact_id", "name", "idempotency_key", "all_versions")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ALL_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    idempotency_key: str
    all_versions: bool
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., all_versions: _Optional[bool] = ...) -> None: ...

class DeleteArtifactResponse(_message.Message):
    __slots__ = ("deleted_at", "purge_after", "artifact_id", "deleted_count", "not_deleted_artifact_ids", "job", "size_bytes")
    DELETED_AT_FIELD_NUMBER: _ClassVar[int]
    PURGE_AFTER_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    DELETED_COUNT_FIELD_NUMBER: _ClassVar[int]
    NOT_DELETED_ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    deleted_at: _timestamp_pb2.Timestamp
    purge_after: _timestamp_pb2.Timestamp
    artifact_id: str
    deleted_count: int
    not_deleted_artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    job: _job_pb2.Job
    size_bytes: int
    def __init__(self, deleted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., purge_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., artifact_id: _Optional[str] = ..., deleted_count: _Optional[int] = ..., not_deleted_artifact_ids: _Optional[_Iterable[str]] = ..., job: _Optional[_Union[_job_pb2.Job, _Mapping]] = ..., size_bytes: _Optional[int] = ...) -> None: ...
