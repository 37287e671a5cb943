package vuln

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/vuln/match"
)

// The states of a finding.
const (
	Open      = "open"
	Planned   = "planned"
	Reported  = "reported"  // somebody says it is fixed; nothing has seen it
	Fixed     = "fixed"     // seen
	Deferred  = "deferred"  // not now, by a risk decision
	Dismissed = "dismissed" // a person says it does not apply
	Gone      = "gone"      // the advisory no longer says so, or the asset is gone
)

// finding is vuln_finding.
type finding struct {
	ID          string               `db:"finding_id"`
	SiteNo      int64                `db:"site_no"`
	ZoneNo      int64                `db:"zone_no"`
	AssetID     string               `db:"asset_id"`
	Part        string               `db:"part"`
	AdvisoryID  string               `db:"advisory_id"`
	AssetName   string               `db:"asset_name"`
	Product     string               `db:"product"`
	Matched     string               `db:"matched"`
	Verdict     string               `db:"verdict"`
	Confidence  string               `db:"confidence"`
	Missing     string               `db:"missing"`
	Quote       string               `db:"quote"`
	Fix         string               `db:"fix"`
	FixQuote    string               `db:"fix_quote"`
	CVEs        store.JSON[[]string] `db:"cves"`
	Decision    string               `db:"decision"`
	Urgency     string               `db:"urgency"`
	Inputs      store.JSON[Inputs]   `db:"inputs"`
	Score       float64              `db:"score"`
	EPSS        float64              `db:"epss"`
	KEV         bool                 `db:"kev"`
	Criticality int64                `db:"criticality"`
	State       string               `db:"state"`
	Reason      string               `db:"reason"`
	DecidedBy   string               `db:"decided_by"`
	DecidedAt   store.Time           `db:"decided_at"`
	DecidedKey  string               `db:"decided_key"`
	WindowID    string               `db:"window_id"`
	ExceptionID string               `db:"exception_id"`
	Assignee    string               `db:"assignee"`
	Hours       float64              `db:"hours"`
	Until       store.Time           `db:"until_at"`
	Proof       string               `db:"proof"`
	FirstAt     store.Time           `db:"first_at"`
	ChangedAt   store.Time           `db:"changed_at"`
	ClosedAt    store.Time           `db:"closed_at"`
	Version     int64                `db:"version"`
}

const findingColumns = "f.finding_id, f.site_no, f.zone_no, f.asset_id, f.part, f.advisory_id, f.asset_name, f.product, f.matched, f.verdict, f.confidence, f.missing, f.quote, f.fix, f.fix_quote, f.cves, f.decision, f.urgency, f.inputs, f.score, f.epss, f.kev, f.criticality, f.state AS state, f.reason, f.decided_by, f.decided_at, f.decided_key, f.window_id, f.exception_id, f.assignee, f.hours, f.until_at, f.proof, f.first_at, f.changed_at, f.closed_at, f.version"

var findingSet = strings.Split("site_no,zone_no,asset_name,product,matched,verdict,confidence,missing,quote,fix,fix_quote,cves,decision,urgency,inputs,score,epss,kev,criticality,state,reason,decided_by,decided_at,decided_key,window_id,exception_id,assignee,hours,until_at,proof,changed_at,closed_at,version", ",")

type assetRow struct {
	ID        string     `db:"asset_id"`
	SiteNo    int64      `db:"site_no"`
	ZoneNo    int64      `db:"zone_no"`
	Hash      string     `db:"hash"`
	Seq       int64      `db:"seq"`
	Facts     int64      `db:"facts"`
	MatchedAt store.Time `db:"matched_at"`
	Known     bool       `db:"known"`
	Affected  int64      `db:"affected"`
	Undecided int64      `db:"undecided"`
}

// page is how many assets are matched and written together.
const page = 200

// reachEvery is how often observed conversations are looked at anew, reachOver what time they span.
const (
	reachEvery = time.Hour
	reachOver  = 30 * 24 * time.Hour
)

// Sweep matches what changed: assets whose identity is another, and all assets with
// advisories that are new. It is cheap when nothing changed, and may be called at any time.
func (s *Service) Sweep(ctx context.Context) error {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	now := s.now()
	if err := s.db.View(ctx, func(r store.Reader) error {
		if err := s.load(ctx, r); err != nil {
			return err
		}
		if now.Sub(s.reachAt) < reachEvery && s.reaches != nil {
			return nil
		}
		var err error
		s.reaches, err = s.cfg.Inventory.Reaches(ctx, r, now.Add(-reachOver))
		s.reachAt = now.Time
		return err
	}); err != nil {
		return fmt.Errorf("read advisories: %w", err)
	}
	after := ""
	for {
		var assets []Asset
		prior := map[string]assetRow{}
		err := s.db.View(ctx, func(r store.Reader) error {
			var err error
			if assets, err = s.cfg.Inventory.Stated(ctx, r, after, page); err != nil {
				return err
			}
			text, args := "SELECT asset_id, site_no, zone_no, hash, seq, facts, matched_at, known, affected, undecided FROM vuln_asset WHERE asset_id > ?", []any{after}
			if len(assets) == page { // behind the last page stand only assets that have left
				text += " AND asset_id <= ?"
				args = append(args, assets[page-1].ID)
			}
			rows, err := store.All[assetRow](ctx, r, text, args...)
			for _, x := range rows {
				prior[x.ID] = x
			}
			return err
		})
		if err != nil {
			return err
		}
		if err := s.sweepPage(ctx, now, assets, prior); err != nil {
			return err
		}
		if len(assets) < page {
			return s.lapse(ctx, now)
		}
		after = assets[page-1].ID
	}
}

// todo is one asset that is matched anew.
type todo struct {
	asset *Asset
	all   bool // with every advisory; else only with what came since
	since int64
	hash  string
}

func (s *Service) sweepPage(ctx context.Context, now store.Time, assets []Asset, prior map[string]assetRow) error {
	s.mu.Lock()
	seq, gen := s.seq, s.factGen
	s.mu.Unlock()
	var work []todo
	ids := map[string]bool{}
	for i := range assets {
		a := &assets[i]
		ids[a.ID] = true
		p, old := prior[a.ID]
		t := todo{asset: a, hash: s.identity(a), since: p.Seq}
		t.all = !old || p.Hash != t.hash || p.Facts != gen
		if t.all || p.Seq < seq {
			work = append(work, t)
		}
	}
	var lost []string // assets that were here and are not any more
	for id := range prior {
		if !ids[id] {
			lost = append(lost, id)
		}
	}
	if len(work) == 0 && len(lost) == 0 {
		return nil
	}
	fresh := s.evaluate(work)
	return s.db.Update(ctx, func(tx *store.Tx) error {
		return s.write(ctx, tx, now, seq, gen, work, fresh, lost)
	})
}

// identity names everything that the evaluation of an asset depends on.
func (s *Service) identity(a *Asset) string {
	var b strings.Builder
	put := func(m *match.Asset) {
		fmt.Fprintf(&b, "%s\x00%d\x00%s\x00%s\x00%s\x00%s\x00%s\x00%s\x01", m.Vendor, m.VendorID, m.Product, m.Model, m.OrderCode, m.Version, m.Hardware, m.Serial)
	}
	put(&a.Stated)
	for i := range a.Parts {
		b.WriteString(a.Parts[i].ID + "\x00" + a.Parts[i].Name)
		put(&a.Parts[i].Stated)
	}
	fmt.Fprintf(&b, "%d %d %d %s %s", a.SiteNo, a.ZoneNo, a.Criticality, a.Name, s.reaches[a.ID].Level)
	return hashOf([]byte(b.String()))[:32]
}

// evaluate matches assets in memory and returns the findings of each, without ids and times.
func (s *Service) evaluate(work []todo) [][]finding {
	s.mu.Lock()
	corpus, seqs, ids, facts := s.corpus, s.seqs, s.ids, s.facts
	s.mu.Unlock()
	fresh := map[int64][]int{} // numbers of the advisories that came after a sequence number
	out := make([][]finding, len(work))
	for i, w := range work {
		add := func(part, partName string, stated match.Asset) {
			var numbers []int
			if !w.all {
				var ok bool
				if numbers, ok = fresh[w.since]; !ok {
					numbers = []int{}
					for n, q := range seqs {
						if q > w.since {
							numbers = append(numbers, n)
						}
					}
					fresh[w.since] = numbers
				}
			}
			for _, m := range corpus.Since(stated, numbers) {
				r := &m.Result
				if r.Verdict == match.NotAffected || r.Confidence == 'E' {
					continue
				}
				f := finding{
					SiteNo: w.asset.SiteNo, ZoneNo: w.asset.ZoneNo, AssetID: w.asset.ID, Part: part, AdvisoryID: ids[m.Advisory], AssetName: w.asset.Name,
					Product: describe(stated), Matched: stated.Version, Verdict: r.Verdict.String(), Confidence: string(rune(r.Confidence)), Missing: r.Missing,
					Quote: r.Quote, Fix: r.Fix, FixQuote: r.FixQuote, Criticality: w.asset.Criticality,
				}
				if partName != "" {
					f.AssetName = w.asset.Name + " · " + partName
				}
				s.weigh(&f, w.asset, corpus.Advisory(m.Advisory), r, facts)
				out[i] = append(out[i], f)
			}
		}
		add("", "", w.asset.Stated)
		for p := range w.asset.Parts {
			x := &w.asset.Parts[p]
			add(x.ID, x.Name, x.Stated)
		}
	}
	return out
}

func describe(a match.Asset) string {
	name := a.Model
	if name == "" {
		name = a.Product
	}
	return strings.TrimSpace(strings.Join(strings.Fields(a.Vendor+" "+name+" "+a.OrderCode), " "))
}

// weigh gives a finding its vulnerabilities and its priority: the gravest of them decides.
func (s *Service) weigh(f *finding, a *Asset, adv *match.Advisory, r *match.Result, facts map[string]known) {
	s.mu.Lock()
	doc := s.docs[adv.ID]
	reach := s.reaches[a.ID]
	s.mu.Unlock()
	best := -1
	f.CVEs.V = []string{}
	for _, g := range r.Groups {
		if g.Verdict != r.Verdict {
			continue
		}
		for _, v := range adv.Vulns(g.Group) {
			cve := doc.cves[v]
			k := facts[cve]
			in := inputs(cve, k, doc.vec[v], a, reach)
			score := doc.score[v]
			if score == 0 {
				score = k.score
			}
			if cve != "" {
				f.CVEs.V = append(f.CVEs.V, cve)
			}
			f.KEV = f.KEV || k.kev
			f.EPSS = max(f.EPSS, k.epss)
			if u := urgency(&in); u > best || u == best && score > f.Score {
				best, f.Inputs.V = u, in
			}
			f.Score = max(f.Score, score)
		}
	}
	if best < 0 { // an advisory without a vulnerability
		f.Inputs.V = inputs("", known{}, "", a, reach)
		best = urgency(&f.Inputs.V)
	}
	f.Urgency, f.Decision = urgencies[best], decisionOf(best)
	slices.Sort(f.CVEs.V)
	f.CVEs.V = slices.Compact(f.CVEs.V)
}

// key is what a person's decision is about: it is asked again when any of it is another.
func (s *Service) key(f *finding) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := ""
	if d := s.docs[f.AdvisoryID]; d != nil {
		hash = d.hash
	}
	return hashOf([]byte(fmt.Sprintf("%s|%s|%s|%t|%s", hash, f.Matched, f.Verdict, f.KEV, strings.Join(f.CVEs.V, ","))))[:32]
}

func (s *Service) write(ctx context.Context, tx *store.Tx, now store.Time, seq, gen int64, work []todo, fresh [][]finding, lost []string) error {
	ids := slices.Clone(lost)
	for _, w := range work {
		ids = append(ids, w.asset.ID)
	}
	stored, err := store.All[finding](ctx, tx, "SELECT "+findingColumns+" FROM vuln_finding f WHERE f.asset_id IN (?)", ids)
	if err != nil {
		return err
	}
	type at struct{ asset, part, advisory string }
	before := map[at]*finding{}
	for i := range stored {
		f := &stored[i]
		before[at{f.AssetID, f.Part, f.AdvisoryID}] = f
	}
	var rows []finding
	var steps []step
	sites := map[int64][]ot.Ref{}
	touch := func(f *finding, action, reason string) {
		f.ChangedAt = now
		f.Version++
		rows = append(rows, *f)
		if action != "" {
			steps = append(steps, step{store.NewID(), f.ID, now, action, "", reason})
		}
		sites[f.SiteNo] = append(sites[f.SiteNo], ot.Ref{Kind: "asset", ID: f.AssetID})
	}
	assets := make([]assetRow, 0, len(work))
	for i, w := range work {
		seen := map[at]bool{}
		for k := range fresh[i] {
			n := &fresh[i][k]
			place := at{n.AssetID, n.Part, n.AdvisoryID}
			seen[place] = true
			o := before[place]
			if o == nil {
				n.ID, n.FirstAt, n.State = store.NewID(), now, Open
				before[place] = n
				touch(n, "found", "")
				continue
			}
			action, reason, changed := s.renew(o, n)
			if changed {
				touch(o, action, reason)
			}
		}
		for place, o := range before {
			if place.asset != w.asset.ID || seen[place] || o.State == Fixed || o.State == Gone || !w.all && !s.changed(place.advisory, w.since) {
				continue
			}
			action, reason := s.close(o, w.asset, now)
			touch(o, action, reason)
		}
		row := assetRow{ID: w.asset.ID, SiteNo: w.asset.SiteNo, ZoneNo: w.asset.ZoneNo, Hash: w.hash, Seq: seq, Facts: gen, MatchedAt: now, Known: named(w.asset.Stated)}
		for place, o := range before {
			if place.asset == w.asset.ID && o.State != Fixed && o.State != Gone {
				if o.Verdict == match.Affected.String() {
					row.Affected++
				} else {
					row.Undecided++
				}
			}
		}
		assets = append(assets, row)
	}
	for _, id := range lost {
		for place, o := range before {
			if place.asset == id && o.State != Fixed && o.State != Gone {
				o.State, o.ClosedAt, o.Proof = Gone, now, "The asset is no longer in the inventory."
				touch(o, Gone, o.Proof)
			}
		}
		if _, err := tx.Exec(ctx, "DELETE FROM vuln_asset WHERE asset_id = ?", id); err != nil {
			return err
		}
	}
	if err := store.Upsert(ctx, tx, "vuln_finding", rows, []string{"asset_id", "part", "advisory_id"}, findingSet); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "vuln_step", steps, nil, nil); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "vuln_asset", assets, []string{"asset_id"}, []string{"site_no", "zone_no", "hash", "seq", "facts", "matched_at", "known", "affected", "undecided"}); err != nil {
		return err
	}
	for _, w := range work {
		if sites[w.asset.SiteNo] == nil {
			sites[w.asset.SiteNo] = []ot.Ref{}
		}
	}
	for site, refs := range sites {
		if err := bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicVuln, SiteNo: site, Refs: refs}); err != nil {
			return err
		}
	}
	return nil
}

func named(a match.Asset) bool { return a.Product != "" || a.Model != "" || a.OrderCode != "" }

// changed says whether an advisory is newer than what an asset was matched with.
func (s *Service) changed(advisory string, since int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.corpus.Find(advisory)
	return ok && s.seqs[n] > since
}

// renew puts what was found now into what is stored. A decision whose ground is another is asked anew.
func (s *Service) renew(o, n *finding) (action, reason string, changed bool) {
	same := o.SiteNo == n.SiteNo && o.ZoneNo == n.ZoneNo && o.AssetName == n.AssetName && o.Matched == n.Matched && o.Verdict == n.Verdict && o.Missing == n.Missing && o.Quote == n.Quote &&
		o.Fix == n.Fix && o.Urgency == n.Urgency && o.Score == n.Score && o.EPSS == n.EPSS && o.KEV == n.KEV && o.Criticality == n.Criticality && slices.Equal(o.CVEs.V, n.CVEs.V) && o.Inputs.V.Exposure == n.Inputs.V.Exposure
	was := *o
	o.SiteNo, o.ZoneNo, o.AssetName, o.Product, o.Matched, o.Verdict, o.Confidence, o.Missing = n.SiteNo, n.ZoneNo, n.AssetName, n.Product, n.Matched, n.Verdict, n.Confidence, n.Missing
	o.Quote, o.Fix, o.FixQuote, o.CVEs, o.Decision, o.Urgency, o.Inputs = n.Quote, n.Fix, n.FixQuote, n.CVEs, n.Decision, n.Urgency, n.Inputs
	o.Score, o.EPSS, o.KEV, o.Criticality = n.Score, n.EPSS, n.KEV, n.Criticality
	switch o.State {
	case Fixed, Gone:
		o.State, o.ClosedAt, o.Proof = Open, store.Time{}, ""
		return "reopened", "It is there again.", true
	case Deferred, Dismissed:
		if key := s.key(o); key != o.DecidedKey {
			o.State, o.DecidedKey = Open, ""
			why := "the advisory has another text"
			switch {
			case was.Matched != o.Matched:
				why = "the version is now " + o.Matched
			case was.KEV != o.KEV:
				why = "it is now known to be exploited"
			case was.Verdict != o.Verdict:
				why = "the verdict is another"
			}
			return "reopened", "What was decided no longer holds: " + why + ".", true
		}
	}
	return "", "", !same || o.DecidedKey != was.DecidedKey
}

// close ends a finding that matching no longer makes, with what was seen.
func (s *Service) close(o *finding, a *Asset, now store.Time) (action, reason string) {
	o.ClosedAt = now
	ver := a.Stated.Version
	for i := range a.Parts {
		if a.Parts[i].ID == o.Part && o.Part != "" {
			ver = a.Parts[i].Stated.Version
		}
	}
	if ver != "" && ver != o.Matched && o.Verdict == match.Affected.String() {
		o.State, o.Proof = Fixed, "Version "+ver+" was seen; it was "+o.Matched+"."
		o.Matched = ver
		return Fixed, o.Proof
	}
	o.State, o.Proof = Gone, "The advisory and what is known of the asset no longer say so."
	o.Matched = ver
	return Gone, o.Proof
}

// lapse opens deferrals again whose time is over.
func (s *Service) lapse(ctx context.Context, now store.Time) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := store.All[finding](ctx, tx, "SELECT "+findingColumns+" FROM vuln_finding f WHERE f.state = ? AND f.until_at < ? LIMIT 500", Deferred, now)
		if err != nil || len(rows) == 0 {
			return err
		}
		var steps []step
		for i := range rows {
			f := &rows[i]
			f.State, f.ChangedAt, f.DecidedKey = Open, now, ""
			f.Version++
			steps = append(steps, step{store.NewID(), f.ID, now, "reopened", "", "The time of the deferral is over."})
		}
		if err := store.Upsert(ctx, tx, "vuln_finding", rows, []string{"asset_id", "part", "advisory_id"}, findingSet); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "vuln_step", steps, nil, nil); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicVuln})
	})
}

type step struct {
	ID        string     `db:"step_id" json:"-"`
	FindingID string     `db:"finding_id" json:"-"`
	At        store.Time `db:"at" json:"at"`
	Action    string     `db:"action" json:"action"`
	By        string     `db:"by_name" json:"by" doc:"Empty: Skanse itself"`
	Reason    string     `db:"reason" json:"reason"`
}
