package cairn

import (
	"bytes"
	"context"
	"errors"
	"io"

	"google.golang.org/protobuf/proto"

	"cairn/clients/go/cairnv1"
)

// gone is how many ended artifacts, or ended uploads, in a row a derived key steps over.
const gone = 10

// An upload stores one artifact under one idempotency key, verified and with retries.
type upload struct {
	scope   *Scope
	client  *Client
	spec    *cairnv1.ArtifactSpec
	options *PushOptions
	// times is how often this program made the same write before; -1 if that is not counted yet.
	times int
}

func (s *Scope) upload(name string, options *PushOptions) (*upload, error) {
	if options == nil {
		options = &PushOptions{}
	}
	spec, err := options.spec(s, name)
	if err != nil {
		return nil, err
	}
	if options.Key != "" && options.Fresh {
		return nil, invalid("idempotency_key", "must be Key or Fresh, not both")
	}
	return &upload{s, s.client, spec, options, -1}, nil
}

// push uploads what a reader has.
func (u *upload) push(ctx context.Context, reader io.Reader) (*Artifact, error) {
	artifact, err := u.read(ctx, reader)
	if err != nil {
		return nil, err
	}
	u.scope.add(artifact)
	return artifact, nil
}

func (u *upload) read(ctx context.Context, reader io.Reader) (*Artifact, error) {
	of, err := opened(reader)
	if err != nil {
		return nil, err
	}
	if of == nil {
		head, err := io.ReadAll(io.LimitReader(reader, small+1))
		if err != nil {
			return nil, err
		}
		if len(head) > small {
			artifact, err := u.sendOnce(ctx, head, reader)
			return artifact, refused(err, u.spec)
		}
		of = inMemory(head)
	}
	artifact, err := u.send(ctx, of)
	if err != nil {
		return nil, err
	}
	if _, isMemory := of.(inMemory); !isMemory {
		// As after any other reading of it.
		_, err = reader.(io.Seeker).Seek(0, io.SeekEnd)
	}
	return artifact, err
}

// send uploads content that can be read again.
func (u *upload) send(ctx context.Context, of content) (*Artifact, error) {
	if of.size() <= small {
		head, err := inFull(of)
		if err != nil {
			return nil, err
		}
		of = head
	}
	what, err := u.hash(ctx, of)
	if err != nil {
		return nil, err
	}
	u.spec.ContentHash, u.spec.SizeBytes = what.hash, &what.size
	artifact, err := u.underKey(func(key string) (*Artifact, error) {
		keyed := proto.CloneOf(u.spec)
		keyed.IdempotencyKey = key
		switch wayFor(what.size) {
		case byCreate:
			return u.create(ctx, keyed, of.(inMemory))
		case byUpload:
			return retried(ctx, func() (*Artifact, error) {
				reader, err := of.from(0)
				if err != nil {
					return nil, err
				}
				defer reader.Close()
				return u.stream(ctx, keyed, reader, what.size)
			})
		default:
			return (&resumableUpload{u, of, what}).run(ctx, keyed)
		}
	})
	if err != nil {
		return nil, refused(err, u.spec)
	}
	return artifact, what.check(artifact)
}

func (u *upload) hash(ctx context.Context, of content) (digest, error) {
	reader, err := of.from(0)
	if err != nil {
		return digest{}, err
	}
	defer reader.Close()
	hashing, buffer := newHashing(), make([]byte, min(of.size()+1, small))
	for {
		if ctx.Err() != nil {
			return digest{}, context.Cause(ctx)
		}
		n, err := reader.Read(buffer)
		hashing.Write(buffer[:n])
		if n > 0 {
			u.options.report(Progress{PhaseHash, hashing.size, of.size(), u.spec.Filename})
		}
		if err == io.EOF {
			return hashing.digest(), nil
		} else if err != nil {
			return digest{}, err
		}
	}
}

func (u *upload) create(ctx context.Context, spec *cairnv1.ArtifactSpec, bytes []byte) (*Artifact, error) {
	request := &cairnv1.CreateArtifactRequest{Spec: spec, Content: bytes}
	answer, err := unary(ctx, u.client.connection, u.client.connection.artifacts.CreateArtifact, request)
	if err != nil {
		return nil, err
	}
	return artifactOf(answer.Artifact), nil
}

// underKey makes the write under the caller's key, or a derived one.
func (u *upload) underKey(send func(key string) (*Artifact, error)) (*Artifact, error) {
	if u.options.Fresh {
		return send(freshKey())
	}
	if u.options.Key != "" {
		return send(u.options.Key)
	}
	undo := func() {}
	if u.times < 0 {
		u.times, undo = u.client.repeats.begin(keyForUpload(u.spec, ""))
	}
	artifact, err := u.derived(send)
	if err != nil {
		undo()
	}
	return artifact, err
}

func (u *upload) derived(send func(key string) (*Artifact, error)) (*Artifact, error) {
	last := ""
	for range gone {
		// Who uploads what was deleted wants it back, and a retry of that must find this one.
		artifact, err := send(repeatedKey(keyForUpload(u.spec, last), u.times))
		var known *Error
		switch {
		case errors.As(err, &known) && known.Reason == ArtifactNotFound && known.Details["artifact_id"] != "":
			// It was discarded before it was published.
			last = known.Details["artifact_id"]
		case err != nil:
			return nil, err
		case artifact.State != StateExpired && artifact.State != StateDeleted:
			return artifact, nil
		default:
			last = artifact.ID
		}
	}
	return send(freshKey())
}

// sendOnce sends what can be read only once: without a derived key, because its hash is not known yet, and without retries.
func (u *upload) sendOnce(ctx context.Context, head []byte, rest io.Reader) (*Artifact, error) {
	keyed := proto.CloneOf(u.spec)
	keyed.IdempotencyKey = u.options.Key
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return u.stream(ctx, keyed, withPulse(ctx, io.MultiReader(bytes.NewReader(head), rest)), -1)
}

// stream sends content in one call. size is -1 if it is not known.
func (u *upload) stream(ctx context.Context, spec *cairnv1.ArtifactSpec, reader io.Reader, size int64) (*Artifact, error) {
	guarded, dog := guarded(ctx)
	defer dog.end()
	call, err := u.client.connection.artifacts.UploadArtifact(guarded)
	if err != nil {
		return nil, explain(ctx, guarded, err, u.client.Address())
	}
	hashing := newHashing()
	// An error of Send says that the response is there, perhaps a success.
	err = call.Send(&cairnv1.UploadArtifactRequest{Message: &cairnv1.UploadArtifactRequest_Spec{Spec: spec}})
	ended := false
	if err == nil {
		ended, err = sendAll(reader, dog, func(data []byte) error {
			hashing.Write(data)
			u.options.report(Progress{PhaseSend, hashing.size, size, spec.Filename})
			return call.Send(&cairnv1.UploadArtifactRequest{Message: &cairnv1.UploadArtifactRequest_Data{Data: data}})
		})
		if err != nil {
			// There is no end, so the server stores nothing.
			return nil, err
		}
	}
	what := hashing.digest()
	if ended {
		end := &cairnv1.UploadEnd{ContentHash: what.hash, SizeBytes: &what.size}
		_ = call.Send(&cairnv1.UploadArtifactRequest{Message: &cairnv1.UploadArtifactRequest_End{End: end}})
	}
	dog.expect(finishTimeout)
	answer, err := call.CloseAndRecv()
	if err != nil {
		return nil, explain(ctx, guarded, err, u.client.Address())
	}
	artifact := artifactOf(answer.Artifact)
	if ended {
		return artifact, what.check(artifact)
	}
	if spec.ContentHash == "" {
		return nil, corrupted(artifact.ID, "%s was made before all of it was sent", artifact.ID)
	}
	return artifact, nil
}

// sendAll sends the pieces of a reader until its end, or until the server has answered. The error is the reader's.
func sendAll(reader io.Reader, dog *watchdog, send func([]byte) error) (ended bool, err error) {
	buffer := make([]byte, piece)
	for {
		dog.pause()
		n, err := fill(reader, buffer)
		if n > 0 || err == nil {
			dog.expect(quiet)
			if send(buffer[:n]) != nil {
				return false, nil
			}
		}
		if err == io.EOF {
			return true, nil
		} else if err != nil {
			return false, err
		}
	}
}

// fill reads until the buffer is full, the reader ends, or it has a pulse.
func fill(reader io.Reader, buffer []byte) (int, error) {
	if pulsing, ok := reader.(*pulse); ok {
		return pulsing.Read(buffer)
	}
	n := 0
	for n < len(buffer) {
		more, err := reader.Read(buffer[n:])
		n += more
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// pulse is a reader of a producer that may compute for long: it reads nothing whenever that was silent.
type pulse struct {
	pieces chan []byte
	rest   []byte
	err    error
	ended  context.Context
}

func withPulse(ctx context.Context, from io.Reader) *pulse {
	it := &pulse{pieces: make(chan []byte, 4), ended: ctx}
	go func() {
		defer close(it.pieces)
		for {
			buffer := make([]byte, piece)
			n, err := from.Read(buffer)
			for err == nil && n < piece/2 {
				var more int
				more, err = from.Read(buffer[n:])
				n += more
			}
			select {
			case it.pieces <- buffer[:n]:
			case <-ctx.Done():
				return
			}
			if err != nil {
				it.err = err
				return
			}
		}
	}()
	return it
}

func (p *pulse) Read(into []byte) (int, error) {
	if len(p.rest) == 0 {
		wait, cancel := context.WithTimeout(p.ended, silence)
		defer cancel()
		select {
		case data, ok := <-p.pieces:
			if !ok {
				return 0, p.failure()
			}
			p.rest = data
		case <-wait.Done():
			if p.ended.Err() != nil {
				return 0, context.Cause(p.ended)
			}
			return 0, nil
		}
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pulse) failure() error {
	if p.err == nil {
		// The producer's goroutine gave up because the call ended.
		return context.Cause(p.ended)
	}
	return p.err
}
