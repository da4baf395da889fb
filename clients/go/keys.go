package cairn

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"cairn/clients/go/cairnv1"
)

// Idempotency keys. A key that is derived from a request is the same for the same request in every language, so that a
// program that is started again repeats its writes without an effect. tests/vectors/clients.json has examples.

func hashedKey(what string, parts ...[]byte) string {
	digest := sha256.New()
	for _, part := range parts {
		// The lengths keep apart what would be the same in a row.
		digest.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		digest.Write(part)
	}
	return fmt.Sprintf("cairn-%s-%x", what, digest.Sum(nil))
}

// keyForUpload differs for every other spec. gone is the artifact that the key before it led to, if that one has expired or
// was deleted.
func keyForUpload(spec *cairnv1.ArtifactSpec, gone string) string {
	bare := proto.CloneOf(spec)
	bare.IdempotencyKey, bare.Metadata = "", nil
	parts := [][]byte{inOrder(bare), []byte(gone)}
	// A map has no order on the wire.
	for _, name := range slices.Sorted(maps.Keys(spec.Metadata)) {
		parts = append(parts, []byte(name), []byte(spec.Metadata[name]))
	}
	return hashedKey("push", parts...)
}

// inOrder encodes a message with its fields in the order of their numbers. The library moves the alternatives of a oneof to
// the place of the first of them.
func inOrder(message proto.Message) []byte {
	// It fails for text that is not UTF-8 alone, which the server refuses.
	encoded, _ := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	type field struct {
		number protowire.Number
		bytes  []byte
	}
	var fields []field
	for rest := encoded; len(rest) > 0; {
		number, _, size := protowire.ConsumeField(rest)
		if size < 0 {
			return encoded
		}
		fields, rest = append(fields, field{number, rest[:size]}), rest[size:]
	}
	slices.SortStableFunc(fields, func(a, b field) int { return cmp.Compare(a.number, b.number) })
	ordered := make([]byte, 0, len(encoded))
	for _, it := range fields {
		ordered = append(ordered, it.bytes...)
	}
	return ordered
}

// repeatedKey is the key of a write that the same program made before, on purpose, so many times.
func repeatedKey(key string, times int) string {
	if times == 0 {
		return key
	}
	return hashedKey("repeat", []byte(key), []byte(strconv.Itoa(times)))
}

// keyAfterUpload is the key of the upload that follows one which has ended without an artifact.
func keyAfterUpload(key, uploadID string) string {
	return hashedKey("again", []byte(key), []byte(uploadID))
}

// keyForLink is the key of the link that an upload makes to its artifact.
func keyForLink(uploadKey, artifactID string) string {
	return hashedKey("link", []byte(uploadKey), []byte(artifactID))
}

// keyForCommit is the key of the commit of a session with these artifacts.
func keyForCommit(sessionID string, artifactIDs []string, seal bool) string {
	sealed := byte(0)
	if seal {
		sealed = 1
	}
	parts := [][]byte{[]byte(sessionID), {sealed}}
	for _, id := range slices.Sorted(slices.Values(artifactIDs)) {
		parts = append(parts, []byte(id))
	}
	return hashedKey("commit", parts...)
}

// freshKey is random: no other call has it.
func freshKey() string {
	random := make([]byte, 16)
	// It never fails: the program ends if the system has no random bytes.
	_, _ = rand.Read(random)
	return "cairn-" + hex.EncodeToString(random)
}
