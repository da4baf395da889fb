package cairn_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	cairn "cairn/clients/go"
)

func cutScope(t *testing.T) (*cairn.Scope, *proxy) {
	t.Helper()
	between := newProxy(t)
	return connect(t, cairn.Config{Address: between.address()}).Session(newSession()).As("writer"), between
}

// sends collects the positions of what a push sends.
func sends(into *[]int64) *cairn.PushOptions {
	return &cairn.PushOptions{Progress: func(it cairn.Progress) {
		if it.Phase == cairn.PhaseSend {
			*into = append(*into, it.Done)
		}
	}}
}

func TestAnUploadInOneStreamIsSentAgain(t *testing.T) {
	run, between := cutScope(t)
	content := random(5 * mib)
	between.cut(&between.up, 2*mib)
	equal(t, must(run.PushBytes(t.Context(), "a", content, nil))(t).Version, 1)
	equal(t, between.cutsMade(), 1)
	equal(t, bytes.Equal(must(run.ReadFile(t.Context(), "a", nil))(t), content), true)
}

func TestALargeUploadGoesOnWhereItWas(t *testing.T) {
	run, between := cutScope(t)
	content := bytes.Repeat(random(mib), 70)
	between.cut(&between.up, 40*mib)
	var sent []int64
	made := must(run.PushBytes(t.Context(), "a", content, sends(&sent)))(t)
	equal(t, between.cutsMade(), 1)
	// It did not begin again from the start: at most the three parts that were under way, and what was on its way, were sent twice.
	if again := len(sent) << 18; again > (70+45)*mib {
		t.Errorf("%d bytes were sent", again)
	}
	equal(t, made.Size, int64(len(content)))
}

func TestADownloadGoesOnWhereItWas(t *testing.T) {
	run, between := cutScope(t)
	content := bytes.Repeat(random(mib), 20)
	must(run.PushBytes(t.Context(), "a", content, nil))(t)
	between.cut(&between.down, 7*mib)
	equal(t, bytes.Equal(must(run.ReadFile(t.Context(), "a", nil))(t), content), true)
	between.cut(&between.down, 7*mib)
	path := must(run.PullFile(t.Context(), "a", filepath.Join(t.TempDir(), "b"), nil))(t)
	equal(t, bytes.Equal(must(os.ReadFile(path))(t), content), true)
	equal(t, between.cutsMade(), 2)
}

func TestAWriteWhoseAnswerIsLostHasOneEffect(t *testing.T) {
	run, between := cutScope(t)
	for n, options := range []*cairn.PushOptions{nil, {Fresh: true}, {Key: "key of " + run.Place().Session}} {
		// The request passes, and the answer does not.
		must(run.Exists(t.Context(), "a"))(t)
		between.cut(&between.down, 0)
		equal(t, must(run.PushBytes(t.Context(), "a", []byte("x"), options))(t).Version, int64(n+1))
	}
	equal(t, between.cutsMade(), 3)
	equal(t, len(all(t, run.Versions(t.Context(), "a"))), 3)
}

func TestAWatchMakesItsConnectionAgain(t *testing.T) {
	run, between := cutScope(t)
	push(t, run, "a", "x")
	var types []string
	for event, err := range run.Watch(t.Context(), &cairn.WatchOptions{UntilSealed: true}) {
		types = append(types, string(must(event, err)(t).Type))
		if len(types) == 1 {
			between.cut(&between.down, 0)
			other := connect(t, cairn.Config{}).Session(run.Place().Session)
			push(t, other, "b", "x")
			must(other.Seal(t.Context()))(t)
		}
	}
	same(t, types, "created", "created", "sealed")
	equal(t, between.cutsMade(), 1)
}

func TestGoroutinesShareAClient(t *testing.T) {
	run := scope(t)
	var mutex sync.Mutex
	seen := map[int64]bool{}
	var writers sync.WaitGroup
	for n := range 40 {
		writers.Go(func() {
			made, err := run.PushBytes(context.Background(), "shared", []byte{byte(n)}, nil)
			if err != nil {
				t.Error(err)
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			seen[made.Version] = true
		})
	}
	writers.Wait()
	equal(t, len(seen), 40)
}

func TestAStoreThatIsNotThereIsUnavailable(t *testing.T) {
	_, err := connect(t, cairn.Config{Address: "127.0.0.1:1"}).WhoAmI(t.Context())
	if !errors.Is(err, cairn.ErrUnavailable) || !strings.Contains(err.Error(), "cairn dev") {
		t.Error(err)
	}
}

// pushAndDie is the child process of the next test: it pushes a file until it has sent 60 MiB.
func pushAndDie(path, session string) error {
	client, err := cairn.Connect(cairn.Config{})
	if err != nil {
		return err
	}
	_, err = client.Session(session).As("writer").PushFile(context.Background(), "large", path, &cairn.PushOptions{Progress: func(it cairn.Progress) {
		if it.Phase == cairn.PhaseSend && it.Done > 60*mib {
			os.Exit(7)
		}
	}})
	return err
}

func TestAPushGoesOnAfterTheDeathOfItsProcess(t *testing.T) {
	path, session := filepath.Join(t.TempDir(), "large"), newSession()
	if err := os.WriteFile(path, bytes.Repeat(random(mib), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "CAIRN_TEST_FILE="+path, "CAIRN_TEST_SESSION="+session)
	var died *exec.ExitError
	if err := child.Run(); !errors.As(err, &died) || died.ExitCode() != 7 {
		t.Fatal(err)
	}
	run := connect(t, cairn.Config{}).Session(session).As("writer")
	var sent []int64
	equal(t, must(run.PushFile(t.Context(), "large", path, sends(&sent)))(t).Version, 1)
	if sent[0] <= 8*mib {
		t.Errorf("it began again at %d", sent[0])
	}
}
