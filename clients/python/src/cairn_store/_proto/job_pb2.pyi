import datetime

from . import artifact_pb2 as _artifact_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_TYPE_UNSPECIFIED: _ClassVar[JobType]
    JOB_TYPE_DELETE_ARTIFACTS: _ClassVar[JobType]
    JOB_TYPE_SET_STAGE: _ClassVar[JobType]
    JOB_TYPE_DELETE_SESSION: _ClassVar[JobType]
    JOB_TYPE_SET_LEGAL_HOLD: _ClassVar[JobType]

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_RUNNING: _ClassVar[JobState]
    JOB_STATE_SUCCEEDED: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
JOB_TYPE_UNSPECIFIED: JobType
JOB_TYPE_DELETE_ARTIFACTS: JobType
JOB_TYPE_SET_STAGE: JobType
JOB_TYPE_DELETE_SESSION: JobType
JOB_TYPE_SET_LEGAL_HOLD: JobType
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_RUNNING: JobState
JOB_STATE_SUCCEEDED: JobState
JOB_STATE_CANCELLED: JobState
JOB_STATE_FAILED: JobState

class Job(_message.Message):
    __slots__ = ("job_id", "type", "state", "filter", "done_count", "size_bytes", "held_count", "estimated_count", "created_at", "updated_at", "finished_at", "api_key_last_4", "last_error", "stage", "agent_id", "workload", "session_id", "legal_hold")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    DONE_COUNT_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    HELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_COUNT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    API_KEY_LAST_4_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    LEGAL_HOLD_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    type: JobType
    state: JobState
    filter: str
    done_count: int
    size_bytes: int
    held_count: int
    estimated_count: int
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    api_key_last_4: str
    last_error: str
    stage: _artifact_pb2.ArtifactStage
    agent_id: str
    workload: str
    session_id: str
    legal_hold: bool
    def __init__(self, job_id: _Optional[str] = ..., type: _Optional[_Union[JobType, str]] = ..., state: _Optional[_Union[JobState, str]] = ..., filter: _Optional[str] = ..., done_count: _Optional[int] = ..., size_bytes: _Optional[int] = ..., held_count: _Optional[int] = ..., estimated_count: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., api_key_last_4: _Optional[str] = ..., last_error: _Optional[str] = ..., stage: _Optional[_Union[_artifact_pb2.ArtifactStage, str]] = ..., agent_id: _Optional[str] = ..., workload: _Optional[str] = ..., session_id: _Optional[str] = ..., legal_hold: _Optional[bool] = ...) -> None: ...
