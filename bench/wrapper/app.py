"""The wrapper that people write around S3 and Postgres: FastAPI, boto3 and a pool of psycopg. It hashes, shares the bytes
of equal contents, and keeps metadata, idempotency keys and expiry times. It has no races closed, no quotas, no seals and
no collector. A peer of the benchmarks; schema.sql has its tables."""

import hashlib
import os
import secrets

import boto3
from botocore.config import Config
from fastapi import FastAPI, Form, Header, UploadFile
from psycopg_pool import ConnectionPool

BUCKET = os.environ["S3_BUCKET"]
PIECE = 1 << 20

app = FastAPI()
pool = ConnectionPool(os.environ["DATABASE"], min_size=4, max_size=16, open=True)
s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINT"],
    aws_access_key_id=os.environ["S3_KEY_ID"],
    aws_secret_access_key=os.environ["S3_SECRET"],
    region_name="us-east-1",
    config=Config(
        s3={"addressing_style": "path"},
        max_pool_connections=32,
        request_checksum_calculation="when_required",
    ),
)


@app.post("/artifacts", status_code=201)
def create(
    file: UploadFile,
    session_id: str = Form(None),
    agent_id: str = Form(None),
    metadata: str = Form("{}"),
    idempotency_key: str = Header(None),
):
    digest, size = hashlib.sha256(), 0
    while piece := file.file.read(PIECE):
        digest.update(piece)
        size += len(piece)
    sha256 = digest.hexdigest()
    key, artifact_id = f"wrapper/{sha256}", "art_" + secrets.token_hex(8)
    with pool.connection() as database:
        held = database.execute("SELECT FROM w_blobs WHERE tenant = 't' AND hash = %s", (sha256,))
        if held.fetchone() is None:
            file.file.seek(0)
            s3.upload_fileobj(file.file, BUCKET, key)
            database.execute(
                "INSERT INTO w_blobs VALUES ('t', %s, %s, %s) ON CONFLICT DO NOTHING",
                (sha256, size, key),
            )
        database.execute(
            """INSERT INTO w_artifacts (id, tenant, filename, content_type, size, hash, session_id, agent_id,
                   metadata, idem, expires_at)
               VALUES (%s, 't', %s, %s, %s, %s, %s, %s, %s, %s, now() + interval '30 days')""",
            (
                artifact_id,
                file.filename,
                file.content_type,
                size,
                sha256,
                session_id,
                agent_id,
                metadata,
                idempotency_key,
            ),
        )
    return {"artifact_id": artifact_id, "content_hash": sha256, "size_bytes": size}
