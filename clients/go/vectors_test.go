package cairn

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"cairn/clients/go/cairnv1"
	"cairn/clients/go/filter"
)

// What clients in every language do alike.
type vectors struct {
	Keys struct {
		Uploads []struct {
			Name string
			Spec map[string]any
			Gone string
			Key  string
		}
		AfterUpload []struct {
			Key      string
			UploadID string `json:"upload_id"`
			Next     string
		} `json:"after_upload"`
		Links []struct {
			UploadKey  string `json:"upload_key"`
			ArtifactID string `json:"artifact_id"`
			Key        string
		}
		Commits []struct {
			SessionID   string   `json:"session_id"`
			ArtifactIDs []string `json:"artifact_ids"`
			Seal        bool
			Key         string
		}
	}
	Manifests []struct {
		Entries []json.RawMessage
		Digest  string
	}
	Quoting   []struct{ Text, Quoted, Prefix string }
	Filenames struct{ Good, Refused []string }
	Transfers struct {
		PieceBytes int64 `json:"piece_bytes"`
		Cases      []struct {
			Size   int64
			Call   string
			Pieces int64
		}
	}
}

// Each group of the file, and what it is called there. A group that is not here fails the test.
var groups = []string{"about", "keys", "manifests", "quoting", "filenames", "transfers"}

func readVectors(t *testing.T) (it vectors) {
	t.Helper()
	text, err := os.ReadFile("../../tests/vectors/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for name := range all {
		if !strings.Contains(" "+strings.Join(groups, " ")+" ", " "+name+" ") {
			t.Errorf("no test reads the group %q", name)
		}
	}
	if err := json.Unmarshal(text, &it); err != nil {
		t.Fatal(err)
	}
	return it
}

func TestDerivedKeysAreThoseOfEveryClient(t *testing.T) {
	keys := readVectors(t).Keys
	if len(keys.Uploads)*len(keys.AfterUpload)*len(keys.Links)*len(keys.Commits) == 0 {
		t.Fatal("a group of keys is empty")
	}
	for _, it := range keys.Uploads {
		if ttl, ok := it.Spec["ttl_milliseconds"].(float64); ok {
			delete(it.Spec, "ttl_milliseconds")
			it.Spec["ttl"] = fmt.Sprintf("%.3fs", ttl/1000)
		}
		text, _ := json.Marshal(it.Spec)
		spec := &cairnv1.ArtifactSpec{}
		if err := protojson.Unmarshal(text, spec); err != nil {
			t.Fatal(err)
		}
		spec.IdempotencyKey = "is no part of it"
		if key := keyForUpload(spec, it.Gone); key != it.Key {
			t.Errorf("%s: %s", it.Name, key)
		}
	}
	for _, it := range keys.AfterUpload {
		if next := keyAfterUpload(it.Key, it.UploadID); next != it.Next {
			t.Error(next)
		}
	}
	for _, it := range keys.Links {
		if key := keyForLink(it.UploadKey, it.ArtifactID); key != it.Key {
			t.Error(key)
		}
	}
	for _, it := range keys.Commits {
		if key := keyForCommit(it.SessionID, it.ArtifactIDs, it.Seal); key != it.Key {
			t.Error(key)
		}
	}
}

func TestTheDigestOfAManifestIsThatOfEveryClient(t *testing.T) {
	manifests := readVectors(t).Manifests
	if len(manifests) == 0 {
		t.Fatal("there are no manifests")
	}
	for _, it := range manifests {
		var entries []*cairnv1.ManifestEntry
		for _, text := range it.Entries {
			entry := &cairnv1.ManifestEntry{}
			if err := protojson.Unmarshal(text, entry); err != nil {
				t.Fatal(err)
			}
			entries = append(entries, entry)
		}
		if digest := manifestHash(entries); digest != it.Digest {
			t.Errorf("%d entries: %s", len(entries), digest)
		}
	}
}

func TestValuesOfFiltersAreQuotedAsInEveryClient(t *testing.T) {
	quoting := readVectors(t).Quoting
	if len(quoting) == 0 {
		t.Fatal("there are no texts")
	}
	for _, it := range quoting {
		if quoted := filter.Quote(it.Text); quoted != it.Quoted {
			t.Errorf("%q: %s", it.Text, quoted)
		}
		if prefix := filter.Title.HasPrefix(it.Text); string(prefix) != "title:"+it.Prefix {
			t.Errorf("%q: %s", it.Text, prefix)
		}
	}
}

func TestFilenamesAreCheckedAsByEveryClient(t *testing.T) {
	names := readVectors(t).Filenames
	if len(names.Good)*len(names.Refused) == 0 {
		t.Fatal("there are no names")
	}
	for _, name := range names.Good {
		if err := CheckFilename(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if path, err := below("folder", name); err != nil || !strings.HasPrefix(path, "folder/") {
			t.Errorf("%q: %q, %v", name, path, err)
		}
	}
	for _, name := range names.Refused {
		if CheckFilename(name) == nil {
			t.Errorf("%q is accepted", name)
		}
		if path, err := below("folder", name); err == nil {
			t.Errorf("%q leads to %q", name, path)
		}
	}
}

func TestContentIsSplitAsByEveryClient(t *testing.T) {
	transfers := readVectors(t).Transfers
	calls := []string{byCreate: "CreateArtifact", byUpload: "UploadArtifact", byResumable: "WriteUpload"}
	if len(transfers.Cases) == 0 || transfers.PieceBytes != piece {
		t.Fatalf("pieces have %d bytes", transfers.PieceBytes)
	}
	for _, it := range transfers.Cases {
		way, pieces := wayFor(it.Size), int64(1)
		if way != byCreate {
			pieces = (it.Size + piece - 1) / piece
		}
		if calls[way] != it.Call || pieces != it.Pieces {
			t.Errorf("%d bytes: %s in %d", it.Size, calls[way], pieces)
		}
	}
}
