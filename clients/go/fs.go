package cairn

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// FS returns the latest versions of the scope's files as a file system, for programs that take an fs.FS: it is also an
// fs.ReadDirFS, an fs.StatFS and an fs.ReadFileFS, and its files are io.Seekers and io.ReaderAts.
//
// Folders are parts of names, so there are no empty ones, except the root. Where a file and a folder have the same name, the
// folder is hidden; what is in it can be opened. The context is that of all calls.
func (s *Scope) FS(ctx context.Context) fs.FS { return &fileSystem{s, ctx} }

type fileSystem struct {
	scope *Scope
	ctx   context.Context
}

func (f *fileSystem) Open(name string) (fs.File, error) {
	found, entries, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if found.artifact == nil {
		return &folder{found, entries, 0}, nil
	}
	return f.scope.client.file(f.ctx, found.artifact), nil
}

func (f *fileSystem) Stat(name string) (fs.FileInfo, error) {
	found, _, err := f.find("stat", name)
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (f *fileSystem) ReadDir(name string) ([]fs.DirEntry, error) {
	found, entries, err := f.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if found.artifact != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	return entries, nil
}

func (f *fileSystem) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "readfile", Path: name, Err: fs.ErrInvalid}
	}
	content, err := f.scope.ReadFile(f.ctx, name, nil)
	if err != nil {
		return nil, &fs.PathError{Op: "readfile", Path: name, Err: err}
	}
	return content, nil
}

// find returns a file, or a folder with its entries.
func (f *fileSystem) find(operation, name string) (*entry, []fs.DirEntry, error) {
	failed := func(err error) (*entry, []fs.DirEntry, error) {
		return nil, nil, &fs.PathError{Op: operation, Path: name, Err: err}
	}
	if !fs.ValidPath(name) {
		return failed(fs.ErrInvalid)
	}
	if name != "." {
		artifact, err := f.scope.Get(f.ctx, name)
		if err == nil {
			return &entry{name, artifact}, nil, nil
		}
		// A name that breaks a rule is that of no file.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			return failed(err)
		}
	}
	entries, err := f.entries(name)
	if err != nil {
		return failed(err)
	}
	if len(entries) == 0 && name != "." {
		return failed(fs.ErrNotExist)
	}
	return &entry{name, nil}, entries, nil
}

// entries are what is in a folder, by name.
func (f *fileSystem) entries(name string) ([]fs.DirEntry, error) {
	if name == "." {
		name = ""
	}
	var entries []fs.DirEntry
	for it, err := range f.scope.Entries(f.ctx, name) {
		if errors.Is(err, fs.ErrInvalid) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		entries = append(entries, &entry{strings.TrimSuffix(it.Name, "/"), it.Artifact})
	}
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int {
		if order := strings.Compare(a.Name(), b.Name()); order != 0 {
			return order
		}
		// The file before the folder.
		if a.IsDir() {
			return 1
		}
		return -1
	})
	return slices.CompactFunc(entries, func(a, b fs.DirEntry) bool { return a.Name() == b.Name() }), nil
}

// entry is a file, or a folder if it has no artifact.
type entry struct {
	path     string
	artifact *Artifact
}

func (e *entry) Name() string               { return path.Base(e.path) }
func (e *entry) IsDir() bool                { return e.artifact == nil }
func (e *entry) Type() fs.FileMode          { return e.Mode().Type() }
func (e *entry) Info() (fs.FileInfo, error) { return e, nil }
func (e *entry) String() string             { return fs.FormatFileInfo(e) }

func (e *entry) Size() int64 {
	if e.artifact == nil {
		return 0
	}
	return e.artifact.Size
}

func (e *entry) Mode() fs.FileMode {
	switch {
	case e.artifact == nil:
		return fs.ModeDir | 0o555
	case mayExecute(e.artifact):
		return 0o555
	default:
		return 0o444
	}
}

func (e *entry) ModTime() time.Time {
	if e.artifact == nil {
		return time.Time{}
	}
	return e.artifact.CreatedAt
}

// Sys returns the *Artifact of a file.
func (e *entry) Sys() any {
	if e.artifact == nil {
		return nil
	}
	return e.artifact
}

type folder struct {
	entry   *entry
	entries []fs.DirEntry
	read    int
}

func (f *folder) Stat() (fs.FileInfo, error) { return f.entry, nil }
func (f *folder) Close() error               { return nil }

func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.entry.path, Err: errors.New("is a directory")}
}

func (f *folder) ReadDir(limit int) ([]fs.DirEntry, error) {
	left := f.entries[f.read:]
	if limit > 0 {
		if len(left) == 0 {
			return nil, io.EOF
		}
		left = left[:min(limit, len(left))]
	}
	f.read += len(left)
	return slices.Clone(left), nil
}
