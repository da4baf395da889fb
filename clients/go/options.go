package cairn

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"cairn/clients/go/cairnv1"
	"cairn/clients/go/filter"
)

// How long an artifact is kept, where that is no number of seconds: values of a TTL.
const (
	// Longest is as long as the tenant allows.
	Longest time.Duration = -1
	// NeverExpires is without an expiry, if the tenant allows it.
	NeverExpires time.Duration = -2
)

// PushOptions are what a writer may say about an artifact. artifact.proto has the rules of each field.
type PushOptions struct {
	// Metadata has at most 64 pairs.
	Metadata map[string]string
	// TTL is in whole milliseconds; 0 is the tenant's default. See also [Longest] and [NeverExpires].
	TTL time.Duration
	// ContentType is a media type; the server guesses an empty one.
	ContentType   string
	Title         string
	Kind          Kind
	Language      string
	ChangeSummary string
	Stage         Stage
	Labels        []string
	// Inputs are the ids of the artifacts that it was made from.
	Inputs []string
	// IfVersion is the version that must be the latest one, else VERSION_CONFLICT; 0 is no condition.
	IfVersion int64
	// IfAbsent refuses the write with fs.ErrExist if the file has a visible version.
	IfAbsent bool
	// ReturnExisting: if the latest version has the same content, create nothing and return that.
	ReturnExisting bool
	// Persistent: DeleteSession keeps it.
	Persistent bool

	// Key is your own idempotency key. Without one the key is derived from the whole request and its content: the same push of a
	// program that is started again within a day has no second effect.
	Key string
	// Fresh makes a version in any case, also of the same content by a program that is started again.
	Fresh bool
	// Progress is called after each piece, in the goroutine that moves it.
	Progress func(Progress)
}

func (o *PushOptions) report(progress Progress) {
	if o.Progress != nil {
		o.Progress(progress)
	}
}

// spec is the request that makes an artifact.
func (o *PushOptions) spec(scope *Scope, filename string) (*cairnv1.ArtifactSpec, error) {
	kind, err := numberOf(kindNames, o.Kind, "kind")
	if err != nil {
		return nil, err
	}
	stage, err := numberOf(stageNames, o.Stage, "stage")
	if err != nil {
		return nil, err
	}
	if o.IfVersion < 0 || (o.IfAbsent && o.IfVersion != 0) {
		return nil, invalid("if_version", "must be 1 or more, without IfAbsent")
	}
	spec := &cairnv1.ArtifactSpec{
		Filename:      filename,
		ContentType:   o.ContentType,
		SessionId:     scope.place.Session,
		Namespace:     scope.place.Namespace,
		UserId:        scope.place.User,
		AgentId:       scope.place.Agent,
		Metadata:      map[string]string{},
		Title:         o.Title,
		Kind:          cairnv1.ArtifactKind(kind),
		Language:      o.Language,
		ChangeSummary: o.ChangeSummary,
		Stage:         cairnv1.ArtifactStage(stage),
		Labels:        o.Labels,
		Inputs:        o.Inputs,
		Persistent:    o.Persistent,
		Unpublished:   scope.made != nil,
	}
	for name, value := range o.Metadata {
		spec.Metadata[name] = value
	}
	switch {
	case o.TTL == Longest:
		spec.Expiry = &cairnv1.ArtifactSpec_Longest{Longest: true}
	case o.TTL == NeverExpires:
		spec.Expiry = &cairnv1.ArtifactSpec_NeverExpires{NeverExpires: true}
	case o.TTL != 0:
		spec.Expiry = &cairnv1.ArtifactSpec_Ttl{Ttl: milliseconds(o.TTL)}
	}
	if o.IfVersion > 0 || o.IfAbsent {
		spec.IfVersion = &o.IfVersion
	}
	if o.ReturnExisting {
		spec.OnDuplicate = cairnv1.OnDuplicate_ON_DUPLICATE_RETURN_EXISTING
	}
	return spec, nil
}

func milliseconds(length time.Duration) *durationpb.Duration {
	return durationpb.New(length.Round(time.Millisecond))
}

// ReadOptions choose a version, and a part of it.
type ReadOptions struct {
	// Version is 1 or more; 0 is the latest one.
	Version int64
	// Offset is the first byte to read.
	Offset int64
	// Length is how many bytes to read at most; 0 is to the end.
	Length int64
	// Progress is called after each piece. Of PullFile alone.
	Progress func(Progress)
}

// ListOptions choose artifacts. By default they are the latest versions, by name.
type ListOptions struct {
	// Prefix is what filenames start with.
	Prefix string
	// Glob is what whole filenames match: `*`, `**`, `?`, `[a-z]`, `{a,b}`.
	Glob string
	// AllVersions also returns earlier versions.
	AllVersions bool
	// NewestFirst orders them by the time of their creation.
	NewestFirst bool
	// Where is what must hold besides.
	Where filter.Condition
}

// apply adds the options to a request, which may have a filter.
func (o *ListOptions) apply(request *cairnv1.ListArtifactsRequest) {
	if o == nil {
		o = &ListOptions{}
	}
	request.PageSize = pageSize
	request.FilenamePrefix, request.FilenameGlob = o.Prefix, o.Glob
	request.LatestOnly = !o.AllVersions
	if !o.NewestFirst {
		request.OrderBy = "filename"
	}
	request.Filter = string(filter.And(filter.Condition(request.Filter), o.Where))
}
