package cairn

import (
	"context"
	"errors"
	"iter"
	"os"
	"time"

	"google.golang.org/grpc"

	"cairn/clients/go/cairnv1"
	"cairn/clients/go/filter"
)

// A Client is a connection to a store, from which scopes are taken.
type Client struct {
	connection *connection
	repeats    *repeats
}

// Connect returns a client of the store that the configuration names, or the environment. The first call connects.
//
// It fails with [ErrConfiguration] if something of it is missing or malformed.
func Connect(config Config) (*Client, error) {
	it, err := config.load(os.Getenv)
	if err != nil {
		return nil, err
	}
	connection, err := dial(it, config.DialOptions)
	if err != nil {
		return nil, err
	}
	return &Client{connection, newRepeats()}, nil
}

// Close ends the connection, and with it the calls that are under way.
func (c *Client) Close() error {
	return errors.Join(c.connection.calls.Close(), c.connection.watches.Close())
}

// Address is where the store is.
func (c *Client) Address() string { return c.connection.address }

// Conn is the connection, with the credential, for the stubs of package cairnv1. Calls on it are not repeated, except those
// of ReadService.
func (c *Client) Conn() grpc.ClientConnInterface { return c.connection.calls }

// Place is a scope as data, and who writes. Ids are your own: 1 to 255 bytes of UTF-8 without control characters, or empty.
type Place struct {
	Session, Namespace, User string
	// Agent is only who writes; it is no part of the scope.
	Agent string
}

// Scope returns the files of a session, of a user in a namespace, or of both. Nothing has to exist yet.
func (c *Client) Scope(place Place) *Scope { return &Scope{client: c, place: place} }

// Session returns the files of a session that belong to no namespace and no user.
func (c *Client) Session(id string) *Scope { return c.Scope(Place{Session: id}) }

// WhoAmI returns who the caller is, and how much it may store.
func (c *Client) WhoAmI(ctx context.Context) (*Identity, error) {
	it, err := unary(ctx, c.connection, c.connection.identity.WhoAmI, &cairnv1.WhoAmIRequest{})
	if err != nil {
		return nil, err
	}
	return &Identity{
		Tenant:          it.TenantName,
		Workload:        it.Workload,
		ServerVersion:   it.ServerVersion,
		StoredArtifacts: it.StoredArtifacts,
		StoredBytes:     it.StoredBytes,
		MaxArtifacts:    it.MaxArtifacts,
		MaxStoredBytes:  it.MaxStoredBytes,
	}, nil
}

// Artifact returns an artifact by its id. It fails with fs.ErrNotExist if there is none, or it has expired or was deleted.
func (c *Client) Artifact(ctx context.Context, id string) (*Artifact, error) {
	return c.get(ctx, &cairnv1.GetArtifactRequest{ArtifactId: id})
}

func (c *Client) get(ctx context.Context, request *cairnv1.GetArtifactRequest) (*Artifact, error) {
	answer, err := unary(ctx, c.connection, c.connection.artifacts.GetArtifact, request)
	if err != nil {
		return nil, err
	}
	return artifactOf(answer.Artifact), nil
}

// Open reads an artifact by its id, as [Scope.Open] does.
func (c *Client) Open(ctx context.Context, id string, options *ReadOptions) (*Reader, error) {
	return c.open(ctx, &cairnv1.DownloadArtifactRequest{ArtifactId: id}, options)
}

// List returns the latest version of each file of all scopes, by name, as the options say. Pages are read when they are
// wanted.
func (c *Client) List(ctx context.Context, options *ListOptions) iter.Seq2[*Artifact, error] {
	return c.list(ctx, &cairnv1.ListArtifactsRequest{}, options)
}

// Find returns every version, in all scopes, that matches all conditions, newest first.
func (c *Client) Find(ctx context.Context, conditions ...filter.Condition) iter.Seq2[*Artifact, error] {
	return c.List(ctx, &ListOptions{AllVersions: true, NewestFirst: true, Where: filter.And(conditions...)})
}

func (c *Client) list(ctx context.Context, request *cairnv1.ListArtifactsRequest, options *ListOptions) iter.Seq2[*Artifact, error] {
	options.apply(request)
	read := pages(ctx, c.connection, c.connection.artifacts.ListArtifacts, request, func(token string) { request.PageToken = token })
	return items(read, (*cairnv1.ListArtifactsResponse).GetArtifacts, artifactOf)
}

// SessionsOptions choose sessions.
type SessionsOptions struct {
	// Prefix is what their ids start with; then they come by their ids.
	Prefix string
	// Labels that all of them have, at most 8.
	Labels []string
	// Namespace and User: sessions in which an artifact of these was ever published.
	Namespace, User string
}

// Sessions returns sessions, the most recently active first unless the options say otherwise.
func (c *Client) Sessions(ctx context.Context, options *SessionsOptions) iter.Seq2[*SessionInfo, error] {
	if options == nil {
		options = &SessionsOptions{}
	}
	request := &cairnv1.ListSessionsRequest{
		PageSize: pageSize, SessionIdPrefix: options.Prefix, Labels: options.Labels, Namespace: options.Namespace, UserId: options.User,
	}
	read := pages(ctx, c.connection, c.connection.sessions.ListSessions, request, func(token string) { request.PageToken = token })
	return items(read, (*cairnv1.ListSessionsResponse).GetSessions, sessionOf)
}

// Delete deletes up to 1,000 artifacts by their ids, in one transaction. Those under a legal hold are kept.
func (c *Client) Delete(ctx context.Context, ids ...string) (*Deletion, error) {
	request := &cairnv1.DeleteArtifactsRequest{ArtifactIds: ids, IdempotencyKey: freshKey()}
	answer, err := unary(ctx, c.connection, c.connection.artifacts.DeleteArtifacts, request)
	if err != nil {
		return nil, err
	}
	return &Deletion{answer.DeletedCount, answer.SizeBytes, answer.NotDeletedArtifactIds}, nil
}

// Restore undoes the deletion of up to 1,000 artifacts whose delete window is open, and returns how many are visible again.
func (c *Client) Restore(ctx context.Context, ids ...string) (int64, error) {
	request := &cairnv1.RestoreArtifactsRequest{ArtifactIds: ids, IdempotencyKey: freshKey()}
	answer, err := unary(ctx, c.connection, c.connection.artifacts.RestoreArtifacts, request)
	return answer.GetRestoredCount(), err
}

// Revoke ends a link at once.
func (c *Client) Revoke(ctx context.Context, linkID string) error {
	request := &cairnv1.RevokeLinkRequest{LinkId: linkID, IdempotencyKey: freshKey()}
	_, err := unary(ctx, c.connection, c.connection.links.RevokeLink, request)
	return err
}

const firstLook, longestLook = 100 * time.Millisecond, 2 * time.Second

// waitFor waits until a job has ended.
func (c *Client) waitFor(ctx context.Context, job *cairnv1.Job) (*cairnv1.Job, error) {
	for look := firstLook; job.FinishedAt == nil; look = min(2*look, longestLook) {
		if err := sleep(ctx, look); err != nil {
			return nil, err
		}
		answer, err := unary(ctx, c.connection, c.connection.jobs.GetJob, &cairnv1.GetJobRequest{JobId: job.JobId})
		if err != nil {
			return nil, err
		}
		job = answer.Job
	}
	if job.State != cairnv1.JobState_JOB_STATE_SUCCEEDED {
		message := job.JobId + " did not succeed: " + job.LastError
		return nil, &Error{Message: message, Details: map[string]string{"job_id": job.JobId}}
	}
	return job, nil
}
