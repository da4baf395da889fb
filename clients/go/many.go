package cairn

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"cairn/clients/go/cairnv1"
)

const (
	itemsInCall  = 100
	contentBytes = 3 << 20
	otherBytes   = 256 << 10
	itemBytes    = 512
	// A content that is larger than this is sent alone.
	smallItem = 256 << 10
	// The contents of a call are in memory until all of them are there.
	readBytes = 16 << 20
)

// An Item is a file to push with others: its content, or the path of a local file.
type Item struct {
	Name    string
	Content []byte
	// Path is a local file, in place of Content.
	Path string
}

// PushMany stores files, small ones up to 100 in a call and several calls at a time, and returns their records in order. Each
// gets the same options, of which Key and Progress have no effect.
//
// The error is that of the first that failed. Others may have been stored; the same call again repeats none of them.
func (s *Scope) PushMany(ctx context.Context, files []Item, options *PushOptions) ([]*Artifact, error) {
	given := PushOptions{}
	if options != nil {
		given = *options
	}
	given.Key, given.Progress = "", nil
	it := &manyPushes{scope: s, options: &given, files: files, results: make([]*Artifact, len(files))}
	calls, err := it.plan()
	if err == nil {
		err = parallel(ctx, len(calls), func(ctx context.Context, index int) error { return calls[index](ctx) })
	}
	if err != nil {
		// None of them counts as made, so that the same call again repeats those that were.
		for _, undo := range it.undo {
			undo()
		}
		return nil, err
	}
	for _, artifact := range it.results {
		s.add(artifact)
	}
	return it.results, nil
}

type manyPushes struct {
	scope   *Scope
	options *PushOptions
	files   []Item
	results []*Artifact

	mutex sync.Mutex
	undo  []func()
}

type smallFile struct {
	index   int
	upload  *upload
	content []byte
}

// plan makes calls of the files. Their contents are read when a call is made.
func (m *manyPushes) plan() ([]func(context.Context) error, error) {
	var calls []func(context.Context) error
	var group []int
	var content, other int64
	for index, file := range m.files {
		size := int64(len(file.Content))
		if file.Path != "" {
			info, err := os.Stat(file.Path)
			if err != nil {
				return nil, err
			}
			// A file that is no regular one, or says that it is empty, may be of any size.
			if size = info.Size(); !info.Mode().IsRegular() || size == 0 {
				size = smallItem + 1
			}
		}
		if size > smallItem {
			calls = append(calls, func(ctx context.Context) error { return m.alone(ctx, index) })
			continue
		}
		it, err := m.scope.upload(file.Name, m.options)
		if err != nil {
			return nil, err
		}
		more := int64(proto.Size(it.spec)) + itemBytes
		if len(group) == itemsInCall || content+size > contentBytes || other+more > otherBytes {
			full := group
			calls = append(calls, func(ctx context.Context) error { return m.together(ctx, full) })
			group, content, other = nil, 0, 0
		}
		group, content, other = append(group, index), content+size, other+more
	}
	if len(group) > 0 {
		calls = append(calls, func(ctx context.Context) error { return m.together(ctx, group) })
	}
	return calls, nil
}

// read opens a file that is small, or was when it was planned.
func (m *manyPushes) read(index int) (*smallFile, error) {
	file := m.files[index]
	it, err := m.scope.upload(file.Name, m.options)
	if err != nil {
		return nil, err
	}
	found := &smallFile{index, it, file.Content}
	if file.Path != "" {
		info, err := os.Stat(file.Path)
		if err != nil {
			return nil, err
		}
		if found.content, err = os.ReadFile(file.Path); err != nil {
			return nil, err
		}
		describe(it.spec, info)
	}
	hashing := newHashing()
	_, _ = hashing.Write(found.content)
	what := hashing.digest()
	it.spec.ContentHash, it.spec.SizeBytes = what.hash, &what.size
	return found, nil
}

// key is the key of a file's write, which counts as begun.
func (m *manyPushes) key(it *upload) string {
	if m.options.Fresh {
		return freshKey()
	}
	key := keyForUpload(it.spec, "")
	times, undo := it.client.repeats.begin(key)
	it.times = times
	m.mutex.Lock()
	m.undo = append(m.undo, undo)
	m.mutex.Unlock()
	return repeatedKey(key, times)
}

func (m *manyPushes) alone(ctx context.Context, index int) error {
	file := m.files[index]
	it, err := m.scope.upload(file.Name, m.options)
	if err != nil {
		return err
	}
	if file.Path == "" {
		m.results[index], err = it.send(ctx, inMemory(file.Content))
		return err
	}
	opened, err := os.Open(file.Path)
	if err != nil {
		return err
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return err
	}
	describe(it.spec, info)
	m.results[index], err = it.read(ctx, opened)
	return err
}

func (m *manyPushes) together(ctx context.Context, indexes []int) error {
	batch := &cairnv1.BatchCreateArtifactsRequest{}
	var files []*smallFile
	size := 0
	for _, index := range indexes {
		file, err := m.read(index)
		if err != nil {
			return err
		}
		if size += len(file.content); size > contentBytes+smallItem {
			return errors.Join(ErrChanged, &fs.PathError{Op: "read", Path: m.files[index].Path, Err: errors.New("it has grown")})
		}
		spec := proto.CloneOf(file.upload.spec)
		spec.IdempotencyKey = m.key(file.upload)
		files = append(files, file)
		batch.Requests = append(batch.Requests, &cairnv1.CreateArtifactRequest{Spec: spec, Content: file.content})
	}
	connection := m.scope.client.connection
	answer, err := unary(ctx, connection, connection.artifacts.BatchCreateArtifacts, batch)
	if err != nil {
		return err
	}
	if len(answer.Outcomes) != len(files) {
		return corrupted("", "%d files were sent, but %d outcomes came", len(files), len(answer.Outcomes))
	}
	for at, outcome := range answer.Outcomes {
		file := files[at]
		spec := file.upload.spec
		if item := outcome.GetError(); item != nil {
			err := ofItem(item)
			if !err.mayRetry() && err.kind != fs.ErrNotExist {
				return refused(err, spec)
			}
		} else {
			artifact := artifactOf(outcome.GetArtifact())
			if err := (digest{spec.ContentHash, spec.GetSizeBytes()}).check(artifact); err != nil {
				return err
			}
			if artifact.State != StateExpired && artifact.State != StateDeleted {
				m.results[file.index] = artifact
				continue
			}
		}
		// What is under way, or led to an artifact that was deleted since, is handled as when it is the only one.
		artifact, err := file.upload.send(ctx, inMemory(file.content))
		if err != nil {
			return err
		}
		m.results[file.index] = artifact
	}
	return nil
}

// A Content is an artifact with its bytes.
type Content struct {
	*Artifact
	Bytes []byte
}

// ReadMany returns the contents of artifacts, one after another, up to 100 in a call; verified. It ends with the error of the
// first that cannot be read.
func (c *Client) ReadMany(ctx context.Context, artifacts []*Artifact) iter.Seq2[Content, error] {
	return func(yield func(Content, error) bool) {
		for rest := artifacts; len(rest) > 0; {
			count, size := 1, rest[0].Size
			for count < min(len(rest), itemsInCall) && size+rest[count].Size <= readBytes {
				size += rest[count].Size
				count++
			}
			contents, err := retried(ctx, func() ([]Content, error) { return c.readGroup(ctx, rest[:count]) })
			if err != nil {
				yield(Content{}, err)
				return
			}
			for _, content := range contents {
				if !yield(content, nil) {
					return
				}
			}
			rest = rest[count:]
		}
	}
}

func (c *Client) readGroup(ctx context.Context, group []*Artifact) ([]Content, error) {
	request := &cairnv1.DownloadArtifactsRequest{}
	for _, artifact := range group {
		request.ArtifactIds = append(request.ArtifactIds, artifact.ID)
	}
	guarded, dog := guarded(ctx)
	defer dog.end()
	stream, err := c.connection.artifacts.DownloadArtifacts(guarded, request)
	if err != nil {
		return nil, explain(ctx, guarded, err, c.Address())
	}
	var contents []Content
	var artifact *Artifact
	var data bytes.Buffer
	for len(contents) < len(group) {
		dog.expect(quiet)
		message, err := stream.Recv()
		if err != nil {
			if err == io.EOF {
				return nil, lost("connection lost: a content has no end")
			}
			return nil, explain(ctx, guarded, err, c.Address())
		}
		switch it := message.Message.(type) {
		case *cairnv1.DownloadArtifactsResponse_Artifact:
			artifact = artifactOf(it.Artifact)
			data.Reset()
		case *cairnv1.DownloadArtifactsResponse_Data:
			data.Write(it.Data)
		case *cairnv1.DownloadArtifactsResponse_Error:
			return nil, ofItem(it.Error)
		case *cairnv1.DownloadArtifactsResponse_End:
			content := slices.Clone(data.Bytes())
			hashing := newHashing()
			_, _ = hashing.Write(content)
			if err := hashing.digest().check(artifact); err != nil {
				return nil, err
			}
			contents = append(contents, Content{artifact, content})
		}
	}
	return contents, nil
}
