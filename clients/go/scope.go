package cairn

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"cairn/clients/go/cairnv1"
	"cairn/clients/go/filter"
)

// A Scope is the files of a session, of a user in a namespace, or of both.
//
// The scope is what session, namespace and user say together: the same filename in another scope is another file. It is cheap:
// it is no connection, and nothing has to exist. A filename names the latest version.
type Scope struct {
	client *Client
	place  Place
	// made collects what a publication makes; nil outside of one.
	made *made
}

// As returns the same scope, written to by this agent.
func (s *Scope) As(agent string) *Scope {
	other := *s
	other.place.Agent = agent
	return &other
}

// Place is the scope as data.
func (s *Scope) Place() Place { return s.place }

func (s *Scope) name(filename string, version int64) *cairnv1.ArtifactName {
	return &cairnv1.ArtifactName{
		Filename: filename, SessionId: s.place.Session, Namespace: s.place.Namespace, UserId: s.place.User, Version: version,
	}
}

// Push stores the next version of a file and returns its record. Its bytes are verified.
//
// A reader that can seek, such as a file, is read twice, and as often as retries take; it is at its end afterwards. Content over
// 64 MiB is sent by a resumable upload, which goes on after a lost connection, and when the same push is made again after the
// death of the process. Another reader of more than 1 MiB is sent once, without retries and without a derived key.
func (s *Scope) Push(ctx context.Context, name string, from io.Reader, options *PushOptions) (*Artifact, error) {
	it, err := s.upload(name, options)
	if err != nil {
		return nil, err
	}
	return it.push(ctx, from)
}

// PushBytes stores bytes as Push does.
func (s *Scope) PushBytes(ctx context.Context, name string, content []byte, options *PushOptions) (*Artifact, error) {
	return s.Push(ctx, name, bytes.NewReader(content), options)
}

// PushFile stores a local file as Push does, and whether it may be executed.
func (s *Scope) PushFile(ctx context.Context, name, path string, options *PushOptions) (*Artifact, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	it, err := s.upload(name, options)
	if err != nil {
		return nil, err
	}
	describe(it.spec, info)
	return it.push(ctx, file)
}

// Create stores the first version of a file. It fails with fs.ErrExist if the file has a visible version.
func (s *Scope) Create(ctx context.Context, name string, from io.Reader, options *PushOptions) (*Artifact, error) {
	given := PushOptions{}
	if options != nil {
		given = *options
	}
	given.IfAbsent = true
	return s.Push(ctx, name, from, &given)
}

// edits is how often an edit is tried while other writers are faster.
const edits = 32

// Edit reads a file, changes its content, and stores the next version if no other writer was faster; else it does so again. A
// change that returns an error ends it.
func (s *Scope) Edit(ctx context.Context, name string, change func(old []byte) ([]byte, error), options *PushOptions) (*Artifact, error) {
	given := PushOptions{}
	if options != nil {
		given = *options
	}
	given.Fresh, given.Key = true, ""
	create := given.IfAbsent
	for attempt := 1; ; attempt++ {
		var old []byte
		given.IfVersion, given.IfAbsent = 0, false
		reader, err := s.Open(ctx, name, nil)
		switch {
		case err == nil:
			given.IfVersion = reader.Artifact().Version
			if old, err = reader.all(); err != nil {
				return nil, err
			}
		case create && errors.Is(err, fs.ErrNotExist):
			given.IfAbsent = true
		default:
			return nil, err
		}
		changed, err := change(old)
		if err != nil {
			return nil, err
		}
		artifact, err := s.PushBytes(ctx, name, changed, &given)
		if ReasonOf(err) != VersionConflict || attempt == edits {
			return artifact, err
		}
		if err := sleep(ctx, rand.N(time.Duration(attempt)*20*time.Millisecond)); err != nil {
			return nil, err
		}
	}
}

// CopyOptions say what is copied, and where to.
type CopyOptions struct {
	PushOptions
	// Version is the one to copy; 0 is the latest.
	Version int64
	// Into is another scope; nil is the same one.
	Into *Scope
}

// Copy makes a version of another name, or in another scope, with the same bytes, which are not moved. Of the record only the
// content type is copied. An empty name is the same one.
func (s *Scope) Copy(ctx context.Context, name, to string, options *CopyOptions) (*Artifact, error) {
	if options == nil {
		options = &CopyOptions{}
	}
	into := options.Into
	if into == nil {
		into = s
	}
	spec, err := options.spec(into, to)
	if err != nil {
		return nil, err
	}
	if spec.IdempotencyKey = options.Key; spec.IdempotencyKey == "" {
		spec.IdempotencyKey = freshKey()
	}
	request := &cairnv1.CopyArtifactRequest{Name: s.name(name, options.Version), Spec: spec}
	answer, err := unary(ctx, s.client.connection, s.client.connection.artifacts.CopyArtifact, request)
	if err != nil {
		return nil, refused(err, spec)
	}
	artifact := artifactOf(answer.Artifact)
	into.add(artifact)
	return artifact, nil
}

// Move copies the latest version to another name, then deletes all versions of this one. That is two steps, and the history does
// not move along: a version that another writer pushes between them is deleted too.
func (s *Scope) Move(ctx context.Context, name, to string, options *CopyOptions) (*Artifact, error) {
	if s.made != nil {
		return nil, invalid("name", "cannot be moved in a publication: copy in it, and delete after it")
	}
	if to == "" || (to == name && (options == nil || options.Into == nil)) {
		return nil, invalid("to", "must be another name")
	}
	artifact, err := s.Copy(ctx, name, to, options)
	if err != nil {
		return nil, err
	}
	_, err = s.Delete(ctx, name)
	return artifact, err
}

// Changes are what to change of a record. Fields that are nil or empty do not change.
type Changes struct {
	// Metadata has pairs to set, and Remove names of pairs to remove. Others stay.
	Metadata map[string]string
	Remove   []string
	Title    *string
	Stage    Stage
	// Labels replace all labels; nil is no change, and an empty list removes all.
	Labels []string
	// TTL is from now.
	TTL        time.Duration
	Persistent *bool
	// ETag is that which the record must have, else VERSION_CONFLICT.
	ETag string
	// Version is the one to change; 0 is the latest.
	Version int64
}

// Update changes the record of a version.
func (s *Scope) Update(ctx context.Context, name string, changes Changes) (*Artifact, error) {
	stage, err := numberOf(stageNames, changes.Stage, "stage")
	if err != nil {
		return nil, err
	}
	request := &cairnv1.UpdateArtifactRequest{
		Name:           s.name(name, changes.Version),
		UpdateMask:     &fieldmaskpb.FieldMask{},
		Metadata:       changes.Metadata,
		Labels:         changes.Labels,
		Stage:          cairnv1.ArtifactStage(stage),
		Etag:           changes.ETag,
		AgentId:        s.place.Agent,
		IdempotencyKey: freshKey(),
	}
	change := func(path string, given bool) {
		if given {
			request.UpdateMask.Paths = append(request.UpdateMask.Paths, path)
		}
	}
	for pair := range changes.Metadata {
		change("metadata."+pair, true)
	}
	for _, pair := range changes.Remove {
		change("metadata."+pair, true)
	}
	change("stage", stage != 0)
	change("labels", changes.Labels != nil)
	change("expiry", changes.TTL != 0)
	if changes.Title != nil {
		change("title", true)
		request.Title = *changes.Title
	}
	if changes.Persistent != nil {
		change("persistent", true)
		request.Persistent = *changes.Persistent
	}
	switch {
	case changes.TTL == Longest:
		request.Expiry = &cairnv1.UpdateArtifactRequest_Longest{Longest: true}
	case changes.TTL == NeverExpires:
		request.Expiry = &cairnv1.UpdateArtifactRequest_NeverExpires{NeverExpires: true}
	case changes.TTL != 0:
		request.Expiry = &cairnv1.UpdateArtifactRequest_Ttl{Ttl: milliseconds(changes.TTL)}
	}
	answer, err := unary(ctx, s.client.connection, s.client.connection.artifacts.UpdateArtifact, request)
	if err != nil {
		return nil, err
	}
	return artifactOf(answer.Artifact), nil
}

// Delete deletes a file with all of its versions. [Client.Restore] undoes it for seven days, if the operator has not changed
// that. It fails with fs.ErrNotExist if there is none.
func (s *Scope) Delete(ctx context.Context, name string) (*Deletion, error) {
	return s.delete(ctx, &cairnv1.DeleteArtifactRequest{Name: s.name(name, 0), AllVersions: true})
}

// DeleteVersion deletes one version of a file. The one before it becomes the latest.
func (s *Scope) DeleteVersion(ctx context.Context, name string, version int64) (*Deletion, error) {
	if version < 1 {
		return nil, invalid("version", "must be 1 or more; Delete deletes all")
	}
	return s.delete(ctx, &cairnv1.DeleteArtifactRequest{Name: s.name(name, version)})
}

func (s *Scope) delete(ctx context.Context, request *cairnv1.DeleteArtifactRequest) (*Deletion, error) {
	request.IdempotencyKey = freshKey()
	answer, err := unary(ctx, s.client.connection, s.client.connection.artifacts.DeleteArtifact, request)
	if err != nil {
		return nil, err
	}
	if answer.Job != nil {
		job, err := s.client.waitFor(ctx, answer.Job)
		if err != nil {
			return nil, err
		}
		return &Deletion{Count: job.DoneCount, Size: job.SizeBytes}, nil
	}
	count := answer.DeletedCount
	if !request.AllVersions {
		count = 1
	}
	return &Deletion{count, answer.SizeBytes, answer.NotDeletedArtifactIds}, nil
}

// Get returns the record of the latest version. It fails with fs.ErrNotExist if there is none, or it has expired or was deleted.
func (s *Scope) Get(ctx context.Context, name string) (*Artifact, error) {
	return s.GetVersion(ctx, name, 0)
}

// GetVersion returns the record of a version; 0 is the latest one.
func (s *Scope) GetVersion(ctx context.Context, name string, version int64) (*Artifact, error) {
	return s.client.get(ctx, &cairnv1.GetArtifactRequest{Name: s.name(name, version)})
}

// Exists reports whether there is such a file.
func (s *Scope) Exists(ctx context.Context, name string) (bool, error) {
	_, err := s.Get(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Open begins to read a version, which the reader stays at. It fails with fs.ErrNotExist if there is none.
func (s *Scope) Open(ctx context.Context, name string, options *ReadOptions) (*Reader, error) {
	var version int64
	if options != nil {
		version = options.Version
	}
	return s.client.open(ctx, &cairnv1.DownloadArtifactRequest{Name: s.name(name, version)}, options)
}

// ReadFile returns the content, or a part of it. All of a content is verified.
func (s *Scope) ReadFile(ctx context.Context, name string, options *ReadOptions) ([]byte, error) {
	reader, err := s.Open(ctx, name, options)
	if err != nil {
		return nil, err
	}
	return reader.all()
}

// Pull writes the content, or a part of it, to a writer, and returns the record. What was written is good if the error is nil.
func (s *Scope) Pull(ctx context.Context, name string, to io.Writer, options *ReadOptions) (*Artifact, error) {
	reader, err := s.Open(ctx, name, options)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	_, err = reader.WriteTo(to)
	return reader.Artifact(), err
}

// List returns the files of the scope: the latest version of each, by name, unless the options say otherwise. Pages are read when
// they are wanted.
func (s *Scope) List(ctx context.Context, options *ListOptions) iter.Seq2[*Artifact, error] {
	return s.client.list(ctx, s.listRequest(), options)
}

// Find returns the files of which the latest version matches all conditions, newest first.
func (s *Scope) Find(ctx context.Context, conditions ...filter.Condition) iter.Seq2[*Artifact, error] {
	return s.List(ctx, &ListOptions{NewestFirst: true, Where: filter.And(conditions...)})
}

// An Entry is a file or a folder in a folder.
type Entry struct {
	// Name is the whole filename, or that of a folder with "/" at its end.
	Name string
	// Artifact is nil for a folder.
	Artifact *Artifact
}

// Entries returns one level, like a folder: the folders and the latest versions of the files in it. "" is the root.
func (s *Scope) Entries(ctx context.Context, folder string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		request := s.listRequest()
		(*ListOptions)(nil).apply(request)
		request.Delimiter = "/"
		if folder != "" {
			request.FilenamePrefix = folder + "/"
		}
		call := s.client.connection.artifacts.ListArtifacts
		for page, err := range pages(ctx, s.client.connection, call, request, func(token string) { request.PageToken = token }) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, prefix := range page.Prefixes {
				if !yield(Entry{Name: prefix}, nil) {
					return
				}
			}
			for _, it := range page.Artifacts {
				if !yield(Entry{it.Filename, artifactOf(it)}, nil) {
					return
				}
			}
		}
	}
}

// Versions returns the visible versions of a file, newest first.
func (s *Scope) Versions(ctx context.Context, name string) iter.Seq2[*Artifact, error] {
	request := &cairnv1.ListVersionsRequest{PageSize: pageSize, Name: s.name(name, 0)}
	call := s.client.connection.artifacts.ListVersions
	read := pages(ctx, s.client.connection, call, request, func(token string) { request.PageToken = token })
	return items(read, (*cairnv1.ListVersionsResponse).GetArtifacts, artifactOf)
}

func (s *Scope) listRequest() *cairnv1.ListArtifactsRequest {
	// An empty field of the request is no condition, so that of a scope needs to be one.
	var empty []filter.Condition
	for _, it := range []struct {
		field filter.Text
		value string
	}{{filter.Session, s.place.Session}, {filter.Namespace, s.place.Namespace}, {filter.User, s.place.User}} {
		if it.value == "" {
			empty = append(empty, it.field.Is(""))
		}
	}
	return &cairnv1.ListArtifactsRequest{
		SessionId: s.place.Session,
		Namespace: s.place.Namespace,
		UserId:    s.place.User,
		Filter:    string(filter.And(empty...)),
	}
}
