package cairn_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	cairn "cairn/clients/go"
)

const page = "../../docs/go.md"

var (
	blocks   = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	sessions = regexp.MustCompile(`run-4(\d)`)
)

func TestTheProgramsOfThePageRun(t *testing.T) {
	found := blocks.FindAllStringSubmatch(string(must(os.ReadFile(page))(t)), -1)
	if len(found) < 2 {
		t.Fatalf("there are %d programs", len(found))
	}
	session := newSession()
	for _, block := range found {
		program := filepath.Join(t.TempDir(), "main.go")
		// Sessions of their own, so that the page can be tested twice on one store.
		text := sessions.ReplaceAllString(block[1], session+"-$1")
		if err := os.WriteFile(program, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		formatted := must(exec.Command("gofmt", "-l", program).CombinedOutput())(t)
		if len(formatted) > 0 {
			t.Errorf("gofmt would change a program of the page:\n%s", text)
		}
		output, err := exec.Command("go", "run", program).CombinedOutput()
		if err != nil || len(output) == 0 {
			t.Errorf("%v\n%s", err, output)
		}
	}
}

func TestThePageHasEveryCall(t *testing.T) {
	text := string(must(os.ReadFile(page))(t))
	for _, value := range []any{&cairn.Scope{}, &cairn.Client{}} {
		kind := reflect.TypeOf(value)
		for at := range kind.NumMethod() {
			if name := kind.Method(at).Name; !strings.Contains(text, name+"(") {
				t.Errorf("the page says nothing of %v.%s", kind, name)
			}
		}
	}
}
