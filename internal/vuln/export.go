package vuln

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
)

// exportRoutes give what others read: VEX in two dialects, and a plan of action and milestones.
func (s *Service) exportRoutes(r *rest.Router) {
	for _, e := range []struct{ id, path, summary, media, name, kind string }{
		{"export-openvex", "/vulnerabilities/export/openvex", "Findings as OpenVEX", "application/json", "skanse.openvex.json", "openvex"},
		{"export-csaf-vex", "/vulnerabilities/export/csaf-vex", "Findings as a CSAF document of the profile VEX", "application/json", "skanse.csaf-vex.json", "csaf"},
		{"export-poam", "/vulnerabilities/export/poam", "Plan of action and milestones, as CSV", "text/csv; charset=utf-8", "poam.csv", "poam"},
	} {
		r.Raw(rest.Op{ID: e.id, Method: http.MethodGet, Path: e.path, Summary: e.summary, Tag: tag, Permission: auth.RecordRead}, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			var b bytes.Buffer
			if err := s.Export(q.Context(), auth.From(q.Context()).Scope, e.kind, q.URL.Query().Get("site"), &b); err != nil {
				r.Fail(w, q, err)
				return
			}
			w.Header().Set("Content-Type", e.media)
			w.Header().Set("Content-Disposition", `attachment; filename="`+e.name+`"`)
			_, _ = b.WriteTo(w) // the reader hung up
		}))
	}
}

// Export writes the findings that a person sees: openvex, csaf or poam.
func (s *Service) Export(ctx context.Context, scope Scope, kind, site string, w io.Writer) error {
	fs, err := s.all(ctx, scope, site)
	if err != nil {
		return err
	}
	switch kind {
	case "openvex":
		return writeOpenVEX(w, fs, s.now().Time)
	case "csaf":
		return writeCSAF(w, fs, s.now().Time)
	}
	return writePOAM(w, fs)
}

// maxExport bounds one export.
const maxExport = 50_000

func (s *Service) all(ctx context.Context, scope Scope, site string) ([]Finding, error) {
	var out []Finding
	cursor := ""
	for len(out) < maxExport {
		p, err := s.Findings(ctx, scope, Filter{Site: site, Cursor: cursor, Limit: 500})
		if err != nil {
			return nil, err
		}
		out = append(out, p.Items...)
		if p.Next == "" {
			break
		}
		cursor = p.Next
	}
	return out, nil
}

// vexStatus is a finding in VEX's four words.
func vexStatus(f *Finding) string {
	switch {
	case f.State == Fixed:
		return "fixed"
	case f.State == Dismissed || f.State == Gone:
		return "not_affected"
	case f.Verdict == "affected" || f.Confirmed:
		return "affected"
	}
	return "under_investigation"
}

// actionText is what VEX asks to go with "affected".
func actionText(f *Finding) string {
	switch {
	case f.State == Deferred:
		return "Deferred until " + f.Until.Format(time.DateOnly) + ": " + f.Reason
	case f.Fix != "":
		return "Update to " + f.Fix + "."
	}
	return "No fixed version is named; see the advisory " + f.AdvisoryID + "."
}

func productID(f *Finding) string { return "urn:skanse:asset:" + f.AssetID }

func writeOpenVEX(w io.Writer, fs []Finding, now time.Time) error {
	type product struct {
		ID string `json:"@id"`
	}
	type vulnerability struct {
		Name string `json:"name"`
	}
	type statement struct {
		Vulnerability vulnerability `json:"vulnerability"`
		Products      []product     `json:"products"`
		Status        string        `json:"status"`
		Impact        string        `json:"impact_statement,omitempty"`
		Action        string        `json:"action_statement,omitempty"`
		At            string        `json:"timestamp"`
	}
	out := struct {
		Context    string      `json:"@context"`
		ID         string      `json:"@id"`
		Author     string      `json:"author"`
		At         string      `json:"timestamp"`
		Version    int         `json:"version"`
		Tooling    string      `json:"tooling"`
		Statements []statement `json:"statements"`
	}{"https://openvex.dev/ns/v0.2.0", "urn:skanse:vex:" + now.UTC().Format("20060102T150405Z"), "Skanse", now.UTC().Format(time.RFC3339), 1, "Skanse", []statement{}}
	for i := range fs {
		f := &fs[i]
		for _, cve := range f.CVEs {
			st := statement{vulnerability{cve}, []product{{productID(f)}}, vexStatus(f), "", "", f.ChangedAt.UTC().Format(time.RFC3339)}
			switch st.Status {
			case "not_affected":
				st.Impact = f.Reason
				if st.Impact == "" {
					st.Impact = f.Proof
				}
			case "affected":
				st.Action = actionText(f)
			}
			out.Statements = append(out.Statements, st)
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(out)
}

func writeCSAF(w io.Writer, fs []Finding, now time.Time) error {
	type m = map[string]any
	stamp := now.UTC().Format(time.RFC3339)
	products := []m{}
	known := map[string]bool{}
	type group struct {
		status   map[string][]string
		threats  []m
		remedies []m
	}
	byCVE := map[string]*group{}
	var order []string
	for i := range fs {
		f := &fs[i]
		id := productID(f)
		if !known[id] && len(f.CVEs) > 0 {
			known[id] = true
			products = append(products, m{"product_id": id, "name": strings.TrimSpace(f.Asset + " (" + f.Product + ")")})
		}
		for _, cve := range f.CVEs {
			g := byCVE[cve]
			if g == nil {
				g = &group{status: map[string][]string{}}
				byCVE[cve] = g
				order = append(order, cve)
			}
			switch vexStatus(f) {
			case "fixed":
				g.status["fixed"] = append(g.status["fixed"], id)
			case "not_affected":
				g.status["known_not_affected"] = append(g.status["known_not_affected"], id)
				why := f.Reason
				if why == "" {
					why = f.Proof
				}
				g.threats = append(g.threats, m{"category": "impact", "details": why, "product_ids": []string{id}})
			case "affected":
				g.status["known_affected"] = append(g.status["known_affected"], id)
				kind := "no_fix_planned"
				if f.Fix != "" {
					kind = "vendor_fix"
				}
				g.remedies = append(g.remedies, m{"category": kind, "details": actionText(f), "product_ids": []string{id}})
			default:
				g.status["under_investigation"] = append(g.status["under_investigation"], id)
			}
		}
	}
	vulns := []m{}
	for _, cve := range order {
		g := byCVE[cve]
		v := m{"cve": cve, "product_status": unique(g.status), "notes": []m{{"category": "description", "text": cve}}}
		if len(g.threats) > 0 {
			v["threats"] = g.threats
		}
		if len(g.remedies) > 0 {
			v["remediations"] = g.remedies
		}
		vulns = append(vulns, v)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(m{
		"document": m{
			"category": "csaf_vex", "csaf_version": "2.0", "title": "What advisories mean for this plant", "publisher": m{"category": "user", "name": "Skanse", "namespace": "https://skanse.invalid"},
			"tracking": m{
				"id": "SKANSE-VEX-" + now.UTC().Format("20060102T150405Z"), "status": "final", "version": "1", "initial_release_date": stamp, "current_release_date": stamp,
				"revision_history": []m{{"date": stamp, "number": "1", "summary": "Written by Skanse."}},
			},
		},
		"product_tree": m{"full_product_names": products}, "vulnerabilities": vulns,
	})
}

// unique leaves each product once in a status, and in the gravest of those it has.
func unique(status map[string][]string) map[string][]string {
	out := map[string][]string{}
	seen := map[string]bool{}
	for _, k := range []string{"known_affected", "under_investigation", "fixed", "known_not_affected"} {
		for _, id := range status[k] {
			if !seen[id] {
				seen[id] = true
				out[k] = append(out[k], id)
			}
		}
	}
	return out
}

// cell keeps a spreadsheet from taking a device's name for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func writePOAM(w io.Writer, fs []Finding) error {
	c := csv.NewWriter(w)
	if err := c.Write([]string{"Id", "Weakness", "Vulnerabilities", "Asset", "Product", "Version", "Severity", "Decision", "State", "Planned action", "Responsible", "Due", "Known since", "Deferral until", "Reason", "Closed", "Proof"}); err != nil {
		return err
	}
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.DateOnly)
	}
	for i := range fs {
		f := &fs[i]
		if f.State == Gone || f.Verdict != "affected" && !f.Confirmed {
			continue
		}
		row := []string{f.ID, f.AdvisoryID + " " + f.Title, strings.Join(f.CVEs, " "), f.Asset, f.Product, f.Matched, f.Urgency, f.Decision, f.State, actionText(f), f.Assignee, "", day(f.FirstAt.Time), day(f.Until.Time), f.Reason, day(f.ClosedAt.Time), f.Proof}
		for k := range row {
			row[k] = cell(row[k])
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
