package ot

import (
	"errors"
	"fmt"
)

// Code is an error's kind, for machines. rest maps it to an HTTP status, the
// command line to an exit code.
type Code string

// The codes of errors that people can do something about. Everything else is Internal.
const (
	Invalid   Code = "invalid"   // the input is wrong; says what, where, and what to do
	NotFound  Code = "not_found" // or not visible to this person
	Conflict  Code = "conflict"  // somebody else changed it, or it exists
	Forbidden Code = "forbidden" // known person, missing permission
	SignIn    Code = "sign_in"   // nobody is signed in
	TooMany   Code = "too_many"  // a limit or budget was reached
	Full      Code = "full"      // disk or quota
	Busy      Code = "busy"      // somebody else holds it (a data folder, a lease)
	Damaged   Code = "damaged"   // stored data does not verify
	Internal  Code = "internal"
)

// Error is an error for people: what was wrong, where, and what to do.
type Error struct {
	Code    Code
	Message string
	Cause   error // what errors.Is and errors.As see
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error; a %w in the format becomes its cause.
func Errorf(code Code, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// CodeOf returns the code of the first Error in err's chain, Internal if there is none, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
