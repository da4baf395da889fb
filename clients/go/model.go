package cairn

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"cairn/clients/go/cairnv1"
)

// Kind is what an artifact is for.
type Kind string

// The kinds.
const (
	KindCode     Kind = "code"
	KindDocument Kind = "document"
	KindConfig   Kind = "config"
	KindPlan     Kind = "plan"
	KindData     Kind = "data"
	KindImage    Kind = "image"
	KindOther    Kind = "other"
)

// Stage is how far the work on an artifact has come.
type Stage string

// The stages. Any may follow any other.
const (
	StageDraft  Stage = "draft"
	StageReview Stage = "review"
	StageFinal  Stage = "final"
)

// State is whether an artifact can be read.
type State string

// The states.
const (
	StateVisible     State = "visible"
	StateExpired     State = "expired"
	StateDeleted     State = "deleted"
	StateUnpublished State = "unpublished"
)

// TodoState is how far a todo is.
type TodoState string

// The states of todos. Any may follow any other.
const (
	TodoOpen    TodoState = "open"
	TodoDoing   TodoState = "doing"
	TodoDone    TodoState = "done"
	TodoDropped TodoState = "dropped"
)

// EventType is what happened. Programs ignore types that they do not know.
type EventType string

// The types of events.
const (
	EventCreated  EventType = "created"
	EventStaged   EventType = "staged"
	EventDeleted  EventType = "deleted"
	EventRestored EventType = "restored"
	EventSealed   EventType = "sealed"
	EventOther    EventType = "other"
)

// The names by the numbers of the API. The first is that of an unset field.
var (
	kindNames      = []Kind{KindOther, KindCode, KindDocument, KindConfig, KindPlan, KindData, KindImage, KindOther}
	stageNames     = []Stage{StageDraft, StageDraft, StageReview, StageFinal}
	stateNames     = []State{StateVisible, StateVisible, StateExpired, StateDeleted, StateUnpublished}
	todoStateNames = []TodoState{TodoOpen, TodoOpen, TodoDoing, TodoDone, TodoDropped}
	eventNames     = []EventType{EventOther, EventCreated, EventStaged, EventDeleted, EventRestored, EventSealed}
)

func nameOf[E ~int32, T any](names []T, number E) T {
	if int(number) < 0 || int(number) >= len(names) {
		return names[0]
	}
	return names[number]
}

// numberOf is 0 for an empty name.
func numberOf[T ~string](names []T, name T, field string) (int32, error) {
	if name == "" {
		return 0, nil
	}
	if at := slices.Index(names[1:], name); at >= 0 {
		return int32(at + 1), nil
	}
	return 0, invalid(field, fmt.Sprintf("must be one of %v", names[1:]))
}

// timeOf is the zero time for an absent one.
func timeOf(moment *timestamppb.Timestamp) time.Time {
	if moment == nil {
		return time.Time{}
	}
	return moment.AsTime()
}

// An Artifact is one immutable version of one named file, with where it came from. artifact.proto has the rules of each field.
// Times that do not apply are zero.
type Artifact struct {
	ID, Filename string
	// Version is 1, 2, 3 … for each file; 0 while it is unpublished.
	Version, Size int64
	// Hash is "sha256:" and 64 hex digits.
	Hash, ContentType               string
	Session, Namespace, User, Agent string
	Metadata                        map[string]string
	CreatedAt, UpdatedAt, ExpiresAt time.Time
	Title                           string
	Kind                            Kind
	Language, ChangeSummary         string
	Stage                           Stage
	Labels, Inputs                  []string
	ETag                            string
	State                           State
	Deduplicated, Existing          bool
	LegalHold, Persistent           bool
}

// String is a line for people.
func (a *Artifact) String() string {
	return fmt.Sprintf("%s  v%d  %s  %s", a.ID, a.Version, a.Filename, shown(a.Size))
}

func shown(size int64) string {
	if size < 1024 {
		return fmt.Sprintf("%d B", size)
	}
	amount, unit := float64(size)/1024, 0
	for ; amount >= 1024 && unit < 3; unit++ {
		amount /= 1024
	}
	return fmt.Sprintf("%.1f %ciB", amount, "KMGT"[unit])
}

func artifactOf(it *cairnv1.Artifact) *Artifact {
	return &Artifact{
		ID:            it.GetArtifactId(),
		Filename:      it.GetFilename(),
		Version:       it.GetVersion(),
		Size:          it.GetSizeBytes(),
		Hash:          it.GetContentHash(),
		ContentType:   it.GetContentType(),
		Session:       it.GetSessionId(),
		Namespace:     it.GetNamespace(),
		User:          it.GetUserId(),
		Agent:         it.GetAgentId(),
		Metadata:      it.GetMetadata(),
		CreatedAt:     timeOf(it.GetCreatedAt()),
		UpdatedAt:     timeOf(it.GetUpdatedAt()),
		ExpiresAt:     timeOf(it.GetExpiresAt()),
		Title:         it.GetTitle(),
		Kind:          nameOf(kindNames, it.GetKind()),
		Language:      it.GetLanguage(),
		ChangeSummary: it.GetChangeSummary(),
		Stage:         nameOf(stageNames, it.GetStage()),
		Labels:        it.GetLabels(),
		Inputs:        it.GetInputs(),
		ETag:          it.GetEtag(),
		State:         nameOf(stateNames, it.GetState()),
		Deduplicated:  it.GetDeduplicated(),
		Existing:      it.GetExisting(),
		LegalHold:     it.GetLegalHold(),
		Persistent:    it.GetPersistent(),
	}
}

// SessionInfo is the record of a session: everything that one run produced.
type SessionInfo struct {
	ID string
	// Artifacts and Size are of what is visible now; shared bytes count each time. Artifacts of 10,001 means more than 10,000.
	Artifacts, Size, Unpublished int64
	CreatedAt                    time.Time
	// SealedAt is zero while it is open.
	SealedAt     time.Time
	ManifestHash string
	DisplayName  string
	Labels       []string
	LegalHold    bool
}

// Sealed is whether nothing can be added any more.
func (s *SessionInfo) Sealed() bool { return !s.SealedAt.IsZero() }

func sessionOf(it *cairnv1.Session) *SessionInfo {
	return &SessionInfo{
		ID:           it.GetSessionId(),
		Artifacts:    it.GetArtifactCount(),
		Size:         it.GetSizeBytes(),
		Unpublished:  it.GetUnpublishedCount(),
		CreatedAt:    timeOf(it.GetCreatedAt()),
		SealedAt:     timeOf(it.GetSealedAt()),
		ManifestHash: it.GetManifestHash(),
		DisplayName:  it.GetDisplayName(),
		Labels:       it.GetLabels(),
		LegalHold:    it.GetLegalHold(),
	}
}

// A Link is a public URL of an artifact, of a session, or of a folder in one.
type Link struct {
	// ID is a secret: it gives access to the content.
	ID, URL string
	// ArtifactID is empty for a link to a session; Session and Folder are empty for a link to an artifact.
	ArtifactID, Session, Folder string
	ExpiresAt                   time.Time
	// MaxDownloads of 0 means no limit.
	MaxDownloads int64
}

func linkOf(it *cairnv1.Link) *Link {
	return &Link{
		ID:           it.GetLinkId(),
		URL:          it.GetUrl(),
		ArtifactID:   it.GetArtifactId(),
		Session:      it.GetSessionId(),
		Folder:       it.GetFolder(),
		ExpiresAt:    timeOf(it.GetExpiresAt()),
		MaxDownloads: it.GetMaxDownloads(),
	}
}

// An Event is something that happened in a session.
type Event struct {
	// Position is where to go on from, in WatchOptions.After.
	Position   int64
	Type       EventType
	Session    string
	OccurredAt time.Time
	// Artifact is as it is now, not as it was then; nil for an event of the session itself.
	Artifact *Artifact
	// FromStage, ToStage and Agent are those of a move from stage to stage.
	FromStage, ToStage Stage
	Agent              string
}

func eventOf(it *cairnv1.SessionEvent) *Event {
	event := &Event{
		Position:   it.GetPosition(),
		Type:       nameOf(eventNames, it.GetType()),
		Session:    it.GetSessionId(),
		OccurredAt: timeOf(it.GetOccurredAt()),
		Agent:      it.GetAgentId(),
	}
	if it.Artifact != nil {
		event.Artifact = artifactOf(it.Artifact)
	}
	if event.Type == EventStaged {
		event.FromStage, event.ToStage = nameOf(stageNames, it.GetFromStage()), nameOf(stageNames, it.GetToStage())
	}
	return event
}

// A Todo is a piece of work: a step of a plan, or an entry that a caller added. todo.proto has the rules of each field.
type Todo struct {
	ID, Text string
	State    TodoState
	Position int32
	// PlanID, PlanFilename and PlanVersion are those of the plan's version that last had this step.
	PlanID, PlanFilename string
	PlanVersion          int64
	Session              string
	Labels               []string
	CreatedAt, UpdatedAt time.Time
	Agent                string
}

func todoOf(it *cairnv1.Todo) *Todo {
	return &Todo{
		ID:           it.GetTodoId(),
		Text:         it.GetText(),
		State:        nameOf(todoStateNames, it.GetState()),
		Position:     it.GetPosition(),
		PlanID:       it.GetPlanId(),
		PlanFilename: it.GetPlanFilename(),
		PlanVersion:  it.GetPlanVersion(),
		Session:      it.GetSessionId(),
		Labels:       it.GetLabels(),
		CreatedAt:    timeOf(it.GetCreatedAt()),
		UpdatedAt:    timeOf(it.GetUpdatedAt()),
		Agent:        it.GetAgentId(),
	}
}

// Deletion is what a deletion did.
type Deletion struct {
	// Count is how many artifacts were deleted, and Size the sum of their sizes; shared bytes count each time.
	Count, Size int64
	// Kept has the ids of artifacts that were not deleted, because they are under a legal hold or not visible.
	Kept []string
}

// Identity is who the caller is, and how much it may store. A limit that is nil is none.
type Identity struct {
	Tenant, Workload, ServerVersion string
	StoredArtifacts, StoredBytes    int64
	MaxArtifacts, MaxStoredBytes    *int64
}

// Manifest is what a sealed session held, verified here.
type Manifest struct {
	// Hash is the server's digest, and Computed the one of what it lists.
	Hash, Computed string
	// Entries is how many artifacts there are.
	Entries int
}

// OK is whether both digests are the same.
func (m *Manifest) OK() bool { return m.Hash != "" && m.Hash == m.Computed }

// Progress is how far a transfer is.
type Progress struct {
	Phase Phase
	// Done is in bytes; so is Total, which is -1 where it is not known.
	Done, Total int64
	Name        string
}

// Phase is a part of a transfer.
type Phase string

// The phases.
const (
	PhaseHash    Phase = "hash"
	PhaseSend    Phase = "send"
	PhaseReceive Phase = "receive"
)
