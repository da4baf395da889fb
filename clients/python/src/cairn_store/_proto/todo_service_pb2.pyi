from . import todo_pb2 as _todo_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListTodosRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "plan_id", "session_id", "label", "state")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    plan_id: str
    session_id: str
    label: str
    state: _todo_pb2.TodoState
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., plan_id: _Optional[str] = ..., session_id: _Optional[str] = ..., label: _Optional[str] = ..., state: _Optional[_Union[_todo_pb2.TodoState, str]] = ...) -> None: ...

class ListTodosResponse(_message.Message):
    __slots__ = ("todos", "next_page_token")
    TODOS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    todos: _containers.RepeatedCompositeFieldContainer[_todo_pb2.Todo]
    next_page_token: str
    def __init__(self, todos: _Optional[_Iterable[_Union[_todo_pb2.Todo, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AddTodoRequest(_message.Message):
    __slots__ = ("text", "plan_id", "session_id", "state", "agent_id", "idempotency_key")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    text: str
    plan_id: str
    session_id: str
    state: _todo_pb2.TodoState
    agent_id: str
    idempotency_key: str
    def __init__(self, text: _Optional[str] = ..., plan_id: _Optional[str] = ..., session_id: _Optional[str] = ..., state: _Optional[_Union[_todo_pb2.TodoState, str]] = ..., agent_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class AddTodoResponse(_message.Message):
    __slots__ = ("todo",)
    TODO_FIELD_NUMBER: _ClassVar[int]
    todo: _todo_pb2.Todo
    def __init__(self, todo: _Optional[_Union[_todo_pb2.Todo, _Mapping]] = ...) -> None: ...

class UpdateTodoRequest(_message.Message):
    __slots__ = ("todo_id", "state", "text", "agent_id", "idempotency_key")
    TODO_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    todo_id: str
    state: _todo_pb2.TodoState
    text: str
    agent_id: str
    idempotency_key: str
    def __init__(self, todo_id: _Optional[str] = ..., state: _Optional[_Union[_todo_pb2.TodoState, str]] = ..., text: _Optional[str] = ..., agent_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class UpdateTodoResponse(_message.Message):
    __slots__ = ("todo",)
    TODO_FIELD_NUMBER: _ClassVar[int]
    todo: _todo_pb2.Todo
    def __init__(self, todo: _Optional[_Union[_todo_pb2.Todo, _Mapping]] = ...) -> None: ...
