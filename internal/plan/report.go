package plan

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"time"
)

// The report as JSON. Its baseline is the state that may be approved: what was
// planned, completed by what was heard.
type reportJSON struct {
	Project  string       `json:"project"`
	Revision string       `json:"revision,omitempty"`
	Plan     string       `json:"plan"`
	Sources  []Source     `json:"sources"`
	From     time.Time    `json:"from"`
	To       time.Time    `json:"to"`
	Packets  uint64       `json:"packets"`
	Verdict  string       `json:"verdict"` // agrees, differs, unknown
	Summary  string       `json:"summary"`
	Planned  int          `json:"planned_devices"`
	Matched  int          `json:"matched_devices"`
	Agree    int          `json:"agreeing_facts"`
	Differs  int          `json:"differs"`
	Unknown  int          `json:"unknown"`
	Notes    int          `json:"notes"`
	Findings []Finding    `json:"findings"`
	Limits   []string     `json:"limits"`
	Baseline baselineJSON `json:"baseline"`
}

type baselineJSON struct {
	Devices  []deviceJSON  `json:"devices"`
	Conduits []conduitJSON `json:"conduits"`
}

type deviceJSON struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
	MACs      []string `json:"macs"`
	Vendor    string   `json:"vendor,omitempty"`
	Model     string   `json:"model,omitempty"`
	OrderCode string   `json:"order_code,omitempty"`
	Firmware  string   `json:"firmware,omitempty"`
	Serial    string   `json:"serial,omitempty"`
	Role      string   `json:"role,omitempty"`
}

type conduitJSON struct {
	From      string   `json:"from"`
	To        string   `json:"to"`
	Protocols []string `json:"protocols"`
	Classes   []string `json:"classes"`
	Why       string   `json:"why,omitempty"`
}

// Word is the comparison in one word: agrees, differs or unknown.
func (r *Result) Word() string {
	switch {
	case r.Count(Differs) > 0:
		return "differs"
	case r.Count(Unknown) > 0 || r.Seen.Packets == 0:
		return "unknown"
	}
	return "agrees"
}

// WriteJSON prints the report for machines.
func (r *Result) WriteJSON(w io.Writer) error {
	out := reportJSON{
		Project: r.Project.Name, Revision: r.Project.Revision, Plan: r.Project.Source, Sources: r.Seen.Sources, From: r.Seen.From.UTC(), To: r.Seen.To.UTC(), Packets: r.Seen.Packets,
		Verdict: r.Word(), Summary: r.Verdict(), Planned: r.planned(), Matched: r.Matched, Agree: r.Agree,
		Differs: r.Count(Differs), Unknown: r.Count(Unknown), Notes: r.Count(Note), Findings: r.Findings, Limits: r.Seen.Limits,
	}
	if out.Findings == nil {
		out.Findings = []Finding{}
	}
	if out.Limits == nil {
		out.Limits = []string{}
	}
	out.Baseline = r.Baseline().json()
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (p *Project) json() baselineJSON {
	out := baselineJSON{Devices: []deviceJSON{}, Conduits: []conduitJSON{}}
	for i := range p.Devices {
		d := &p.Devices[i]
		y := deviceJSON{Name: d.Name, Addresses: []string{}, MACs: []string{}, Vendor: d.Vendor, Model: d.Model, OrderCode: d.OrderCode, Firmware: d.Firmware, Serial: d.Serial, Role: d.Role}
		for _, a := range d.Addresses {
			y.Addresses = append(y.Addresses, a.String())
		}
		for _, m := range d.MACs {
			y.MACs = append(y.MACs, m.String())
		}
		out.Devices = append(out.Devices, y)
	}
	for i := range p.Conduits {
		k := &p.Conduits[i]
		y := conduitJSON{From: k.From, To: k.To, Protocols: []string{}, Classes: append([]string{}, k.Classes...), Why: k.Why}
		for _, s := range k.Protocols {
			y.Protocols = append(y.Protocols, s.String())
		}
		out.Conduits = append(out.Conduits, y)
	}
	return out
}

//go:embed report.html
var reportPage string

// WriteHTML prints the report as one page without anything from elsewhere, to
// be printed, signed and filed.
func (r *Result) WriteHTML(w io.Writer, program string, now time.Time) error {
	page, err := template.New("report").Funcs(template.FuncMap{
		"day": day, "title": title, "add": func(a, b int) int { return a + b },
	}).Parse(reportPage)
	if err != nil {
		return fmt.Errorf("read the report's page: %w", err)
	}
	type group struct {
		Verdict Verdict
		Title   string
		Kinds   []kindOf
	}
	var groups []group
	for _, v := range []Verdict{Differs, Unknown, Note} {
		g := group{Verdict: v, Title: map[Verdict]string{Differs: "Differs from the plan", Unknown: "Could not be judged", Note: "For information"}[v]}
		for _, kind := range kinds() {
			k := kindOf{Title: title(kind)}
			for i := range r.Findings {
				if f := r.Findings[i]; f.Verdict == v && f.Kind == kind {
					k.Rows = append(k.Rows, f)
				}
			}
			if len(k.Rows) > 0 {
				g.Kinds = append(g.Kinds, k)
			}
		}
		if len(g.Kinds) > 0 {
			groups = append(groups, g)
		}
	}
	err = page.Execute(w, map[string]any{
		"R": r, "Groups": groups, "Now": now, "Program": program, "Baseline": r.Baseline(),
		"Differs": r.Count(Differs), "Unknown": r.Count(Unknown), "Notes": r.Count(Note), "Planned": r.planned(),
	})
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

type kindOf struct {
	Title string
	Rows  []Finding
}
