package cairn

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"cairn/clients/go/cairnv1"
)

// discardTime is how long throwing away may take after the caller's context has ended.
const discardTime = 15 * time.Second

// made collects the ids of what a publication makes.
type made struct {
	mutex sync.Mutex
	ids   []string
}

func (s *Scope) add(artifact *Artifact) {
	if s.made != nil {
		s.made.mutex.Lock()
		defer s.made.mutex.Unlock()
		s.made.ids = append(s.made.ids, artifact.ID)
	}
}

// PublishOptions say what a publication does besides.
type PublishOptions struct {
	// Seal seals the session in the same transaction.
	Seal bool
}

// Published is what a publication did.
type Published struct {
	// Versions has the version of each file.
	Versions map[string]int64
	// Session is as it was right after; nil if nothing was pushed and nothing sealed.
	Session *SessionInfo
}

// Publish is a transaction: what write pushes into its scope, and copies within or into it, becomes visible when write returns
// nil, all at once. If write returns an error or panics, none of it ever does. Up to 5,000 artifacts; their versions are assigned
// when they are published. Reads see what was visible before. Deletions and changes of records take effect at once.
func (s *Scope) Publish(ctx context.Context, write func(tx *Scope) error, options *PublishOptions) (*Published, error) {
	if s.made != nil {
		return nil, invalid("scope", "is a publication already")
	}
	if options == nil {
		options = &PublishOptions{}
	}
	tx := *s
	tx.made = &made{}
	done := false
	defer func() {
		if !done {
			tx.discard(ctx)
		}
	}()
	if err := write(&tx); err != nil {
		return nil, err
	}
	published, err := s.commit(ctx, tx.made.ids, options.Seal)
	var known *Error
	// What may have been published must not be deleted.
	done = err == nil || !errors.As(err, &known) || known.Reason == "" || known.mayRetry() || known.Reason == Internal
	return published, err
}

func (s *Scope) commit(ctx context.Context, ids []string, seal bool) (*Published, error) {
	published := &Published{Versions: map[string]int64{}}
	if len(ids) == 0 {
		if !seal {
			return published, nil
		}
		session, err := s.Seal(ctx)
		published.Session = session
		return published, err
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	request := &cairnv1.CommitSessionRequest{
		SessionId:      s.place.Session,
		ArtifactIds:    ids,
		Seal:           seal,
		IdempotencyKey: keyForCommit(s.place.Session, ids, seal),
	}
	answer, err := unary(ctx, s.client.connection, s.client.connection.sessions.CommitSession, request)
	if err != nil {
		return nil, err
	}
	for _, artifact := range answer.Artifacts {
		published.Versions[artifact.Filename] = artifact.Version
	}
	published.Session = sessionOf(answer.Session)
	return published, nil
}

// discard throws away what was pushed and is not published. What cannot be thrown away now, the store discards within a day.
func (s *Scope) discard(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTime)
	defer cancel()
	ids := s.made.ids
	_ = parallel(ctx, len(ids), func(ctx context.Context, index int) error {
		request := &cairnv1.DeleteArtifactRequest{ArtifactId: ids[index], IdempotencyKey: freshKey()}
		_, err := unary(ctx, s.client.connection, s.client.connection.artifacts.DeleteArtifact, request)
		var known *Error
		if errors.As(err, &known) && known.mayRetry() {
			// If the store does not answer in time, the next deletion would wait as long.
			return err
		}
		return nil
	})
}
