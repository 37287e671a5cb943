package rest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// Page is one page of a list. Next is empty on the last one; Total is null where
// counting would cost more than it says.
type Page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Give it as cursor to get the next page"`
	Total *int64 `json:"total,omitempty"`
}

// Cut makes a page of rows that were read with limit+1: the surplus row says that
// there is a next page, which starts after the last row kept.
func Cut[T any](rows []T, limit int, cursor func(last T) string) Page[T] {
	if rows == nil {
		rows = []T{}
	}
	if len(rows) <= limit {
		return Page[T]{Items: rows}
	}
	rows = rows[:limit]
	return Page[T]{Items: rows, Next: cursor(rows[limit-1])}
}

// EncodeCursor makes the opaque text of a position: the values of the ordered columns.
func EncodeCursor(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "" // a position is numbers and text
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// DecodeCursor reads a position; an empty text leaves v as it is.
func DecodeCursor(s string, v any) error {
	if s == "" {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return ot.Errorf(ot.Invalid, "the cursor is not one of ours: start again without it")
	}
	return nil
}

// ETag is a validator over the parts that make a version.
func ETag(parts ...string) string {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(strconv.Itoa(len(p)) + ":" + p)) // a hash does not fail
	}
	return `"` + strconv.FormatUint(h.Sum64(), 36) + `"`
}

type preconditionError struct {
	error
	status int
}

// IfMatch compares a request's If-Match with what is there now: 428 if it is
// missing, 412 if somebody else was faster.
func IfMatch(header, current string) error {
	if header == "" {
		return &preconditionError{errors.New("say which version you change: send its ETag as If-Match"), http.StatusPreconditionRequired}
	}
	for tag := range strings.SplitSeq(header, ",") {
		if t := strings.TrimSpace(tag); t == "*" || t == current {
			return nil
		}
	}
	return &preconditionError{errors.New("somebody else changed it in the meantime: load it again"), http.StatusPreconditionFailed}
}
