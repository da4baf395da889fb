package cairn

import (
	"context"
	"time"

	"cairn/clients/go/cairnv1"
)

// How often another writer of the same upload may be seen to have stored nothing before it is taken over, and the pause
// between two looks.
const (
	otherWriter = 20
	look        = time.Second
)

// resumableUpload goes on after a lost connection, and after the death of this process.
type resumableUpload struct {
	*upload
	of   content
	what digest
}

// run opens the upload of this spec under its key, or finds it, and sends what is missing.
func (r *resumableUpload) run(ctx context.Context, spec *cairnv1.ArtifactSpec) (*Artifact, error) {
	it, err := r.start(ctx, spec)
	for range gone {
		if err != nil || it.State != cairnv1.UploadState_UPLOAD_STATE_ENDED {
			break
		}
		spec.IdempotencyKey = keyAfterUpload(spec.IdempotencyKey, it.UploadId)
		it, err = r.start(ctx, spec)
	}
	if err != nil {
		return nil, err
	}
	var again retries
	for {
		before := it.CommittedBytes
		artifact, err := r.attempt(ctx, it)
		if err == nil {
			return artifact, nil
		}
		switch ReasonOf(err) {
		case LastWriter:
			it, err = r.waitForOther(ctx, it.UploadId)
		case UploadOffsetMismatch:
			it, err = r.get(ctx, it.UploadId)
		default:
			if err = again.wait(ctx, err); err == nil {
				it, err = r.get(ctx, it.UploadId)
			}
		}
		if err != nil {
			return nil, err
		}
		if it.CommittedBytes > before {
			again = retries{}
		}
	}
}

func (r *resumableUpload) attempt(ctx context.Context, it *cairnv1.Upload) (*Artifact, error) {
	if it.State == cairnv1.UploadState_UPLOAD_STATE_OPEN && it.CommittedBytes < r.what.size {
		if err := r.write(ctx, it); err != nil {
			return nil, err
		}
	}
	end := &cairnv1.UploadEnd{ContentHash: r.what.hash, SizeBytes: &r.what.size}
	request := &cairnv1.FinishUploadRequest{UploadId: it.UploadId, End: end}
	answer, err := once(ctx, r.client.connection, r.client.connection.uploads.FinishUpload, request, finishTimeout)
	if err != nil {
		return nil, err
	}
	return artifactOf(answer.Artifact), nil
}

func (r *resumableUpload) write(ctx context.Context, it *cairnv1.Upload) error {
	reader, err := r.of.from(it.CommittedBytes)
	if err != nil {
		return err
	}
	defer reader.Close()
	guarded, dog := guarded(ctx)
	defer dog.end()
	call, err := r.client.connection.uploads.WriteUpload(guarded)
	if err != nil {
		return explain(ctx, guarded, err, r.client.Address())
	}
	sent := it.CommittedBytes
	position := &cairnv1.UploadPosition{UploadId: it.UploadId, Offset: sent}
	if call.Send(&cairnv1.WriteUploadRequest{Message: &cairnv1.WriteUploadRequest_Position{Position: position}}) == nil {
		_, err := sendAll(reader, dog, func(data []byte) error {
			sent += int64(len(data))
			r.options.report(Progress{PhaseSend, sent, r.what.size, it.Filename})
			return call.Send(&cairnv1.WriteUploadRequest{Message: &cairnv1.WriteUploadRequest_Data{Data: data}})
		})
		if err != nil {
			return err
		}
	}
	dog.expect(finishTimeout)
	_, err = call.CloseAndRecv()
	return explain(ctx, guarded, err, r.client.Address())
}

// waitForOther waits while another writer stores bytes of the upload. The same push may run twice.
func (r *resumableUpload) waitForOther(ctx context.Context, uploadID string) (*cairnv1.Upload, error) {
	// It may be finishing: two that finish at once would take the upload from each other.
	if err := sleep(ctx, look); err != nil {
		return nil, err
	}
	it, err := r.get(ctx, uploadID)
	for silent := 0; err == nil && it.State == cairnv1.UploadState_UPLOAD_STATE_OPEN && it.CommittedBytes < r.what.size && silent < otherWriter; {
		if err := sleep(ctx, look); err != nil {
			return nil, err
		}
		before := it.CommittedBytes
		if it, err = r.get(ctx, uploadID); err == nil && it.CommittedBytes > before {
			silent = 0
		} else {
			silent++
		}
	}
	return it, err
}

func (r *resumableUpload) start(ctx context.Context, spec *cairnv1.ArtifactSpec) (*cairnv1.Upload, error) {
	answer, err := unary(ctx, r.client.connection, r.client.connection.uploads.StartUpload, &cairnv1.StartUploadRequest{Spec: spec})
	return answer.GetUpload(), err
}

func (r *resumableUpload) get(ctx context.Context, uploadID string) (*cairnv1.Upload, error) {
	answer, err := unary(ctx, r.client.connection, r.client.connection.uploads.GetUpload, &cairnv1.GetUploadRequest{UploadId: uploadID})
	return answer.GetUpload(), err
}
