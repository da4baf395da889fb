"""Turns the modules of aio/ into their blocking twins, token by token, so that both behave alike."""

import io
import pathlib
import re
import tokenize

# These differ by more than words.
BY_HAND = {"io.py", "files.py"}

NAMES = {
    "AsyncContextManager": "ContextManager",
    "AsyncGenerator": "Generator",
    "AsyncIterable": "Iterable",
    "AsyncIterator": "Iterator",
    "StopAsyncIteration": "StopIteration",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "aclosing": "closing",
    "anext": "next",
    "asynccontextmanager": "contextmanager",
}
DROPPED = {"async", "await"}
NOTE = "# Made from aio/{} by scripts/generate. Do not edit it.\n"


def text(source: str) -> str:
    """The blocking twin of a module's source."""
    # The blocking twin of an Awaitable[T] is a T.
    source = re.sub(r"\bAwaitable, ", "", source)
    out: list[str] = []
    row, column = 1, 0
    lines = source.splitlines(keepends=True)
    skip_space = False
    brackets: list[bool] = []
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for index, token in enumerate(tokens):
        (start_row, start_column), (end_row, end_column) = token.start, token.end
        # What stands between the tokens is kept as it is.
        while row < start_row:
            out.append(lines[row - 1][column:])
            row, column = row + 1, 0
        between = lines[row - 1][column:start_column] if row <= len(lines) else ""
        out.append("" if skip_space else between)
        dropped = token.type == tokenize.NAME and token.string in DROPPED
        skip_space = dropped
        if token.string == "[":
            brackets.append(tokens[index - 1].string == "Awaitable")
            dropped = brackets[-1]
        elif token.string == "]":
            dropped = brackets.pop()
        elif token.string == "Awaitable":
            dropped = True
        if not dropped:
            out.append(NAMES.get(token.string, token.string) if token.type == tokenize.NAME else token.string)
        row, column = end_row, end_column
    return re.sub(r"^(from [\w.]+ import )([\w, ]+)$", _sorted, "".join(out), flags=re.MULTILINE)


def _sorted(line: re.Match[str]) -> str:
    """An import whose names are sorted again, each once."""
    return line[1] + ", ".join(sorted(set(line[2].split(", "))))


def folder(source: pathlib.Path) -> dict[str, str]:
    """The text of each blocking module by its name."""
    modules = (path for path in sorted(source.glob("*.py")) if path.name not in BY_HAND)
    return {path.name: NOTE.format(path.name) + text(path.read_text()) for path in modules}
