// Package filter builds conditions for lists, and quotes their values, so that no text is taken for a part of an expression.
//
//	filter.And(filter.Stage.Is("final"), filter.Or(filter.Size.Over(1000), filter.HasLabel("urgent")), filter.Meta("topic").Is("sales"))
package filter

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// A Condition is an expression of the API. A program may also convert text to it: artifact_service.proto has the syntax.
type Condition string

// Quote returns a value as an expression has it: JSON's quotes and escapes make every text literal.
func Quote(value string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, character := range value {
		switch character {
		case '"', '\\':
			out.WriteByte('\\')
			out.WriteRune(character)
		case '\b':
			out.WriteString(`\b`)
		case '\f':
			out.WriteString(`\f`)
		case '\n':
			out.WriteString(`\n`)
		case '\r':
			out.WriteString(`\r`)
		case '\t':
			out.WriteString(`\t`)
		default:
			if character < ' ' {
				fmt.Fprintf(&out, `\u%04x`, character)
			} else {
				out.WriteRune(character)
			}
		}
	}
	out.WriteByte('"')
	return out.String()
}

// And: all of these hold. Empty conditions are left out.
func And(conditions ...Condition) Condition { return joined(" AND ", conditions) }

// Or: one of these holds.
func Or(conditions ...Condition) Condition { return joined(" OR ", conditions) }

// Not: this does not hold.
func Not(condition Condition) Condition { return "(NOT (" + condition + "))" }

func joined(operator string, conditions []Condition) Condition {
	var parts []string
	for _, condition := range conditions {
		if condition != "" {
			parts = append(parts, "("+string(condition)+")")
		}
	}
	if len(parts) == 1 {
		return Condition(parts[0])
	}
	if len(parts) == 0 {
		return ""
	}
	return Condition("(" + strings.Join(parts, operator) + ")")
}

// Text is a field with text.
type Text string

// The fields with text. Kind and Stage know Is and IsNot alone.
const (
	Filename    Text = "filename"
	Session     Text = "session_id"
	Namespace   Text = "namespace"
	User        Text = "user_id"
	Agent       Text = "agent_id"
	ContentType Text = "content_type"
	ContentHash Text = "content_hash"
	Title       Text = "title"
	Language    Text = "language"
	Kind        Text = "kind"
	Stage       Text = "stage"
)

var bareKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Meta is a pair of the metadata.
func Meta(key string) Text {
	if !bareKey.MatchString(key) {
		key = Quote(key)
	}
	return Text("metadata." + key)
}

// Is: it is exactly this.
func (t Text) Is(value string) Condition { return Condition(string(t) + " = " + Quote(value)) }

// IsNot: it is anything else.
func (t Text) IsNot(value string) Condition { return Condition(string(t) + " != " + Quote(value)) }

// HasPrefix: it starts with this.
func (t Text) HasPrefix(prefix string) Condition {
	// A star of the text is no wildcard.
	literal := strings.ReplaceAll(strings.TrimSuffix(Quote(prefix), `"`), "*", `\*`)
	return Condition(string(t) + ":" + literal + `*"`)
}

// Exists: it has a value.
func (t Text) Exists() Condition { return Condition(string(t) + ":*") }

// Matches: the whole filename matches this pattern, with `*`, `**`, `?`, `[a-z]` and `{a,b}`. Of [Filename] alone.
func (t Text) Matches(pattern string) Condition { return Condition(string(t) + " ~ " + Quote(pattern)) }

// HasLabel: it has this label.
func HasLabel(label string) Condition { return Condition("labels:" + Quote(label)) }

// Number is a field that has an order.
type Number string

// The fields that have an order.
const (
	Size    Number = "size_bytes"
	Version Number = "version"
)

// Is: it is this.
func (n Number) Is(value int64) Condition { return n.compared("=", value) }

// Over: it is more than this.
func (n Number) Over(value int64) Condition { return n.compared(">", value) }

// AtLeast: it is this or more.
func (n Number) AtLeast(value int64) Condition { return n.compared(">=", value) }

// Under: it is less than this.
func (n Number) Under(value int64) Condition { return n.compared("<", value) }

// AtMost: it is this or less.
func (n Number) AtMost(value int64) Condition { return n.compared("<=", value) }

func (n Number) compared(operator string, value int64) Condition {
	return Condition(fmt.Sprintf("%s %s %d", string(n), operator, value))
}

// CreatedSince: it was made at this time or later.
func CreatedSince(moment time.Time) Condition { return created(">=", moment) }

// CreatedBefore: it was made before this time.
func CreatedBefore(moment time.Time) Condition { return created("<", moment) }

func created(operator string, moment time.Time) Condition {
	return Condition("create_time " + operator + " " + Quote(moment.UTC().Format(time.RFC3339Nano)))
}

// Persistent: whether DeleteSession keeps it.
func Persistent(value bool) Condition { return Condition(fmt.Sprintf("persistent = %t", value)) }

// LegalHold: whether it is under a legal hold.
func LegalHold(value bool) Condition { return Condition(fmt.Sprintf("legal_hold = %t", value)) }
