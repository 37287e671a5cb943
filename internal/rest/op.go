package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Op describes an operation. One without a permission does not start.
type Op struct {
	ID         string // "list-assets"; names the function of the generated client
	Method     string
	Path       string // below /api/v1: "/assets/{id}"
	Summary    string
	Tag        string
	Permission auth.Permission
	Public     bool   // anybody; only sign-in, set-up and health
	Audit      string // action name, "asset.update"; empty only for reads
	Status     int    // of success; 0: 200, or 204 without a body
	Long       bool   // a raw body that may take hours
	MaxBody    int64  // bytes; 0: 1 MiB
	Query      any    // of Raw: a struct whose query tags describe what stands behind the "?"
	Answer     any    // of Raw: a value of the type that is answered as JSON
}

// check refuses an operation that would weaken the door. It panics: a wrong
// operation is a programmer's mistake and must stop the first start.
func (r *Router) check(op Op) {
	bad := func(why string) { panic(fmt.Sprintf("rest: operation %s %s (%s): %s", op.Method, op.Path, op.ID, why)) }
	switch {
	case op.ID == "":
		bad("has no id")
	case r.ids[op.ID]:
		bad("the id is taken")
	case !strings.HasPrefix(op.Path, "/") || strings.HasPrefix(op.Path, "/api"):
		bad("the path is relative to " + Prefix + ` and starts with "/"`)
	case op.Permission == "" && !op.Public:
		bad("has no permission and is not public")
	case op.Permission != "" && op.Public:
		bad("is public and has a permission")
	case op.Method != http.MethodGet && op.Audit == "":
		bad("changes something without an audit entry")
	case op.Method == http.MethodGet && op.Audit != "" && !strings.HasSuffix(op.Audit, ".read"):
		bad("a read is audited only as <thing>.read")
	}
	r.ids[op.ID] = true
	r.ops = append(r.ops, op)
}

// Register mounts an operation. I and O are structs in huma's form: path, query, header
// and cookie fields by tag, a Body field.
func Register[I, O any](r *Router, op Op, h func(ctx context.Context, in *I) (*O, error)) {
	r.mount(op, reflect.TypeFor[I](), reflect.TypeFor[O](), func(ctx context.Context, in any) (any, error) {
		out, err := h(ctx, in.(*I))
		if out == nil {
			return nil, err // not an O that is nil
		}
		return out, err
	})
}

// mount is all of Register that needs no type of the operation.
func (r *Router) mount(op Op, in, out reflect.Type, h func(ctx context.Context, in any) (any, error)) {
	r.check(op)
	hop := r.describe(op)
	from := newInput(r.api, &hop, in)
	to := newOutput(r.api, r.cfg.Say, &hop, out)
	r.api.OpenAPI().AddOperation(&hop)
	r.mux.HandleFunc(op.Method+" "+Prefix+op.Path, func(w http.ResponseWriter, q *http.Request) {
		defer r.recovered(w, q)
		ctx, err := r.admit(q, op)
		if err != nil {
			r.fail(w, q, err)
			return
		}
		q = q.WithContext(ctx)
		asked, fault := from.read(w, q)
		if fault != nil {
			r.refuse(w, q, fault)
			return
		}
		var answer any
		if err := r.audited(ctx, op, func(ctx context.Context) (err error) {
			answer, err = h(ctx, asked)
			return err
		}); err != nil {
			r.refuse(w, q, r.problem(ctx, op, err))
			return
		}
		if err := to.write(w, q, answer); err != nil && ctx.Err() == nil {
			panic(fmt.Errorf("write the answer: %w", err))
		}
	})
}

// Raw mounts an operation that reads or writes a stream itself, with the same
// checks. It writes the audit entry in h's first transaction, as Register does. An
// error is answered by Fail.
func (r *Router) Raw(op Op, h http.Handler) {
	r.check(op)
	hop := r.describe(op)
	hop.Responses = map[string]*huma.Response{strconv.Itoa(max(op.Status, http.StatusOK)): r.answers(op), "default": problemResponse(r.api)}
	if op.Method != http.MethodGet {
		hop.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}}
	}
	hop.Parameters = r.asked(op)
	for _, name := range pathNames(op.Path) {
		hop.Parameters = append(hop.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
	}
	r.api.OpenAPI().AddOperation(&hop)
	r.mux.HandleFunc(op.Method+" "+Prefix+op.Path, func(w http.ResponseWriter, q *http.Request) {
		defer r.recovered(w, q)
		ctx, err := r.admit(q, op)
		if err != nil {
			r.fail(w, q, err)
			return
		}
		if !op.Long {
			q.Body = http.MaxBytesReader(w, q.Body, op.maxBody())
		}
		sw := &statusWriter{ResponseWriter: w}
		err = r.audited(ctx, op, func(ctx context.Context) error {
			h.ServeHTTP(sw, q.WithContext(ctx))
			if sw.status >= 400 {
				return errAnswered // not done, so no entry
			}
			return nil
		})
		if err != nil && !errors.Is(err, errAnswered) {
			r.fail(sw, q, err)
		}
	})
}

// answers describes what a Raw operation gives.
func (r *Router) answers(op Op) *huma.Response {
	out := &huma.Response{Description: "OK"}
	if op.Answer != nil {
		schema := r.api.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(op.Answer), true, op.ID+"-answer")
		out.Content = map[string]*huma.MediaType{"application/json": {Schema: schema}}
	}
	return out
}

// asked describes the query of a Raw operation, as Register reads it from its input.
func (r *Router) asked(op Op) []*huma.Param {
	if op.Query == nil {
		return nil
	}
	var out []*huma.Param
	for f := range reflect.TypeOf(op.Query).Fields() {
		schema := huma.SchemaFromField(r.api.OpenAPI().Components.Schemas, f, "")
		out = append(out, &huma.Param{Name: f.Tag.Get("query"), In: "query", Description: f.Tag.Get("doc"), Required: f.Tag.Get("required") == "true", Schema: schema})
	}
	return out
}

var errAnswered = errors.New("answered already")

// Fail answers an error of a Raw handler as a problem.
func (r *Router) Fail(w http.ResponseWriter, q *http.Request, err error) { r.fail(w, q, err) }

func (r *Router) describe(op Op) huma.Operation {
	hop := huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, DefaultStatus: op.Status,
		MaxBodyBytes: op.maxBody(),
		// Answers of a program differ from the page's: no cookie, so no forgery; both are listed.
		Security:   []map[string][]string{{"session": {}}, {"token": {}}},
		Responses:  map[string]*huma.Response{"default": problemResponse(r.api)},
		Extensions: map[string]any{},
	}
	if op.Tag != "" {
		hop.Tags = []string{op.Tag}
	}
	if op.Public {
		hop.Security = nil
	} else {
		hop.Extensions["x-permission"] = string(op.Permission)
	}
	return hop
}

func (op Op) maxBody() int64 {
	if op.MaxBody > 0 {
		return op.MaxBody
	}
	return 1 << 20
}

// admit is the door: who is it, and may they.
func (r *Router) admit(q *http.Request, op Op) (context.Context, error) {
	p, err := r.principal(q)
	if err != nil {
		return nil, err
	}
	ctx := context.WithValue(auth.WithSubject(auth.With(q.Context(), p)), requestKey{}, q)
	if op.Public {
		return ctx, nil
	}
	if p.Nobody() {
		return nil, ot.Errorf(ot.SignIn, "sign in first")
	}
	if p.TokenID != "" && !p.Permissions.Has(op.Permission) {
		return nil, ot.Errorf(ot.Forbidden, "this access token, or your role (%s) now, does not allow this (%s)", p.Role, op.Permission)
	}
	if !p.Permissions.Has(op.Permission) {
		return nil, ot.Errorf(ot.Forbidden, "your role (%s) does not allow this (%s): ask an administrator", p.Role, op.Permission)
	}
	return ctx, nil
}

type requestKey struct{}

// Request returns the HTTP request behind a handler's context, for the few that
// need the address or set a cookie.
func Request(ctx context.Context) *http.Request {
	q, _ := ctx.Value(requestKey{}).(*http.Request)
	return q
}

func (r *Router) recovered(w http.ResponseWriter, q *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	r.cfg.Log.Error("a handler panicked", "method", q.Method, "path", q.URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	writeProblem(w, http.StatusInternalServerError, ot.Internal, "something went wrong inside Skanse; its log says what")
}

func pathNames(path string) []string {
	var out []string
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "{") {
			out = append(out, strings.TrimSuffix(strings.Trim(part, "{}"), "..."))
		}
	}
	return out
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// audited runs a handler so that its first transaction carries the audit entry. A
// handler that succeeds without any transaction gets the entry in one of its own.
func (r *Router) audited(ctx context.Context, op Op, fn func(context.Context) error) error {
	if op.Audit == "" {
		return fn(ctx)
	}
	p := &pending{action: op.Audit}
	ctx = store.WithHook(context.WithValue(ctx, pendingKey{}, p), p)
	if err := fn(ctx); err != nil {
		return err
	}
	if p.written() {
		return nil
	}
	return r.cfg.DB.Update(ctx, func(*store.Tx) error { return nil }) // the hook writes it
}
