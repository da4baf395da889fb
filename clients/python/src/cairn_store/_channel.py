"""What channels of both kinds are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc

from ._config import Config

UNARY_TIMEOUT = 30.0
"""For calls of one message each way, in seconds. Streams may take as long as they need, while the other side answers pings."""
FINISH_TIMEOUT = 660.0
"""How long combining the parts of an upload may take, in seconds: S3 may need minutes."""
SILENCE = 20.0
"""How long a stream of content may be silent, in seconds. The server gives up on one that is silent for a minute."""
LOST = 60.0
"""How long a server may send nothing while its messages are waited for, in seconds. It sends something of a watch every 15."""
SILENT = f"the server sent nothing for {LOST:.0f} seconds"

OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", 4 << 20),
    ("grpc.max_send_message_length", 4 << 20),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Calls are repeated under their idempotency keys by this package, which knows what is safe.
    ("grpc.enable_retries", 0),
    # The command uses no proxy either.
    ("grpc.enable_http_proxy", 0),
    # Two clients of a process share no connection.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.primary_user_agent", "cairn-store-python"),
]


def credentials(config: Config) -> grpc.ChannelCredentials:
    """The certificates of a channel with TLS."""

    def read(path: str | None) -> bytes | None:
        return Path(path).read_bytes() if path else None

    return grpc.ssl_channel_credentials(
        root_certificates=read(config.ca_file),
        private_key=read(config.cert_key_file),
        certificate_chain=read(config.cert_file),
    )
