import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LimitKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIMIT_KIND_UNSPECIFIED: _ClassVar[LimitKind]
    LIMIT_KIND_CALLS: _ClassVar[LimitKind]
    LIMIT_KIND_REQUESTS_PER_SECOND: _ClassVar[LimitKind]
    LIMIT_KIND_REQUESTS_PER_MONTH: _ClassVar[LimitKind]
    LIMIT_KIND_RECEIVED_BYTES_PER_SECOND: _ClassVar[LimitKind]
    LIMIT_KIND_SENT_BYTES_PER_SECOND: _ClassVar[LimitKind]
    LIMIT_KIND_WATCHES: _ClassVar[LimitKind]
    LIMIT_KIND_LINKS: _ClassVar[LimitKind]
    LIMIT_KIND_FILE_BYTES: _ClassVar[LimitKind]
    LIMIT_KIND_STORED_BYTES: _ClassVar[LimitKind]
    LIMIT_KIND_ARTIFACTS: _ClassVar[LimitKind]
    LIMIT_KIND_SESSIONS: _ClassVar[LimitKind]
    LIMIT_KIND_OPEN_UPLOADS: _ClassVar[LimitKind]
LIMIT_KIND_UNSPECIFIED: LimitKind
LIMIT_KIND_CALLS: LimitKind
LIMIT_KIND_REQUESTS_PER_SECOND: LimitKind
LIMIT_KIND_REQUESTS_PER_MONTH: LimitKind
LIMIT_KIND_RECEIVED_BYTES_PER_SECOND: LimitKind
LIMIT_KIND_SENT_BYTES_PER_SECOND: LimitKind
LIMIT_KIND_WATCHES: LimitKind
LIMIT_KIND_LINKS: LimitKind
LIMIT_KIND_FILE_BYTES: LimitKind
LIMIT_KIND_STORED_BYTES: LimitKind
LIMIT_KIND_ARTIFACTS: LimitKind
LIMIT_KIND_SESSIONS: LimitKind
LIMIT_KIND_OPEN_UPLOADS: LimitKind

class Limit(_message.Message):
    __slots__ = ("kind", "max")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    kind: LimitKind
    max: int
    def __init__(self, kind: _Optional[_Union[LimitKind, str]] = ..., max: _Optional[int] = ...) -> None: ...

class LimitState(_message.Message):
    __slots__ = ("kind", "max", "used", "left", "resets_at", "of_key")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RESETS_AT_FIELD_NUMBER: _ClassVar[int]
    OF_KEY_FIELD_NUMBER: _ClassVar[int]
    kind: LimitKind
    max: int
    used: int
    left: int
    resets_at: _timestamp_pb2.Timestamp
    of_key: bool
    def __init__(self, kind: _Optional[_Union[LimitKind, str]] = ..., max: _Optional[int] = ..., used: _Optional[int] = ..., left: _Optional[int] = ..., resets_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., of_key: _Optional[bool] = ...) -> None: ...
