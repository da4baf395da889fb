package cairn_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	cairn "cairn/clients/go"
)

// The tests need the store that CAIRN_ADDR and CAIRN_API_KEY name: scripts/polyglot of the project starts one.
func TestMain(m *testing.M) {
	if os.Getenv("CAIRN_ADDR") == "" || os.Getenv("CAIRN_API_KEY") == "" {
		fmt.Fprintln(os.Stderr, "CAIRN_ADDR and CAIRN_API_KEY are not set: run make polyglot, or source the dev.env of a `cairn dev`")
		os.Exit(1)
	}
	if path := os.Getenv("CAIRN_TEST_FILE"); path != "" {
		fmt.Fprintln(os.Stderr, "the push ended:", pushAndDie(path, os.Getenv("CAIRN_TEST_SESSION")))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const mib = 1 << 20

func connect(t *testing.T, config cairn.Config) *cairn.Client {
	t.Helper()
	client := must(cairn.Connect(config))(t)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

func newSession() string { return "go-" + rand.Text() }

// scope is a session of its own.
func scope(t *testing.T) *cairn.Scope {
	t.Helper()
	return connect(t, cairn.Config{}).Session(newSession()).As("writer")
}

// must ends the test if there is an error: must(call())(t).
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func all[T any](t *testing.T, items iter.Seq2[T, error]) (found []T) {
	t.Helper()
	for item, err := range items {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, item)
	}
	return found
}

func names(artifacts []*cairn.Artifact) (found []string) {
	for _, artifact := range artifacts {
		found = append(found, fmt.Sprintf("%s v%d", artifact.Filename, artifact.Version))
	}
	return found
}

func push(t *testing.T, in *cairn.Scope, name, content string) *cairn.Artifact {
	t.Helper()
	return must(in.PushBytes(t.Context(), name, []byte(content), nil))(t)
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func random(size int) []byte {
	content := make([]byte, size)
	_, _ = rand.Read(content)
	return content
}

// onlyReader hides what else a reader can do.
type onlyReader struct{ io.Reader }

// A proxy passes bytes to the store, and cuts the connection after so many bytes in one direction, as often as a test wants.
type proxy struct {
	listener net.Listener
	mutex    sync.Mutex
	up, down []int
	cuts     int
	open     map[net.Conn]bool
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	it := &proxy{listener: must(net.Listen("tcp", "127.0.0.1:0"))(t), open: map[net.Conn]bool{}}
	target := must(url.Parse(os.Getenv("CAIRN_ADDR")))(t).Host
	go func() {
		for {
			client, err := it.listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			it.mutex.Lock()
			it.open[client], it.open[server] = true, true
			it.mutex.Unlock()
			go it.pass(client, server, &it.up)
			go it.pass(server, client, &it.down)
		}
	}()
	t.Cleanup(func() {
		_ = it.listener.Close()
		it.mutex.Lock()
		defer it.mutex.Unlock()
		for connection := range it.open {
			_ = connection.Close()
		}
	})
	return it
}

func (p *proxy) address() string { return "http://" + p.listener.Addr().String() }

// cut cuts one connection after so many bytes of it have passed in this direction.
func (p *proxy) cut(direction *[]int, size int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	*direction = append(*direction, size)
}

func (p *proxy) cutsMade() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.cuts
}

func (p *proxy) pass(from, to net.Conn, limits *[]int) {
	defer from.Close()
	defer to.Close()
	passed, buffer := 0, make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		passed += n
		p.mutex.Lock()
		if len(*limits) > 0 && passed > (*limits)[0] {
			*limits = (*limits)[1:]
			p.cuts++
			p.mutex.Unlock()
			return
		}
		p.mutex.Unlock()
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

func TestAPushIsAVersionWithItsRecord(t *testing.T) {
	run := scope(t)
	first := must(run.Push(t.Context(), "report.md", strings.NewReader("# Sales\n"), &cairn.PushOptions{
		Metadata: map[string]string{"topic": "sales"}, Stage: cairn.StageFinal, Kind: cairn.KindDocument, Labels: []string{"b", "a"},
		Title: "Sales", TTL: cairn.Longest,
	}))(t)
	equal(t, first.Version, 1)
	equal(t, first.Size, 8)
	equal(t, first.Metadata["topic"], "sales")
	equal(t, first.Stage, cairn.StageFinal)
	equal(t, first.Kind, cairn.KindDocument)
	equal(t, first.Agent, "writer")
	same(t, first.Labels, "a", "b")
	equal(t, must(run.Get(t.Context(), "report.md"))(t).ID, first.ID)
	equal(t, push(t, run, "report.md", "other").Version, 2)
	equal(t, string(must(run.ReadFile(t.Context(), "report.md", &cairn.ReadOptions{Version: 1}))(t)), "# Sales\n")
	same(t, names(all(t, run.Versions(t.Context(), "report.md"))), "report.md v2", "report.md v1")
}

func TestContentOfEverySizeComesBackAsItWas(t *testing.T) {
	run := scope(t)
	for _, size := range []int{0, 1, mib, mib + 1, 5*mib + 3, 65 * mib} {
		content := random(size)
		name := fmt.Sprintf("%d", size)
		for n, reader := range []io.Reader{bytes.NewReader(content), onlyReader{bytes.NewReader(content)}} {
			made := must(run.Push(t.Context(), name, reader, &cairn.PushOptions{Fresh: true}))(t)
			equal(t, made.Version, int64(n+1))
			equal(t, made.Size, int64(size))
		}
		if !bytes.Equal(must(run.ReadFile(t.Context(), name, nil))(t), content) {
			t.Fatalf("%d bytes are other ones", size)
		}
		path := must(run.PullFile(t.Context(), name, t.TempDir(), nil))(t)
		if !bytes.Equal(must(os.ReadFile(path))(t), content) {
			t.Fatalf("%d bytes in a file are other ones", size)
		}
	}
}

func TestPartsOfAContentAreRead(t *testing.T) {
	run := scope(t)
	push(t, run, "a", "0123456789")
	for _, it := range []struct {
		offset, length int64
		want           string
	}{{0, 0, "0123456789"}, {3, 0, "3456789"}, {3, 4, "3456"}, {8, 100, "89"}, {10, 0, ""}, {99, 3, ""}} {
		var got bytes.Buffer
		must(run.Pull(t.Context(), "a", &got, &cairn.ReadOptions{Offset: it.offset, Length: it.length}))(t)
		equal(t, got.String(), it.want)
	}
	if _, err := run.Open(t.Context(), "a", &cairn.ReadOptions{Offset: -1}); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
}

func TestTheSamePushOfARestartedProgramHasNoEffect(t *testing.T) {
	session := newSession()
	for range 2 {
		run := connect(t, cairn.Config{}).Session(session)
		for n, content := range []string{"a", "b", "a"} {
			equal(t, push(t, run, "f", content).Version, int64(n+1))
		}
		equal(t, must(run.PushBytes(t.Context(), "keyed", []byte("x"), &cairn.PushOptions{Key: "key of " + session}))(t).Version, 1)
	}
	run := connect(t, cairn.Config{}).Session(session)
	equal(t, must(run.PushBytes(t.Context(), "f", []byte("a"), &cairn.PushOptions{Fresh: true}))(t).Version, 4)
	must(run.Delete(t.Context(), "f"))(t)
	equal(t, push(t, run, "f", "a").State, cairn.StateVisible)
}

func TestErrorsHaveReasonsFieldsAndKinds(t *testing.T) {
	run := scope(t)
	_, err := run.ReadFile(t.Context(), "missing", nil)
	equal(t, cairn.ReasonOf(err), cairn.ArtifactNotFound)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	_, err = run.PushBytes(t.Context(), "a", nil, &cairn.PushOptions{Metadata: map[string]string{"a b": "x"}, Language: strings.Repeat("x", 99)})
	var invalid *cairn.Error
	if !errors.As(err, &invalid) || len(invalid.Fields) != 2 || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("%v: %v", err, invalid)
	}
	must(run.Create(t.Context(), "new", strings.NewReader("x"), nil))(t)
	_, err = run.Create(t.Context(), "new", strings.NewReader("y"), nil)
	if !errors.Is(err, fs.ErrExist) || cairn.ReasonOf(err) != cairn.VersionConflict {
		t.Error(err)
	}
	_, err = run.PushBytes(t.Context(), "new", []byte("y"), &cairn.PushOptions{IfVersion: 7})
	var conflict *cairn.Error
	if !errors.As(err, &conflict) || errors.Is(err, fs.ErrExist) || conflict.CurrentVersion() != 1 || conflict.By() != "writer" {
		t.Error(err)
	}
	must(run.Seal(t.Context()))(t)
	_, err = run.PushBytes(t.Context(), "late", []byte("x"), nil)
	if !errors.Is(err, fs.ErrPermission) || cairn.ReasonOf(err) != cairn.SessionSealed {
		t.Error(err)
	}
	other := connect(t, cairn.Config{APIKey: "ck_wrong"})
	_, err = other.WhoAmI(t.Context())
	if !errors.Is(err, fs.ErrPermission) || cairn.ReasonOf(err) != cairn.Unauthenticated || strings.Contains(err.Error(), "ck_wrong") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run.Get(ctx, "new"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAWriterStoresWhenItIsClosedAndOnlyThen(t *testing.T) {
	run := scope(t)
	for _, size := range []int{0, 10, 3*mib + 7} {
		name, content := fmt.Sprintf("%d", size), random(size)
		w := run.NewWriter(t.Context(), name, nil)
		for rest := content; len(rest) > 0; {
			n := must(w.Write(rest[:min(len(rest), 100_000)]))(t)
			rest = rest[n:]
		}
		if w.Artifact() != nil {
			t.Error("there is an artifact before the end")
		}
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			t.Fatal(err)
		}
		w.Abort()
		equal(t, w.Artifact().Size, int64(size))
		if !bytes.Equal(must(run.ReadFile(t.Context(), name, nil))(t), content) {
			t.Fatal("other bytes")
		}
	}
}

func TestAWriterThatFailsStoresNothing(t *testing.T) {
	run := scope(t)
	broken := errors.New("disk on fire")
	for _, size := range []int{10, 3 * mib} {
		failing := func() io.Reader { return io.MultiReader(bytes.NewReader(random(size)), brokenReader{broken}) }
		w := run.NewWriter(t.Context(), "read", nil)
		if _, err := io.Copy(w, failing()); !errors.Is(err, broken) {
			t.Error(err)
		}
		if err := w.Close(); !errors.Is(err, broken) {
			t.Error(err)
		}
		w = run.NewWriter(t.Context(), "aborted", nil)
		must(w.Write(random(size)))(t)
		w.Abort()
		if w.Close() == nil {
			t.Error("an aborted writer was closed")
		}
		ctx, cancel := context.WithCancel(t.Context())
		w = run.NewWriter(ctx, "cancelled", nil)
		must(w.Write(random(size)))(t)
		cancel()
		if err := w.Close(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, err := run.Push(t.Context(), "pushed", failing(), nil); !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	push(t, run, "good", "x")
	same(t, names(all(t, run.List(t.Context(), &cairn.ListOptions{AllVersions: true}))), "good v1")
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

func TestAWriterOfASealedSessionSaysSo(t *testing.T) {
	run := scope(t)
	push(t, run, "a", "x")
	must(run.Seal(t.Context()))(t)
	for _, size := range []int{10, 20 * mib} {
		w := run.NewWriter(t.Context(), "late", nil)
		_, err := io.Copy(w, bytes.NewReader(random(size)))
		err = errors.Join(err, w.Close())
		equal(t, cairn.ReasonOf(err), cairn.SessionSealed)
	}
}

func TestAnEditLosesNoEditOfAnother(t *testing.T) {
	run := scope(t)
	add := func(line string) func([]byte) ([]byte, error) {
		return func(old []byte) ([]byte, error) { return append(old, line...), nil }
	}
	if _, err := run.Edit(t.Context(), "notes", add("x"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	must(run.Edit(t.Context(), "notes", add("first\n"), &cairn.PushOptions{IfAbsent: true}))(t)
	var editors sync.WaitGroup
	for n := range 6 {
		editors.Go(func() {
			if _, err := run.Edit(context.Background(), "notes", add(fmt.Sprintf("%d\n", n)), nil); err != nil {
				t.Error(err)
			}
		})
	}
	editors.Wait()
	equal(t, strings.Count(string(must(run.ReadFile(t.Context(), "notes", nil))(t)), "\n"), 7)
	stop := errors.New("no")
	_, err := run.Edit(t.Context(), "notes", func([]byte) ([]byte, error) { return nil, stop }, nil)
	equal(t, err, stop)
}
