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
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	cairn "example/gen/cairn/v1"
)

// attempt sends the spec, the content, then the end with its hash and size. The file may have any size.
func attempt(ctx context.Context, artifacts cairn.ArtifactServiceClient, path string, spec *cairn.ArtifactSpec) (*cairn.Artifact, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	stream, err := artifacts.UploadArtifact(ctx)
	if err != nil {
		return nil, err
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
			return nil, err
		}
		hash.Write(piece[:n])
		size += int64(n)
		sent = stream.Send(&cairn.UploadArtifactRequest{Message: &cairn.UploadArtifactRequest_Data{Data: piece[:n]}})
	}
	answer, err := stream.CloseAndRecv()
	return answer.GetArtifact(), err
}

// upload retries: under its idempotency key the write happens once.
func upload(ctx context.Context, artifacts cairn.ArtifactServiceClient, path string, spec *cairn.ArtifactSpec) (made *cairn.Artifact, err error) {
	for range 4 {
		made, err = attempt(ctx, artifacts, path, spec)
		switch status.Code(err) {
		case codes.Unavailable, codes.DeadlineExceeded:
			continue
		}
		break
	}
	return made, err
}

// reason is what programs branch on. It is empty for an error of a proxy or the network.
func reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return ""
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
	made, err := upload(ctx, artifacts, path, spec)
	if err != nil {
		return err
	}
	if again, err := upload(ctx, artifacts, path, spec); err != nil || again.ArtifactId != made.ArtifactId {
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
	hash := sha256.New()
	for {
		message, err := content.Recv()
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		hash.Write(message.GetData())
	}
	if fmt.Sprintf("sha256:%x", hash.Sum(nil)) != made.ContentHash {
		return errors.New("the downloaded bytes are not those that were uploaded")
	}

	if _, err := sessions.SealSession(ctx, &cairn.SealSessionRequest{SessionId: session}); err != nil {
		return err
	}
	_, err = upload(ctx, artifacts, path, &cairn.ArtifactSpec{Filename: "late", SessionId: session, AgentId: "example"})
	if reason(err) != "SESSION_SEALED" {
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
