package cairn_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	cairn "cairn/clients/go"
	"cairn/clients/go/cairnv1"
	"cairn/clients/go/filter"
)

func TestAFileBelongsToItsScope(t *testing.T) {
	store := connect(t, cairn.Config{})
	session, user := newSession(), newSession()
	places := []cairn.Place{{Session: session}, {Session: session, User: user}, {Namespace: "app", User: user}}
	for n, place := range places {
		push(t, store.Scope(place), "f", fmt.Sprint(n))
	}
	for n, place := range places {
		in := store.Scope(place)
		equal(t, string(must(in.ReadFile(t.Context(), "f", nil))(t)), fmt.Sprint(n))
		equal(t, in.Place(), place)
		found := all(t, in.List(t.Context(), nil))
		equal(t, len(found), 1)
		equal(t, found[0].User, place.User)
	}
}

func TestListsArePagedAndCanBeReadAgain(t *testing.T) {
	run := scope(t)
	var files []cairn.Item
	for n := range 450 {
		files = append(files, cairn.Item{Name: fmt.Sprintf("%03d", n), Content: []byte{byte(n)}})
	}
	must(run.PushMany(t.Context(), files, nil))(t)
	list := run.List(t.Context(), nil)
	for range 2 {
		found := all(t, list)
		equal(t, len(found), 450)
		equal(t, found[449].Filename, "449")
	}
	for artifact, err := range list {
		if err != nil || artifact.Filename != "000" {
			t.Fatal(artifact, err)
		}
		break
	}
}

func TestListsAndConditionsChooseFiles(t *testing.T) {
	run := scope(t)
	for _, name := range []string{"a.txt", "b/c.csv", "b/d/e.csv", "star*"} {
		push(t, run, name, name)
	}
	must(run.PushBytes(t.Context(), "a.txt", []byte("longer than before"), &cairn.PushOptions{
		Metadata: map[string]string{"dc:title": `a "quoted" OR b`}, Labels: []string{"x y"}, Stage: cairn.StageFinal,
	}))(t)
	same(t, names(all(t, run.List(t.Context(), nil))), "a.txt v2", "b/c.csv v1", "b/d/e.csv v1", "star* v1")
	same(t, names(all(t, run.List(t.Context(), &cairn.ListOptions{Prefix: "a", AllVersions: true}))), "a.txt v1", "a.txt v2")
	same(t, names(all(t, run.List(t.Context(), &cairn.ListOptions{Glob: "b/**/*.csv"}))), "b/c.csv v1", "b/d/e.csv v1")
	for want, condition := range map[string]filter.Condition{
		"a.txt v2":     filter.And(filter.Meta("dc:title").Is(`a "quoted" OR b`), filter.HasLabel("x y"), filter.Stage.Is("final")),
		"star* v1":     filter.Filename.HasPrefix("star*"),
		"b/d/e.csv v1": filter.And(filter.Filename.Matches("**/e.csv"), filter.Agent.Is("writer"), filter.Size.AtMost(9)),
		"b/c.csv v1":   filter.And(filter.Filename.HasPrefix("b/"), filter.Not(filter.Filename.Matches("b/d/*")), filter.CreatedSince(time.Now().Add(-time.Hour))),
		"":             filter.Or(filter.CreatedBefore(time.Now().Add(-time.Hour)), filter.LegalHold(true), filter.Persistent(true), filter.Meta("none").Exists()),
	} {
		got := strings.Join(names(all(t, run.Find(t.Context(), condition))), " ")
		equal(t, got, want)
	}
	if _, err := first(run.Find(t.Context(), "no such field = 1")); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
	var entries []string
	for entry, err := range run.Entries(t.Context(), "b") {
		entries = append(entries, must(entry, err)(t).Name)
	}
	slices.Sort(entries)
	same(t, entries, "b/c.csv", "b/d/")
	store := connect(t, cairn.Config{})
	equal(t, len(all(t, store.Find(t.Context(), filter.Session.Is(run.Place().Session)))), 5)
}

func first[T any](items func(func(T, error) bool)) (T, error) {
	for item, err := range items {
		return item, err
	}
	var none T
	return none, nil
}

func TestCopiesMovesChangesAndDeletions(t *testing.T) {
	run, store := scope(t), connect(t, cairn.Config{})
	original := push(t, run, "a", "x")
	other := store.Session(newSession())
	copied := must(run.Copy(t.Context(), "a", "b", &cairn.CopyOptions{Into: other, PushOptions: cairn.PushOptions{Title: "copy"}}))(t)
	equal(t, copied.Hash, original.Hash)
	same(t, copied.Inputs, original.ID)
	_, err := run.Copy(t.Context(), "a", "b", &cairn.CopyOptions{Into: other, PushOptions: cairn.PushOptions{IfAbsent: true}})
	if !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	must(run.Move(t.Context(), "a", "c", nil))(t)
	equal(t, must(run.Exists(t.Context(), "a"))(t), false)
	equal(t, must(run.Exists(t.Context(), "c"))(t), true)

	title, yes := "T", true
	changed := must(run.Update(t.Context(), "c", cairn.Changes{
		Metadata: map[string]string{"k": "v", "l": "w"}, Title: &title, Stage: cairn.StageReview, Labels: []string{"l"}, TTL: time.Hour, Persistent: &yes,
	}))(t)
	equal(t, changed.Title+changed.Metadata["k"]+string(changed.Stage), "Tvreview")
	equal(t, changed.Persistent && changed.ExpiresAt.Before(time.Now().Add(2*time.Hour)), true)
	again := must(run.Update(t.Context(), "c", cairn.Changes{Remove: []string{"k"}, Labels: []string{}, ETag: changed.ETag}))(t)
	equal(t, fmt.Sprint(again.Metadata, again.Labels), "map[l:w] []")
	_, err = run.Update(t.Context(), "c", cairn.Changes{Stage: cairn.StageFinal, ETag: changed.ETag})
	equal(t, cairn.ReasonOf(err), cairn.VersionConflict)
	_, err = run.Update(t.Context(), "c", cairn.Changes{Stage: "finished"})
	equal(t, cairn.ReasonOf(err), cairn.InvalidArgument)

	push(t, run, "c", "2")
	push(t, run, "c", "3")
	equal(t, must(run.DeleteVersion(t.Context(), "c", 3))(t).Count, 1)
	equal(t, must(run.Get(t.Context(), "c"))(t).Version, 2)
	last := must(run.Get(t.Context(), "c"))(t)
	equal(t, must(run.Delete(t.Context(), "c"))(t).Count, 2)
	_, err = store.Artifact(t.Context(), last.ID)
	equal(t, cairn.ReasonOf(err), cairn.ArtifactDeleted)
	equal(t, must(store.Restore(t.Context(), last.ID))(t), 1)
	equal(t, must(store.Artifact(t.Context(), last.ID))(t).Version, 2)
	equal(t, must(store.Delete(t.Context(), last.ID))(t).Count, 1)
	_, err = run.DeleteVersion(t.Context(), "c", 0)
	equal(t, cairn.ReasonOf(err), cairn.InvalidArgument)
}

func TestAPublicationIsVisibleAtOnceOrNever(t *testing.T) {
	run := scope(t)
	visible := func() []string { return names(all(t, run.List(t.Context(), nil))) }
	fails := errors.New("fails")
	write := func(result error) func(*cairn.Scope) error {
		return func(tx *cairn.Scope) error {
			push(t, tx, "a", "1")
			must(tx.PushMany(t.Context(), []cairn.Item{{Name: "b", Content: []byte("2")}}, nil))(t)
			w := tx.NewWriter(t.Context(), "c", nil)
			must(w.Write([]byte("3")))(t)
			if err := w.Close(); err != nil {
				return err
			}
			same(t, visible())
			return result
		}
	}
	_, err := run.Publish(t.Context(), write(fails), nil)
	equal(t, err, fails)
	same(t, visible())
	func() {
		defer func() { equal(t, recover(), any("panics")) }()
		_, _ = run.Publish(t.Context(), func(tx *cairn.Scope) error {
			push(t, tx, "p", "1")
			panic("panics")
		}, nil)
	}()
	equal(t, must(run.Info(t.Context()))(t).Unpublished, 0)
	done := must(run.Publish(t.Context(), write(nil), &cairn.PublishOptions{Seal: true}))(t)
	same(t, slices.Sorted(maps.Keys(done.Versions)), "a", "b", "c")
	equal(t, done.Session.Sealed(), true)
	same(t, visible(), "a v1", "b v1", "c v1")
	_, err = run.Publish(t.Context(), func(tx *cairn.Scope) error {
		_, err := tx.Publish(t.Context(), func(*cairn.Scope) error { return nil }, nil)
		return err
	}, nil)
	equal(t, cairn.ReasonOf(err), cairn.InvalidArgument)
}

func TestAPublicationThatIsRefusedLeavesNothing(t *testing.T) {
	run := scope(t)
	push(t, run, "a", "1")
	_, err := run.Publish(t.Context(), func(tx *cairn.Scope) error {
		must(tx.PushBytes(t.Context(), "a", []byte("2"), &cairn.PushOptions{IfVersion: 1}))(t)
		// Another writer is faster.
		push(t, run, "a", "3")
		return nil
	}, nil)
	equal(t, cairn.ReasonOf(err), cairn.VersionConflict)
	equal(t, must(run.Info(t.Context()))(t).Unpublished, 0)
}

func TestASealedSessionIsVerifiedHere(t *testing.T) {
	run := scope(t)
	for n := range 3 {
		push(t, run, fmt.Sprintf("é%d", n), "x")
	}
	_, err := run.Verify(t.Context())
	equal(t, cairn.ReasonOf(err), cairn.SessionNotSealed)
	equal(t, must(run.Seal(t.Context()))(t).Sealed(), true)
	manifest := must(run.Verify(t.Context()))(t)
	equal(t, manifest.OK(), true)
	equal(t, manifest.Entries, 3)
}

func TestSessionsAreLabelledAndFound(t *testing.T) {
	run, store := scope(t), connect(t, cairn.Config{})
	id := run.Place().Session
	label := "label of " + id
	same(t, must(run.Label(t.Context(), label))(t).Labels, label)
	equal(t, must(run.Rename(t.Context(), "A run"))(t).DisplayName, "A run")
	for _, options := range []*cairn.SessionsOptions{{Prefix: id}, {Labels: []string{label}}} {
		found := all(t, store.Sessions(t.Context(), options))
		equal(t, len(found), 1)
		equal(t, found[0].ID, id)
	}
}

func TestLinksOpenWithoutACredentialUntilRevoked(t *testing.T) {
	run, store := scope(t), connect(t, cairn.Config{})
	push(t, run, "folder/a.txt", "shared")
	status := func(link *cairn.Link) int {
		answer := must(http.Get(link.URL))(t)
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	link := must(run.Link(t.Context(), "folder/a.txt", &cairn.LinkOptions{Version: 1, Expires: time.Hour, MaxDownloads: 5}))(t)
	equal(t, link.MaxDownloads, 5)
	equal(t, status(link), 200)
	if err := store.Revoke(t.Context(), link.ID); err != nil {
		t.Fatal(err)
	}
	equal(t, status(link) >= 400, true)
	folder := must(run.LinkSession(t.Context(), "folder", nil))(t)
	equal(t, folder.Folder, "folder/")
	equal(t, status(folder), 200)
}

func TestAWatchReturnsEachEventInOrder(t *testing.T) {
	run := scope(t)
	push(t, run, "a", "x")
	must(run.Update(t.Context(), "a", cairn.Changes{Stage: cairn.StageFinal}))(t)
	must(run.Delete(t.Context(), "a"))(t)
	must(run.Seal(t.Context()))(t)
	var types []string
	var second int64
	for _, event := range all(t, run.Watch(t.Context(), &cairn.WatchOptions{UntilSealed: true})) {
		types = append(types, string(event.Type))
		if event.Type == cairn.EventStaged {
			second = event.Position
			equal(t, event.FromStage+event.ToStage, "draftfinal")
		}
	}
	same(t, types, "created", "staged", "deleted", "sealed")
	equal(t, len(all(t, run.Watch(t.Context(), &cairn.WatchOptions{After: second, UntilSealed: true}))), 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range run.Watch(ctx, &cairn.WatchOptions{}) {
		if cancel(); err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			return
		}
	}
	t.Error("a watch ended without its context's error")
}

func TestTodosOfAFinalPlanAreListedAndChanged(t *testing.T) {
	run := scope(t)
	plan := must(run.PushBytes(t.Context(), "plan.md", []byte("- [x] Measure\n- Order a spare\n"), &cairn.PushOptions{Kind: cairn.KindPlan}))(t)
	must(run.Update(t.Context(), "plan.md", cairn.Changes{Stage: cairn.StageFinal}))(t)
	texts := func(options *cairn.TodosOptions) (found []string) {
		for _, todo := range all(t, run.Todos(t.Context(), options)) {
			found = append(found, todo.Text+" "+string(todo.State))
		}
		return found
	}
	same(t, texts(&cairn.TodosOptions{PlanID: plan.ID}), "Measure done", "Order a spare open")
	todo := must(run.AddTodo(t.Context(), "Write", "", cairn.TodoDoing))(t)
	equal(t, must(run.UpdateTodo(t.Context(), todo.ID, cairn.TodoDropped, "Write it"))(t).Text, "Write it")
	same(t, texts(&cairn.TodosOptions{State: cairn.TodoDropped}), "Write it dropped")
	_, err := first(run.Todos(t.Context(), &cairn.TodosOptions{State: "ready"}))
	equal(t, cairn.ReasonOf(err), cairn.InvalidArgument)
}

func TestManyFilesAreStoredOnceAndRead(t *testing.T) {
	store := connect(t, cairn.Config{})
	session := newSession()
	folder := t.TempDir()
	script := filepath.Join(folder, "script.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := []cairn.Item{{Name: "script.sh", Path: script}, {Name: "large", Content: random(300_000)}, {Name: "stream", Content: random(3 * mib)}}
	for n := range 250 {
		files = append(files, cairn.Item{Name: fmt.Sprintf("small/%03d", n), Content: []byte(fmt.Sprint(n))})
	}
	for range 2 {
		// As a program that is started again.
		made := must(connect(t, cairn.Config{}).Session(session).PushMany(t.Context(), files, nil))(t)
		for n, artifact := range made {
			equal(t, artifact.Filename, files[n].Name)
			equal(t, artifact.Version, 1)
		}
	}
	run := store.Session(session)
	read := 0
	for content, err := range store.ReadMany(t.Context(), all(t, run.List(t.Context(), &cairn.ListOptions{Prefix: "small/"}))) {
		if err != nil || string(content.Bytes) != fmt.Sprint(read) {
			t.Fatalf("%v: %q, %v", content.Artifact, content.Bytes, err)
		}
		read++
	}
	equal(t, read, 250)
	paths := must(run.PullAll(t.Context(), t.TempDir(), ""))(t)
	equal(t, len(paths), len(files))
	for _, path := range paths {
		info := must(os.Stat(path))(t)
		equal(t, info.Mode()&0o100 != 0, filepath.Base(path) == "script.sh")
	}
	_, err := run.PushMany(t.Context(), []cairn.Item{{Name: "ok", Content: []byte("x")}, {Name: "not/../ok", Content: []byte("x")}}, nil)
	equal(t, cairn.ReasonOf(err), cairn.InvalidArgument)
}

func TestAScopeIsAFileSystem(t *testing.T) {
	run := scope(t)
	for _, name := range []string{"a.txt", "empty", "folder/b.txt", "folder/deep/c.txt", "folder.txt", "ü/x"} {
		push(t, run, name, strings.Repeat(name, min(len(name)-5, 1)+4))
	}
	push(t, run, "a.txt", "second version")
	files := run.FS(t.Context())
	if err := fstest.TestFS(files, "a.txt", "empty", "folder/b.txt", "folder/deep/c.txt", "folder.txt", "ü/x"); err != nil {
		t.Error(err)
	}
	equal(t, string(must(fs.ReadFile(files, "a.txt"))(t)), "second version")
	same(t, must(fs.Glob(files, "folder/*"))(t), "folder/b.txt", "folder/deep")
	if _, err := fs.Stat(files, "missing/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := fs.ReadFile(files, "folder"); err == nil {
		t.Error("a folder was read")
	}
	equal(t, must(fs.Stat(files, "a.txt"))(t).Sys().(*cairn.Artifact).Version, 2)
	empty := scope(t).FS(t.Context())
	if err := fstest.TestFS(empty); err != nil {
		t.Error(err)
	}
}

func TestAFolderWithTheNameOfAFileIsHidden(t *testing.T) {
	run := scope(t)
	push(t, run, "both", "file")
	push(t, run, "both/inner", "inner")
	files := run.FS(t.Context())
	if err := fstest.TestFS(files, "both"); err != nil {
		t.Error(err)
	}
	equal(t, string(must(fs.ReadFile(files, "both/inner"))(t)), "inner")
}

func TestAFileIsReadFromAnyPosition(t *testing.T) {
	run := scope(t)
	content := random(3 * mib)
	must(run.PushBytes(t.Context(), "f", content, nil))(t)
	file := must(run.OpenFile(t.Context(), "f", nil))(t)
	push(t, run, "f", "another version")
	for _, offset := range []int64{3*mib - 5, 0, 1_000_000} {
		got := make([]byte, 5)
		must(file.ReadAt(got, offset))(t)
		equal(t, string(got), string(content[offset:offset+5]))
		must(file.Seek(offset, 0))(t)
		must(file.Read(got[:1]))(t)
		equal(t, got[0], content[offset])
	}
	equal(t, must(file.Seek(-2, 2))(t), 3*mib-2)
	var rest strings.Builder
	equal(t, must(file.WriteTo(&rest))(t), 2)
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if _, err := file.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
}

func TestTheStubsWorkOnTheConnection(t *testing.T) {
	store := connect(t, cairn.Config{})
	run := store.Session(newSession())
	made := push(t, run, "a.txt", "one\ntwo\n")
	lines := must(cairnv1.NewReadServiceClient(store.Conn()).ReadLines(t.Context(), &cairnv1.ReadLinesRequest{ArtifactId: made.ID}))(t)
	if !strings.Contains(lines.String(), "two") {
		t.Error(lines)
	}
	who := must(store.WhoAmI(t.Context()))(t)
	equal(t, who.Tenant != "" && who.ServerVersion != "", true)
	reader := must(store.Open(t.Context(), made.ID, nil))(t)
	defer reader.Close()
	equal(t, reader.Artifact().ID, made.ID)
	if !strings.Contains(store.Address(), "http://") {
		t.Error(store.Address())
	}
}
