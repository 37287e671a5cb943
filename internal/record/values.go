package record

import (
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
)

// Values is the data of a record on its way from the database to the answer: it is
// taken apart only where somebody looks into it.
type Values struct{ raw json.RawMessage }

func valuesOf(m map[string]any) Values {
	b, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Errorf("write the data of a record: %w", err)) // text, numbers, lists
	}
	return Values{b}
}

// Map is the data by field.
func (v Values) Map() map[string]any {
	out := map[string]any{}
	if len(v.raw) > 0 {
		if err := json.Unmarshal(v.raw, &out); err != nil || out == nil {
			return map[string]any{} // the column holds JSON only
		}
	}
	return out
}

// Scan implements sql.Scanner.
func (v *Values) Scan(from any) error {
	switch from := from.(type) {
	case nil:
		v.raw = nil
	case string:
		v.raw = json.RawMessage(from)
	case []byte:
		v.raw = append(json.RawMessage(nil), from...)
	default:
		return fmt.Errorf("a JSON column holds %T", from)
	}
	return nil
}

// MarshalJSON writes the data itself.
func (v Values) MarshalJSON() ([]byte, error) {
	if len(v.raw) == 0 || string(v.raw) == "null" {
		return []byte("{}"), nil
	}
	return v.raw, nil
}

// Schema says that it is an object whose members are the type's fields.
func (Values) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: valueSchema()}
}

// valueSchema names all that a field of any kind may hold.
func valueSchema() *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeString},
		{Type: huma.TypeNumber},
		{Type: huma.TypeBoolean},
		{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}},
		{Type: "null"},
	}}
}
