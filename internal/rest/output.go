package rest

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/skanse/skanse/internal/translate"
)

// Stream writes the body of an answer that is not JSON; nil is nothing. It panics with
// http.ErrAbortHandler where it breaks off: half an answer must not look like a whole one.
type Stream func(w http.ResponseWriter, q *http.Request)

// output is how a handler's answer is written.
type output struct {
	api     huma.API
	say     *translate.Answers
	status  int
	headers []answerHeader
	body    []int // nil: none
	stream  bool  // the body writes itself
}

type answerHeader struct {
	field []int
	name  string
}

// newOutput reads the tags of a handler's answer and writes them into the operation's description.
func newOutput(api huma.API, say *translate.Answers, op *huma.Operation, kind reflect.Type) *output {
	out := &output{api: api, say: say, status: op.DefaultStatus}
	registry := api.OpenAPI().Components.Schemas
	body, ok := kind.FieldByName("Body")
	if out.status == 0 {
		if out.status = http.StatusNoContent; ok {
			out.status = http.StatusOK
		}
	}
	answer := &huma.Response{Description: http.StatusText(out.status)}
	op.Responses[strconv.Itoa(out.status)] = answer
	if ok {
		out.body, out.stream = body.Index, body.Type == reflect.TypeFor[Stream]()
		answer.Headers = map[string]*huma.Param{}
		if !out.stream {
			answer.Content = map[string]*huma.MediaType{"application/json": {Schema: huma.SchemaFromField(registry, body, hint(kind, "Body", op.OperationID+"Response"))}}
		}
	}
	for _, f := range reflect.VisibleFields(kind) {
		name := f.Tag.Get("header")
		if name == "" {
			if f.Name != "Body" && !f.Anonymous && len(f.Index) == 1 {
				panic(fmt.Sprintf("rest: operation %s: %s is neither the body nor a header", op.OperationID, f.Name))
			}
			continue
		}
		out.headers = append(out.headers, answerHeader{f.Index, name})
		if answer.Headers == nil {
			answer.Headers = map[string]*huma.Param{}
		}
		if f.Type.Kind() == reflect.Slice {
			f.Type = f.Type.Elem()
		}
		if reflect.PointerTo(f.Type).Implements(reflect.TypeFor[fmt.Stringer]()) {
			f.Type = reflect.TypeFor[string]() // a cookie is written as its text
		}
		answer.Headers[name] = &huma.Header{Schema: huma.SchemaFromField(registry, f, hint(kind, f.Name, op.OperationID+name))}
	}
	return out
}

// write answers with what a handler gave; nil is an answer without a body.
func (out *output) write(w http.ResponseWriter, q *http.Request, answer any) error {
	if answer == nil {
		w.WriteHeader(out.status)
		return nil
	}
	v := reflect.ValueOf(answer).Elem()
	for _, h := range out.headers {
		h.write(w.Header(), v.FieldByIndex(h.field))
	}
	if out.body == nil {
		w.WriteHeader(out.status)
		return nil
	}
	body := v.FieldByIndex(out.body).Interface()
	switch body := body.(type) {
	case Stream:
		body(w, q)
		return nil
	case []byte:
		w.WriteHeader(out.status)
		_, err := w.Write(body)
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	if out.say != nil {
		w.Header().Add("Vary", "Accept-Language")
		body = out.say.Say(translate.Accepted(q.Header.Get("Accept-Language")), body)
	}
	w.WriteHeader(out.status)
	return out.api.Marshal(w, "application/json", body)
}

func (h answerHeader) write(to http.Header, f reflect.Value) {
	if f.Kind() == reflect.Slice {
		for i := range f.Len() {
			to.Add(h.name, headerText(f.Index(i)))
		}
		return
	}
	if s := headerText(f); s != "" {
		to.Set(h.name, s)
	}
}

func headerText(f reflect.Value) string {
	if v, ok := f.Addr().Interface().(fmt.Stringer); ok {
		return v.String()
	}
	return fmt.Sprint(f.Interface())
}
