package comply

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Cell is a level as a page draws it. Level is null where it is unknown.
type Cell struct {
	Level  *int   `json:"level" doc:"0 to 5, null when unknown"`
	State  State  `json:"state" enum:"unknown,below,key_below,contradicted,at,not_applicable"`
	Target int    `json:"target"`
	Why    string `json:"why" say:"true"`
	Lift   string `json:"lift" say:"true"`
}

// picture is what one person may see of all levels, now or as of a day.
type picture struct {
	cat      *Catalogue
	sites    []site
	entities []entity
	profile  Profile
	levels   map[unit]levelRow
}

// load reads the picture; day 0 is now.
func (s *Service) load(ctx context.Context, r store.Reader, scope auth.Scope, day int64) (*picture, error) {
	p := &picture{cat: s.cat, levels: map[unit]levelRow{}}
	var err error
	p.sites, err = store.All[site](ctx, r, "SELECT site_no, site_id, entity_id, name, critical, weight FROM org_site WHERE ? ORDER BY name, site_no", scope.Where("site_no", ""))
	if err != nil {
		return nil, fmt.Errorf("read sites: %w", err)
	}
	all, err := entitiesOf(ctx, r)
	if err != nil {
		return nil, err
	}
	mine := map[string]bool{}
	numbers := map[int64]bool{0: true}
	for _, x := range p.sites {
		mine[x.EntityID], numbers[x.No] = true, true
	}
	p.profile = s.cat.Profile("")
	for _, e := range all {
		if !mine[e.ID] && !scope.Entity(e.ID) {
			continue
		}
		if len(p.entities) == 0 || s.cat.Profile(e.Profile).KeyTarget > p.profile.KeyTarget {
			p.profile = s.cat.Profile(e.Profile)
		}
		p.entities = append(p.entities, e)
		mine[e.ID] = true
	}
	if day > 0 {
		levels, err := s.levelsAt(ctx, r, day)
		if err != nil {
			return nil, err
		}
		for u, l := range levels {
			if numbers[u.SiteNo] && mine[u.EntityID] {
				p.levels[u] = l
			}
		}
		return p, nil
	}
	for l, err := range store.Select[levelRow](ctx, r, "SELECT "+levelColumns+" FROM comply_level WHERE ?", visible(scope)) {
		if err != nil {
			return nil, fmt.Errorf("read levels: %w", err)
		}
		if mine[l.EntityID] {
			p.levels[unit{l.EntityID, l.SiteNo, l.Requirement}] = l
		}
	}
	return p, nil
}

// at is the level of a requirement at a site; what is scored for the company is inherited.
func (p *picture) at(r *Requirement, x site) levelRow {
	u := unit{x.EntityID, x.No, r.ID}
	if r.Scope == ScopeEntity {
		u.SiteNo = 0
	}
	l, ok := p.levels[u]
	if !ok {
		return levelRow{Requirement: r.ID, State: StateUnknown, Target: p.profile.TargetOf(r), Text: store.AsJSON(levelText{Why: []string{"Not judged yet."}})}
	}
	return l
}

func (l levelRow) cell() Cell {
	c := Cell{State: l.State, Target: l.Target, Why: firstOf(l.Text.V.Why), Lift: firstOf(l.Text.V.Lift)}
	if l.State != StateUnknown && l.State != StateNA {
		c.Level = &l.Level
	}
	return c
}

func firstOf(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

func (l levelRow) score(r *Requirement) Score {
	return Score{Name: r.ID, Level: l.Level, Target: l.Target, State: l.State, Weight: r.Weight, Key: r.Key, Measured: l.Measured}
}

func rolledCell(r Rolled, target int, lift string) Cell {
	c := Cell{State: r.State, Target: target, Why: r.Why, Lift: lift}
	if r.State != StateUnknown && r.State != StateNA {
		c.Level = &r.Level
	}
	return c
}

// areaAt rolls the requirements of an area up to a site.
func (p *picture) areaAt(a Area, x site) (Rolled, string) {
	var scores []Score
	lift, worst := "", 0
	for _, r := range a.Requirements {
		if r.Mode == Alias {
			continue
		}
		l := p.at(r, x)
		s := l.score(r)
		if scores = append(scores, s); l.State != StateAt && (lift == "" || s.rank() < worst) && len(l.Text.V.Lift) > 0 {
			lift, worst = r.ID+": "+l.Text.V.Lift[0], s.rank()
		}
	}
	return RollArea(scores, p.profile.Target), lift
}

// requirement rolls a requirement up over the sites that the person sees.
func (p *picture) requirement(r *Requirement) (Rolled, int) {
	target := p.profile.TargetOf(r)
	var scores []Score
	if r.Scope == ScopeEntity {
		for _, e := range p.entities {
			l, ok := p.levels[unit{e.ID, 0, r.ID}]
			if !ok {
				l = levelRow{State: StateUnknown}
			}
			scores = append(scores, Score{Name: e.Name, Level: l.Level, Target: target, State: l.State, Weight: 1, Measured: l.Measured})
		}
		if len(scores) == 1 {
			l := p.levels[unit{p.entities[0].ID, 0, r.ID}]
			return Rolled{Level: scores[0].Level, State: scores[0].State, Why: firstOf(l.Text.V.Why), Measured: b2f(l.Measured)}, target
		}
		return RollSites(scores, target), target
	}
	for _, x := range p.sites {
		l := p.at(r, x)
		scores = append(scores, Score{Name: x.Name, Level: l.Level, Target: target, State: l.State, Weight: x.Weight, Critical: x.Critical, Measured: l.Measured})
	}
	return RollSites(scores, target), target
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Headline counts requirements, each rolled up over the sites.
type Headline struct {
	AtTarget     int `json:"at_target"`
	Total        int `json:"total"`
	KeyBelow     int `json:"key_below"`
	Contradicted int `json:"contradicted"`
	Unknown      int `json:"unknown"`
	NA           int `json:"not_applicable" doc:"Left out of the total: a record says that they do not apply"`
}

func (p *picture) headline() Headline {
	var h Headline
	for _, r := range p.cat.Scored() {
		roll, _ := p.requirement(r)
		if roll.State == StateNA {
			h.NA++
			continue
		}
		h.Total++
		switch roll.State {
		case StateAt:
			h.AtTarget++
		case StateKeyBelow:
			h.KeyBelow++
		case StateContradicted:
			h.Contradicted++
		case StateUnknown:
			h.Unknown++
		}
	}
	return h
}

// SiteRef names a site on a page.
type SiteRef struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Critical bool   `json:"critical"`
}

// AreaRow is one row of the heat map.
type AreaRow struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Entity   Cell            `json:"entity"`
	Sites    map[string]Cell `json:"sites"`
	Measured float64         `json:"measured" doc:"Share of its weight with a measurement behind it"`
}

// TrendPoint is the headline of a day.
type TrendPoint struct {
	Date     string `json:"date"`
	AtTarget int    `json:"at_target"`
	Total    int    `json:"total"`
}

// Posture is the first page: what NIS2 asks, area by area and site by site.
type Posture struct {
	AsOf      time.Time    `json:"as_of"`
	Profile   ProfileRef   `json:"profile"`
	Catalogue string       `json:"catalogue"`
	Headline  Headline     `json:"headline"`
	Sites     []SiteRef    `json:"sites" nullable:"false"`
	Areas     []AreaRow    `json:"areas" nullable:"false"`
	Trend     []TrendPoint `json:"trend" nullable:"false"`
	Needs     []Need       `json:"needs" nullable:"false"`
}

// ProfileRef names the profile that sets the targets.
type ProfileRef struct {
	Name      string `json:"name"`
	Target    int    `json:"target"`
	KeyTarget int    `json:"key_target"`
}

// trendDays is how far the trend of the first page goes back.
const trendDays = 90

// Posture gives the heat map as a person of that scope sees it; a zero asOf is now.
func (s *Service) Posture(ctx context.Context, scope auth.Scope, asOf time.Time) (Posture, error) {
	now := s.clock().UTC()
	day := int64(0)
	at := now
	if !asOf.IsZero() {
		day, at = dayOf(asOf), endOf(asOf)
	}
	var out Posture
	err := s.db.View(ctx, func(r store.Reader) error {
		p, err := s.load(ctx, r, scope, day)
		if err != nil {
			return err
		}
		if day > 0 && len(p.levels) == 0 {
			return ot.Errorf(ot.NotFound, "nothing was judged on or before %s: choose a later day", at.Format("2 Jan 2006"))
		}
		out = p.posture(at)
		if out.Trend, err = p.trend(ctx, r, scope, dayOf(at)); err != nil {
			return err
		}
		out.Needs = []Need{}
		if day == 0 {
			out.Needs, err = s.needs(ctx, r, scope, p)
		}
		return err
	})
	return out, err
}

func (p *picture) posture(at time.Time) Posture {
	out := Posture{AsOf: at, Profile: ProfileRef{p.profile.Name, p.profile.Target, p.profile.KeyTarget}, Catalogue: p.cat.Version, Headline: p.headline(), Sites: []SiteRef{}, Areas: []AreaRow{}}
	for _, x := range p.sites {
		out.Sites = append(out.Sites, SiteRef{x.ID, x.Name, x.Critical})
	}
	for _, a := range p.cat.Areas {
		row := AreaRow{ID: strconv.Itoa(a.ID), Name: a.Name, Sites: map[string]Cell{}}
		var scores []Score
		var lift string
		for _, x := range p.sites {
			roll, up := p.areaAt(a, x)
			row.Sites[x.ID] = rolledCell(roll, p.profile.Target, up)
			s := Score{Name: x.Name, Level: roll.Level, Target: p.profile.Target, State: roll.State, Weight: x.Weight, Critical: x.Critical}
			row.Measured += roll.Measured * x.Weight
			scores = append(scores, s)
			if roll.State != StateAt && lift == "" && up != "" {
				lift = x.Name + ": " + up
			}
		}
		var total float64
		for _, s := range scores {
			total += s.Weight
		}
		if total > 0 {
			row.Measured /= total
		}
		row.Entity = rolledCell(RollSites(scores, p.profile.Target), p.profile.Target, lift)
		out.Areas = append(out.Areas, row)
	}
	return out
}

// trend folds the briefs of the last days with the same roll-up.
func (p *picture) trend(ctx context.Context, r store.Reader, scope auth.Scope, to int64) ([]TrendPoint, error) {
	days, levels, err := trend(ctx, r, scope, to-trendDays, to)
	if err != nil {
		return nil, fmt.Errorf("read the trend: %w", err)
	}
	out := []TrendPoint{}
	for i, d := range days {
		old := *p
		old.levels = levels[i]
		h := old.headline()
		out = append(out, TrendPoint{time.Unix(d*86400, 0).UTC().Format(time.DateOnly), h.AtTarget, h.Total})
	}
	return out, nil
}

// siteByID finds a site of the picture.
func (p *picture) siteByID(id string) (site, bool) {
	i := slices.IndexFunc(p.sites, func(x site) bool { return x.ID == id })
	if i < 0 {
		return site{}, false
	}
	return p.sites[i], true
}
