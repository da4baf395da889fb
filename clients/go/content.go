package cairn

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"cairn/clients/go/cairnv1"
)

const (
	// small is the most that is sent in one message instead of a stream, in bytes.
	small = 1 << 20
	// resumable is the size over which content is sent by resumable uploads, in bytes.
	resumable = 64 << 20
	// piece is how much one message of a stream carries, in bytes.
	piece = 256 << 10

	executable = "cairn.executable"
)

// A way is the call that sends content.
type way int

const (
	byCreate way = iota
	byUpload
	byResumable
)

// wayFor is the call that sends content of this size, if it can be read again.
func wayFor(size int64) way {
	switch {
	case size <= small:
		return byCreate
	case size <= resumable:
		return byUpload
	default:
		return byResumable
	}
}

// A digest is what content is.
type digest struct {
	hash string
	size int64
}

// check fails if a record is not of these bytes.
func (d digest) check(artifact *Artifact) error {
	if artifact.Hash == d.hash && artifact.Size == d.size {
		return nil
	}
	return corrupted(artifact.ID, "%s is recorded as %s of %d bytes, but these are %s of %d bytes",
		artifact.ID, artifact.Hash, artifact.Size, d.hash, d.size)
}

// hashing computes a digest piece by piece.
type hashing struct {
	sha  hash.Hash
	size int64
}

func newHashing() *hashing { return &hashing{sha: sha256.New()} }

func (h *hashing) Write(data []byte) (int, error) {
	h.size += int64(len(data))
	return h.sha.Write(data)
}

func (h *hashing) digest() digest {
	return digest{"sha256:" + hex.EncodeToString(h.sha.Sum(nil)), h.size}
}

// content can be read as often as that takes.
type content interface {
	size() int64
	// from reads it from an offset to the end.
	from(offset int64) (io.ReadCloser, error)
}

type inMemory []byte

func (m inMemory) size() int64 { return int64(len(m)) }

func (m inMemory) from(offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(m[offset:])), nil
}

// seekable is a reader that can go back to where it was.
type seekable struct {
	io.ReadSeeker
	start, length int64
}

func (s *seekable) size() int64 { return s.length }

func (s *seekable) from(offset int64) (io.ReadCloser, error) {
	if _, err := s.Seek(s.start+offset, io.SeekStart); err != nil {
		return nil, err
	}
	return io.NopCloser(s.ReadSeeker), nil
}

// openFile is a regular file that is open, as it was when it was first looked at.
type openFile struct {
	file  *os.File
	seen  fs.FileInfo
	start int64
}

func (f *openFile) size() int64 { return max(f.seen.Size()-f.start, 0) }

// from fails at the end if the file changed meanwhile: what was read then is no state that it ever was in.
func (f *openFile) from(offset int64) (io.ReadCloser, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	// Of a file that grows no more is read, or the server would refuse it before the change is seen.
	section := io.NewSectionReader(f.file, f.start+offset, f.size()-offset)
	return io.NopCloser(io.MultiReader(section, atEnd(f.check))), nil
}

func (f *openFile) check() error {
	now, err := f.file.Stat()
	if err != nil {
		return err
	}
	if now.Size() != f.seen.Size() || !now.ModTime().Equal(f.seen.ModTime()) || !os.SameFile(now, f.seen) {
		return fmt.Errorf("%s: %w", f.file.Name(), ErrChanged)
	}
	return nil
}

// atEnd is a reader of nothing, which ends with the result of a check.
type atEnd func() error

func (c atEnd) Read([]byte) (int, error) {
	if err := c(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// opened finds out how a reader is read: again as often as that takes, or, if what it returns is nil, once.
func opened(reader io.Reader) (content, error) {
	switch it := reader.(type) {
	case *os.File:
		info, err := it.Stat()
		if err != nil {
			return nil, err
		}
		// A file of /proc says that it is empty.
		if !info.Mode().IsRegular() || info.Size() == 0 {
			return nil, nil
		}
		start, err := it.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		return &openFile{it, info, start}, nil
	case *bytes.Buffer:
		return inMemory(it.Next(it.Len())), nil
	case io.ReadSeeker:
		start, err := it.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, nil
		}
		end, err := it.Seek(0, io.SeekEnd)
		if err != nil {
			return nil, nil
		}
		if _, err := it.Seek(start, io.SeekStart); err != nil {
			return nil, err
		}
		return &seekable{it, start, max(end-start, 0)}, nil
	default:
		return nil, nil
	}
}

// inFull reads content that is small.
func inFull(of content) (inMemory, error) {
	reader, err := of.from(0)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	return io.ReadAll(reader)
}

// describe adds to a spec what a local file says of itself.
func describe(spec *cairnv1.ArtifactSpec, info fs.FileInfo) {
	if _, given := spec.Metadata[executable]; !given && info.Mode()&0o100 != 0 {
		spec.Metadata[executable] = "true"
	}
}
