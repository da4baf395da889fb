package cairn

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	longestName    = 1024
	longestSegment = 255
)

// CheckFilename returns what is wrong with a filename; nil for a good one. A name from a store is data: a program that makes a
// local file of it checks it first.
func CheckFilename(name string) error {
	rule := ""
	switch {
	case !utf8.ValidString(name):
		rule = "must be UTF-8"
	case len(name) == 0 || len(name) > longestName:
		rule = "must be 1 to 1,024 bytes"
	case strings.ContainsFunc(name, unicode.IsControl):
		rule = "must have no control character"
	case strings.Contains(name, `\`):
		rule = "must have no backslash"
	default:
		for segment := range strings.SplitSeq(name, "/") {
			if segment == "" || segment == "." || segment == ".." {
				rule = `must have no empty, "." or ".." segment and no "/" at either end`
			} else if len(segment) > longestSegment {
				rule = "must have segments of at most 255 bytes"
			}
		}
	}
	if rule == "" {
		return nil
	}
	return invalid("filename", rule)
}

// below is the path of a filename below a folder, which it cannot leave.
func below(folder, name string) (string, error) {
	if err := CheckFilename(name); err != nil {
		return "", err
	}
	local, err := filepath.Localize(name)
	if err != nil {
		return "", invalid("filename", "is no name of a file on this system")
	}
	return filepath.Join(folder, local), nil
}
