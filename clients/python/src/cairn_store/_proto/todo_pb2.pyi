import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TodoState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TODO_STATE_UNSPECIFIED: _ClassVar[TodoState]
    TODO_STATE_OPEN: _ClassVar[TodoState]
    TODO_STATE_DOING: _ClassVar[TodoState]
    TODO_STATE_DONE: _ClassVar[TodoState]
    TODO_STATE_DROPPED: _ClassVar[TodoState]
TODO_STATE_UNSPECIFIED: TodoState
TODO_STATE_OPEN: TodoState
TODO_STATE_DOING: TodoState
TODO_STATE_DONE: TodoState
TODO_STATE_DROPPED: TodoState

class Todo(_message.Message):
    __slots__ = ("todo_id", "text", "state", "position", "plan_id", "plan_filename", "plan_version", "session_id", "labels", "created_at", "updated_at", "agent_id")
    TODO_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_FILENAME_FIELD_NUMBER: _ClassVar[int]
    PLAN_VERSION_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    todo_id: str
    text: str
    state: TodoState
    position: int
    plan_id: str
    plan_filename: str
    plan_version: int
    session_id: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    agent_id: str
    def __init__(self, todo_id: _Optional[str] = ..., text: _Optional[str] = ..., state: _Optional[_Union[TodoState, str]] = ..., position: _Optional[int] = ..., plan_id: _Optional[str] = ..., plan_filename: _Optional[str] = ..., plan_version: _Optional[int] = ..., session_id: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., agent_id: _Optional[str] = ...) -> None: ...
