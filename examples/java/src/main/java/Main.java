import com.google.protobuf.ByteString;
import dev.cairn.v1.*;
import io.grpc.*;
import io.grpc.stub.MetadataUtils;
import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.TimeUnit;

/** Uploads a file, lists it, downloads and verifies it, seals the session and reads its events: Main FILE */
public class Main {
    static ArtifactServiceGrpc.ArtifactServiceBlockingV2Stub artifacts;

    /** Sends the spec, the content, then the end with its hash and size. The file may have any size. */
    static Artifact attempt(Path path, ArtifactSpec spec) throws Exception {
        var call = artifacts.withDeadlineAfter(60, TimeUnit.SECONDS).uploadArtifact();
        try (var file = Files.newInputStream(path)) {
            var sha256 = MessageDigest.getInstance("SHA-256");
            var piece = new byte[256 * 1024];
            // A write that returns false only says that the response is there, perhaps a success: read returns it.
            var going = call.write(UploadArtifactRequest.newBuilder().setSpec(spec).build());
            for (int n; going && (n = file.read(piece)) > 0; ) {
                sha256.update(piece, 0, n);
                going = call.write(UploadArtifactRequest.newBuilder().setData(ByteString.copyFrom(piece, 0, n)).build());
            }
            if (going) {
                var end = UploadEnd.newBuilder().setContentHash(hash(sha256)).setSizeBytes(Files.size(path));
                call.write(UploadArtifactRequest.newBuilder().setEnd(end).build());
                call.halfClose();
            }
            return call.read().getArtifact();
        } finally {
            call.cancel("no longer needed", null);
        }
    }

    /** Retries: under its idempotency key the write happens once. */
    static Artifact upload(Path path, ArtifactSpec spec) throws Exception {
        for (int attempts = 4; ; attempts--) {
            try {
                return attempt(path, spec);
            } catch (StatusException error) {
                var said = trailer(error, "cairn-retry");
                var lost = Set.of(Status.Code.UNAVAILABLE, Status.Code.DEADLINE_EXCEEDED).contains(error.getStatus().getCode());
                if (attempts == 1 || !(said == null ? lost : said.equals("yes"))) throw error;
            }
        }
    }

    /** What the server says in plain text. It is null for an error of a proxy or the network. */
    static String trailer(StatusException error, String name) {
        var trailers = error.getTrailers();
        return trailers == null ? null : trailers.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
    }

    static String hash(MessageDigest sha256) {
        return "sha256:" + HexFormat.of().formatHex(sha256.digest());
    }

    static void check(boolean holds, String what) {
        if (!holds) throw new IllegalStateException("this should hold and does not: " + what);
    }

    public static void main(String[] arguments) throws Exception {
        var channel = Grpc.newChannelBuilder(System.getenv("CAIRN_GRPC_TARGET"), InsecureChannelCredentials.create()).build();
        var headers = new Metadata();
        headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + System.getenv("CAIRN_API_KEY"));
        var authorize = MetadataUtils.newAttachHeadersInterceptor(headers);
        artifacts = ArtifactServiceGrpc.newBlockingV2Stub(channel).withInterceptors(authorize);
        var sessions = SessionServiceGrpc.newBlockingV2Stub(channel).withInterceptors(authorize);

        var path = Path.of(arguments[0]);
        var session = "java-" + UUID.randomUUID();
        var watch = sessions.watchSession(WatchSessionRequest.newBuilder().setSessionId(session).setUntilSealed(true).build());
        var spec = ArtifactSpec.newBuilder().setFilename(path.getFileName().toString()).setSessionId(session)
                .setAgentId("example").setIdempotencyKey(UUID.randomUUID().toString()).build();

        var made = upload(path, spec);
        check(upload(path, spec).getArtifactId().equals(made.getArtifactId()), "the same key returns the same artifact");

        for (var artifact : artifacts.listArtifacts(ListArtifactsRequest.newBuilder().setSessionId(session).build()).getArtifactsList())
            System.out.printf("%s v%d, %d bytes%n", artifact.getFilename(), artifact.getVersion(), artifact.getSizeBytes());

        var sha256 = MessageDigest.getInstance("SHA-256");
        var content = artifacts.downloadArtifact(DownloadArtifactRequest.newBuilder().setArtifactId(made.getArtifactId()).build());
        var end = DownloadEnd.getDefaultInstance();
        while (content.hasNext()) {
            var message = content.read();
            sha256.update(message.getData().asReadOnlyByteBuffer());
            end = message.getEnd();
        }
        check(hash(sha256).equals(end.getContentHash()), "the downloaded bytes are those that were uploaded");

        sessions.sealSession(SealSessionRequest.newBuilder().setSessionId(session).build());
        try {
            upload(path, ArtifactSpec.newBuilder().setFilename("late").setSessionId(session).setAgentId("example").build());
            check(false, "a sealed session takes no write");
        } catch (StatusException error) {
            if (!"SESSION_SEALED".equals(trailer(error, "cairn-reason"))) throw error;
            System.out.println("sealed: no more uploads");
        }

        while (watch.hasNext())
            for (var event : watch.read().getEventsList())
                System.out.println(event.getPosition() + " " + event.getType() + " " + event.getArtifact().getFilename());
        channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }
}
