package feed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Fact is what a list says of one vulnerability. Empty fields: the list does not say.
type Fact struct {
	CVE          string
	KEV          time.Time // exploited, listed since
	Ransomware   bool
	Exploitation string // none, poc, active
	Automatable  string // yes, no
	HasEPSS      bool
	EPSS         float64
	Percentile   float64
	Score        float64
	Vector       string
}

// List is one file of facts.
type List struct {
	Kind  string // kev, epss, ssvc, nvd
	Name  string
	AsOf  time.Time
	Facts []Fact
}

// maxFacts bounds a list: all vulnerabilities ever numbered are under 400,000.
const maxFacts = 1_000_000

// ReadFacts reads a list, by what it is and not by its name: CISA's KEV, EPSS as CSV, CVE 5
// records with SSVC points (one a file, or one a line), NVD's JSON. Nil: it is none of these.
func ReadFacts(b []byte) (*List, error) {
	head := bytes.TrimSpace(bytes.TrimPrefix(b[:min(len(b), 4096)], []byte("\xef\xbb\xbf")))
	switch {
	case bytes.HasPrefix(head, []byte("#model_version")) || bytes.HasPrefix(head, []byte("cve,epss")):
		return readEPSS(b)
	case !bytes.HasPrefix(head, []byte("{")):
		return nil, ot.Errorf(ot.Invalid, "it is neither an advisory (CSAF) nor a list that is known: KEV, EPSS, CVE 5 or NVD")
	case bytes.Contains(head, []byte(`"catalogVersion"`)):
		return readKEV(b)
	case bytes.Contains(head, []byte(`"CVE_RECORD"`)):
		return readCVE5(b)
	case bytes.Contains(head, []byte(`"NVD_CVE"`)):
		return readNVD(b)
	case bytes.HasPrefix(head, []byte(`{"cve"`)) && bytes.Contains(head, []byte(`"ssvc"`)):
		return readLines(b)
	}
	return nil, nil
}

func id(s string) (string, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	return s, strings.HasPrefix(s, "CVE-") && len(s) >= 13 && len(s) <= 20 && strings.Trim(s[4:], "0123456789-") == ""
}

func readKEV(b []byte) (*List, error) {
	var d struct {
		Released time.Time `json:"dateReleased"`
		List     []struct {
			CVE    string `json:"cveID"`
			Added  string `json:"dateAdded"`
			Ransom string `json:"knownRansomwareCampaignUse"`
		} `json:"vulnerabilities"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the list of known exploited vulnerabilities cannot be read: %w", err)
	}
	out := &List{Kind: "kev", Name: "Known exploited vulnerabilities (CISA)", AsOf: d.Released}
	for _, v := range d.List {
		cve, ok := id(v.CVE)
		added, err := time.Parse(time.DateOnly, v.Added)
		if ok && err == nil {
			out.Facts = append(out.Facts, Fact{CVE: cve, KEV: added, Ransomware: strings.EqualFold(v.Ransom, "known")})
		}
	}
	return out.check()
}

func readEPSS(b []byte) (*List, error) {
	out := &List{Kind: "epss", Name: "Exploit prediction (FIRST EPSS)"}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			if _, date, ok := strings.Cut(line, "score_date:"); ok {
				for _, layout := range []string{"2006-01-02T15:04:05-0700", time.RFC3339} {
					if t, err := time.Parse(layout, strings.TrimSpace(date)); err == nil {
						out.AsOf = t
					}
				}
			}
			continue
		}
		f := strings.Split(line, ",")
		if len(f) < 3 || f[0] == "cve" {
			continue
		}
		cve, ok := id(f[0])
		score, err1 := strconv.ParseFloat(f[1], 64)
		percentile, err2 := strconv.ParseFloat(strings.TrimSpace(f[2]), 64)
		if !ok || err1 != nil || err2 != nil || !(score >= 0 && score <= 1) || !(percentile >= 0 && percentile <= 1) {
			return nil, ot.Errorf(ot.Invalid, "line %q is no EPSS score", ot.Printable(line[:min(len(line), 60)]))
		}
		if len(out.Facts) >= maxFacts {
			return nil, ot.Errorf(ot.TooMany, "the list has more than %d lines", maxFacts)
		}
		out.Facts = append(out.Facts, Fact{CVE: cve, HasEPSS: true, EPSS: score, Percentile: percentile})
	}
	if err := lines.Err(); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the EPSS list cannot be read: %w", err)
	}
	return out.check()
}

// points folds the words of SSVC, whose spelling varies: Active, active, PoC.
func points(m map[string]string, f *Fact) {
	for k, v := range m {
		v = strings.ToLower(strings.TrimSpace(v))
		switch strings.ToLower(strings.TrimSpace(k)) {
		case "exploitation":
			switch v {
			case "none", "poc", "active":
				f.Exploitation = v
			case "public poc", "proof of concept":
				f.Exploitation = "poc"
			}
		case "automatable":
			if v == "yes" || v == "no" {
				f.Automatable = v
			}
		}
	}
}

func readLines(b []byte) (*List, error) {
	out := &List{Kind: "ssvc", Name: "Decision points (CISA vulnrichment)"}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var d struct {
			CVE    string            `json:"cve"`
			SSVC   map[string]string `json:"ssvc"`
			At     time.Time         `json:"ts"`
			Vector string            `json:"cvssV3_1"`
		}
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return nil, ot.Errorf(ot.Invalid, "a line of the decision points cannot be read: %w", err)
		}
		cve, ok := id(d.CVE)
		if !ok {
			continue
		}
		f := Fact{CVE: cve, Vector: ot.Printable(d.Vector)}
		points(d.SSVC, &f)
		out.Facts = append(out.Facts, f)
		if d.At.After(out.AsOf) {
			out.AsOf = d.At
		}
	}
	if err := lines.Err(); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the decision points cannot be read: %w", err)
	}
	return out.check()
}

func readCVE5(b []byte) (*List, error) {
	var d struct {
		Meta struct {
			ID string `json:"cveId"`
		} `json:"cveMetadata"`
		Containers struct {
			CNA container   `json:"cna"`
			ADP []container `json:"adp"`
		} `json:"containers"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the CVE record cannot be read: %w", err)
	}
	cve, ok := id(d.Meta.ID)
	if !ok {
		return nil, ot.Errorf(ot.Invalid, "the CVE record has no number")
	}
	f := Fact{CVE: cve}
	out := &List{Kind: "ssvc", Name: "Decision points (CVE records)"}
	for _, c := range append(d.Containers.ADP, d.Containers.CNA) {
		for _, m := range c.Metrics {
			for _, v := range []*cvss{m.V40, m.V31, m.V30} {
				if v != nil && f.Score == 0 && v.Base > 0 && v.Base <= 10 {
					f.Score, f.Vector = v.Base, ot.Printable(v.Vector)
				}
			}
			if m.Other != nil && strings.EqualFold(m.Other.Type, "ssvc") {
				all := map[string]string{}
				for _, o := range m.Other.Content.Options {
					for k, v := range o {
						all[k] = v
					}
				}
				points(all, &f)
				if m.Other.Content.At.After(out.AsOf) {
					out.AsOf = m.Other.Content.At
				}
			}
		}
	}
	out.Facts = []Fact{f}
	return out, nil
}

type container struct {
	Metrics []struct {
		V40   *cvss `json:"cvssV4_0"`
		V31   *cvss `json:"cvssV3_1"`
		V30   *cvss `json:"cvssV3_0"`
		Other *struct {
			Type    string `json:"type"`
			Content struct {
				Options []map[string]string `json:"options"`
				At      time.Time           `json:"timestamp"`
			} `json:"content"`
		} `json:"other"`
	} `json:"metrics"`
}

type cvss struct {
	Base   float64 `json:"baseScore"`
	Vector string  `json:"vectorString"`
}

func readNVD(b []byte) (*List, error) {
	var d struct {
		At   string `json:"timestamp"`
		List []struct {
			CVE struct {
				ID      string `json:"id"`
				Metrics map[string][]struct {
					Data cvss `json:"cvssData"`
				} `json:"metrics"`
			} `json:"cve"`
		} `json:"vulnerabilities"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the NVD file cannot be read: %w", err)
	}
	out := &List{Kind: "nvd", Name: "Scores (NVD)"}
	if t, err := time.Parse("2006-01-02T15:04:05.999", d.At); err == nil {
		out.AsOf = t
	}
	for _, v := range d.List {
		cve, ok := id(v.CVE.ID)
		if !ok {
			continue
		}
		f := Fact{CVE: cve}
		for _, ms := range v.CVE.Metrics {
			for _, m := range ms {
				if m.Data.Base > f.Score && m.Data.Base <= 10 {
					f.Score, f.Vector = m.Data.Base, ot.Printable(m.Data.Vector)
				}
			}
		}
		out.Facts = append(out.Facts, f)
	}
	return out.check()
}

// check refuses a list that says nothing: an empty one must not pass for "none is exploited".
func (l *List) check() (*List, error) {
	if len(l.Facts) == 0 {
		return nil, ot.Errorf(ot.Invalid, "the list (%s) names no vulnerability", l.Name)
	}
	return l, nil
}
