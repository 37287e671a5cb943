package rest

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// input is how a request becomes the struct that a handler takes. huma makes the schemas
// and validates; its own Register would be compiled once for each operation, a fifth of
// the whole program (docs/adr/006).
type input struct {
	api    huma.API
	kind   reflect.Type
	params []param
	query  map[string]bool // names behind the "?"

	body     []int // field of the JSON body; nil: none
	raw      []int // field of a body taken as bytes; nil: none
	required bool  // the body is
	schema   *huma.Schema
	maxBody  int64
}

// param is one value of the path, the query, a header or a cookie.
type param struct {
	field        []int
	in, name     string
	required     bool
	fallback     string // used where the request says nothing
	explode      bool   // a=1&a=2 instead of a=1,2
	schema       *huma.Schema
	unmarshalled bool // by the type's own UnmarshalText
}

// slowBody is how long a client may take for a JSON body.
const slowBody = 5 * time.Second

// newInput reads the tags of a handler's input and writes them into the operation's description.
// A struct that cannot be read is a programmer's mistake: it panics.
func newInput(api huma.API, op *huma.Operation, kind reflect.Type) *input {
	in := &input{api: api, kind: kind, query: map[string]bool{}, maxBody: op.MaxBodyBytes}
	in.find(op, kind, nil)
	registry := api.OpenAPI().Components.Schemas
	if f, ok := kind.FieldByName("Body"); ok {
		in.body = f.Index
		in.required = f.Type.Kind() != reflect.Pointer && f.Type.Kind() != reflect.Interface
		in.schema = huma.SchemaFromField(registry, f, hint(kind, "Body", op.OperationID+"Request"))
		in.schema.PrecomputeMessages()
		op.RequestBody = &huma.RequestBody{Required: in.required, Content: map[string]*huma.MediaType{"application/json": {Schema: in.schema}}}
	}
	if f, ok := kind.FieldByName("RawBody"); ok {
		in.raw, in.required = f.Index, true
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			f.Tag.Get("contentType"): {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}}
	}
	return in
}

// hint names a schema whose type has no name, as it names no other.
func hint(parent reflect.Type, field, other string) string {
	if parent.Name() != "" {
		return parent.Name() + field
	}
	return other
}

func (in *input) find(op *huma.Operation, kind reflect.Type, at []int) {
	for i := range kind.NumField() {
		f := kind.Field(i)
		field := append(slices.Clone(at), i)
		if f.Anonymous {
			in.find(op, f.Type, field)
			continue
		}
		if f.Name == "Body" || f.Name == "RawBody" || !f.IsExported() {
			continue
		}
		in.add(op, f, field)
	}
}

func (in *input) add(op *huma.Operation, f reflect.StructField, field []int) {
	p := param{field: field, fallback: f.Tag.Get("default"), required: f.Tag.Get("required") == "true"}
	for _, where := range []string{"path", "query", "header", "cookie"} {
		if tag := f.Tag.Get(where); tag != "" {
			name, how, _ := strings.Cut(tag, ",")
			p.in, p.name, p.explode = where, name, how == "explode"
		}
	}
	if p.in == "" {
		panic(fmt.Sprintf("rest: operation %s: field %s is neither of the path, the query, a header nor a cookie", op.OperationID, f.Name))
	}
	switch f.Type.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float64, reflect.Bool:
	case reflect.Slice:
		if f.Type.Elem().Kind() != reflect.String {
			panic(fmt.Sprintf("rest: operation %s: %s is a list of something other than texts", op.OperationID, f.Name))
		}
	default:
		if p.unmarshalled = reflect.PointerTo(f.Type).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()); !p.unmarshalled {
			panic(fmt.Sprintf("rest: operation %s: %s is of a type that is not read from a request", op.OperationID, f.Name))
		}
	}
	p.schema = huma.SchemaFromField(in.api.OpenAPI().Components.Schemas, f, "")
	said := &huma.Param{Name: p.name, Description: p.schema.Description, In: p.in, Required: p.required, Schema: p.schema}
	switch p.in {
	case "path":
		p.required, said.Required = true, true
	case "query":
		in.query[p.name] = true
		said.Explode = &p.explode
	}
	in.params = append(in.params, p)
	if !slices.ContainsFunc(op.Parameters, func(o *huma.Param) bool { return o.Name == said.Name && o.In == said.In }) {
		op.Parameters = append(op.Parameters, said)
	}
}

// read fills a new input from a request. What is wrong with it comes back as one problem
// that lists every fault.
func (in *input) read(w http.ResponseWriter, q *http.Request) (any, *Problem) {
	v := reflect.New(in.kind)
	asked := q.URL.Query()
	faults := &huma.ValidateResult{}
	at := huma.NewPathBuffer(make([]byte, 0, 128), 0)
	for name := range asked {
		if !in.query[name] { // a misspelt filter must not answer with everything
			at.Reset()
			at.Push("query")
			at.Push(name)
			faults.Add(at, "", "unknown query parameter")
		}
	}
	if len(faults.Errors) > 0 {
		return nil, refused(http.StatusUnprocessableEntity, faults.Errors)
	}
	for i := range in.params {
		in.params[i].read(in.api, q, asked, v.Elem(), at, faults)
	}
	status := http.StatusUnprocessableEntity
	if in.body != nil || in.raw != nil {
		p, as := in.readBody(w, q, v.Elem(), at, faults)
		if p != nil {
			return nil, p
		}
		status = as
	}
	if len(faults.Errors) > 0 {
		return nil, refused(status, faults.Errors)
	}
	return v.Interface(), nil
}

func (p *param) read(api huma.API, q *http.Request, asked url.Values, v reflect.Value, at *huma.PathBuffer, faults *huma.ValidateResult) {
	at.Reset()
	at.Push(p.in)
	at.Push(p.name)
	texts := p.texts(q, asked)
	if len(texts) == 0 || texts[0] == "" && len(texts) == 1 {
		if p.fallback == "" {
			if p.required {
				faults.Add(at, "", "required "+p.in+" parameter is missing")
			}
			return
		}
		texts = []string{p.fallback}
	}
	value, err := p.set(v.FieldByIndex(p.field), texts)
	if err != nil {
		faults.Add(at, texts[0], err.Error())
		return
	}
	huma.Validate(api.OpenAPI().Components.Schemas, p.schema, at, huma.ModeWriteToServer, value, faults)
}

// texts are what the request says of a parameter.
func (p *param) texts(q *http.Request, asked url.Values) []string {
	switch p.in {
	case "path":
		return []string{q.PathValue(p.name)}
	case "query":
		if vs, ok := asked[p.name]; ok && len(vs) == 1 && vs[0] == "" && !strings.Contains(q.URL.RawQuery, p.name+"=") {
			return []string{"true"} // "?new" is a flag
		}
		return asked[p.name]
	case "header":
		return []string{q.Header.Get(p.name)}
	}
	c, err := q.Cookie(p.name)
	if err != nil {
		return nil
	}
	return []string{c.Value}
}

// set puts a value into its field, and gives it as the schema sees it.
func (p *param) set(f reflect.Value, texts []string) (any, error) {
	text := texts[0]
	if p.unmarshalled {
		if err := f.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			if _, ok := f.Interface().(time.Time); ok {
				return nil, errors.New("invalid date/time for format " + time.RFC3339)
			}
			return nil, errors.New("invalid value: " + err.Error())
		}
		return text, nil
	}
	switch f.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, f.Type().Bits())
		if err != nil {
			return nil, errors.New("invalid integer")
		}
		f.SetInt(n)
		return n, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, f.Type().Bits())
		if err != nil {
			return nil, errors.New("invalid integer")
		}
		f.SetUint(n)
		return n, nil
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, errors.New("invalid float")
		}
		f.SetFloat(n)
		return n, nil
	case reflect.Bool:
		yes, err := strconv.ParseBool(text)
		if err != nil {
			return nil, errors.New("invalid boolean")
		}
		f.SetBool(yes)
		return yes, nil
	case reflect.Slice:
		if !p.explode {
			texts = strings.Split(text, ",")
		}
		list := reflect.MakeSlice(f.Type(), len(texts), len(texts))
		for i, s := range texts {
			list.Index(i).SetString(s)
		}
		f.Set(list)
		return texts, nil
	}
	f.SetString(text)
	return text, nil
}

// readBody reads the body. The status is that of the faults which it found.
func (in *input) readBody(w http.ResponseWriter, q *http.Request, v reflect.Value, at *huma.PathBuffer, faults *huma.ValidateResult) (*Problem, int) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(slowBody)) // a recorder in a test has none
	b, err := io.ReadAll(http.MaxBytesReader(w, q.Body, in.maxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return newProblem(http.StatusRequestEntityTooLarge, codeOf(http.StatusRequestEntityTooLarge), fmt.Sprintf("request body is too large limit=%d bytes", in.maxBody)), 0
		}
		return newProblem(http.StatusRequestTimeout, codeOf(http.StatusRequestTimeout), "request body read timeout"), 0
	}
	if len(b) == 0 {
		if in.required {
			return newProblem(http.StatusBadRequest, codeOf(http.StatusBadRequest), "request body is required"), 0
		}
		return nil, http.StatusUnprocessableEntity
	}
	if in.raw != nil {
		v.FieldByIndex(in.raw).SetBytes(b)
		return nil, http.StatusUnprocessableEntity
	}
	media := q.Header.Get("Content-Type")
	if media == "" {
		media = "application/json"
	}
	var parsed any
	if err := in.api.Unmarshal(media, b, &parsed); err != nil {
		faults.Errors = append(faults.Errors, &huma.ErrorDetail{Location: "body", Message: err.Error()})
		if errors.Is(err, huma.ErrUnknownContentType) {
			return nil, http.StatusUnsupportedMediaType
		}
		return nil, http.StatusBadRequest
	}
	at.Reset()
	at.Push("body")
	before := len(faults.Errors)
	huma.Validate(in.api.OpenAPI().Components.Schemas, in.schema, at, huma.ModeWriteToServer, parsed, faults)
	if err := in.api.Unmarshal(media, b, v.FieldByIndex(in.body).Addr().Interface()); err != nil && len(faults.Errors) == before {
		faults.Errors = append(faults.Errors, &huma.ErrorDetail{Location: "body", Message: err.Error()})
	}
	return nil, http.StatusUnprocessableEntity
}
