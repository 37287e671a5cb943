package record

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/skanse/skanse/internal/ot"
)

// The longest texts; more belongs into an attachment.
const (
	maxText  = 500    // bytes of one line
	maxLong  = 20_000 // bytes of several
	maxTitle = 200
)

// check brings a value from JSON or YAML into the form that is stored. nil: empty.
func (f Field) check(v any) (any, error) {
	switch f.Kind {
	case Bool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, fmt.Errorf("is true or false")
	case Number, Money, Duration:
		n, ok := number(v)
		if !ok {
			return nil, fmt.Errorf("is a number")
		}
		return f.bounded(n)
	case SomeOf:
		return f.checkChoices(v)
	}
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("is a text")
	}
	return f.checkText(s)
}

func (f Field) bounded(n float64) (any, error) {
	switch {
	case math.IsNaN(n) || math.IsInf(n, 0):
		return nil, fmt.Errorf("is no finite number")
	case f.Min != nil && n < *f.Min:
		return nil, fmt.Errorf("is %v, less than %v", n, *f.Min)
	case f.Max != nil && n > *f.Max:
		return nil, fmt.Errorf("is %v, more than %v", n, *f.Max)
	case f.Kind == Duration && n < 0:
		return nil, fmt.Errorf("is %v: a duration is not below 0", n)
	}
	return n, nil
}

func (f Field) checkChoices(v any) (any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("is a list of choices")
	}
	out := []any{}
	for _, c := range f.Choices { // in the order of the type, each once
		if slices.Contains(list, any(c.ID)) {
			out = append(out, c.ID)
		}
	}
	for _, x := range list {
		if s, ok := x.(string); !ok || !slices.Contains(out, any(s)) {
			return nil, fmt.Errorf("knows no choice %q: use %s", ot.Printable(fmt.Sprint(x)), f.choiceNames())
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func (f Field) checkText(s string) (any, error) {
	if f.Kind == Long {
		s = multiline(s)
	} else {
		s = ot.Printable(s)
	}
	limit := maxText
	if f.Kind == Long {
		limit = maxLong
	}
	switch {
	case s == "":
		return nil, nil
	case len(s) > limit:
		return nil, fmt.Errorf("has %d bytes, more than %d: put it into an attachment", len(s), limit)
	}
	switch f.Kind {
	case Date:
		t, err := time.Parse(time.DateOnly, s)
		if err != nil || !plausible(t) {
			return nil, fmt.Errorf("is %q: write a day as 2026-11-23", s)
		}
	case Time:
		t, err := time.Parse(time.RFC3339, s)
		if err != nil || !plausible(t) {
			return nil, fmt.Errorf("is %q: write a time as 2026-11-23T14:05:00Z", s)
		}
		return t.UTC().Truncate(time.Second).Format(time.RFC3339), nil
	case OneOf:
		if _, ok := f.choice(s); !ok {
			return nil, fmt.Errorf("knows no choice %q: use %s", s, f.choiceNames())
		}
	case Address:
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("is %q: write an address that begins with https://", s)
		}
	}
	return s, nil
}

// plausible keeps dates that any database and calendar can hold.
func plausible(t time.Time) bool { return t.Year() >= 1900 && t.Year() < 2200 }

// multiline is ot.Printable for texts of several lines.
func multiline(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range lines {
		indent := len(l) - len(strings.TrimLeft(l, " "))
		lines[i] = strings.Repeat(" ", min(indent, 40)) + ot.Printable(l)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	}
	return 0, false
}

func (f Field) choiceNames() string {
	names := make([]string, len(f.Choices))
	for i, c := range f.Choices {
		names[i] = c.ID
	}
	return strings.Join(names, ", ")
}

// parse reads a value as people write it into a table: titles of choices, yes and no.
func (f Field) parse(s string) (any, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, nil
	}
	switch f.Kind {
	case Bool:
		switch strings.ToLower(s) {
		case "true", "yes", "1", "x", "ja":
			return true, nil
		case "false", "no", "0", "nej", "nein":
			return false, nil
		}
		return nil, fmt.Errorf("is %q: write yes or no", ot.Printable(s))
	case Number, Money, Duration:
		n, err := strconv.ParseFloat(strings.ReplaceAll(s, " ", ""), 64)
		if err != nil {
			return nil, fmt.Errorf("is %q: write a number with a point, as 12.5", ot.Printable(s))
		}
		return f.bounded(n)
	case OneOf:
		return f.check(f.choiceOf(s))
	case SomeOf:
		var list []any
		for part := range strings.SplitSeq(s, ";") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, f.choiceOf(part))
			}
		}
		return f.check(list)
	}
	return f.check(s)
}

// choiceOf takes a title for its id.
func (f Field) choiceOf(s string) string {
	for _, c := range f.Choices {
		if strings.EqualFold(c.Title, s) {
			return c.ID
		}
	}
	return s
}

// text is a value as parse reads it.
func (f Field) text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = f.text(x)
		}
		return strings.Join(parts, "; ")
	case string:
		if c, ok := f.choice(v); ok {
			return c.Title
		}
		return v
	}
	return fmt.Sprint(v)
}

// holds says whether a condition is met; an empty one always is.
func (t *Type) holds(c *Condition, data map[string]any) bool {
	if c == nil {
		return true
	}
	switch v := data[c.Field].(type) {
	case string:
		return slices.Contains(c.In, v)
	case bool:
		return slices.Contains(c.In, strconv.FormatBool(v))
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { s, ok := x.(string); return ok && slices.Contains(c.In, s) })
	case nil:
		f, _ := t.Field(c.Field)
		return f.Kind == Bool && slices.Contains(c.In, "false")
	}
	return false
}

// visible says whether a field is shown: its own condition, and that of what it waits for.
func (t *Type) visible(f Field, data map[string]any) bool {
	for range len(t.Fields) + 1 {
		if f.VisibleWhen == nil {
			return true
		}
		if !t.holds(f.VisibleWhen, data) {
			return false
		}
		f, _ = t.Field(f.VisibleWhen.Field)
	}
	return false
}

// merge puts changed values into data: nil and "" empty a field. What is not shown goes.
func (t *Type) merge(data, change map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(data)+len(change))
	for k, v := range data {
		if _, ok := t.Field(k); ok {
			out[k] = v
		}
	}
	for k, v := range change {
		f, ok := t.Field(k)
		if !ok {
			return nil, ot.Errorf(ot.Invalid, "a %s has no field %q", strings.ToLower(t.Title), ot.Printable(k))
		}
		if v == nil || v == "" {
			delete(out, k)
			continue
		}
		n, err := f.check(v)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "%s %w", f.Title, err)
		}
		if n == nil {
			delete(out, k)
			continue
		}
		out[k] = n
	}
	for again := true; again; { // a field that goes may take others with it
		again = false
		for _, f := range t.Fields {
			if _, ok := out[f.ID]; ok && !t.visible(f, out) {
				delete(out, f.ID)
				again = true
			}
		}
	}
	return out, nil
}

// filled refuses data in which a required field is empty.
func (t *Type) filled(data map[string]any) error {
	var missing []string
	for _, f := range t.Fields {
		if f.Required && data[f.ID] == nil && t.visible(f, data) {
			missing = append(missing, f.Title)
		}
	}
	if len(missing) > 0 {
		return ot.Errorf(ot.Invalid, "fill in: %s", strings.Join(missing, ", "))
	}
	return nil
}

// withDefaults fills what was not said with the type's defaults.
func (t *Type) withDefaults(data map[string]any) map[string]any {
	out := map[string]any{}
	for _, f := range t.Fields {
		if f.Default != nil {
			out[f.ID] = f.Default
		}
	}
	for k, v := range data {
		out[k] = v
	}
	return out
}

func titleOf(s string) (string, error) {
	s = ot.Printable(s)
	if s == "" {
		return "", ot.Errorf(ot.Invalid, "a title is needed: say in one line what it is")
	}
	if len(s) > maxTitle || !utf8.ValidString(s) {
		return "", ot.Errorf(ot.Invalid, "the title has %d bytes, more than %d", len(s), maxTitle)
	}
	return s, nil
}
