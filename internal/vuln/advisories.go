package vuln

import (
	"context"

	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/vuln/version"
)

// newer says whether version a is above b; what cannot be compared is not.
func newer(a, b string) bool {
	x, ok1 := version.Parse(a)
	y, ok2 := version.Parse(b)
	if !ok1 || !ok2 {
		return false
	}
	c, ok := version.Compare(x, y)
	return ok && c > 0
}

// Advisory is an advisory as the list shows it.
type Advisory struct {
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	Publisher string     `json:"publisher"`
	URL       string     `json:"url"`
	Revision  string     `json:"revision"`
	Released  store.Time `json:"released_at"`
	Revised   store.Time `json:"revised_at"`
	Taken     store.Time `json:"taken_at"`
	Changed   store.Time `json:"changed_at"`
	Silent    bool       `json:"silent" doc:"Its content changed without a new revision"`
	Score     float64    `json:"score"`
	CVEs      int64      `json:"cves"`
	Products  int64      `json:"products"`
	Affected  int64      `json:"affected" doc:"Assets that you may see"`
	Undecided int64      `json:"undecided"`
}

// AdvisoryDetail is an advisory with what it says and whom it means here.
type AdvisoryDetail struct {
	Advisory
	Summary  string          `json:"summary"`
	Vulns    []Vulnerability `json:"vulnerabilities" nullable:"false"`
	Findings []Finding       `json:"findings" nullable:"false" doc:"Assets that it is about; the first 200"`
}

// Vulnerability is one of an advisory.
type Vulnerability struct {
	CVE          string   `json:"cve"`
	Title        string   `json:"title"`
	CWE          string   `json:"cwe"`
	Score        float64  `json:"score"`
	Vector       string   `json:"vector"`
	KEV          bool     `json:"kev"`
	EPSS         float64  `json:"epss"`
	Exploitation string   `json:"exploitation" doc:"none, poc, active; empty: nobody said"`
	Remedies     []Remedy `json:"remedies" nullable:"false"`
}

// Remedy is what the advisory says to do.
type Remedy struct {
	Category string `json:"category"`
	Text     string `json:"text"`
}

type advisoryList struct {
	ID        string     `db:"advisory_id"`
	Title     string     `db:"title"`
	Publisher string     `db:"publisher"`
	URL       string     `db:"url"`
	Revision  string     `db:"revision"`
	Released  store.Time `db:"released_at"`
	Revised   store.Time `db:"revised_at"`
	Taken     store.Time `db:"taken_at"`
	Changed   store.Time `db:"changed_at"`
	Silent    bool       `db:"silent"`
	Score     float64    `db:"score"`
	CVEs      int64      `db:"cves"`
	Products  int64      `db:"products"`
	Affected  int64      `db:"affected"`
	Undecided int64      `db:"undecided"`
	At        int64      `db:"at"`
}

const advisoryColumns = `v.advisory_id, v.title, v.publisher, v.url, v.revision, v.released_at, v.revised_at, v.taken_at, v.changed_at, v.silent, v.score, v.cves, v.products, COALESCE(v.released_at, 0) AS at,
  (SELECT count(DISTINCT f.asset_id) FROM vuln_finding f WHERE f.advisory_id = v.advisory_id AND f.verdict = 'affected' AND f.state NOT IN ('fixed', 'gone', 'dismissed') AND ?) AS affected,
  (SELECT count(DISTINCT f.asset_id) FROM vuln_finding f WHERE f.advisory_id = v.advisory_id AND f.verdict = 'unknown' AND f.state NOT IN ('fixed', 'gone', 'dismissed') AND ?) AS undecided`

func (x *advisoryList) show() Advisory {
	return Advisory{x.ID, x.Title, x.Publisher, x.URL, x.Revision, x.Released, x.Revised, x.Taken, x.Changed, x.Silent, x.Score, x.CVEs, x.Products, x.Affected, x.Undecided}
}

// Advisories lists what was taken in, the newest first. ours: only those that are about an asset here.
func (s *Service) Advisories(ctx context.Context, scope Scope, text string, ours bool, cursor string, limit int) (out rest.Page[Advisory], err error) {
	if limit <= 0 || limit > 500 {
		limit = 100
	}
	type position struct {
		At int64  `json:"a"`
		ID string `json:"i"`
	}
	seen := scope.Where("f.site_no", "f.zone_no")
	q, args := "SELECT "+advisoryColumns+" FROM vuln_advisory v WHERE 1 = 1", []any{seen, seen}
	if ours {
		q += " AND EXISTS (SELECT 1 FROM vuln_finding f WHERE f.advisory_id = v.advisory_id AND f.state NOT IN ('fixed', 'gone', 'dismissed') AND ?)"
		args = append(args, seen)
	}
	if text != "" {
		like := "%" + lowered(text) + "%"
		q += " AND (lower(v.title) LIKE ? OR lower(v.advisory_id) LIKE ? OR lower(v.publisher) LIKE ?)"
		args = append(args, like, like, like)
	}
	if cursor != "" {
		var p position
		if err := rest.DecodeCursor(cursor, &p); err != nil {
			return out, err
		}
		q += " AND (COALESCE(v.released_at, 0) < ? OR COALESCE(v.released_at, 0) = ? AND v.advisory_id < ?)"
		args = append(args, p.At, p.At, p.ID)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[advisoryList](ctx, r, q+" ORDER BY at DESC, v.advisory_id DESC LIMIT ?", append(args, limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(x advisoryList) string { return rest.EncodeCursor(position{x.At, x.ID}) })
		out = rest.Page[Advisory]{Items: make([]Advisory, 0, len(cut.Items)), Next: cut.Next}
		for i := range cut.Items {
			out.Items = append(out.Items, cut.Items[i].show())
		}
		return nil
	})
	return out, err
}

// Advisory is one advisory with the assets that it is about.
func (s *Service) Advisory(ctx context.Context, scope Scope, id string) (out AdvisoryDetail, err error) {
	seen := scope.Where("f.site_no", "f.zone_no")
	err = s.db.View(ctx, func(r store.Reader) error {
		x, err := store.One[advisoryList](ctx, r, "SELECT "+advisoryColumns+" FROM vuln_advisory v WHERE v.advisory_id = ?", seen, seen, id)
		if err != nil {
			return err
		}
		out = AdvisoryDetail{Advisory: x.show(), Vulns: []Vulnerability{}, Findings: []Finding{}}
		doc, err := store.One[[]byte](ctx, r, "SELECT doc FROM vuln_advisory WHERE advisory_id = ?", id)
		if err != nil {
			return err
		}
		a, err := unpack(doc)
		if err != nil {
			return err
		}
		out.Summary = a.Summary
		for i := range a.Vulns {
			v := &a.Vulns[i]
			k := Vulnerability{CVE: v.CVE, Title: v.Title, CWE: v.CWE, Score: v.Score, Vector: v.Vector, Remedies: []Remedy{}}
			facts, err := store.All[cveRow](ctx, r, "SELECT cve, kev_at, ransomware, exploitation, automatable, epss, percentile, score, vector FROM vuln_cve WHERE cve = ?", v.CVE)
			if err != nil {
				return err
			}
			for _, f := range facts {
				k.KEV, k.EPSS, k.Exploitation = !f.KEV.IsZero(), f.EPSS, f.Exploitation
			}
			for j, rem := range v.Remediations {
				if j < 20 {
					k.Remedies = append(k.Remedies, Remedy{rem.Category, rem.Details})
				}
			}
			out.Vulns = append(out.Vulns, k)
		}
		rows, err := store.All[listed](ctx, r, "SELECT "+listedColumns+listedFrom+"f.advisory_id = ? AND ? ORDER BY "+rank+", f.finding_id LIMIT 200", id, seen)
		if err != nil {
			return err
		}
		for i := range rows {
			out.Findings = append(out.Findings, rows[i].show())
		}
		return nil
	})
	return out, err
}

// Sources lists where content comes from and how that does.
func (s *Service) Sources(ctx context.Context) (out []source, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.All[source](ctx, r, "SELECT source_id, kind, name, url, fetched_at, tried_at, verified, hash, as_of, documents, refused, problem FROM vuln_source ORDER BY name, source_id LIMIT 500")
		return err
	})
	return out, err
}
