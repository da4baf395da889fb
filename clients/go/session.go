package cairn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"cairn/clients/go/cairnv1"
)

// Info returns the record of the session. It fails with fs.ErrNotExist if nothing was ever made in it.
func (s *Scope) Info(ctx context.Context) (*SessionInfo, error) {
	request := &cairnv1.GetSessionRequest{SessionId: s.place.Session}
	answer, err := unary(ctx, s.client.connection, s.client.connection.sessions.GetSession, request)
	if err != nil {
		return nil, err
	}
	return sessionOf(answer.Session), nil
}

// Label gives the session labels, in place of those that it has. It creates the session if it does not exist.
func (s *Scope) Label(ctx context.Context, labels ...string) (*SessionInfo, error) {
	return s.updateSession(ctx, &cairnv1.UpdateSessionRequest{Labels: labels}, "labels")
}

// Rename gives the session a name for people. It creates the session if it does not exist.
func (s *Scope) Rename(ctx context.Context, displayName string) (*SessionInfo, error) {
	return s.updateSession(ctx, &cairnv1.UpdateSessionRequest{DisplayName: displayName}, "display_name")
}

func (s *Scope) updateSession(ctx context.Context, request *cairnv1.UpdateSessionRequest, path string) (*SessionInfo, error) {
	request.SessionId, request.AllowMissing, request.IdempotencyKey = s.place.Session, true, freshKey()
	request.UpdateMask = &fieldmaskpb.FieldMask{Paths: []string{path}}
	answer, err := unary(ctx, s.client.connection, s.client.connection.sessions.UpdateSession, request)
	if err != nil {
		return nil, err
	}
	return sessionOf(answer.Session), nil
}

// Seal seals the session for good: nothing can be added from then on.
func (s *Scope) Seal(ctx context.Context) (*SessionInfo, error) {
	request := &cairnv1.SealSessionRequest{SessionId: s.place.Session, IdempotencyKey: freshKey()}
	answer, err := unary(ctx, s.client.connection, s.client.connection.sessions.SealSession, request)
	if err != nil {
		return nil, err
	}
	return sessionOf(answer.Session), nil
}

// Verify reads the manifest of the sealed session and computes its digest here, so that the server's need not be believed. It
// fails with SESSION_NOT_SEALED while the session is open.
func (s *Scope) Verify(ctx context.Context) (*Manifest, error) {
	request := &cairnv1.ListManifestRequest{SessionId: s.place.Session, PageSize: pageSize}
	call := s.client.connection.sessions.ListManifest
	var entries []*cairnv1.ManifestEntry
	for page, err := range pages(ctx, s.client.connection, call, request, func(token string) { request.PageToken = token }) {
		if err != nil {
			return nil, err
		}
		entries = append(entries, page.Entries...)
	}
	session, err := s.Info(ctx)
	if err != nil {
		return nil, err
	}
	return &Manifest{session.ManifestHash, manifestHash(entries), len(entries)}, nil
}

// manifestHash is the SHA-256 of one line for each entry, sorted by bytes.
func manifestHash(entries []*cairnv1.ManifestEntry) string {
	var lines []string
	for _, it := range entries {
		lines = append(lines, fmt.Sprintf("%s\t%d\t%s\t%d\t%s\n", it.Filename, it.Version, it.ArtifactId, it.SizeBytes, it.ContentHash))
	}
	slices.Sort(lines)
	digest := sha256.New()
	for _, line := range lines {
		_, _ = io.WriteString(digest, line)
	}
	return "sha256:" + hex.EncodeToString(digest.Sum(nil))
}

// LinkOptions limit a link.
type LinkOptions struct {
	// Version is the one to link to; 0 is the latest now.
	Version int64
	// Expires is from now; 0 is 7 days, or less if the operator has limited the tenant.
	Expires time.Duration
	// MaxDownloads of 0 is no limit.
	MaxDownloads int64
	// Password is what a reader must give; empty: none.
	Password string
}

// Link makes a public URL of one version of a file.
func (s *Scope) Link(ctx context.Context, name string, options *LinkOptions) (*Link, error) {
	request := &cairnv1.CreateLinkRequest{Name: s.name(name, 0)}
	if options != nil {
		request.Name.Version = options.Version
	}
	return s.link(ctx, request, options)
}

// LinkSession makes a public URL of everything in the session, or in one folder of it, also of what is added later.
func (s *Scope) LinkSession(ctx context.Context, folder string, options *LinkOptions) (*Link, error) {
	return s.link(ctx, &cairnv1.CreateLinkRequest{SessionId: s.place.Session, Folder: folder}, options)
}

func (s *Scope) link(ctx context.Context, request *cairnv1.CreateLinkRequest, options *LinkOptions) (*Link, error) {
	if options != nil {
		request.MaxDownloads, request.Password = options.MaxDownloads, options.Password
		if options.Expires != 0 {
			request.ExpiresIn = milliseconds(options.Expires)
		}
	}
	request.IdempotencyKey = freshKey()
	answer, err := unary(ctx, s.client.connection, s.client.connection.links.CreateLink, request)
	if err != nil {
		return nil, err
	}
	return linkOf(answer.Link), nil
}

// WatchOptions say which events to return.
type WatchOptions struct {
	// After is the position after which to begin; 0 is the first event.
	After int64
	// OnlyNew begins now.
	OnlyNew bool
	// UntilSealed ends after the seal.
	UntilSealed bool
}

// Watch returns the events of the session, each once and in order, as they happen, across lost connections. It goes on until the
// caller ends the loop or the context. It fails with EVENTS_EXPIRED if events after the position are no longer kept.
func (s *Scope) Watch(ctx context.Context, options *WatchOptions) iter.Seq2[*Event, error] {
	if options == nil {
		options = &WatchOptions{}
	}
	return func(yield func(*Event, error) bool) {
		request := &cairnv1.WatchSessionRequest{
			SessionId: s.place.Session, AfterPosition: options.After, OnlyNew: options.OnlyNew, UntilSealed: options.UntilSealed,
		}
		var again retries
		for {
			goOn, err := s.watch(ctx, request, &again, yield)
			if !goOn {
				return
			}
			if err := again.wait(ctx, err); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// watch reads one stream. It goes on, after an error, unless the stream or the caller ended the watch.
func (s *Scope) watch(
	ctx context.Context, request *cairnv1.WatchSessionRequest, again *retries, yield func(*Event, error) bool,
) (goOn bool, err error) {
	guarded, dog := guarded(ctx)
	defer dog.end()
	stream, err := s.client.connection.events.WatchSession(guarded, request)
	for err == nil {
		var message *cairnv1.WatchSessionResponse
		dog.expect(quiet)
		message, err = stream.Recv()
		dog.pause()
		if err != nil {
			break
		}
		// The server answered, so the next loss has all retries again. The next stream begins after the position.
		*again, request.OnlyNew = retries{}, false
		for _, event := range message.Events {
			request.AfterPosition = event.Position
			if !yield(eventOf(event), nil) {
				return false, nil
			}
		}
		request.AfterPosition = message.Position
	}
	if err == io.EOF {
		return !request.UntilSealed, lost("the server ended the stream")
	}
	return true, explain(ctx, guarded, err, s.client.Address())
}
