package cairn

import (
	"context"
	"io"

	"google.golang.org/protobuf/proto"

	"cairn/clients/go/cairnv1"
)

// A Reader reads one version of a file, across lost connections. All of a content is compared with its hash before io.EOF: what
// was read is good once that has come. A part is not hashed. Close it, also after an error.
type Reader struct {
	client  *Client
	ctx     context.Context
	request *cairnv1.DownloadArtifactRequest
	// limit is the first byte that is not wanted; -1 if all are.
	at, limit int64
	artifact  *Artifact
	hashing   *hashing
	again     retries
	err       error

	stream  cairnv1.ArtifactService_DownloadArtifactClient
	guarded context.Context
	dog     *watchdog
	came    int64
	data    []byte
}

// open begins to read: the first message has come when it returns.
func (c *Client) open(ctx context.Context, request *cairnv1.DownloadArtifactRequest, options *ReadOptions) (*Reader, error) {
	if options == nil {
		options = &ReadOptions{}
	}
	if options.Offset < 0 || options.Length < 0 {
		return nil, invalid("offset", "and length must be 0 or more")
	}
	it := &Reader{client: c, ctx: ctx, request: request, at: options.Offset, limit: -1}
	if options.Length > 0 {
		it.limit = options.Offset + options.Length
	} else if options.Offset == 0 {
		it.hashing = newHashing()
	}
	for it.artifact == nil {
		if err := it.connect(); err != nil {
			it.hangUp()
			if err := it.again.wait(ctx, err); err != nil {
				return nil, err
			}
		}
	}
	return it, nil
}

// Artifact is the record of what is read.
func (r *Reader) Artifact() *Artifact { return r.artifact }

// Close ends the reading.
func (r *Reader) Close() error {
	r.hangUp()
	r.data = nil
	if r.err == nil {
		r.err = io.ErrClosedPipe
	}
	return nil
}

// Read reads the next bytes.
func (r *Reader) Read(into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(into, r.data)
	r.data = r.data[n:]
	return n, nil
}

// WriteTo writes the rest to a writer.
func (r *Reader) WriteTo(to io.Writer) (int64, error) {
	var written int64
	for {
		if err := r.fill(); err == io.EOF {
			return written, nil
		} else if err != nil {
			return written, err
		}
		n, err := to.Write(r.data)
		written += int64(n)
		r.data = r.data[n:]
		if err != nil {
			return written, err
		}
	}
}

// fill waits for the next bytes, and goes on where a lost connection broke off.
func (r *Reader) fill() error {
	for len(r.data) == 0 && r.err == nil {
		err := r.next()
		if err == nil {
			continue
		}
		r.hangUp()
		if err != io.EOF {
			err = r.again.wait(r.ctx, err)
		} else if r.hashing != nil {
			if wrong := r.hashing.digest().check(r.artifact); wrong != nil {
				err = wrong
			}
		}
		r.err = err
	}
	if len(r.data) > 0 {
		return nil
	}
	return r.err
}

// next receives a message; it returns io.EOF when everything has come.
func (r *Reader) next() error {
	if r.limit >= 0 && r.at >= r.limit {
		return io.EOF
	}
	if r.stream == nil {
		if err := r.connect(); err != nil {
			return err
		}
	}
	message, err := r.receive()
	if err != nil {
		return err
	}
	switch it := message.Message.(type) {
	case *cairnv1.DownloadArtifactResponse_Data:
		if len(it.Data) > 0 {
			// As long as it gets on, it is not given up.
			r.again = retries{}
		}
		r.came += int64(len(it.Data))
		r.at += int64(len(it.Data))
		r.data = it.Data
		if r.hashing != nil {
			_, _ = r.hashing.Write(it.Data)
		}
	case *cairnv1.DownloadArtifactResponse_End:
		if it.End.SizeBytes != r.came {
			return corrupted(r.artifact.ID, "%d bytes were sent, but %d came", it.End.SizeBytes, r.came)
		}
		return io.EOF
	}
	return nil
}

// connect opens a stream from here on. From the first message on it is pinned to one version.
func (r *Reader) connect() error {
	request := proto.CloneOf(r.request)
	request.Offset = r.at
	if r.limit >= 0 {
		request.Limit = r.limit - r.at
	}
	r.guarded, r.dog = guarded(r.ctx)
	stream, err := r.client.connection.artifacts.DownloadArtifact(r.guarded, request)
	if err != nil {
		return explain(r.ctx, r.guarded, err, r.client.Address())
	}
	r.stream, r.came = stream, 0
	message, err := r.receive()
	if err != nil {
		return err
	}
	if message.GetArtifact() == nil {
		return corrupted("", "the answer does not begin with its artifact")
	}
	artifact := artifactOf(message.GetArtifact())
	if r.artifact != nil && (r.artifact.Hash != artifact.Hash || r.artifact.Size != artifact.Size) {
		return corrupted(artifact.ID, "%s differs from what it was", artifact.ID)
	}
	r.artifact = artifact
	r.request = &cairnv1.DownloadArtifactRequest{ArtifactId: artifact.ID}
	return nil
}

func (r *Reader) receive() (*cairnv1.DownloadArtifactResponse, error) {
	r.dog.expect(quiet)
	message, err := r.stream.Recv()
	r.dog.pause()
	if err == io.EOF {
		return nil, lost("connection lost: the content has no end")
	}
	return message, explain(r.ctx, r.guarded, err, r.client.Address())
}

func (r *Reader) hangUp() {
	if r.dog != nil {
		r.dog.end()
	}
	r.stream, r.dog = nil, nil
}

// all reads the rest into memory.
func (r *Reader) all() ([]byte, error) {
	defer r.Close()
	end := r.artifact.Size
	if r.limit >= 0 {
		end = min(end, r.limit)
	}
	content := make([]byte, 0, max(end-r.at, 0))
	for {
		if err := r.fill(); err == io.EOF {
			return content, nil
		} else if err != nil {
			return nil, err
		}
		content, r.data = append(content, r.data...), nil
	}
}
