package indicator

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// bundle is what is read of a STIX bundle (2.0 or 2.1) or a MISP event.
type bundle struct {
	Type     string       `json:"type"`
	Objects  []stixObject `json:"objects"`
	Event    *mispEvent   `json:"Event"`
	Response []struct {
		Event *mispEvent `json:"Event"`
	} `json:"response"`
}

// stixObject is what is read of an object: an indicator, or an identity that made one.
type stixObject struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	Name        string `json:"name"`
	CreatedBy   string `json:"created_by_ref"`
	Pattern     string `json:"pattern"`
	PatternType string `json:"pattern_type"` // 2.0 has none and means stix
	From        string `json:"valid_from"`
	Until       string `json:"valid_until"`
	Revoked     bool   `json:"revoked"`
}

func (r *Read) json(raw []byte) error {
	var b bundle
	if raw[0] == '[' { // what an export of several MISP events may be
		var list []struct {
			Event *mispEvent `json:"Event"`
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			return ot.Errorf(ot.Invalid, "the file is no whole JSON: %w", err)
		}
		b.Response = list
	} else if err := json.Unmarshal(raw, &b); err != nil {
		return ot.Errorf(ot.Invalid, "the file is no whole JSON: %w", err)
	}
	if b.Event != nil {
		b.Response = append(b.Response, struct {
			Event *mispEvent `json:"Event"`
		}{b.Event})
	}
	switch {
	case b.Type == "bundle":
		r.stix(b.Objects)
		return nil
	case len(b.Response) > 0:
		r.Format = "misp"
		for _, x := range b.Response {
			if x.Event != nil {
				r.misp(x.Event)
			}
		}
		return nil
	}
	return ot.Errorf(ot.Invalid, "the file is neither a STIX bundle (\"type\": \"bundle\") nor a MISP event (\"Event\"): indicators come as one of these, or as a list with one value a line")
}

func (r *Read) stix(objects []stixObject) {
	r.Format = "stix"
	names := map[string]string{}
	for _, o := range objects {
		if o.Type == "identity" {
			names[o.ID] = o.Name
			if r.Source == "" {
				r.Source = short(o.Name)
			}
		}
	}
	for _, o := range objects {
		if o.Type != "indicator" {
			continue
		}
		if n := names[o.CreatedBy]; n != "" {
			r.Source = short(n)
		}
		switch {
		case o.Revoked:
			r.Left["revoked by its source"]++
			continue
		case o.PatternType != "" && o.PatternType != "stix":
			r.Left["a pattern that is not one of STIX: "+short(o.PatternType)]++
			continue
		}
		of := Indicator{Title: o.Name, Ref: o.ID}
		of.From, _ = time.Parse(time.RFC3339, o.From)   // none: always
		of.Until, _ = time.Parse(time.RFC3339, o.Until) // none: the import says
		found, why := pattern(o.Pattern)
		if why != "" {
			r.Left[why]++
			continue
		}
		for _, f := range found {
			r.compared(f, of)
		}
	}
}

// compared takes one comparison of a pattern.
func (r *Read) compared(c comparison, of Indicator) {
	switch p := c.path; {
	case p == "ipv4-addr:value", p == "ipv6-addr:value", p == "network-traffic:dst_ref.value", p == "network-traffic:src_ref.value":
		r.add(Address, c.value, of)
	case c.op != "=":
		r.Left["a comparison by "+c.op]++
	case p == "domain-name:value":
		r.add(Domain, c.value, of)
	case p == "url:value":
		r.host(c.value, of)
	case strings.HasPrefix(p, "file:hashes."), strings.HasPrefix(p, "file:content_ref.hashes."):
		r.add(File, c.value, of)
	default:
		r.Left["an object path that cannot be seen on a network: "+short(p)]++
	}
}

// host takes the host of a URL: the rest of one is mostly not seen, as it is encrypted.
func (r *Read) host(raw string, of Indicator) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err == nil && u.Host == "" {
		u, err = url.Parse("//" + strings.TrimSpace(raw))
	}
	if err != nil || u.Hostname() == "" {
		r.Left["a URL without a host"]++
		return
	}
	if p := strings.Trim(u.Path, "/"); p != "" || u.RawQuery != "" {
		// A page of a big host is no reason to call everybody who visits that host.
		r.Left["a URL with a path: its host alone would meet too much"]++
		return
	}
	if _, err := Normal(Address, u.Hostname()); err == nil {
		r.add(Address, u.Hostname(), of)
		return
	}
	r.add(Domain, u.Hostname(), of)
}
