// Uploads a file, lists it, downloads and verifies it, seals the session and reads its events: main.js FILE
import assert from "node:assert";
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { ArtifactSpecSchema } from "./gen/cairn/v1/artifact_pb.js";
import { ArtifactService, type UploadArtifactRequestSchema } from "./gen/cairn/v1/artifact_service_pb.js";
import { SessionEventType, SessionService } from "./gen/cairn/v1/session_service_pb.js";

type Spec = MessageInitShape<typeof ArtifactSpecSchema>;

const authorize: Interceptor = (next) => (request) => {
  request.header.set("authorization", `Bearer ${process.env.CAIRN_API_KEY}`);
  return next(request);
};
const baseUrl = `http://${process.env.CAIRN_GRPC_TARGET}`;
const connection = new Http2SessionManager(baseUrl);
const transport = createGrpcTransport({ baseUrl, interceptors: [authorize], sessionManager: connection });
const artifacts = createClient(ArtifactService, transport);
const sessions = createClient(SessionService, transport);

/** The spec, the content, then the end with its hash and size. The file may have any size. */
async function* pieces(path: string, spec: Spec): AsyncGenerator<MessageInitShape<typeof UploadArtifactRequestSchema>> {
  yield { message: { case: "spec", value: spec } };
  const sha256 = createHash("sha256");
  let size = 0;
  for await (const data of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    sha256.update(data);
    size += data.length;
    yield { message: { case: "data", value: data } };
  }
  yield { message: { case: "end", value: { contentHash: `sha256:${sha256.digest("hex")}`, sizeBytes: BigInt(size) } } };
}

/** Retries: under its idempotency key the write happens once. */
async function upload(path: string, spec: Spec, attempts = 4) {
  try {
    return (await artifacts.uploadArtifact(pieces(path, spec), { timeoutMs: 60_000 })).artifact!;
  } catch (error) {
    const { code, metadata } = ConnectError.from(error);
    // An error of a proxy or the network does not have the trailer.
    const said = metadata.get("cairn-retry");
    const retry = said ? said === "yes" : [Code.Unavailable, Code.DeadlineExceeded].includes(code);
    if (!retry || attempts === 1) throw error;
    return upload(path, spec, attempts - 1);
  }
}

const [path, sessionId] = [process.argv[2], `typescript-${randomUUID()}`];
const watch = sessions.watchSession({ sessionId, untilSealed: true });
const spec = { filename: basename(path), sessionId, agentId: "example", idempotencyKey: randomUUID() };

const made = await upload(path, spec);
assert.equal((await upload(path, spec)).artifactId, made.artifactId, "the same key returns the same artifact");

const found = await artifacts.listArtifacts({ sessionId }, { timeoutMs: 10_000 });
console.log(found.artifacts.map(({ filename, version, sizeBytes }) => `${filename} v${version}, ${sizeBytes} bytes`));

const sha256 = createHash("sha256");
let end = "";
for await (const { message } of artifacts.downloadArtifact({ artifactId: made.artifactId })) {
  if (message.case === "data") sha256.update(message.value);
  if (message.case === "end") end = message.value.contentHash;
}
assert.equal(`sha256:${sha256.digest("hex")}`, end, "the downloaded bytes are those that were uploaded");

await sessions.sealSession({ sessionId }, { timeoutMs: 10_000 });
await assert.rejects(upload(path, { filename: "late", sessionId, agentId: "example" }), (error) => {
  return ConnectError.from(error).metadata.get("cairn-reason") === "SESSION_SEALED";
});
console.log("sealed: no more uploads");

for await (const { events } of watch) {
  for (const event of events) console.log(event.position, SessionEventType[event.type], event.artifact?.filename);
}

// An open connection can keep the program from ending.
connection.abort();
