package cairn

import (
	"context"
	"io"
	"io/fs"
	"sync"

	"cairn/clients/go/cairnv1"
)

const firstAhead, longestAhead = 256 << 10, 8 << 20

// A File reads one version from any position. It is an io.ReadSeekCloser and an io.ReaderAt. Reads that follow each other read
// ahead, in longer and longer blocks. Content that is read from its beginning to its end is compared with its hash.
type File struct {
	client   *Client
	ctx      context.Context
	artifact *Artifact

	mutex    sync.Mutex
	position int64
	start    int64 // of the block
	block    []byte

	hashing *hashing // nil when the reads left the order, or came to the end
	closed  bool
}

// OpenFile opens a version for reads from any position. The file stays at it.
func (s *Scope) OpenFile(ctx context.Context, name string, options *ReadOptions) (*File, error) {
	var version int64
	if options != nil {
		version = options.Version
	}
	artifact, err := s.GetVersion(ctx, name, version)
	if err != nil {
		return nil, err
	}
	return s.client.file(ctx, artifact), nil
}

func (c *Client) file(ctx context.Context, artifact *Artifact) *File {
	return &File{client: c, ctx: ctx, artifact: artifact, hashing: newHashing()}
}

// Artifact is the record of what is read.
func (f *File) Artifact() *Artifact { return f.artifact }

// Read reads the next bytes.
func (f *File) Read(into []byte) (int, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	n, err := f.readAt(into, f.position)
	f.position += int64(n)
	return n, err
}

// Seek sets where the next Read begins.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.position
	case io.SeekEnd:
		offset += f.artifact.Size
	}
	if offset < 0 {
		return 0, f.failed("seek", fs.ErrInvalid)
	}
	f.position = offset
	return offset, nil
}

// ReadAt reads from an offset, which is not where the next Read begins.
func (f *File) ReadAt(into []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, f.failed("read", fs.ErrInvalid)
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	read := 0
	for read < len(into) {
		n, err := f.readAt(into[read:], offset+int64(read))
		read += n
		if err != nil {
			return read, err
		}
	}
	return read, nil
}

// WriteTo writes the rest to a writer.
func (f *File) WriteTo(to io.Writer) (int64, error) {
	return io.Copy(to, struct{ io.Reader }{f})
}

// Stat describes the file.
func (f *File) Stat() (fs.FileInfo, error) { return &entry{f.artifact.Filename, f.artifact}, nil }

// Close ends the reading.
func (f *File) Close() error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.closed {
		return f.failed("close", fs.ErrClosed)
	}
	f.closed, f.block = true, nil
	return nil
}

func (f *File) failed(operation string, err error) error {
	return &fs.PathError{Op: operation, Path: f.artifact.Filename, Err: err}
}

func (f *File) readAt(into []byte, offset int64) (int, error) {
	if f.closed {
		return 0, f.failed("read", fs.ErrClosed)
	}
	if len(into) == 0 {
		return 0, nil
	}
	if offset >= f.artifact.Size {
		return 0, io.EOF
	}
	if offset < f.start || offset >= f.start+int64(len(f.block)) {
		if err := f.fetch(offset, int64(len(into))); err != nil {
			return 0, f.failed("read", err)
		}
	}
	return copy(into, f.block[offset-f.start:]), nil
}

// fetch reads the block for bytes from here on.
func (f *File) fetch(offset, wanted int64) error {
	follows := len(f.block) > 0 && offset == f.start+int64(len(f.block))
	ahead := int64(firstAhead)
	if follows {
		ahead = min(2*int64(len(f.block)), longestAhead)
	}
	length := min(max(ahead, wanted), f.artifact.Size-offset)
	request := &cairnv1.DownloadArtifactRequest{ArtifactId: f.artifact.ID}
	reader, err := f.client.open(f.ctx, request, &ReadOptions{Offset: offset, Length: length})
	if err != nil {
		return err
	}
	block, err := reader.all()
	if err != nil {
		return err
	}
	if int64(len(block)) != length {
		return corrupted(f.artifact.ID, "%s has %d bytes at %d, of %d", f.artifact.ID, len(block), offset, length)
	}
	f.start, f.block = offset, block
	switch {
	case f.hashing == nil:
	case f.hashing.size == offset:
		_, _ = f.hashing.Write(block)
		if f.hashing.size == f.artifact.Size {
			err := f.hashing.digest().check(f.artifact)
			f.hashing = nil
			if err != nil {
				f.block = nil
				return err
			}
		}
	case f.hashing.size < offset:
		f.hashing = nil
	}
	return nil
}
