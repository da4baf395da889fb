package cairn

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"cairn/clients/go/cairnv1"
)

const (
	// part is how long a part is that is received beside others, in bytes.
	part    = 16 << 20
	block   = 1 << 20
	atATime = 4
)

// PullFile writes the content to a local file, or into a folder under the last segment of its name, and returns the path. The
// file appears, or is replaced, when all of it is there and verified. Large content comes in several parts at a time.
func (s *Scope) PullFile(ctx context.Context, name, to string, options *ReadOptions) (string, error) {
	if options == nil {
		options = &ReadOptions{}
	}
	artifact, err := s.GetVersion(ctx, name, options.Version)
	if err != nil {
		return "", err
	}
	return s.client.pullFile(ctx, artifact, to, options)
}

func (c *Client) pullFile(ctx context.Context, artifact *Artifact, to string, options *ReadOptions) (string, error) {
	if options.Offset != 0 || options.Length != 0 {
		return "", invalid("offset", "and length are for parts: use Open")
	}
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		if to, err = below(to, path.Base(artifact.Filename)); err != nil {
			return "", err
		}
	}
	mode := os.FileMode(0o666)
	if mayExecute(artifact) {
		mode = 0o777
	}
	// Without the filename, which may be as long as one may be.
	temporary := filepath.Join(filepath.Dir(to), "."+strings.TrimPrefix(freshKey(), "cairn-")+".part")
	file, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", err
	}
	it := &parts{client: c, artifact: artifact, file: file, report: options.Progress, hashing: newHashing(), written: map[int64]bool{}}
	err = errors.Join(it.write(ctx), file.Close())
	if err == nil {
		err = os.Rename(temporary, to)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return "", err
	}
	return to, nil
}

// mayExecute: a hidden file, or one in a hidden folder such as a git hook, may not: other programs would run it without being
// asked.
func mayExecute(artifact *Artifact) bool {
	for segment := range strings.SplitSeq(artifact.Filename, "/") {
		if strings.HasPrefix(segment, ".") {
			return false
		}
	}
	return artifact.Metadata[executable] == "true"
}

// parts writes several parts of a content at a time, each to its place, and hashes them in order as they come.
type parts struct {
	client   *Client
	artifact *Artifact
	file     *os.File
	report   func(Progress)
	hashing  *hashing

	mutex    sync.Mutex
	received int64
	written  map[int64]bool
	busy     bool
}

func (p *parts) write(ctx context.Context) error {
	if p.artifact.Size == 0 {
		// No message of an empty part says that the artifact is still there.
		_, err := p.client.Artifact(ctx, p.artifact.ID)
		return errors.Join(err, p.hashing.digest().check(p.artifact))
	}
	count := int((p.artifact.Size + part - 1) / part)
	err := parallel(ctx, count, func(ctx context.Context, index int) error { return p.one(ctx, int64(index)*part) })
	if err != nil {
		return err
	}
	return p.hashing.digest().check(p.artifact)
}

func (p *parts) one(ctx context.Context, start int64) error {
	request := &cairnv1.DownloadArtifactRequest{ArtifactId: p.artifact.ID}
	reader, err := p.client.open(ctx, request, &ReadOptions{Offset: start, Length: min(part, p.artifact.Size-start)})
	if err != nil {
		return err
	}
	defer reader.Close()
	for at := start; ; {
		if err := reader.fill(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		n, err := p.file.WriteAt(reader.data, at)
		if err != nil {
			return err
		}
		at, reader.data = at+int64(n), nil
		p.mutex.Lock()
		p.received += int64(n)
		received := p.received
		p.mutex.Unlock()
		if p.report != nil {
			p.report(Progress{PhaseReceive, received, p.artifact.Size, p.artifact.Filename})
		}
	}
	return p.goOn(start)
}

// goOn hashes the parts that are there, unless another goroutine does.
func (p *parts) goOn(start int64) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.written[start] = true
	buffer := make([]byte, block)
	for !p.busy && p.written[p.hashing.size] {
		from := p.hashing.size
		section := io.NewSectionReader(p.file, from, min(part, p.artifact.Size-from))
		p.busy = true
		p.mutex.Unlock()
		_, err := io.CopyBuffer(struct{ io.Writer }{p.hashing}, struct{ io.Reader }{section}, buffer)
		p.mutex.Lock()
		p.busy = false
		delete(p.written, from)
		if err != nil {
			return err
		}
	}
	return nil
}

// PullAll writes the latest version of each file that starts with a prefix into a folder, with the folders of their names, and
// returns the paths.
func (s *Scope) PullAll(ctx context.Context, to, prefix string) ([]string, error) {
	var artifacts []*Artifact
	var targets []string
	for artifact, err := range s.List(ctx, &ListOptions{Prefix: prefix}) {
		if err != nil {
			return nil, err
		}
		target, err := below(to, artifact.Filename)
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
			return nil, err
		}
		artifacts, targets = append(artifacts, artifact), append(targets, target)
	}
	err := parallel(ctx, len(artifacts), func(ctx context.Context, index int) error {
		_, err := s.client.pullFile(ctx, artifacts[index], targets[index], &ReadOptions{})
		return err
	})
	return targets, err
}

// parallel makes calls, a few at a time. After the first error no other is begun, those that run are ended, and it is returned.
func parallel(ctx context.Context, count int, call func(ctx context.Context, index int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mutex sync.Mutex
	var first error
	next := 0
	take := func() (int, bool) {
		mutex.Lock()
		defer mutex.Unlock()
		if first != nil || next == count {
			return 0, false
		}
		next++
		return next - 1, true
	}
	var workers sync.WaitGroup
	for range min(atATime, count) {
		workers.Go(func() {
			for index, ok := take(); ok; index, ok = take() {
				if err := call(ctx, index); err != nil {
					mutex.Lock()
					if first == nil {
						first = err
					}
					mutex.Unlock()
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	return first
}
