package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/translate"
)

// Problem is an error as RFC 9457 has it, with the code that machines read.
type Problem struct {
	Type   string  `json:"type" doc:"about:blank: the status says what kind it is"`
	Title  string  `json:"title" doc:"The status in words" say:"true"`
	Status int     `json:"status"`
	Detail string  `json:"detail" doc:"What was wrong, where, and what to do" say:"true"`
	Code   ot.Code `json:"code" doc:"For programs: invalid, not_found, conflict, forbidden, sign_in, second_step (the password or link is right, a code is asked next), too_many, full, busy, damaged, internal"`
	Errors []Fault `json:"errors,omitempty" doc:"Each wrong input"`
}

// Fault is one wrong input.
type Fault struct {
	Where   string `json:"where" doc:"body.name, query.limit"`
	Message string `json:"message" say:"true"`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func newProblem(status int, code ot.Code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code}
}

// StatusOf is the HTTP status of an error's code.
func StatusOf(code ot.Code) int {
	switch code {
	case ot.Invalid:
		return http.StatusUnprocessableEntity
	case ot.NotFound:
		return http.StatusNotFound
	case ot.Conflict:
		return http.StatusConflict
	case ot.Forbidden:
		return http.StatusForbidden
	case ot.SignIn:
		return http.StatusUnauthorized
	case ot.TooMany:
		return http.StatusTooManyRequests
	case ot.Full:
		return http.StatusInsufficientStorage
	case ot.Busy:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError // Damaged, Internal
}

func codeOf(status int) ot.Code {
	switch status {
	case http.StatusNotFound:
		return ot.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired:
		return ot.Conflict
	case http.StatusForbidden, http.StatusMisdirectedRequest:
		return ot.Forbidden
	case http.StatusUnauthorized:
		return ot.SignIn
	case http.StatusTooManyRequests:
		return ot.TooMany
	case http.StatusServiceUnavailable:
		return ot.Busy
	case http.StatusInsufficientStorage:
		return ot.Full
	}
	if status >= 500 {
		return ot.Internal
	}
	return ot.Invalid
}

// problem turns a handler's error into an answer. What only the log may know stays there.
func (r *Router) problem(ctx context.Context, op Op, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if pf, ok := errors.AsType[*preconditionError](err); ok {
		return newProblem(pf.status, ot.Conflict, pf.Error())
	}
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return newProblem(http.StatusRequestEntityTooLarge, ot.TooMany, tooBig.Error())
	}
	e, ok := errors.AsType[*ot.Error](err)
	if !ok {
		if ctx.Err() == nil { // a client that went away is no fault of ours
			r.cfg.Log.ErrorContext(ctx, "a request failed", "operation", op.ID, "error", err)
		}
		return newProblem(http.StatusInternalServerError, ot.Internal, "something went wrong inside Skanse; its log says what")
	}
	status := StatusOf(e.Code)
	if status >= 500 {
		r.cfg.Log.ErrorContext(ctx, "a request failed", "operation", op.ID, "error", err, "cause", errors.Unwrap(e))
	}
	if e.Code == ot.Internal {
		return newProblem(status, e.Code, "something went wrong inside Skanse; its log says what")
	}
	return newProblem(status, e.Code, ot.Printable(e.Message))
}

func (r *Router) fail(w http.ResponseWriter, q *http.Request, err error) {
	r.refuse(w, q, r.problem(q.Context(), Op{ID: q.Method + " " + q.URL.Path}, err))
}

// refuse answers with a problem, in the reader's language.
func (r *Router) refuse(w http.ResponseWriter, q *http.Request, p *Problem) {
	write(w, r.cfg.Say.Say(translate.Accepted(q.Header.Get("Accept-Language")), p).(*Problem))
}

func writeProblem(w http.ResponseWriter, status int, code ot.Code, detail string) {
	write(w, newProblem(status, code, detail))
}

func write(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	if p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "30")
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone if this fails
}

// refused lists what is wrong with a request.
func refused(status int, errs []error) *Problem {
	p := newProblem(status, codeOf(status), "validation failed")
	for _, err := range errs {
		if e, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			p.Errors = append(p.Errors, Fault{Where: e.Location, Message: ot.Printable(e.Message)})
		}
	}
	slices.SortStableFunc(p.Errors, func(a, b Fault) int { return strings.Compare(a.Where, b.Where) })
	if len(p.Errors) > 0 {
		p.Detail = p.Errors[0].Where + ": " + p.Errors[0].Message
	}
	return p
}

func problemResponse(api huma.API) *huma.Response {
	return &huma.Response{
		Description: "What went wrong, and what to do",
		Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")},
		},
	}
}
