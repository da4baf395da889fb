"""Where the store is and what the caller is known by, from arguments and the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .errors import ConfigurationError

DEFAULT_ADDRESS = "http://127.0.0.1:7070"
_RULE = "must be host:port, http://host:port or https://host:port"

# A child process may connect although its parent did. It has an effect before the first import of grpc alone.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "1")
# Its notes about forks are for those who work on it.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


@dataclass(frozen=True)
class Config:
    """Everything that a connection needs. It holds no connection, so it can be copied to other processes."""

    target: str
    tls: bool
    key: str | None = None
    key_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    cert_key_file: str | None = None
    traceparent: str | None = None

    @property
    def address(self) -> str:
        """The address as people write it."""
        return f"{'https' if self.tls else 'http'}://{self.target}"

    def __repr__(self) -> str:
        """Without the key."""
        return f"Config({self.address!r})"

    def metadata(self) -> list[tuple[str, str]]:
        """What each call carries. A key in a file is read for each call: it may be replaced at any time."""
        key = self.key if self.key is not None else _read(self.key_file or "")
        metadata = [("authorization", f"Bearer {key}")]
        if self.traceparent:
            metadata.append(("traceparent", self.traceparent))
        return metadata


def _read(path: str) -> str:
    key = Path(path).read_text(encoding="utf-8").strip()
    if not key:
        raise ConfigurationError(f"{path}: there is no API key in it")
    return key


def _target(address: str, name: str) -> tuple[str, bool]:
    try:
        url = urlsplit(address if "://" in address else f"http://{address}")
        port = url.port
    except ValueError:
        raise ConfigurationError(f"{name} {_RULE}") from None
    more = "@" in url.netloc or "?" in address or "#" in address or url.path not in ("", "/")
    if url.scheme not in ("http", "https") or not url.hostname or more:
        raise ConfigurationError(f"{name} {_RULE}")
    tls = url.scheme == "https"
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{host}:{port or (443 if tls else 80)}", tls


def load(
    address: str | None = None,
    api_key: str | None = None,
    api_key_file: str | os.PathLike[str] | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    client_cert_file: str | os.PathLike[str] | None = None,
    client_key_file: str | os.PathLike[str] | None = None,
    variable: Callable[[str], str | None] = os.environ.get,
) -> Config:
    """The configuration that the arguments give, and the environment where they give none, as the `cairn` command reads it.

    Raises:
        ConfigurationError: An address is malformed, or a key is given twice or not at all, or half a client certificate.
    """

    def found(given: str | os.PathLike[str] | None, name: str) -> str | None:
        value = os.fspath(given) if given is not None else variable(name) or ""
        return value.strip() or None

    target, tls = _target(found(address, "CAIRN_ADDR") or DEFAULT_ADDRESS, "CAIRN_ADDR" if address is None else "address")
    if api_key is not None or api_key_file is not None:
        key, key_file = found(api_key or "", ""), found(api_key_file or "", "")
    else:
        key, key_file = found(None, "CAIRN_API_KEY"), found(None, "CAIRN_API_KEY_FILE")
    if key and key_file:
        raise ConfigurationError("CAIRN_API_KEY and CAIRN_API_KEY_FILE are both set: unset one of them")
    if not key and not key_file:
        raise ConfigurationError(
            "no API key: start `cairn dev` and run `. ./cairn-data/dev.env`, or set CAIRN_API_KEY or CAIRN_API_KEY_FILE"
        )
    if key and not (key.isascii() and key.isprintable()):
        raise ConfigurationError("the API key has characters that no key has")
    ca = found(ca_file, "CAIRN_CA_FILE")
    cert, cert_key = found(client_cert_file, "CAIRN_CLIENT_CERT_FILE"), found(client_key_file, "CAIRN_CLIENT_KEY_FILE")
    if bool(cert) != bool(cert_key):
        raise ConfigurationError("CAIRN_CLIENT_CERT_FILE and CAIRN_CLIENT_KEY_FILE are needed together: set both or neither")
    if not tls and (ca or cert):
        raise ConfigurationError(
            f"http://{target} is plain text, but authorities or a certificate for TLS are given: "
            "use an https:// address, or drop them"
        )
    return Config(target, tls, key, key_file, ca, cert, cert_key, found(None, "TRACEPARENT"))
