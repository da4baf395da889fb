import datetime

from . import access_pb2 as _access_pb2
from . import limit_pb2 as _limit_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UsagePart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    USAGE_PART_UNSPECIFIED: _ClassVar[UsagePart]
    USAGE_PART_DAY: _ClassVar[UsagePart]
    USAGE_PART_SESSION: _ClassVar[UsagePart]
    USAGE_PART_AGENT: _ClassVar[UsagePart]
USAGE_PART_UNSPECIFIED: UsagePart
USAGE_PART_DAY: UsagePart
USAGE_PART_SESSION: UsagePart
USAGE_PART_AGENT: UsagePart

class WhoAmIRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WhoAmIResponse(_message.Message):
    __slots__ = ("tenant_name", "api_key_last_4", "default_ttl", "max_ttl", "never_expires_allowed", "max_create_bytes", "max_upload_bytes", "server_version", "stored_artifacts", "stored_bytes", "max_stored_bytes", "max_artifacts", "workload", "scopes", "narrowing", "expires_at", "token_id", "plan", "limits", "requests_today", "requests_this_month")
    TENANT_NAME_FIELD_NUMBER: _ClassVar[int]
    API_KEY_LAST_4_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_TTL_FIELD_NUMBER: _ClassVar[int]
    MAX_TTL_FIELD_NUMBER: _ClassVar[int]
    NEVER_EXPIRES_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    MAX_CREATE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_UPLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    STORED_ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    NARROWING_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_TODAY_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_THIS_MONTH_FIELD_NUMBER: _ClassVar[int]
    tenant_name: str
    api_key_last_4: str
    default_ttl: _duration_pb2.Duration
    max_ttl: _duration_pb2.Duration
    never_expires_allowed: bool
    max_create_bytes: int
    max_upload_bytes: int
    server_version: str
    stored_artifacts: int
    stored_bytes: int
    max_stored_bytes: int
    max_artifacts: int
    workload: str
    scopes: _containers.RepeatedScalarFieldContainer[_access_pb2.Scope]
    narrowing: _access_pb2.Narrowing
    expires_at: _timestamp_pb2.Timestamp
    token_id: str
    plan: str
    limits: _containers.RepeatedCompositeFieldContainer[_limit_pb2.LimitState]
    requests_today: int
    requests_this_month: int
    def __init__(self, tenant_name: _Optional[str] = ..., api_key_last_4: _Optional[str] = ..., default_ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., never_expires_allowed: _Optional[bool] = ..., max_create_bytes: _Optional[int] = ..., max_upload_bytes: _Optional[int] = ..., server_version: _Optional[str] = ..., stored_artifacts: _Optional[int] = ..., stored_bytes: _Optional[int] = ..., max_stored_bytes: _Optional[int] = ..., max_artifacts: _Optional[int] = ..., workload: _Optional[str] = ..., scopes: _Optional[_Iterable[_Union[_access_pb2.Scope, str]]] = ..., narrowing: _Optional[_Union[_access_pb2.Narrowing, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., token_id: _Optional[str] = ..., plan: _Optional[str] = ..., limits: _Optional[_Iterable[_Union[_limit_pb2.LimitState, _Mapping]]] = ..., requests_today: _Optional[int] = ..., requests_this_month: _Optional[int] = ...) -> None: ...

class CreateTokenRequest(_message.Message):
    __slots__ = ("scopes", "narrowing", "expires_in")
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    NARROWING_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_IN_FIELD_NUMBER: _ClassVar[int]
    scopes: _containers.RepeatedScalarFieldContainer[_access_pb2.Scope]
    narrowing: _access_pb2.Narrowing
    expires_in: _duration_pb2.Duration
    def __init__(self, scopes: _Optional[_Iterable[_Union[_access_pb2.Scope, str]]] = ..., narrowing: _Optional[_Union[_access_pb2.Narrowing, _Mapping]] = ..., expires_in: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CreateTokenResponse(_message.Message):
    __slots__ = ("token", "token_id", "scopes", "narrowing", "expires_at")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    NARROWING_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    token: str
    token_id: str
    scopes: _containers.RepeatedScalarFieldContainer[_access_pb2.Scope]
    narrowing: _access_pb2.Narrowing
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, token: _Optional[str] = ..., token_id: _Optional[str] = ..., scopes: _Optional[_Iterable[_Union[_access_pb2.Scope, str]]] = ..., narrowing: _Optional[_Union[_access_pb2.Narrowing, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class UsageRow(_message.Message):
    __slots__ = ("key", "artifacts", "bytes", "requests", "refused", "received_bytes", "sent_bytes")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_BYTES_FIELD_NUMBER: _ClassVar[int]
    SENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    key: str
    artifacts: int
    bytes: int
    requests: int
    refused: int
    received_bytes: int
    sent_bytes: int
    def __init__(self, key: _Optional[str] = ..., artifacts: _Optional[int] = ..., bytes: _Optional[int] = ..., requests: _Optional[int] = ..., refused: _Optional[int] = ..., received_bytes: _Optional[int] = ..., sent_bytes: _Optional[int] = ...) -> None: ...

class GetUsageRequest(_message.Message):
    __slots__ = ("part", "from_day", "until_day", "page_size", "page_token")
    PART_FIELD_NUMBER: _ClassVar[int]
    FROM_DAY_FIELD_NUMBER: _ClassVar[int]
    UNTIL_DAY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    part: UsagePart
    from_day: str
    until_day: str
    page_size: int
    page_token: str
    def __init__(self, part: _Optional[_Union[UsagePart, str]] = ..., from_day: _Optional[str] = ..., until_day: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetUsageResponse(_message.Message):
    __slots__ = ("rows", "next_page_token")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[UsageRow]
    next_page_token: str
    def __init__(self, rows: _Optional[_Iterable[_Union[UsageRow, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
