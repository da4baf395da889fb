// Package artifact declares the types of the package of this name in version 2.2 of the Agent Development Kit that the adapter
// beside it uses, so that the adapter is compiled and tested where the kit is not. No program uses it.
package artifact

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/genai"
)

// Service is what the adapter implements.
type Service interface {
	Save(ctx context.Context, req *SaveRequest) (*SaveResponse, error)
	Load(ctx context.Context, req *LoadRequest) (*LoadResponse, error)
	Delete(ctx context.Context, req *DeleteRequest) error
	List(ctx context.Context, req *ListRequest) (*ListResponse, error)
	Versions(ctx context.Context, req *VersionsRequest) (*VersionsResponse, error)
	GetArtifactVersion(ctx context.Context, req *GetArtifactVersionRequest) (*GetArtifactVersionResponse, error)
}

type (
	SaveRequest struct {
		AppName, UserID, SessionID, FileName string

		Part    *genai.Part
		Version int64
	}
	SaveResponse struct{ Version int64 }

	LoadRequest struct {
		AppName, UserID, SessionID, FileName string

		Version int64
	}
	LoadResponse struct{ Part *genai.Part }

	DeleteRequest struct {
		AppName, UserID, SessionID, FileName string

		Version int64
	}

	ListRequest  struct{ AppName, UserID, SessionID string }
	ListResponse struct{ FileNames []string }

	VersionsRequest  struct{ AppName, UserID, SessionID, FileName string }
	VersionsResponse struct{ Versions []int64 }

	GetArtifactVersionRequest struct {
		AppName, UserID, SessionID, FileName string

		Version int64
	}
	GetArtifactVersionResponse struct{ ArtifactVersion *ArtifactVersion }

	ArtifactVersion struct {
		Version        int64
		CanonicalURI   string
		CustomMetadata map[string]any
		CreateTime     float64
		MimeType       string
	}
)

func (r *SaveRequest) Validate() error {
	if r.Part == nil || (r.Part.Text == "" && r.Part.InlineData == nil) {
		return errors.New("a part needs text or inline data")
	}
	return valid(r.FileName, r.AppName, r.UserID, r.SessionID, r.FileName)
}

func (r *LoadRequest) Validate() error {
	return valid(r.FileName, r.AppName, r.UserID, r.SessionID, r.FileName)
}

func (r *DeleteRequest) Validate() error {
	return valid(r.FileName, r.AppName, r.UserID, r.SessionID, r.FileName)
}

func (r *ListRequest) Validate() error { return valid("", r.AppName, r.UserID, r.SessionID) }

func (r *VersionsRequest) Validate() error {
	return valid(r.FileName, r.AppName, r.UserID, r.SessionID, r.FileName)
}

func (r *GetArtifactVersionRequest) Validate() error {
	return valid(r.FileName, r.AppName, r.UserID, r.SessionID, r.FileName)
}

func valid(filename string, required ...string) error {
	for _, value := range required {
		if value == "" {
			return errors.New("a required field is empty")
		}
	}
	if strings.ContainsAny(filename, `/\`) {
		return errors.New("a filename has no separator")
	}
	return nil
}
