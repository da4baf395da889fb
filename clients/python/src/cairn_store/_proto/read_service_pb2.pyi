from . import artifact_pb2 as _artifact_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReadStop(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    READ_STOP_UNSPECIFIED: _ClassVar[ReadStop]
    READ_STOP_END: _ClassVar[ReadStop]
    READ_STOP_COUNT: _ClassVar[ReadStop]
    READ_STOP_BYTES_OUT: _ClassVar[ReadStop]
    READ_STOP_BYTES_SCANNED: _ClassVar[ReadStop]
    READ_STOP_TIME: _ClassVar[ReadStop]
    READ_STOP_FILES: _ClassVar[ReadStop]

class PreviewFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PREVIEW_FORMAT_UNSPECIFIED: _ClassVar[PreviewFormat]
    PREVIEW_FORMAT_TEXT: _ClassVar[PreviewFormat]
    PREVIEW_FORMAT_MARKDOWN: _ClassVar[PreviewFormat]
    PREVIEW_FORMAT_JSON: _ClassVar[PreviewFormat]
    PREVIEW_FORMAT_TABLE: _ClassVar[PreviewFormat]
    PREVIEW_FORMAT_NOTEBOOK: _ClassVar[PreviewFormat]
    PREVIEW_FORMAT_IMAGE: _ClassVar[PreviewFormat]
    PREVIEW_FORMAT_ZIP: _ClassVar[PreviewFormat]
    PREVIEW_FORMAT_TAR: _ClassVar[PreviewFormat]
    PREVIEW_FORMAT_BINARY: _ClassVar[PreviewFormat]
READ_STOP_UNSPECIFIED: ReadStop
READ_STOP_END: ReadStop
READ_STOP_COUNT: ReadStop
READ_STOP_BYTES_OUT: ReadStop
READ_STOP_BYTES_SCANNED: ReadStop
READ_STOP_TIME: ReadStop
READ_STOP_FILES: ReadStop
PREVIEW_FORMAT_UNSPECIFIED: PreviewFormat
PREVIEW_FORMAT_TEXT: PreviewFormat
PREVIEW_FORMAT_MARKDOWN: PreviewFormat
PREVIEW_FORMAT_JSON: PreviewFormat
PREVIEW_FORMAT_TABLE: PreviewFormat
PREVIEW_FORMAT_NOTEBOOK: PreviewFormat
PREVIEW_FORMAT_IMAGE: PreviewFormat
PREVIEW_FORMAT_ZIP: PreviewFormat
PREVIEW_FORMAT_TAR: PreviewFormat
PREVIEW_FORMAT_BINARY: PreviewFormat

class TextLine(_message.Message):
    __slots__ = ("number", "text", "cut_bytes")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    number: int
    text: str
    cut_bytes: int
    def __init__(self, number: _Optional[int] = ..., text: _Optional[str] = ..., cut_bytes: _Optional[int] = ...) -> None: ...

class ReadLinesRequest(_message.Message):
    __slots__ = ("artifact_id", "name", "first_line", "limit", "max_bytes", "max_scan_bytes", "page_token")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FIRST_LINE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_SCAN_BYTES_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    first_line: int
    limit: int
    max_bytes: int
    max_scan_bytes: int
    page_token: str
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., first_line: _Optional[int] = ..., limit: _Optional[int] = ..., max_bytes: _Optional[int] = ..., max_scan_bytes: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ReadLinesResponse(_message.Message):
    __slots__ = ("artifact_id", "lines", "stop", "next_line", "next_page_token", "total_lines", "size_bytes", "scanned_bytes", "encoding")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    NEXT_LINE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_LINES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SCANNED_BYTES_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    lines: _containers.RepeatedCompositeFieldContainer[TextLine]
    stop: ReadStop
    next_line: int
    next_page_token: str
    total_lines: int
    size_bytes: int
    scanned_bytes: int
    encoding: str
    def __init__(self, artifact_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[TextLine, _Mapping]]] = ..., stop: _Optional[_Union[ReadStop, str]] = ..., next_line: _Optional[int] = ..., next_page_token: _Optional[str] = ..., total_lines: _Optional[int] = ..., size_bytes: _Optional[int] = ..., scanned_bytes: _Optional[int] = ..., encoding: _Optional[str] = ...) -> None: ...

class ReadBytesRequest(_message.Message):
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

class ReadBytesResponse(_message.Message):
    __slots__ = ("artifact_id", "data", "offset", "next_offset", "size_bytes")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    NEXT_OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    data: bytes
    offset: int
    next_offset: int
    size_bytes: int
    def __init__(self, artifact_id: _Optional[str] = ..., data: _Optional[bytes] = ..., offset: _Optional[int] = ..., next_offset: _Optional[int] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class GrepQuery(_message.Message):
    __slots__ = ("pattern", "fixed_strings", "ignore_case", "context", "max_count", "count_only")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    FIXED_STRINGS_FIELD_NUMBER: _ClassVar[int]
    IGNORE_CASE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    MAX_COUNT_FIELD_NUMBER: _ClassVar[int]
    COUNT_ONLY_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    fixed_strings: bool
    ignore_case: bool
    context: int
    max_count: int
    count_only: bool
    def __init__(self, pattern: _Optional[str] = ..., fixed_strings: _Optional[bool] = ..., ignore_case: _Optional[bool] = ..., context: _Optional[int] = ..., max_count: _Optional[int] = ..., count_only: _Optional[bool] = ...) -> None: ...

class GrepLine(_message.Message):
    __slots__ = ("line", "is_match")
    LINE_FIELD_NUMBER: _ClassVar[int]
    IS_MATCH_FIELD_NUMBER: _ClassVar[int]
    line: TextLine
    is_match: bool
    def __init__(self, line: _Optional[_Union[TextLine, _Mapping]] = ..., is_match: _Optional[bool] = ...) -> None: ...

class GrepArtifactRequest(_message.Message):
    __slots__ = ("artifact_id", "name", "query", "max_bytes", "max_scan_bytes", "page_token")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_SCAN_BYTES_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    query: GrepQuery
    max_bytes: int
    max_scan_bytes: int
    page_token: str
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., query: _Optional[_Union[GrepQuery, _Mapping]] = ..., max_bytes: _Optional[int] = ..., max_scan_bytes: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GrepArtifactResponse(_message.Message):
    __slots__ = ("artifact_id", "lines", "match_count", "stop", "next_page_token", "scanned_bytes")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    MATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SCANNED_BYTES_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    lines: _containers.RepeatedCompositeFieldContainer[GrepLine]
    match_count: int
    stop: ReadStop
    next_page_token: str
    scanned_bytes: int
    def __init__(self, artifact_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[GrepLine, _Mapping]]] = ..., match_count: _Optional[int] = ..., stop: _Optional[_Union[ReadStop, str]] = ..., next_page_token: _Optional[str] = ..., scanned_bytes: _Optional[int] = ...) -> None: ...

class GrepSessionRequest(_message.Message):
    __slots__ = ("session_id", "query", "filename_glob", "filename_prefix", "namespace", "user_id", "include_user_scope", "max_bytes", "max_scan_bytes", "page_token")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    FILENAME_GLOB_FIELD_NUMBER: _ClassVar[int]
    FILENAME_PREFIX_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_USER_SCOPE_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_SCAN_BYTES_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    query: GrepQuery
    filename_glob: str
    filename_prefix: str
    namespace: str
    user_id: str
    include_user_scope: bool
    max_bytes: int
    max_scan_bytes: int
    page_token: str
    def __init__(self, session_id: _Optional[str] = ..., query: _Optional[_Union[GrepQuery, _Mapping]] = ..., filename_glob: _Optional[str] = ..., filename_prefix: _Optional[str] = ..., namespace: _Optional[str] = ..., user_id: _Optional[str] = ..., include_user_scope: _Optional[bool] = ..., max_bytes: _Optional[int] = ..., max_scan_bytes: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GrepSessionResponse(_message.Message):
    __slots__ = ("files", "match_count", "files_searched", "files_skipped", "stop", "next_page_token", "scanned_bytes")
    FILES_FIELD_NUMBER: _ClassVar[int]
    MATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    FILES_SEARCHED_FIELD_NUMBER: _ClassVar[int]
    FILES_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SCANNED_BYTES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[GrepFile]
    match_count: int
    files_searched: int
    files_skipped: int
    stop: ReadStop
    next_page_token: str
    scanned_bytes: int
    def __init__(self, files: _Optional[_Iterable[_Union[GrepFile, _Mapping]]] = ..., match_count: _Optional[int] = ..., files_searched: _Optional[int] = ..., files_skipped: _Optional[int] = ..., stop: _Optional[_Union[ReadStop, str]] = ..., next_page_token: _Optional[str] = ..., scanned_bytes: _Optional[int] = ...) -> None: ...

class GrepFile(_message.Message):
    __slots__ = ("artifact_id", "filename", "version", "match_count", "lines")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    filename: str
    version: int
    match_count: int
    lines: _containers.RepeatedCompositeFieldContainer[GrepLine]
    def __init__(self, artifact_id: _Optional[str] = ..., filename: _Optional[str] = ..., version: _Optional[int] = ..., match_count: _Optional[int] = ..., lines: _Optional[_Iterable[_Union[GrepLine, _Mapping]]] = ...) -> None: ...

class PreviewArtifactRequest(_message.Message):
    __slots__ = ("artifact_id", "name", "max_bytes")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    max_bytes: int
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., max_bytes: _Optional[int] = ...) -> None: ...

class PreviewArtifactResponse(_message.Message):
    __slots__ = ("artifact_id", "filename", "content_type", "size_bytes", "format", "text", "is_whole", "encoding", "total_lines", "width", "height")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IS_WHOLE_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    TOTAL_LINES_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    filename: str
    content_type: str
    size_bytes: int
    format: PreviewFormat
    text: str
    is_whole: bool
    encoding: str
    total_lines: int
    width: int
    height: int
    def __init__(self, artifact_id: _Optional[str] = ..., filename: _Optional[str] = ..., content_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., format: _Optional[_Union[PreviewFormat, str]] = ..., text: _Optional[str] = ..., is_whole: _Optional[bool] = ..., encoding: _Optional[str] = ..., total_lines: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ...) -> None: ...

class DiffVersionsRequest(_message.Message):
    __slots__ = ("from_artifact_id", "from_name", "to_artifact_id", "to_name", "context", "max_bytes")
    FROM_ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_NAME_FIELD_NUMBER: _ClassVar[int]
    TO_ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    TO_NAME_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    from_artifact_id: str
    from_name: _artifact_pb2.ArtifactName
    to_artifact_id: str
    to_name: _artifact_pb2.ArtifactName
    context: int
    max_bytes: int
    def __init__(self, from_artifact_id: _Optional[str] = ..., from_name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., to_artifact_id: _Optional[str] = ..., to_name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., context: _Optional[int] = ..., max_bytes: _Optional[int] = ...) -> None: ...

class DiffVersionsResponse(_message.Message):
    __slots__ = ("from_artifact_id", "to_artifact_id", "identical", "is_text", "diff", "added_lines", "removed_lines", "stop", "from_size_bytes", "to_size_bytes")
    FROM_ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    TO_ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTICAL_FIELD_NUMBER: _ClassVar[int]
    IS_TEXT_FIELD_NUMBER: _ClassVar[int]
    DIFF_FIELD_NUMBER: _ClassVar[int]
    ADDED_LINES_FIELD_NUMBER: _ClassVar[int]
    REMOVED_LINES_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    FROM_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TO_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    from_artifact_id: str
    to_artifact_id: str
    identical: bool
    is_text: bool
    diff: str
    added_lines: int
    removed_lines: int
    stop: ReadStop
    from_size_bytes: int
    to_size_bytes: int
    def __init__(self, from_artifact_id: _Optional[str] = ..., to_artifact_id: _Optional[str] = ..., identical: _Optional[bool] = ..., is_text: _Optional[bool] = ..., diff: _Optional[str] = ..., added_lines: _Optional[int] = ..., removed_lines: _Optional[int] = ..., stop: _Optional[_Union[ReadStop, str]] = ..., from_size_bytes: _Optional[int] = ..., to_size_bytes: _Optional[int] = ...) -> None: ...

class EditArtifactRequest(_message.Message):
    __slots__ = ("artifact_id", "name", "replace", "lines", "if_version", "agent_id", "change_summary", "idempotency_key")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    IF_VERSION_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_SUMMARY_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: _artifact_pb2.ArtifactName
    replace: ReplaceText
    lines: ReplaceLines
    if_version: int
    agent_id: str
    change_summary: str
    idempotency_key: str
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[_Union[_artifact_pb2.ArtifactName, _Mapping]] = ..., replace: _Optional[_Union[ReplaceText, _Mapping]] = ..., lines: _Optional[_Union[ReplaceLines, _Mapping]] = ..., if_version: _Optional[int] = ..., agent_id: _Optional[str] = ..., change_summary: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ReplaceText(_message.Message):
    __slots__ = ("old_text", "new_text", "everywhere")
    OLD_TEXT_FIELD_NUMBER: _ClassVar[int]
    NEW_TEXT_FIELD_NUMBER: _ClassVar[int]
    EVERYWHERE_FIELD_NUMBER: _ClassVar[int]
    old_text: str
    new_text: str
    everywhere: bool
    def __init__(self, old_text: _Optional[str] = ..., new_text: _Optional[str] = ..., everywhere: _Optional[bool] = ...) -> None: ...

class ReplaceLines(_message.Message):
    __slots__ = ("first_line", "last_line", "text")
    FIRST_LINE_FIELD_NUMBER: _ClassVar[int]
    LAST_LINE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    first_line: int
    last_line: int
    text: str
    def __init__(self, first_line: _Optional[int] = ..., last_line: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class EditArtifactResponse(_message.Message):
    __slots__ = ("artifact", "replacements")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    REPLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    artifact: _artifact_pb2.Artifact
    replacements: int
    def __init__(self, artifact: _Optional[_Union[_artifact_pb2.Artifact, _Mapping]] = ..., replacements: _Optional[int] = ...) -> None: ...
