package adk_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"google.golang.org/adk/v2/artifact"
	"google.golang.org/genai"

	cairn "cairn/clients/go"
	"cairn/clients/go/adk"
)

func TestMain(m *testing.M) {
	if os.Getenv("CAIRN_ADDR") == "" || os.Getenv("CAIRN_API_KEY") == "" {
		fmt.Fprintln(os.Stderr, "CAIRN_ADDR and CAIRN_API_KEY are not set: run make polyglot")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func connect(t *testing.T) *cairn.Client {
	t.Helper()
	client, err := cairn.Connect(cairn.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// A file of a session of its own.
type file struct{ app, user, session, name string }

func (f file) save(t *testing.T, in artifact.Service, part *genai.Part) int64 {
	t.Helper()
	answer, err := in.Save(t.Context(), &artifact.SaveRequest{AppName: f.app, UserID: f.user, SessionID: f.session, FileName: f.name, Part: part})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Version
}

func (f file) load(t *testing.T, in artifact.Service, version int64) *genai.Part {
	t.Helper()
	answer, err := in.Load(t.Context(), &artifact.LoadRequest{AppName: f.app, UserID: f.user, SessionID: f.session, FileName: f.name, Version: version})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	return answer.Part
}

func (f file) list(t *testing.T, in artifact.Service) string {
	t.Helper()
	answer, err := in.List(t.Context(), &artifact.ListRequest{AppName: f.app, UserID: f.user, SessionID: f.session})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(answer.FileNames)
}

func (f file) versions(t *testing.T, in artifact.Service) string {
	t.Helper()
	answer, err := in.Versions(t.Context(), &artifact.VersionsRequest{AppName: f.app, UserID: f.user, SessionID: f.session, FileName: f.name})
	if errors.Is(err, fs.ErrNotExist) {
		return "none"
	} else if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(answer.Versions)
}

func (f file) delete(t *testing.T, in artifact.Service, version int64) {
	t.Helper()
	request := &artifact.DeleteRequest{AppName: f.app, UserID: f.user, SessionID: f.session, FileName: f.name, Version: version}
	if err := in.Delete(t.Context(), request); err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestPartsComeBackAsTheyWere(t *testing.T) {
	in, it := adk.New(connect(t), nil), file{"app", rand.Text(), "s", "f"}
	equal(t, it.save(t, in, genai.NewPartFromText("text")), 1)
	equal(t, it.save(t, in, genai.NewPartFromBytes([]byte{1, 0, 2}, "image/png")), 2)
	odd := &genai.Part{InlineData: &genai.Blob{Data: []byte("x"), MIMEType: "jpeg", DisplayName: "A photo"}}
	equal(t, it.save(t, in, odd), 3)
	equal(t, it.load(t, in, 1).Text, "text")
	equal(t, string(it.load(t, in, 2).InlineData.Data)+it.load(t, in, 2).InlineData.MIMEType, "\x01\x00\x02image/png")
	latest := it.load(t, in, 0).InlineData
	equal(t, string(latest.Data)+latest.MIMEType+latest.DisplayName, "xjpegA photo")
	equal(t, it.versions(t, in), "[3 2 1]")
}

func TestDeletionsFollowTheKit(t *testing.T) {
	in, it := adk.New(connect(t), nil), file{"app", rand.Text(), "s", "f"}
	it.delete(t, in, 0)
	it.save(t, in, genai.NewPartFromText("1"))
	it.save(t, in, genai.NewPartFromText("2"))
	it.delete(t, in, 2)
	it.delete(t, in, 9)
	equal(t, it.load(t, in, 0).Text, "1")
	it.delete(t, in, 0)
	equal(t, it.load(t, in, 0), nil)
	equal(t, it.versions(t, in)+it.list(t, in), "none[]")
}

func TestFilesOfTheUserAreSeenFromEverySession(t *testing.T) {
	in, user := adk.New(connect(t), nil), rand.Text()
	own, shared := file{"app", user, "one", "f"}, file{"app", user, "one", "user:f"}
	own.save(t, in, genai.NewPartFromText("own"))
	shared.save(t, in, genai.NewPartFromText("shared"))
	other := file{"app", user, "two", "user:f"}
	equal(t, own.list(t, in), "[f user:f]")
	equal(t, other.list(t, in), "[user:f]")
	equal(t, other.load(t, in, 0).Text, "shared")
	equal(t, own.load(t, in, 0).Text, "own")
	equal(t, file{"app", rand.Text(), "one", "f"}.list(t, in), "[]")
}

func TestFilesAreWhereOtherAdaptersFindThem(t *testing.T) {
	client, it := connect(t), file{"app", rand.Text(), "s", "f"}
	in := adk.New(client, &adk.Options{Agent: "me"})
	it.save(t, in, genai.NewPartFromText("text"))
	scope := client.Scope(cairn.Place{Session: "app/" + it.user + "/s", Namespace: "app", User: it.user})
	found, err := scope.Get(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, found.Agent+found.Metadata["adk.part"], "metext")
	// As the adapter for Python stores custom metadata.
	if _, err := scope.Update(t.Context(), "f", cairn.Changes{Metadata: map[string]string{"topic": "x", "adk.custom.00": `{"n":`, "adk.custom.01": "1}"}}); err != nil {
		t.Fatal(err)
	}
	answer, err := in.GetArtifactVersion(t.Context(), &artifact.GetArtifactVersionRequest{AppName: it.app, UserID: it.user, SessionID: it.session, FileName: it.name})
	if err != nil {
		t.Fatal(err)
	}
	record := answer.ArtifactVersion
	equal(t, fmt.Sprintf("%d %s %v", record.Version, record.MimeType, record.CustomMetadata), "1 text/plain map[n:1 topic:x]")
	equal(t, record.CanonicalURI, "cairn:"+found.ID)
	equal(t, record.CreateTime > 1e9, true)
}

func TestRequestsThatBreakARuleAreRefused(t *testing.T) {
	in := adk.New(connect(t), nil)
	for _, it := range []*artifact.SaveRequest{
		{AppName: "app", UserID: "u", SessionID: "s", FileName: "f"},
		{AppName: "app", UserID: "u", SessionID: "s", FileName: "a/b", Part: genai.NewPartFromText("x")},
		{AppName: "app", UserID: "u", FileName: "f", Part: genai.NewPartFromText("x")},
		{AppName: "app", UserID: rand.Text(), SessionID: "s", FileName: "f", Version: 3, Part: genai.NewPartFromText("x")},
	} {
		if _, err := in.Save(t.Context(), it); err == nil {
			t.Errorf("%+v was saved", it)
		}
	}
}
