// Package adk has the artifact service of Google's Agent Development Kit for Go.
//
//	store, err := cairn.Connect(cairn.Config{})
//	config := runner.Config{ArtifactService: adk.New(store, nil), ...}
//
// A file of a session is in the session `app/user/session`, with the namespace app and the user; a file of the user, which the kit
// names `user:...`, belongs to no session. So adapters in other languages and the `cairn` command find them.
package adk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/adk/v2/artifact"
	"google.golang.org/genai"

	cairn "cairn/clients/go"
)

const (
	userPrefix = "user:"
	// Metadata that adapters need to return a part as it was given.
	ours, partKey, mimeKey, displayKey, customKey = "adk.", "adk.part", "adk.mime_type", "adk.display_name", "adk.custom."
)

var mediaType = regexp.MustCompile(`^[!#$&^_.+\w-]+/[!#$&^_.+\w-]+(\s*;.*)?$`)

// Options say how artifacts are stored.
type Options struct {
	// Agent is who writes; "adk" by default.
	Agent string
	// TTL is how long artifacts are kept; as long as the tenant allows, by default.
	TTL time.Duration
}

type service struct {
	client *cairn.Client
	agent  string
	ttl    time.Duration
}

// New returns a service that stores artifacts. Its versions are those of the store, from 1; after a deletion the numbers go on.
// Errors match fs.ErrNotExist where there is no artifact.
func New(client *cairn.Client, options *Options) artifact.Service {
	it := &service{client: client, agent: "adk", ttl: cairn.Longest}
	if options != nil && options.Agent != "" {
		it.agent = options.Agent
	}
	if options != nil && options.TTL != 0 {
		it.ttl = options.TTL
	}
	return it
}

// place is the scope of a file, and its name in it.
func (s *service) place(app, user, session, filename string) (*cairn.Scope, string) {
	place := cairn.Place{Namespace: app, User: user, Agent: s.agent}
	if name, ok := strings.CutPrefix(filename, userPrefix); ok {
		return s.client.Scope(place), name
	}
	place.Session = fmt.Sprintf("%s/%s/%s", app, user, session)
	return s.client.Scope(place), filename
}

// Save stores the next version. If the request has a version, it must be the next one.
func (s *service) Save(ctx context.Context, req *artifact.SaveRequest) (*artifact.SaveResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	options := &cairn.PushOptions{TTL: s.ttl, Fresh: true, Metadata: map[string]string{}}
	if req.Version > 0 {
		options.IfVersion, options.IfAbsent = req.Version-1, req.Version == 1
	}
	content := []byte(req.Part.Text)
	if blob := req.Part.InlineData; blob != nil {
		content, options.ContentType = blob.Data, blob.MIMEType
		if blob.MIMEType != "" && !mediaType.MatchString(blob.MIMEType) {
			options.ContentType, options.Metadata[mimeKey] = "", blob.MIMEType
		}
		if blob.DisplayName != "" {
			options.Metadata[displayKey] = blob.DisplayName
		}
	} else {
		options.ContentType, options.Metadata[partKey] = "text/plain", "text"
	}
	scope, name := s.place(req.AppName, req.UserID, req.SessionID, req.FileName)
	made, err := scope.PushBytes(ctx, name, content, options)
	if err != nil {
		return nil, err
	}
	return &artifact.SaveResponse{Version: made.Version}, nil
}

// Load returns the latest version, or the one of the request.
func (s *service) Load(ctx context.Context, req *artifact.LoadRequest) (*artifact.LoadResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	scope, name := s.place(req.AppName, req.UserID, req.SessionID, req.FileName)
	var content strings.Builder
	found, err := scope.Pull(ctx, name, &content, &cairn.ReadOptions{Version: req.Version})
	if err != nil {
		return nil, err
	}
	if found.Metadata[partKey] == "text" {
		return &artifact.LoadResponse{Part: &genai.Part{Text: content.String()}}, nil
	}
	blob := &genai.Blob{Data: []byte(content.String()), MIMEType: mimeOf(found), DisplayName: found.Metadata[displayKey]}
	return &artifact.LoadResponse{Part: &genai.Part{InlineData: blob}}, nil
}

// Delete deletes all versions, or the one of the request. A missing one is no error.
func (s *service) Delete(ctx context.Context, req *artifact.DeleteRequest) error {
	if err := req.Validate(); err != nil {
		return err
	}
	scope, name := s.place(req.AppName, req.UserID, req.SessionID, req.FileName)
	var err error
	if req.Version > 0 {
		_, err = scope.DeleteVersion(ctx, name, req.Version)
	} else {
		_, err = scope.Delete(ctx, name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// List returns the names of the session's files, and of the user's, with `user:`.
func (s *service) List(ctx context.Context, req *artifact.ListRequest) (*artifact.ListResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	answer := &artifact.ListResponse{FileNames: []string{}}
	for _, prefix := range []string{"", userPrefix} {
		scope, _ := s.place(req.AppName, req.UserID, req.SessionID, prefix)
		for found, err := range scope.List(ctx, nil) {
			if err != nil {
				return nil, err
			}
			answer.FileNames = append(answer.FileNames, prefix+found.Filename)
		}
	}
	slices.Sort(answer.FileNames)
	return answer, nil
}

// Versions returns the numbers of the versions, the latest first.
func (s *service) Versions(ctx context.Context, req *artifact.VersionsRequest) (*artifact.VersionsResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	scope, name := s.place(req.AppName, req.UserID, req.SessionID, req.FileName)
	answer := &artifact.VersionsResponse{}
	for found, err := range scope.Versions(ctx, name) {
		if err != nil {
			return nil, err
		}
		answer.Versions = append(answer.Versions, found.Version)
	}
	if len(answer.Versions) == 0 {
		return nil, fmt.Errorf("artifact %q: %w", req.FileName, fs.ErrNotExist)
	}
	return answer, nil
}

// GetArtifactVersion returns the record of the latest version, or of the one of the request.
func (s *service) GetArtifactVersion(
	ctx context.Context, req *artifact.GetArtifactVersionRequest,
) (*artifact.GetArtifactVersionResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	scope, name := s.place(req.AppName, req.UserID, req.SessionID, req.FileName)
	found, err := scope.GetVersion(ctx, name, req.Version)
	if err != nil {
		return nil, err
	}
	custom, err := customOf(found)
	if err != nil {
		return nil, err
	}
	return &artifact.GetArtifactVersionResponse{ArtifactVersion: &artifact.ArtifactVersion{
		Version:        found.Version,
		CanonicalURI:   "cairn:" + found.ID,
		CustomMetadata: custom,
		CreateTime:     float64(found.CreatedAt.UnixMicro()) / 1e6,
		MimeType:       mimeOf(found),
	}}, nil
}

func mimeOf(found *cairn.Artifact) string {
	if given, ok := found.Metadata[mimeKey]; ok {
		return given
	}
	return found.ContentType
}

// customOf is the custom metadata, which adapters in other languages store as pairs, and where it is no text as JSON in pieces.
func customOf(found *cairn.Artifact) (map[string]any, error) {
	custom := map[string]any{}
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(found.Metadata)) {
		if strings.HasPrefix(key, customKey) {
			text.WriteString(found.Metadata[key])
		} else if !strings.HasPrefix(key, ours) {
			custom[key] = found.Metadata[key]
		}
	}
	if text.Len() == 0 {
		return custom, nil
	}
	if err := json.Unmarshal([]byte(text.String()), &custom); err != nil {
		return nil, fmt.Errorf("%s has custom metadata that is no JSON: %w", found.ID, err)
	}
	return custom, nil
}
