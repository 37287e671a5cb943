package vuln

import (
	"context"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Finding is one advisory and one asset.
type Finding struct {
	ID          string     `json:"id"`
	SiteID      string     `json:"site_id"`
	AssetID     string     `json:"asset_id"`
	Asset       string     `json:"asset"`
	Product     string     `json:"product" doc:"What was matched"`
	Matched     string     `json:"matched" doc:"The version that was matched; empty: not known"`
	AdvisoryID  string     `json:"advisory_id"`
	Title       string     `json:"title"`
	Verdict     string     `json:"verdict" enum:"affected,unknown,not_affected"`
	Confidence  string     `json:"confidence" enum:"A,B,C,D,E" doc:"A order code, B model, C family, D without what would make it sure, E the maker only"`
	Missing     string     `json:"missing" doc:"unknown: the fact that would decide"`
	Quote       string     `json:"quote" doc:"The advisory's words that decided"`
	Fix         string     `json:"fix" doc:"The version to go to; empty: none is named"`
	FixQuote    string     `json:"fix_quote"`
	CVEs        []string   `json:"cves" nullable:"false"`
	Decision    string     `json:"decision" enum:"now,next,never"`
	Urgency     string     `json:"urgency" enum:"immediate,out-of-cycle,scheduled,defer"`
	Inputs      Inputs     `json:"inputs"`
	Score       float64    `json:"score" doc:"CVSS, highest; 0: none"`
	EPSS        float64    `json:"epss"`
	KEV         bool       `json:"kev" doc:"Known to be exploited"`
	Criticality int64      `json:"criticality"`
	State       string     `json:"state" enum:"open,planned,reported,fixed,deferred,dismissed,gone"`
	Reason      string     `json:"reason"`
	DecidedBy   string     `json:"decided_by"`
	DecidedAt   store.Time `json:"decided_at"`
	Confirmed   bool       `json:"confirmed" doc:"A person says that it applies"`
	WindowID    string     `json:"window_id"`
	ExceptionID string     `json:"exception_id"`
	Assignee    string     `json:"assignee"`
	Hours       float64    `json:"hours"`
	Until       store.Time `json:"until"`
	Proof       string     `json:"proof"`
	FirstAt     store.Time `json:"first_at"`
	ChangedAt   store.Time `json:"changed_at"`
	ClosedAt    store.Time `json:"closed_at"`
	ETag        string     `json:"etag"`
	Steps       []step     `json:"steps,omitempty" doc:"What happened, the oldest first; only of one finding"`
}

type listed struct {
	finding
	SiteID string `db:"site_id"`
	Title  string `db:"title"`
}

const listedColumns = findingColumns + ", o.site_id, COALESCE(v.title, '') AS title"

const listedFrom = " FROM vuln_finding f JOIN org_site o ON o.site_no = f.site_no LEFT JOIN vuln_advisory v ON v.advisory_id = f.advisory_id WHERE "

func (x *listed) show() Finding {
	f := Finding{
		ID: x.ID, SiteID: x.SiteID, AssetID: x.AssetID, Asset: x.AssetName, Product: x.Product, Matched: x.Matched, AdvisoryID: x.AdvisoryID, Title: x.Title, Verdict: x.Verdict, Confidence: x.Confidence,
		Missing: x.Missing, Quote: x.Quote, Fix: x.Fix, FixQuote: x.FixQuote, CVEs: x.CVEs.V, Decision: x.Decision, Urgency: x.Urgency, Inputs: x.Inputs.V, Score: x.Score, EPSS: x.EPSS, KEV: x.KEV,
		Criticality: x.Criticality, State: x.State, Reason: x.Reason, DecidedBy: x.DecidedBy, DecidedAt: x.DecidedAt, Confirmed: x.DecidedKey == "confirmed", WindowID: x.WindowID, ExceptionID: x.ExceptionID,
		Assignee: x.Assignee, Hours: x.Hours, Until: x.Until, Proof: x.Proof, FirstAt: x.FirstAt, ChangedAt: x.ChangedAt, ClosedAt: x.ClosedAt, ETag: x.etag(),
	}
	if f.CVEs == nil {
		f.CVEs = []string{}
	}
	if f.Inputs.Assumed == nil {
		f.Inputs.Assumed = []string{}
	}
	return f
}

// Filter narrows a list of findings.
type Filter struct {
	Site, Asset, Advisory    string
	Decision, State, Verdict string
	Text                     string
	Window                   string
	At                       time.Time // as it was then; zero: now
	Cursor                   string
	Limit                    int
}

// rank orders findings by what is done first.
const rank = "CASE f.urgency WHEN 'immediate' THEN 0 WHEN 'out-of-cycle' THEN 1 WHEN 'scheduled' THEN 2 ELSE 3 END"

func (q Filter) where(scope Scope) ot.SQL {
	w := ot.SQL{Text: "?", Args: []any{scope.Where("f.site_no", "f.zone_no")}}
	add := func(text string, arg any) {
		w.Text += " AND " + text
		w.Args = append(w.Args, arg)
	}
	for _, c := range []struct{ text, value string }{
		{"o.site_id = ?", q.Site}, {"f.asset_id = ?", q.Asset}, {"f.advisory_id = ?", q.Advisory}, {"f.decision = ?", q.Decision}, {"f.verdict = ?", q.Verdict}, {"f.window_id = ?", q.Window},
	} {
		if c.value != "" {
			add(c.text, c.value)
		}
	}
	switch q.State {
	case "":
	case "active": // what somebody still has to think of
		w.Text += " AND f.state IN ('open', 'planned', 'reported')"
	default:
		add("f.state = ?", q.State)
	}
	if !q.At.IsZero() {
		add("f.first_at <= ?", q.At.UnixMicro())
	}
	if t := strings.ToLower(strings.TrimSpace(q.Text)); t != "" {
		like := "%" + strings.NewReplacer("%", "", "_", "").Replace(t) + "%"
		w.Text += " AND (lower(f.asset_name) LIKE ? OR lower(f.product) LIKE ? OR lower(f.advisory_id) LIKE ? OR lower(COALESCE(v.title, '')) LIKE ? OR lower(CAST(f.cves AS TEXT)) LIKE ?)"
		w.Args = append(w.Args, like, like, like, like, like)
	}
	return w
}

// Findings lists findings, what is to be done first first.
func (s *Service) Findings(ctx context.Context, scope Scope, q Filter) (out rest.Page[Finding], err error) {
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 100
	}
	type position struct {
		Rank  int64   `json:"r"`
		Score float64 `json:"s"`
		ID    string  `json:"i"`
	}
	type row struct {
		listed
		Rank int64 `db:"urgency_rank"`
	}
	w := q.where(scope)
	text, args := "SELECT "+listedColumns+", "+rank+" AS urgency_rank"+listedFrom+w.Text, w.Args
	if q.Cursor != "" {
		var p position
		if err := rest.DecodeCursor(q.Cursor, &p); err != nil {
			return out, err
		}
		text += " AND (" + rank + " > ? OR " + rank + " = ? AND (f.score < ? OR f.score = ? AND f.finding_id > ?))"
		args = append(args, p.Rank, p.Rank, p.Score, p.Score, p.ID)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[row](ctx, r, asWas(text+" ORDER BY urgency_rank, f.score DESC, f.finding_id LIMIT ?", q.At), append(args, q.Limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, q.Limit, func(x row) string { return rest.EncodeCursor(position{x.Rank, x.Score, x.ID}) })
		out = rest.Page[Finding]{Items: make([]Finding, 0, len(cut.Items)), Next: cut.Next}
		for i := range cut.Items {
			f := cut.Items[i].show()
			f.until(q.At)
			out.Items = append(out.Items, f)
		}
		return nil
	})
	return out, err
}

// Finding is one finding with what happened to it.
func (s *Service) Finding(ctx context.Context, scope Scope, id string) (out Finding, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		x, err := store.One[listed](ctx, r, "SELECT "+listedColumns+listedFrom+"f.finding_id = ? AND ?", id, scope.Where("f.site_no", "f.zone_no"))
		if err != nil {
			return err
		}
		out = x.show()
		out.Steps, err = store.All[step](ctx, r, "SELECT step_id, finding_id, at, action, by_name, reason FROM vuln_step WHERE finding_id = ? ORDER BY at, step_id", id)
		return err
	})
	return out, err
}

// Summary is the state of things in numbers, by decision and not by count of CVEs.
type Summary struct {
	Now        int64      `json:"now" doc:"Open and affected, to be done at once"`
	Next       int64      `json:"next" doc:"At the next window"`
	Never      int64      `json:"never" doc:"Not as it is"`
	Unknown    int64      `json:"unknown" doc:"Cannot tell: a fact is missing"`
	Planned    int64      `json:"planned"`
	Reported   int64      `json:"reported" doc:"Reported fixed, not seen"`
	Deferred   int64      `json:"deferred"`
	Dismissed  int64      `json:"dismissed"`
	Fixed      int64      `json:"fixed" doc:"Closed with proof"`
	Assets     int64      `json:"assets" doc:"Affected by something open"`
	Matched    int64      `json:"matched" doc:"Assets that were matched"`
	Anonymous  int64      `json:"anonymous" doc:"Assets of which nothing names the product: no advisory can be matched"`
	Advisories int64      `json:"advisories" doc:"Taken in"`
	Newest     store.Time `json:"newest" doc:"When advisories were last taken in; null: never"`
	Ages       []Age      `json:"ages" nullable:"false" doc:"Open and affected, by how long they are known"`
}

// Age is a share of the open findings.
type Age struct {
	Days int64 `json:"days" doc:"Known for at most so many days; 0: longer"`
	Now  int64 `json:"now"`
	Rest int64 `json:"rest"`
}

// ages are the steps of the ageing chart, in days; the last takes the rest.
var ages = [...]int64{7, 30, 90, 365, 0}

// Summarise counts what is open, or was at an earlier moment; the zero time is now.
func (s *Service) Summarise(ctx context.Context, scope Scope, site string, at time.Time) (out Summary, err error) {
	type count struct {
		State    string `db:"state"`
		Verdict  string `db:"verdict"`
		Decision string `db:"decision"`
		Age      int64  `db:"age"`
		N        int64  `db:"n"`
	}
	now := s.now()
	if !at.IsZero() {
		now = store.At(at)
	}
	day := int64(24 * 3600 * 1e6)
	out.Ages = make([]Age, len(ages))
	for i, d := range ages {
		out.Ages[i].Days = d
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		w := Filter{Site: site, At: at}.where(scope)
		from := " FROM vuln_finding f JOIN org_site o ON o.site_no = f.site_no WHERE "
		bucket := "CASE WHEN f.first_at > ? THEN 0 WHEN f.first_at > ? THEN 1 WHEN f.first_at > ? THEN 2 WHEN f.first_at > ? THEN 3 ELSE 4 END"
		us := now.UnixMicro()
		args := append([]any{us - 7*day, us - 30*day, us - 90*day, us - 365*day}, w.Args...)
		rows, err := store.All[count](ctx, r, asWas("SELECT state, verdict, decision, age, count(*) AS n FROM (SELECT f.state AS state, f.verdict, f.decision, "+bucket+" AS age"+from+w.Text+") x GROUP BY state, verdict, decision, age", at), args...)
		if err != nil {
			return err
		}
		for _, c := range rows {
			switch c.State {
			case Fixed:
				out.Fixed += c.N
				continue
			case Gone:
				continue
			case Dismissed:
				out.Dismissed += c.N
				continue
			case Deferred:
				out.Deferred += c.N
				continue
			case Planned:
				out.Planned += c.N
			case Reported:
				out.Reported += c.N
				continue
			}
			if c.Verdict != "affected" {
				out.Unknown += c.N
				continue
			}
			switch c.Decision {
			case "now":
				out.Now += c.N
				out.Ages[c.Age].Now += c.N
			case "next":
				out.Next += c.N
				out.Ages[c.Age].Rest += c.N
			default:
				out.Never += c.N
				out.Ages[c.Age].Rest += c.N
			}
		}
		if out.Assets, err = store.One[int64](ctx, r, asWas("SELECT count(DISTINCT f.asset_id)"+from+w.Text+" AND f.verdict = 'affected' AND f.state IN ('open', 'planned', 'reported')", at), w.Args...); err != nil {
			return err
		}
		type matched struct {
			N    int64 `db:"n"`
			Dark int64 `db:"dark"`
		}
		aw := ot.SQL{Text: "?", Args: []any{scope.Where("f.site_no", "f.zone_no")}}
		if site != "" {
			aw.Text += " AND o.site_id = ?"
			aw.Args = append(aw.Args, site)
		}
		m, err := store.One[matched](ctx, r, "SELECT count(*) AS n, COALESCE(SUM(CASE WHEN f.known THEN 0 ELSE 1 END), 0) AS dark FROM vuln_asset f JOIN org_site o ON o.site_no = f.site_no WHERE "+aw.Text, aw.Args...)
		if err != nil {
			return err
		}
		out.Matched, out.Anonymous = m.N-m.Dark, m.Dark
		type newest struct {
			N  int64      `db:"n"`
			At store.Time `db:"at"`
		}
		a, err := store.One[newest](ctx, r, "SELECT count(*) AS n, MAX(taken_at) AS at FROM vuln_advisory")
		if err != nil {
			return err
		}
		out.Advisories, out.Newest = a.N, a.At
		return nil
	})
	return out, err
}

// Question is a fact that nobody gave yet, and what it would decide.
type Question struct {
	AssetID  string   `json:"asset_id"`
	SiteID   string   `json:"site_id"`
	Asset    string   `json:"asset"`
	Product  string   `json:"product"`
	Missing  string   `json:"missing"`
	Decides  int64    `json:"decides" doc:"Findings that it decides"`
	Urgent   int64    `json:"urgent" doc:"Of those: to be done at once, if they apply"`
	Examples []string `json:"examples" nullable:"false" doc:"Advisories; the first three"`
}

// Questions is the shortest list of facts that would decide the most, the most first.
func (s *Service) Questions(ctx context.Context, scope Scope, site string, limit int) (out []Question, err error) {
	if limit <= 0 || limit > 500 {
		limit = 50
	}
	type row struct {
		AssetID string `db:"asset_id"`
		SiteID  string `db:"site_id"`
		Asset   string `db:"asset_name"`
		Product string `db:"product"`
		Missing string `db:"missing"`
		N       int64  `db:"n"`
		Urgent  int64  `db:"urgent"`
		First   string `db:"first_one"`
		Last    string `db:"last_one"`
	}
	out = []Question{}
	err = s.db.View(ctx, func(r store.Reader) error {
		w := Filter{Site: site}.where(scope)
		rows, err := store.All[row](ctx, r, `SELECT f.asset_id, o.site_id, f.asset_name, f.product, f.missing, count(*) AS n, SUM(CASE WHEN f.decision = 'now' THEN 1 ELSE 0 END) AS urgent, MIN(f.advisory_id) AS first_one, MAX(f.advisory_id) AS last_one
FROM vuln_finding f JOIN org_site o ON o.site_no = f.site_no WHERE `+w.Text+` AND f.verdict = 'unknown' AND f.state IN ('open', 'planned') AND f.decided_key <> 'confirmed'
GROUP BY f.asset_id, o.site_id, f.asset_name, f.product, f.missing ORDER BY urgent DESC, n DESC, f.asset_id, f.missing LIMIT ?`, append(w.Args, limit)...)
		if err != nil {
			return err
		}
		for _, x := range rows {
			q := Question{x.AssetID, x.SiteID, x.Asset, x.Product, x.Missing, x.N, x.Urgent, []string{x.First}}
			if x.Last != x.First {
				q.Examples = append(q.Examples, x.Last)
			}
			out = append(out, q)
		}
		return nil
	})
	return out, err
}
