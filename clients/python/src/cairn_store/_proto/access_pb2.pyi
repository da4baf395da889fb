from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_READ: _ClassVar[Scope]
    SCOPE_WRITE: _ClassVar[Scope]
    SCOPE_DELETE: _ClassVar[Scope]
    SCOPE_LINK: _ClassVar[Scope]
    SCOPE_SEAL: _ClassVar[Scope]
    SCOPE_HOLD: _ClassVar[Scope]
    SCOPE_ADMIN: _ClassVar[Scope]
    SCOPE_OPERATOR: _ClassVar[Scope]
SCOPE_UNSPECIFIED: Scope
SCOPE_READ: Scope
SCOPE_WRITE: Scope
SCOPE_DELETE: Scope
SCOPE_LINK: Scope
SCOPE_SEAL: Scope
SCOPE_HOLD: Scope
SCOPE_ADMIN: Scope
SCOPE_OPERATOR: Scope

class Narrowing(_message.Message):
    __slots__ = ("session_ids", "session_prefix", "namespace", "user_id", "agent_id", "filename_prefix")
    SESSION_IDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_PREFIX_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_PREFIX_FIELD_NUMBER: _ClassVar[int]
    session_ids: _containers.RepeatedScalarFieldContainer[str]
    session_prefix: str
    namespace: str
    user_id: str
    agent_id: str
    filename_prefix: str
    def __init__(self, session_ids: _Optional[_Iterable[str]] = ..., session_prefix: _Optional[str] = ..., namespace: _Optional[str] = ..., user_id: _Optional[str] = ..., agent_id: _Optional[str] = ..., filename_prefix: _Optional[str] = ...) -> None: ...
