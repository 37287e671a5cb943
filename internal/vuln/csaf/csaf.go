// Package csaf reads security advisories in the OASIS CSAF 2.0 form, as they
// are published and not only as the standard has them: unknown keys are
// ignored, a broken branch costs that branch. It flattens the product tree
// into leaves. It is pure; where the bytes come from is another's business.
package csaf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/vuln/version"
)

// The limits of one document. The largest published ones have 4 MB.
const (
	MaxBytes    = 64 << 20
	maxDepth    = 100
	maxLeaves   = 100_000
	maxText     = 20_000
	maxBranches = 32
)

// Advisory is one document, flattened.
type Advisory struct {
	ID, Title, Publisher, Revision, Status, Summary, URL string
	Released, Current                                    time.Time
	Hash                                                 string // SHA-256 of the bytes
	Leaves                                               []Leaf
	Vulns                                                []Vuln
}

// Leaf is one product with its versions.
type Leaf struct {
	ID      string
	Vendor  string
	Family  string
	Product string
	Version string // as written
	Full    string
	Single  bool     // the branch says product_version, not product_version_range
	Models  []string // order codes of the identification helper
	On      string   // installed on this product
}

// Vuln is one vulnerability with what the document says of each leaf.
type Vuln struct {
	CVE, Title, CWE string
	Affected        []int32
	NotAffected     []int32
	Fixed           []int32
	Unclear         []int32 // under investigation
	Remediations    []Remediation
	Score           float64
	Vector          string
	KBs             []KB
}

// KB is a vendor's numbered update that fixes leaves.
type KB struct {
	Number string
	Leaves []int32
}

// Remediation is one sentence of what to do. No leaves: all of them.
type Remediation struct {
	Category, Details, URL string
	Leaves                 []int32
}

type branch struct {
	Category string   `json:"category"`
	Name     string   `json:"name"`
	Product  *product `json:"product"`
	Branches []branch `json:"branches"`
}

type product struct {
	Name   string `json:"name"`
	ID     string `json:"product_id"`
	Helper struct {
		Models []string `json:"model_numbers"`
		SKUs   []string `json:"skus"`
	} `json:"product_identification_helper"`
}

type document struct {
	Document struct {
		Title     string `json:"title"`
		Publisher struct {
			Name string `json:"name"`
		} `json:"publisher"`
		Tracking struct {
			ID      string `json:"id"`
			Version string `json:"version"`
			Status  string `json:"status"`
			Initial string `json:"initial_release_date"`
			Current string `json:"current_release_date"`
		} `json:"tracking"`
		Notes []struct {
			Category string `json:"category"`
			Text     string `json:"text"`
		} `json:"notes"`
		References []struct {
			Category string `json:"category"`
			URL      string `json:"url"`
		} `json:"references"`
	} `json:"document"`
	Tree struct {
		Branches  []branch  `json:"branches"`
		Products  []product `json:"full_product_names"`
		Relations []struct {
			Category string  `json:"category"`
			Product  product `json:"full_product_name"`
			Of       string  `json:"product_reference"`
			On       string  `json:"relates_to_product_reference"`
		} `json:"relationships"`
		Groups []struct {
			ID       string   `json:"group_id"`
			Products []string `json:"product_ids"`
		} `json:"product_groups"`
	} `json:"product_tree"`
	Vulnerabilities []struct {
		CVE   string `json:"cve"`
		Title string `json:"title"`
		CWE   struct {
			ID string `json:"id"`
		} `json:"cwe"`
		Status struct {
			Affected      []string `json:"known_affected"`
			FirstAffected []string `json:"first_affected"`
			LastAffected  []string `json:"last_affected"`
			NotAffected   []string `json:"known_not_affected"`
			Fixed         []string `json:"fixed"`
			FirstFixed    []string `json:"first_fixed"`
			Unclear       []string `json:"under_investigation"`
		} `json:"product_status"`
		Remediations []struct {
			Category string   `json:"category"`
			Details  string   `json:"details"`
			URL      string   `json:"url"`
			Products []string `json:"product_ids"`
			Groups   []string `json:"group_ids"`
		} `json:"remediations"`
		Scores []struct {
			V2 *score `json:"cvss_v2"`
			V3 *score `json:"cvss_v3"`
			V4 *score `json:"cvss_v4"`
		} `json:"scores"`
	} `json:"vulnerabilities"`
}

type score struct {
	Base   float64 `json:"baseScore"`
	Vector string  `json:"vectorString"`
}

// Read reads one document. An error says what is wrong with it.
func Read(b []byte) (*Advisory, error) {
	if len(b) > MaxBytes {
		return nil, ot.Errorf(ot.TooMany, "the advisory has more than %d MB", MaxBytes>>20)
	}
	if err := shallow(b); err != nil {
		return nil, err
	}
	var d document
	if err := json.Unmarshal(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), &d); err != nil {
		return nil, ot.Errorf(ot.Invalid, "not a CSAF document: %w", err)
	}
	if d.Document.Tracking.ID == "" || d.Document.Title == "" {
		return nil, ot.Errorf(ot.Invalid, "not a CSAF document: it has no document.title or document.tracking.id")
	}
	sum := sha256.Sum256(b)
	a := &Advisory{
		ID: clean(d.Document.Tracking.ID, 200), Title: clean(d.Document.Title, 500), Publisher: clean(d.Document.Publisher.Name, 200),
		Revision: clean(d.Document.Tracking.Version, 50), Status: clean(d.Document.Tracking.Status, 20), Hash: hex.EncodeToString(sum[:]),
		Released: moment(d.Document.Tracking.Initial), Current: moment(d.Document.Tracking.Current),
	}
	for _, n := range d.Document.Notes {
		if n.Category == "summary" && a.Summary == "" {
			a.Summary = clean(n.Text, 2000)
		}
	}
	for _, r := range d.Document.References {
		if r.Category == "self" && strings.HasPrefix(r.URL, "https://") && !strings.HasSuffix(r.URL, ".json") && a.URL == "" {
			a.URL = clean(r.URL, 500)
		}
	}
	t := tree{a: a, at: map[string]int32{}}
	for _, b := range d.Tree.Branches {
		if err := t.walk(b, path{}, 0); err != nil {
			return nil, err
		}
	}
	for _, p := range d.Tree.Products {
		if err := t.add(p, path{product: p.Name}); err != nil {
			return nil, err
		}
	}
	for _, r := range d.Tree.Relations {
		of, ok := t.at[r.Of]
		if !ok {
			continue
		}
		l := a.Leaves[of]
		if on, ok := t.at[r.On]; ok {
			l.On = a.Leaves[on].Product
			if l.Vendor == "" {
				l.Vendor = a.Leaves[on].Vendor
			}
		}
		l.ID, l.Full = r.Product.ID, clean(r.Product.Name, 500)
		if err := t.put(l); err != nil {
			return nil, err
		}
	}
	groups := map[string][]string{}
	for _, g := range d.Tree.Groups {
		groups[g.ID] = g.Products
	}
	for _, v := range d.Vulnerabilities {
		out := Vuln{CVE: clean(strings.ToUpper(v.CVE), 40), Title: clean(v.Title, 300), CWE: clean(v.CWE.ID, 20)}
		s := v.Status
		out.Affected = t.refs(append(append(s.Affected, s.FirstAffected...), s.LastAffected...))
		out.NotAffected, out.Unclear = t.refs(s.NotAffected), t.refs(s.Unclear)
		out.Fixed = t.refs(append(s.Fixed, s.FirstFixed...))
		for _, sc := range v.Scores {
			for _, c := range []*score{sc.V2, sc.V3, sc.V4} {
				if c != nil && c.Base >= out.Score && c.Base <= 10 {
					out.Score, out.Vector = c.Base, clean(c.Vector, 200)
				}
			}
		}
		for _, r := range v.Remediations {
			ids := r.Products
			for _, g := range r.Groups {
				ids = append(ids, groups[g]...)
			}
			rem := Remediation{Category: clean(r.Category, 30), Details: clean(r.Details, 2000), URL: clean(r.URL, 500), Leaves: t.refs(ids)}
			out.Remediations = append(out.Remediations, rem)
			if n := kbNumber(r.Details, r.URL); n != "" && r.Category == "vendor_fix" {
				out.KBs = append(out.KBs, KB{Number: n, Leaves: rem.Leaves})
			}
		}
		a.Vulns = append(a.Vulns, out)
	}
	return a, nil
}

// kbNumber finds the number of a Windows update in a remediation's address or text.
func kbNumber(details, url string) string {
	for _, s := range []string{url, details} {
		s = strings.ToUpper(s)
		i := strings.Index(s, "KB")
		if i < 0 {
			continue
		}
		j := i + 2
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		if j-i >= 8 && j-i <= 10 {
			return s[i:j]
		}
	}
	return ""
}

type path struct {
	vendor, family, product, version string
	single                           bool
}

type tree struct {
	a  *Advisory
	at map[string]int32
}

func (t *tree) walk(b branch, p path, depth int) error {
	if depth > maxBranches {
		return ot.Errorf(ot.Invalid, "the product tree is nested deeper than %d branches", maxBranches)
	}
	switch b.Category {
	case "vendor":
		p.vendor = b.Name
	case "product_family":
		p.family = b.Name
	case "product_name":
		p.product = b.Name
	case "product_version", "product_version_range", "patch_level", "service_pack":
		p.version = strings.TrimSpace(p.version + " " + b.Name)
		p.single = b.Category == "product_version"
	default:
		if b.Category != "legacy" && b.Name != "" && p.product != "" {
			p.product += " " + b.Name
		}
	}
	if b.Product != nil {
		if err := t.add(*b.Product, p); err != nil {
			return err
		}
	}
	for _, c := range b.Branches {
		if err := t.walk(c, p, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) add(p product, at path) error {
	l := Leaf{
		ID: p.ID, Vendor: clean(at.vendor, 200), Family: clean(at.family, 200), Product: clean(at.product, 500),
		Version: clean(at.version, 500), Full: clean(p.Name, 500), Single: at.single,
	}
	if l.Product == "" {
		l.Product = l.Full
	}
	for _, m := range append(p.Helper.Models, p.Helper.SKUs...) {
		if len(l.Models) < 50 {
			l.Models = append(l.Models, clean(m, 80))
		}
	}
	return t.put(l)
}

func (t *tree) put(l Leaf) error {
	if len(t.a.Leaves) >= maxLeaves {
		return ot.Errorf(ot.TooMany, "the product tree has more than %d products", maxLeaves)
	}
	if _, again := t.at[l.ID]; !again {
		t.at[l.ID] = int32(len(t.a.Leaves))
	}
	t.a.Leaves = append(t.a.Leaves, l)
	return nil
}

func (t *tree) refs(ids []string) []int32 {
	out := make([]int32, 0, len(ids))
	for _, id := range ids {
		if i, ok := t.at[id]; ok {
			out = append(out, i)
		}
	}
	return out
}

// clean makes a text of a stranger printable and bounds it.
func clean(s string, n int) string {
	s = strings.TrimSpace(s)
	if len(s) > maxText {
		s = s[:maxText]
	}
	s = ot.Printable(version.Repair(s))
	if r := []rune(s); len(r) > n {
		s = string(r[:n])
	}
	return s
}

func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// shallow refuses what is nested to exhaust a reader, before anything is built.
func shallow(b []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return ot.Errorf(ot.Invalid, "the document is nested deeper than %d levels (at byte %d)", maxDepth, i)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if depth != 0 {
		return ot.Errorf(ot.Invalid, "not a CSAF document: %w", fmt.Errorf("it ends inside an object"))
	}
	return nil
}
