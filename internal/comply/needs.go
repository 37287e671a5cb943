package comply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Need is one thing that asks for a person, most urgent first.
type Need struct {
	Kind     string      `json:"kind" enum:"contradiction,key_below,new_devices,blind,undeclared"`
	Severity ot.Severity `json:"severity"`
	Title    string      `json:"title" say:"true"`
	Detail   string      `json:"detail" say:"true"`
	SiteID   string      `json:"site_id"`
	At       store.Time  `json:"at" nullable:"true"`
	Link     Link        `json:"link"`
}

// Link is where a need is dealt with.
type Link struct {
	Page string `json:"page"`
	ID   string `json:"id"`
	Site string `json:"site,omitempty"`
}

// maxNeeds bounds a kind: say little.
const maxNeeds = 8

// needs lists what asks for a person: contradictions, key requirements measured below target,
// undecided devices, sites that nobody hears, records that nobody declared.
func (s *Service) needs(ctx context.Context, r store.Reader, scope auth.Scope, p *picture) ([]Need, error) {
	siteOf := map[int64]site{}
	for _, x := range p.sites {
		siteOf[x.No] = x
	}
	out := []Need{}
	open, err := store.All[Finding](ctx, r, "SELECT "+findingColumns+" FROM comply_finding WHERE closed_at IS NULL AND ? ORDER BY opened_at DESC, finding_id", visible(scope))
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	at := map[unit]int{} // one need a requirement and site, however many checks contradict
	for _, f := range open {
		u := unit{f.EntityID, f.SiteNo, f.Requirement}
		if i, ok := at[u]; ok {
			out[i].Detail += " " + after(f.Sentence, ". ")
			continue
		}
		q, ok := s.cat.Requirement(f.Requirement)
		if !ok {
			continue
		}
		x := siteOf[f.SiteNo]
		title := q.Title
		if x.Name != "" {
			title = x.Name + ": " + title
		}
		at[u] = len(out)
		out = append(out, Need{"contradiction", ot.Critical, title, f.Sentence, x.ID, f.OpenedAt, Link{"requirement", q.ID, x.ID}})
	}
	out = append(out, p.keyNeeds()...)
	devices, err := newDeviceNeeds(ctx, r, scope, siteOf)
	if err != nil {
		return nil, err
	}
	out = append(out, devices...)
	blind, err := blindNeeds(ctx, r, p)
	if err != nil {
		return nil, err
	}
	out = append(out, blind...)
	return append(out, p.undeclaredNeeds()...), nil
}

// keyNeeds are key requirements that a measurement holds below target, the lowest first; what
// only wants time or a paper is no alarm.
func (p *picture) keyNeeds() []Need {
	type low struct {
		Need
		level int
	}
	var found []low
	for _, r := range p.cat.Scored() {
		if !r.Key || r.Scope == ScopeEntity {
			continue
		}
		for _, x := range p.sites {
			l := p.at(r, x)
			if l.State != StateKeyBelow || !l.Measured || l.E >= .6 {
				continue
			}
			detail := firstOf(l.Text.V.Lift)
			if len(l.Text.V.Why) > 1 {
				detail = l.Text.V.Why[1]
			}
			found = append(found, low{Need{"key_below", ot.High, x.Name + ": " + r.Title, detail, x.ID, l.Since, Link{"requirement", r.ID, x.ID}}, l.Level})
		}
	}
	slices.SortStableFunc(found, func(a, b low) int { return a.level - b.level })
	var out []Need
	for _, f := range found[:min(len(found), maxNeeds)] {
		out = append(out, f.Need)
	}
	return out
}

func newDeviceNeeds(ctx context.Context, r store.Reader, scope auth.Scope, siteOf map[int64]site) ([]Need, error) {
	type row struct {
		SiteNo int64      `db:"site_no"`
		N      int64      `db:"n"`
		At     store.Time `db:"at"`
	}
	var out []Need
	for x, err := range store.Select[row](ctx, r, "SELECT site_no, COUNT(*) AS n, MAX(first_at) AS at FROM asset_asset WHERE state = 'new' AND managed AND seen AND ? GROUP BY site_no ORDER BY n DESC, site_no", scope.Where("site_no", "zone_no")) {
		if err != nil {
			return nil, fmt.Errorf("count new devices: %w", err)
		}
		at, ok := siteOf[x.SiteNo]
		if !ok || len(out) == maxNeeds {
			continue
		}
		out = append(out, Need{"new_devices", ot.Medium, fmt.Sprintf("%s: new devices wait for a decision (%d)", at.Name, x.N), "Accept what belongs there, reject what does not.", at.ID, x.At, Link{"assets", "new", at.ID}})
	}
	return out, nil
}

func blindNeeds(ctx context.Context, r store.Reader, p *picture) ([]Need, error) {
	live, err := newestLive(ctx, r)
	if err != nil {
		return nil, err
	}
	var out []Need
	for _, x := range p.sites {
		if _, ok := live[x.No]; ok || len(out) == maxNeeds {
			continue
		}
		n := 0
		for _, q := range p.cat.Scored() {
			if q.Mode == Measured && p.at(q, x).State == StateUnknown {
				n++
			}
		}
		out = append(out, Need{"blind", ot.Medium, x.Name + ": no sensor listens here", fmt.Sprintf("%s unknown. A sensor beside the OT switches answers most of them; a capture shows what is there on one day.", are(n, "requirements")), x.ID, store.Time{}, Link{"captures", "", x.ID}})
	}
	return out, nil
}

func (p *picture) undeclaredNeeds() []Need {
	n := 0
	var ids []string
	for _, r := range p.cat.Scored() {
		missing := slices.ContainsFunc(p.sites, func(x site) bool { return p.at(r, x).D < 1 })
		if missing {
			n++
			if r.Key {
				ids = append(ids, r.ID)
			}
		}
	}
	if n == 0 || len(p.sites) == 0 {
		return nil
	}
	return []Need{{"undeclared", ot.Low, waiting(n), "Without one a level stops at 1. Key ones first: " + strings.Join(ids[:min(len(ids), 6)], ", ") + ".", "", store.Time{}, Link{"/requirements", "", ""}}}
}

// are says how many there are, before what they are.
func are(n int, unit string) string {
	if n == 1 {
		return counted(n, unit) + " is"
	}
	return counted(n, unit) + " are"
}

func waiting(n int) string {
	if n == 1 {
		return "1 requirement waits for a declaration"
	}
	return counted(n, "requirements") + " wait for a declaration"
}
