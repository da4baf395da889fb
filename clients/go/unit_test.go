package cairn

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"cairn/clients/go/cairnv1"
	"cairn/clients/go/filter"
)

func load(config Config, variables map[string]string) (*settings, error) {
	return config.load(func(name string) string { return variables[name] })
}

func TestTheEnvironmentIsReadAsTheCommandDoes(t *testing.T) {
	for address, want := range map[string]string{
		"":                    "http://127.0.0.1:7070",
		"cairn:1":             "http://cairn:1",
		"http://cairn":        "http://cairn:80",
		"https://cairn.local": "https://cairn.local:443",
		"https://[::1]:2/":    "https://[::1]:2",
	} {
		it, err := load(Config{}, map[string]string{"CAIRN_ADDR": address, "CAIRN_API_KEY": "k"})
		if err != nil || it.address != want {
			t.Errorf("%q: %v, %v", address, it, err)
		}
	}
	it, err := load(Config{Address: "b:1", APIKey: "given"}, map[string]string{"CAIRN_ADDR": "a:1", "CAIRN_API_KEY_FILE": "f"})
	if err != nil || it.target != "b:1" || it.key != "given" || it.keyFile != "" {
		t.Errorf("what is given does not take the place of the environment: %v, %v", it, err)
	}
}

func TestAnErrorOfTheConfigurationNamesTheVariable(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"CAIRN_ADDR":            {"CAIRN_ADDR": "ftp://x", "CAIRN_API_KEY": "k"},
		"dev.env":               {},
		"CAIRN_API_KEY_FILE":    {"CAIRN_API_KEY": "k", "CAIRN_API_KEY_FILE": "f"},
		"CAIRN_CLIENT_KEY_FILE": {"CAIRN_API_KEY": "k", "CAIRN_CLIENT_CERT_FILE": "f"},
		"https://":              {"CAIRN_API_KEY": "k", "CAIRN_CA_FILE": "f"},
		"CAIRN_CA_FILE":         {"CAIRN_ADDR": "https://x", "CAIRN_API_KEY": "k", "CAIRN_CA_FILE": "/nowhere"},
	} {
		_, err := load(Config{}, variables)
		if !errors.Is(err, ErrConfiguration) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAKeyInAFileIsReadForEachCall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	it, err := load(Config{APIKeyFile: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := it.credential(); !errors.Is(err, ErrConfiguration) {
		t.Error(err)
	}
	for _, key := range []string{"one", "two"} {
		if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := it.credential(); got != key || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestEachReasonOfTheAPIHasAConstant(t *testing.T) {
	text, err := os.ReadFile("reason.go")
	if err != nil {
		t.Fatal(err)
	}
	for number, name := range cairnv1.ErrorReason_name {
		reason := strings.TrimPrefix(name, "ERROR_REASON_")
		if number != 0 && !bytes.Contains(text, []byte(`Reason = "`+reason+`"`)) {
			t.Errorf("%s has no constant", reason)
		}
	}
}

func TestConditionsAreCombinedInParentheses(t *testing.T) {
	got := filter.And(filter.Stage.Is("final"), "", filter.Or(filter.Size.Over(1), filter.HasLabel("a b")), filter.Not(filter.Meta("dc:title").Exists()))
	want := `((stage = "final") AND (((size_bytes > 1) OR (labels:"a b"))) AND ((NOT (metadata."dc:title":*))))`
	if string(got) != want {
		t.Errorf("%s", got)
	}
	if filter.And() != "" || filter.And("", "a = 1") != "(a = 1)" {
		t.Error("empty conditions are not left out")
	}
}

func TestRepeatedWritesHaveKeysOfTheirOwn(t *testing.T) {
	it := newRepeats()
	first, _ := it.begin("a")
	second, undo := it.begin("a")
	undo()
	again, _ := it.begin("a")
	if first != 0 || second != 1 || again != 1 {
		t.Error(first, second, again)
	}
	if repeatedKey("a", 0) != "a" || repeatedKey("a", 1) == repeatedKey("a", 2) {
		t.Error("keys of repeated writes")
	}
	for range knownKeys + 1 {
		it.begin(freshKey())
	}
	if len(it.begun) != knownKeys || it.order.Len() != knownKeys {
		t.Error(len(it.begun), it.order.Len())
	}
}

func TestOnlyWhatMaySucceedIsRetried(t *testing.T) {
	setPauses(t, time.Millisecond, time.Millisecond)
	for reason, want := range map[Reason]int{
		Unavailable: 3, RateLimited: 3, DeadlineExceeded: 3, VersionConflict: 1, QuotaExceeded: 1, InvalidArgument: 1, Internal: 1,
	} {
		calls := 0
		_, err := retried(t.Context(), func() (int, error) {
			calls++
			return 0, &Error{Reason: reason}
		})
		if calls != want || ReasonOf(err) != reason {
			t.Errorf("%s: %d calls, %v", reason, calls, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err := retried(ctx, func() (int, error) {
		calls++
		cancel()
		return 0, lost("gone")
	})
	if calls != 1 || !errors.Is(err, ErrUnavailable) {
		t.Error(calls, err)
	}
}

func setPauses(t *testing.T, some ...time.Duration) {
	before := pauses
	pauses = some
	t.Cleanup(func() { pauses = before })
}

func TestContentIsReadAgainIfItsReaderCan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seekable := strings.NewReader("0123456789")
	for _, reader := range []io.ReadSeeker{file, seekable} {
		if _, err := reader.Seek(2, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		of, err := opened(reader)
		if err != nil || of == nil || of.size() != 8 {
			t.Fatalf("%T: %v, %v", reader, of, err)
		}
		for range 2 {
			rest, err := of.from(3)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(rest); string(text) != "56789" || err != nil {
				t.Errorf("%T: %q, %v", reader, text, err)
			}
		}
	}
	if of, err := opened(iotest.OneByteReader(seekable)); of != nil || err != nil {
		t.Error(of, err)
	}
}

func TestAFileThatChangesWhileItIsReadIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	of, err := opened(file)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := of.from(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("before and after"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(rest); !errors.Is(err, ErrChanged) || string(text) != "before" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := of.from(0); !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
}

func TestHiddenFilesAreNotMadeExecutable(t *testing.T) {
	for name, want := range map[string]bool{"run.sh": true, "bin/run": true, ".run": false, ".git/hooks/post-checkout": false} {
		if got := mayExecute(&Artifact{Filename: name, Metadata: map[string]string{executable: "true"}}); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestErrorsMatchThoseOfTheStandardLibrary(t *testing.T) {
	zero := int64(0)
	conflict := &Error{Reason: VersionConflict, Details: map[string]string{"current_version": "3", "agent_id": "a"}}
	exists := refused(conflict, &cairnv1.ArtifactSpec{IfVersion: &zero})
	if !errors.Is(exists, fs.ErrExist) || errors.Is(conflict, fs.ErrExist) || conflict.CurrentVersion() != 3 || conflict.By() != "a" {
		t.Error(exists, conflict)
	}
	if err := CheckFilename("/"); !errors.Is(err, fs.ErrInvalid) || ReasonOf(err) != InvalidArgument {
		t.Error(err)
	}
	if ReasonOf(nil) != "" || ReasonOf(io.EOF) != "" {
		t.Error("an error of something else has a reason")
	}
}
