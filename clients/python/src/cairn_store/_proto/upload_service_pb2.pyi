import datetime

from . import artifact_pb2 as _artifact_pb2
from . import artifact_service_pb2 as _artifact_service_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UploadState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPLOAD_STATE_UNSPECIFIED: _ClassVar[UploadState]
    UPLOAD_STATE_OPEN: _ClassVar[UploadState]
    UPLOAD_STATE_FINISHING: _ClassVar[UploadState]
    UPLOAD_STATE_FINISHED: _ClassVar[UploadState]
    UPLOAD_STATE_ENDED: _ClassVar[UploadState]
UPLOAD_STATE_UNSPECIFIED: UploadState
UPLOAD_STATE_OPEN: UploadState
UPLOAD_STATE_FINISHING: UploadState
UPLOAD_STATE_FINISHED: UploadState
UPLOAD_STATE_ENDED: UploadState

class Upload(_message.Message):
    __slots__ = ("upload_id", "state", "committed_bytes", "size_bytes", "filename", "session_id", "create_time", "expire_time", "artifact_id", "content_hash", "presigned_part_bytes")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    PRESIGNED_PART_BYTES_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    state: UploadState
    committed_bytes: int
    size_bytes: int
    filename: str
    session_id: str
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    artifact_id: str
    content_hash: str
    presigned_part_bytes: int
    def __init__(self, upload_id: _Optional[str] = ..., state: _Optional[_Union[UploadState, str]] = ..., committed_bytes: _Optional[int] = ..., size_bytes: _Optional[int] = ..., filename: _Optional[str] = ..., session_id: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., artifact_id: _Optional[str] = ..., content_hash: _Optional[str] = ..., presigned_part_bytes: _Optional[int] = ...) -> None: ...

class StartUploadRequest(_message.Message):
    __slots__ = ("spec",)
    SPEC_FIELD_NUMBER: _ClassVar[int]
    spec: _artifact_pb2.ArtifactSpec
    def __init__(self, spec: _Optional[_Union[_artifact_pb2.ArtifactSpec, _Mapping]] = ...) -> None: ...

class StartUploadResponse(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: Upload
    def __init__(self, upload: _Optional[_Union[Upload, _Mapping]] = ...) -> None: ...

class WriteUploadRequest(_message.Message):
    __slots__ = ("position", "data")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    position: UploadPosition
    data: bytes
    def __init__(self, position: _Optional[_Union[UploadPosition, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class UploadPosition(_message.Message):
    __slots__ = ("upload_id", "offset")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    offset: int
    def __init__(self, upload_id: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class WriteUploadResponse(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: Upload
    def __init__(self, upload: _Optional[_Union[Upload, _Mapping]] = ...) -> None: ...

class PresignUploadPartsRequest(_message.Message):
    __slots__ = ("upload_id", "first_part", "part_count", "expires_in")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_PART_FIELD_NUMBER: _ClassVar[int]
    PART_COUNT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_IN_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    first_part: int
    part_count: int
    expires_in: _duration_pb2.Duration
    def __init__(self, upload_id: _Optional[str] = ..., first_part: _Optional[int] = ..., part_count: _Optional[int] = ..., expires_in: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PresignedPart(_message.Message):
    __slots__ = ("number", "offset", "size_bytes", "url")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    number: int
    offset: int
    size_bytes: int
    url: str
    def __init__(self, number: _Optional[int] = ..., offset: _Optional[int] = ..., size_bytes: _Optional[int] = ..., url: _Optional[str] = ...) -> None: ...

class PresignUploadPartsResponse(_message.Message):
    __slots__ = ("upload", "parts", "total_parts", "expire_time")
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_PARTS_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    upload: Upload
    parts: _containers.RepeatedCompositeFieldContainer[PresignedPart]
    total_parts: int
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, upload: _Optional[_Union[Upload, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[PresignedPart, _Mapping]]] = ..., total_parts: _Optional[int] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class GetUploadResponse(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: Upload
    def __init__(self, upload: _Optional[_Union[Upload, _Mapping]] = ...) -> None: ...

class ListUploadsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListUploadsResponse(_message.Message):
    __slots__ = ("uploads", "next_page_token")
    UPLOADS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    uploads: _containers.RepeatedCompositeFieldContainer[Upload]
    next_page_token: str
    def __init__(self, uploads: _Optional[_Iterable[_Union[Upload, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class FinishUploadRequest(_message.Message):
    __slots__ = ("upload_id", "end", "metadata", "labels", "stage")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    end: _artifact_service_pb2.UploadEnd
    metadata: _containers.ScalarMap[str, str]
    labels: _containers.RepeatedScalarFieldContainer[str]
    stage: _artifact_pb2.ArtifactStage
    def __init__(self, upload_id: _Optional[str] = ..., end: _Optional[_Union[_artifact_service_pb2.UploadEnd, _Mapping]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., labels: _Optional[_Iterable[str]] = ..., stage: _Optional[_Union[_artifact_pb2.ArtifactStage, str]] = ...) -> None: ...

class FinishUploadResponse(_message.Message):
    __slots__ = ("artifact",)
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    artifact: _artifact_pb2.Artifact
    def __init__(self, artifact: _Optional[_Union[_artifact_pb2.Artifact, _Mapping]] = ...) -> None: ...

class AbortUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class AbortUploadResponse(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: Upload
    def __init__(self, upload: _Optional[_Union[Upload, _Mapping]] = ...) -> None: ...
