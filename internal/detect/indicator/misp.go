package indicator

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// mispEvent is what is read of an event in the core format of MISP (draft-00 of
// misp-core-format): attributes, also those of objects.
type mispEvent struct {
	UUID   string          `json:"uuid"`
	Info   string          `json:"info"`
	Date   string          `json:"date"`
	Orgc   mispOrg         `json:"Orgc"`
	Attrs  []mispAttribute `json:"Attribute"`
	Object []struct {
		Name    string          `json:"name"`
		Deleted flexible        `json:"deleted"`
		Attrs   []mispAttribute `json:"Attribute"`
	} `json:"Object"`
}

type mispOrg struct {
	Name string `json:"name"`
}

type mispAttribute struct {
	UUID    string   `json:"uuid"`
	Type    string   `json:"type"`
	Value   string   `json:"value"`
	Comment string   `json:"comment"`
	IDS     flexible `json:"to_ids"`
	Deleted flexible `json:"deleted"`
	First   string   `json:"first_seen"`
	Last    string   `json:"last_seen"`
}

// flexible is a truth as versions of MISP write it: true, 1, "1".
type flexible bool

// UnmarshalJSON reads it.
func (f *flexible) UnmarshalJSON(raw []byte) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	switch x := v.(type) {
	case bool:
		*f = flexible(x)
	case float64:
		*f = x != 0
	case string:
		yes, _ := strconv.ParseBool(x)
		*f = flexible(yes)
	}
	return nil
}

func (r *Read) misp(e *mispEvent) {
	if r.Source == "" {
		r.Source = short(e.Orgc.Name)
		if e.Info != "" {
			r.Source = strings.Trim(r.Source+": "+short(e.Info), ": ")
		}
	}
	from, _ := time.Parse(time.DateOnly, e.Date) // none: always
	take := func(a *mispAttribute) {
		switch {
		case bool(a.Deleted):
			r.Left["deleted by its source"]++
			return
		case !bool(a.IDS):
			r.Left["not meant for detection (to_ids)"]++
			return
		}
		of := Indicator{Title: a.Comment, Ref: a.UUID, From: from}
		if of.Title == "" {
			of.Title = e.Info
		}
		r.attribute(a, of)
	}
	for i := range e.Attrs {
		take(&e.Attrs[i])
	}
	for i := range e.Object {
		for j := range e.Object[i].Attrs {
			if bool(e.Object[i].Deleted) {
				r.Left["deleted by its source"]++
				continue
			}
			take(&e.Object[i].Attrs[j])
		}
	}
}

// attribute takes one by its type; a composite one by each of its halves that counts.
func (r *Read) attribute(a *mispAttribute, of Indicator) {
	first, second, _ := strings.Cut(a.Value, "|")
	switch a.Type {
	case "ip-src", "ip-dst":
		r.add(Address, a.Value, of)
	case "ip-src|port", "ip-dst|port":
		r.add(Address, first, of)
	case "domain", "hostname":
		r.add(Domain, a.Value, of)
	case "hostname|port":
		r.add(Domain, first, of)
	case "domain|ip":
		r.add(Domain, first, of)
		r.add(Address, second, of)
	case "url", "uri":
		r.host(a.Value, of)
	case "md5", "sha1", "sha256":
		r.add(File, a.Value, of)
	case "filename|md5", "filename|sha1", "filename|sha256", "malware-sample":
		r.add(File, second, of)
	default:
		r.Left["an attribute of a type that cannot be seen on a network: "+short(a.Type)]++
	}
}
