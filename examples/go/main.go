// Uploads a file, lists it, downloads and verifies it, seals the session and reads its events: example FILE
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	cairn "example/gen/cairn/v1"
)

// attempt sends the spec, the content, then the end with its hash and size. The file may have any size.
func attempt(ctx context.Context, artifacts cairn.ArtifactServiceClient, path string, spec *cairn.ArtifactSpec) (*cairn.Artifact, metadata.MD, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	stream, err := artifacts.UploadArtifact(ctx)
	if err != nil {
		return nil, nil, err
	}
	hash, size, piece := sha256.New(), int64(0), make([]byte, 256<<10)
	// An error of Send only says that the response is there, perhaps a success: CloseAndRecv returns it.
	sent := stream.Send(&cairn.UploadArtifactRequest{Message: &cairn.UploadArtifactRequest_Spec{Spec: spec}})
	for sent == nil {
		n, err := file.Read(piece)
		if err == io.EOF {
			end := &cairn.UploadEnd{ContentHash: fmt.Sprintf("sha256:%x", hash.Sum(nil)), SizeBytes: &size}
			stream.Send(&cairn.UploadArtifactRequest{Message: &cairn.UploadArtifactRequest_End{End: end}})
			break
		} else if err != nil {
			return nil, nil, err
		}
		hash.Write(piece[:n])
		size += int64(n)
		sent = stream.Send(&cairn.UploadArtifactRequest{Message: &cairn.UploadArtifactRequest_Data{Data: piece[:n]}})
	}
	answer, err := stream.CloseAndRecv()
	return answer.GetArtifact(), stream.Trailer(), err
}

// upload retries: under its idempotency key the write happens once. On an error it also returns the reason, which is empty
// for an error of a proxy or the network.
func upload(ctx context.Context, artifacts cairn.ArtifactServiceClient, path string, spec *cairn.ArtifactSpec) (made *cairn.Artifact, reason string, err error) {
	for range 4 {
		var trailer metadata.MD
		made, trailer, err = attempt(ctx, artifacts, path, spec)
		reason = strings.Join(trailer.Get("cairn-reason"), "")
		lost := reason == "" && (status.Code(err) == codes.Unavailable || status.Code(err) == codes.DeadlineExceeded)
		if !lost && !slices.Contains(trailer.Get("cairn-retry"), "yes") {
			break
		}
	}
	return made, reason, err
}

func run(ctx context.Context, path string) error {
	channel, err := grpc.NewClient(os.Getenv("CAIRN_GRPC_TARGET"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer channel.Close()
	artifacts, sessions := cairn.NewArtifactServiceClient(channel), cairn.NewSessionServiceClient(channel)
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("CAIRN_API_KEY"))

	session := "go-" + rand.Text()
	watch, err := sessions.WatchSession(ctx, &cairn.WatchSessionRequest{SessionId: session, UntilSealed: true})
	if err != nil {
		return err
	}
	spec := &cairn.ArtifactSpec{Filename: filepath.Base(path), SessionId: session, AgentId: "example", IdempotencyKey: rand.Text()}
	made, _, err := upload(ctx, artifacts, path, spec)
	if err != nil {
		return err
	}
	if again, _, err := upload(ctx, artifacts, path, spec); err != nil || again.ArtifactId != made.ArtifactId {
		return fmt.Errorf("the same key returned another artifact: %v, %w", again, err)
	}

	found, err := artifacts.ListArtifacts(ctx, &cairn.ListArtifactsRequest{SessionId: session})
	if err != nil {
		return err
	}
	for _, artifact := range found.Artifacts {
		fmt.Printf("%s v%d, %d bytes\n", artifact.Filename, artifact.Version, artifact.SizeBytes)
	}

	content, err := artifacts.DownloadArtifact(ctx, &cairn.DownloadArtifactRequest{ArtifactId: made.ArtifactId})
	if err != nil {
		return err
	}
	hash, end := sha256.New(), (*cairn.DownloadEnd)(nil)
	for end == nil {
		message, err := content.Recv()
		if err != nil {
			return err
		}
		hash.Write(message.GetData())
		end = message.GetEnd()
	}
	if fmt.Sprintf("sha256:%x", hash.Sum(nil)) != end.ContentHash {
		return errors.New("the downloaded bytes are not those that were uploaded")
	}

	if _, err := sessions.SealSession(ctx, &cairn.SealSessionRequest{SessionId: session}); err != nil {
		return err
	}
	_, reason, err := upload(ctx, artifacts, path, &cairn.ArtifactSpec{Filename: "late", SessionId: session, AgentId: "example"})
	if reason != "SESSION_SEALED" {
		return fmt.Errorf("a sealed session took a write: %w", err)
	}
	fmt.Println("sealed: no more uploads")

	for {
		message, err := watch.Recv()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		for _, event := range message.Events {
			fmt.Println(event.Position, event.Type, event.GetArtifact().GetFilename())
		}
	}
}

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
