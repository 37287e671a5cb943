package vuln

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/vuln/csaf"
	"github.com/skanse/skanse/internal/vuln/feed"
)

// Taken says what an import brought.
type Taken struct {
	Documents int      `json:"documents" doc:"Read"`
	New       int      `json:"new"`
	Changed   int      `json:"changed" doc:"With other content than before"`
	Silent    int      `json:"silent" doc:"Of those: without a new revision of their own"`
	Same      int      `json:"same"`
	Facts     int      `json:"facts" doc:"Vulnerabilities of which something was learned"`
	Refused   []string `json:"refused" nullable:"false" doc:"What was not taken, and why; the first 20"`
	Refusals  int      `json:"refusals"`
}

func (t *Taken) refuse(name string, err error) {
	t.Refusals++
	if len(t.Refused) < 20 {
		t.Refused = append(t.Refused, ot.Printable(name)+": "+ot.Printable(err.Error()))
	}
}

// batch is how many advisories one transaction takes: 50 ms on a slow disk.
const batch = 200

// Taker collects what a walk finds and writes it in batches. It is for one goroutine.
type Taker struct {
	s       *Service
	source  string
	waiting []taken
	facts   []feed.Fact
	lists   []feed.List
	Taken   Taken
}

type taken struct {
	a   *csaf.Advisory
	doc []byte
}

// Take begins an import from a source.
func (s *Service) Take(source string) *Taker {
	return &Taker{s: s, source: source, Taken: Taken{Refused: []string{}}}
}

// Document takes one document of any kind: an advisory, or a list of what is known of vulnerabilities.
func (t *Taker) Document(ctx context.Context, name string, b []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.Taken.Documents++
	list, err := feed.ReadFacts(b)
	switch {
	case err != nil:
		t.Taken.refuse(name, err)
		return nil
	case list != nil:
		t.lists = append(t.lists, *list)
		t.facts = append(t.facts, list.Facts...)
		return nil
	}
	a, err := csaf.Read(b)
	if err != nil {
		t.Taken.refuse(name, err)
		return nil
	}
	doc, err := pack(a)
	if err != nil {
		return err
	}
	t.waiting = append(t.waiting, taken{a, doc})
	if len(t.waiting) >= batch {
		return t.flush(ctx)
	}
	return nil
}

// Finish writes what is left and says what came. A source that gave nothing but refusals is a failure.
func (t *Taker) Finish(ctx context.Context, kind, name, url, verified string) (Taken, error) {
	if err := t.flush(ctx); err != nil {
		return t.Taken, err
	}
	if len(t.facts) > 0 {
		if err := t.s.takeFacts(ctx, t.facts); err != nil {
			return t.Taken, err
		}
		t.Taken.Facts = len(t.facts)
		t.facts = nil
	}
	for _, l := range t.lists { // a list is a source of its own: its age is what counts
		if err := t.s.sourced(ctx, source{ID: l.Kind, Kind: l.Kind, Name: l.Name, Verified: verified, AsOf: store.At(l.AsOf), Documents: int64(len(l.Facts))}); err != nil {
			return t.Taken, err
		}
	}
	brought := t.Taken.New + t.Taken.Changed + t.Taken.Same
	if brought > 0 || len(t.lists) == 0 {
		x := source{ID: t.source, Kind: kind, Name: name, URL: url, Verified: verified, Documents: int64(brought), Refused: int64(t.Taken.Refusals)}
		if brought == 0 {
			x.Problem = "nothing could be read"
			if len(t.Taken.Refused) > 0 {
				x.Problem = t.Taken.Refused[0]
			}
		}
		if err := t.s.sourced(ctx, x); err != nil {
			return t.Taken, err
		}
		if x.Problem != "" {
			return t.Taken, ot.Errorf(ot.Invalid, "nothing was taken: %s", x.Problem)
		}
	}
	return t.Taken, nil
}

type advisoryRow struct {
	ID        string     `db:"advisory_id"`
	Seq       int64      `db:"seq"`
	Publisher string     `db:"publisher"`
	Title     string     `db:"title"`
	URL       string     `db:"url"`
	Revision  string     `db:"revision"`
	Released  store.Time `db:"released_at"`
	Revised   store.Time `db:"revised_at"`
	Taken     store.Time `db:"taken_at"`
	Changed   store.Time `db:"changed_at"`
	Silent    bool       `db:"silent"`
	Hash      string     `db:"hash"`
	Score     float64    `db:"score"`
	CVEs      int64      `db:"cves"`
	Products  int64      `db:"products"`
	Source    string     `db:"source_id"`
	Doc       []byte     `db:"doc"`
}

func (t *Taker) flush(ctx context.Context) error {
	if len(t.waiting) == 0 {
		return nil
	}
	list := t.waiting
	t.waiting = nil
	var brought Taken
	err := t.s.db.Update(ctx, func(tx *store.Tx) error {
		brought = Taken{}
		now := t.s.now()
		seq, err := store.One[int64](ctx, tx, "SELECT COALESCE(MAX(seq), 0) FROM vuln_advisory")
		if err != nil {
			return err
		}
		type old struct {
			ID       string     `db:"advisory_id"`
			Hash     string     `db:"hash"`
			Revision string     `db:"revision"`
			Taken    store.Time `db:"taken_at"`
		}
		ids := make([]string, 0, len(list))
		for i := range list {
			ids = append(ids, list[i].a.ID)
		}
		stored, err := store.All[old](ctx, tx, "SELECT advisory_id, hash, revision, taken_at FROM vuln_advisory WHERE advisory_id IN (?)", ids)
		if err != nil {
			return err
		}
		before := map[string]old{}
		for _, o := range stored {
			before[o.ID] = o
		}
		rows := map[string]advisoryRow{}
		for i := range list {
			a := list[i].a
			o, again := before[a.ID]
			if again && o.Hash == a.Hash {
				brought.Same++
				continue
			}
			seq++
			r := advisoryRow{
				ID: a.ID, Seq: seq, Publisher: a.Publisher, Title: a.Title, URL: a.URL, Revision: a.Revision, Released: store.At(a.Released), Revised: store.At(a.Current),
				Taken: now, Changed: now, Hash: a.Hash, CVEs: int64(len(a.Vulns)), Products: int64(len(a.Leaves)), Source: t.source, Doc: list[i].doc,
			}
			for j := range a.Vulns {
				r.Score = max(r.Score, a.Vulns[j].Score)
			}
			if again {
				r.Taken = o.Taken
				brought.Changed++
				if o.Revision == a.Revision { // the publisher repaired it without saying so
					r.Silent = true
					brought.Silent++
				}
			} else {
				brought.New++
			}
			before[a.ID] = old{a.ID, a.Hash, a.Revision, r.Taken}
			rows[a.ID] = r
		}
		if len(rows) == 0 {
			return nil
		}
		write := make([]advisoryRow, 0, len(rows))
		for _, r := range rows {
			write = append(write, r)
		}
		if err := store.Upsert(ctx, tx, "vuln_advisory", write, []string{"advisory_id"}, []string{
			"seq", "publisher", "title", "url", "revision", "released_at", "revised_at", "changed_at", "silent", "hash", "score", "cves", "products", "source_id", "doc",
		}); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicVuln})
	})
	t.Taken.New += brought.New
	t.Taken.Changed += brought.Changed
	t.Taken.Silent += brought.Silent
	t.Taken.Same += brought.Same
	return err
}

type cveRow struct {
	CVE          string     `db:"cve"`
	KEV          store.Time `db:"kev_at"`
	Ransomware   bool       `db:"ransomware"`
	Exploitation string     `db:"exploitation"`
	Automatable  string     `db:"automatable"`
	EPSS         float64    `db:"epss"`
	Percentile   float64    `db:"percentile"`
	Score        float64    `db:"score"`
	Vector       string     `db:"vector"`
}

// takeFacts merges what lists say; each list sets only what it knows.
func (s *Service) takeFacts(ctx context.Context, facts []feed.Fact) error {
	const part = 2000
	for len(facts) > 0 {
		n := min(part, len(facts))
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			ids := make([]string, 0, n)
			for _, f := range facts[:n] {
				ids = append(ids, f.CVE)
			}
			merged := map[string]*cveRow{}
			for len(ids) > 0 {
				k := min(500, len(ids))
				rows, err := store.All[cveRow](ctx, tx, "SELECT cve, kev_at, ransomware, exploitation, automatable, epss, percentile, score, vector FROM vuln_cve WHERE cve IN (?)", ids[:k])
				if err != nil {
					return err
				}
				for i := range rows {
					merged[rows[i].CVE] = &rows[i]
				}
				ids = ids[k:]
			}
			for _, f := range facts[:n] {
				r := merged[f.CVE]
				if r == nil {
					r = &cveRow{CVE: f.CVE}
					merged[f.CVE] = r
				}
				if !f.KEV.IsZero() {
					r.KEV, r.Ransomware = store.At(f.KEV), f.Ransomware
				}
				if f.Exploitation != "" {
					r.Exploitation = f.Exploitation
				}
				if f.Automatable != "" {
					r.Automatable = f.Automatable
				}
				if f.HasEPSS {
					r.EPSS, r.Percentile = f.EPSS, f.Percentile
				}
				if f.Score > 0 {
					r.Score, r.Vector = f.Score, f.Vector
				}
			}
			rows := make([]cveRow, 0, len(merged))
			for _, r := range merged {
				rows = append(rows, *r)
			}
			if err := store.Upsert(ctx, tx, "vuln_cve", rows, []string{"cve"}, []string{"kev_at", "ransomware", "exploitation", "automatable", "epss", "percentile", "score", "vector"}); err != nil {
				return err
			}
			type state struct {
				Name  string `db:"name"`
				Value int64  `db:"value"`
			}
			if err := store.Upsert(ctx, tx, "vuln_state", []state{{"facts", 1}}, []string{"name"}, []string{"value = vuln_state.value + 1"}); err != nil {
				return err
			}
			return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicVuln})
		})
		if err != nil {
			return err
		}
		facts = facts[n:]
	}
	return nil
}

type source struct {
	ID        string     `db:"source_id" json:"id"`
	Kind      string     `db:"kind" json:"kind"`
	Name      string     `db:"name" json:"name"`
	URL       string     `db:"url" json:"url"`
	Fetched   store.Time `db:"fetched_at" json:"fetched_at" doc:"When it last worked; null: never"`
	Tried     store.Time `db:"tried_at" json:"tried_at"`
	Verified  string     `db:"verified" json:"verified" doc:"How its newest content was verified: signature, hash, hand (a person brought it); empty: not"`
	Hash      string     `db:"hash" json:"hash"`
	AsOf      store.Time `db:"as_of" json:"as_of" doc:"What the content says of its own age"`
	Documents int64      `db:"documents" json:"documents"`
	Refused   int64      `db:"refused" json:"refused"`
	Problem   string     `db:"problem" json:"problem" say:"true"`
}

// sourced writes how a source did. One that failed keeps the time when it last worked.
func (s *Service) sourced(ctx context.Context, x source) error {
	x.Tried = s.now()
	set := []string{"tried_at", "problem", "refused"}
	if x.Problem == "" {
		x.Fetched = x.Tried
		set = append(set, "kind", "name", "url", "fetched_at", "verified", "hash", "as_of", "documents")
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if err := store.Upsert(ctx, tx, "vuln_source", []source{x}, []string{"source_id"}, set); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicVuln})
	})
}

// hashOf names content.
func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
