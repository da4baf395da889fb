"""A name server on 127.0.0.1:53 that knows *.svc.cairn.test, all of which are 127.0.0.1, and nothing else."""

import socket

ZONE = b"\3svc\5cairn\4test\0"

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    query, caller = server.recvfrom(512)
    end = query.index(b"\0", 12) + 1
    name, kind = query[12:end], int.from_bytes(query[end : end + 2])
    # A name has one label before the zone.
    known = name[1 + name[0] :].lower() == ZONE
    answers = [b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1"] if known and kind == 1 else []
    flags = b"\x81\x80" if known else b"\x81\x83"
    head = query[:2] + flags + b"\0\1" + len(answers).to_bytes(2) + b"\0\0\0\0"
    server.sendto(head + query[12 : end + 4] + b"".join(answers), caller)
