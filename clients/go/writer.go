package cairn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

var (
	errAborted = errors.New("cairn: the writer was aborted")
	errClosed  = errors.New("cairn: the writer is closed")
)

// A Writer writes the next version of a file, which becomes visible when Close returns nil. Up to 1 MiB waits for that; more is
// sent while it is written. After an error of Write or ReadFrom, after Abort, and when the context ends, nothing is stored.
//
//	w := run.NewWriter(ctx, "table.csv", nil)
//	defer w.Abort() // has no effect after Close
//	...
//	return w.Close()
type Writer struct {
	upload *upload
	ctx    context.Context
	cancel context.CancelCauseFunc
	buffer []byte
	// pipe and sent are nil as long as all of it waits.
	pipe     *io.PipeWriter
	sent     chan struct{}
	artifact *Artifact
	err      error // of the upload
	failed   error // sticky
	closed   bool
}

// NewWriter returns a writer of a file. Without a Key in the options each is a write of its own, as if they had Fresh.
func (s *Scope) NewWriter(ctx context.Context, name string, options *PushOptions) *Writer {
	given := PushOptions{}
	if options != nil {
		given = *options
	}
	given.Fresh = given.Key == ""
	ctx, cancel := context.WithCancelCause(ctx)
	it := &Writer{ctx: ctx, cancel: cancel}
	it.upload, it.failed = s.upload(name, &given)
	return it
}

// Write writes the next bytes.
func (w *Writer) Write(data []byte) (int, error) {
	if w.closed {
		return 0, errClosed
	}
	if w.failed != nil {
		return 0, w.failed
	}
	w.buffer = append(w.buffer, data...)
	if w.pipe == nil && len(w.buffer) > small {
		w.begin()
	}
	if w.pipe != nil && len(w.buffer) >= piece {
		w.flush()
	}
	if w.failed != nil {
		return 0, w.failed
	}
	if w.ctx.Err() != nil {
		w.failed = context.Cause(w.ctx)
		return 0, w.failed
	}
	return len(data), nil
}

// ReadFrom writes what a reader has. An error of the reader is one of the writer: Close returns it, and nothing is stored.
func (w *Writer) ReadFrom(from io.Reader) (int64, error) {
	var total int64
	buffer := make([]byte, piece)
	for {
		n, err := from.Read(buffer)
		total += int64(n)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return total, err
			}
		}
		if err == io.EOF {
			return total, nil
		} else if err != nil {
			w.failed = err
			return total, err
		}
	}
}

// begin starts to send.
func (w *Writer) begin() {
	reader, pipe := io.Pipe()
	w.pipe, w.sent = pipe, make(chan struct{})
	go func() {
		defer close(w.sent)
		w.artifact, w.err = w.upload.push(w.ctx, reader)
		_ = reader.CloseWithError(w.err)
	}()
}

func (w *Writer) flush() {
	if _, err := w.pipe.Write(w.buffer); err != nil {
		<-w.sent
		w.failed = w.err
		if w.failed == nil {
			w.failed = fmt.Errorf("cairn: the upload ended early: %w", err)
		}
	}
	w.buffer = w.buffer[:0]
}

// Close stores what was written. A second call returns the same.
func (w *Writer) Close() error {
	if w.closed {
		return w.failed
	}
	if w.failed != nil {
		err := w.failed
		w.Abort()
		w.failed = err
		return err
	}
	w.closed = true
	defer w.cancel(nil)
	if w.pipe == nil {
		w.artifact, w.failed = w.upload.push(w.ctx, bytes.NewReader(w.buffer))
		w.buffer = nil
		return w.failed
	}
	w.flush()
	_ = w.pipe.Close()
	<-w.sent
	if w.failed == nil {
		w.failed = w.err
	}
	w.buffer = nil
	return w.failed
}

// Abort stores nothing. It has no effect after Close.
func (w *Writer) Abort() {
	if w.closed {
		return
	}
	w.closed, w.buffer = true, nil
	if w.failed == nil {
		w.failed = errAborted
	}
	w.cancel(errAborted)
	if w.pipe != nil {
		_ = w.pipe.CloseWithError(errAborted)
		<-w.sent
	}
}

// Artifact is the record; nil before Close, and if it failed.
func (w *Writer) Artifact() *Artifact {
	if !w.closed || w.failed != nil {
		return nil
	}
	return w.artifact
}
