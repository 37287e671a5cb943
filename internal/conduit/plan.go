package conduit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Plan is what passes between the zones of a site in three states side by side:
// approved (policies), observed (crossings) and configured (what filters are set to do).
type Plan struct {
	SiteID     string    `json:"site_id"`
	Conduits   []Conduit `json:"conduits" nullable:"false"`
	Total      int64     `json:"total" doc:"Observed conversations between zones, in 30 days"`
	Approved   int64     `json:"approved" doc:"Of them"`
	Share      *float64  `json:"share" doc:"Approved of observed; null: none was observed"`
	Configured string    `json:"configured" enum:"unknown" doc:"What firewalls and switches are set to do: unknown until their configurations are read"`
}

// Conduit is a pair of zones, by who asks.
type Conduit struct {
	FromID   string   `json:"from_id" doc:"none: hosts in no zone; internet"`
	From     string   `json:"from"`
	ToID     string   `json:"to_id"`
	To       string   `json:"to"`
	Observed []Seen   `json:"observed" nullable:"false"`
	Policies []Policy `json:"policies" nullable:"false"`
	State    string   `json:"state" enum:"approved,denied,undecided,beyond,unused" doc:"The worst of what was observed; unused: allowed and never observed"`
}

// Seen is one service that was observed.
type Seen struct {
	ID            string     `json:"id"`
	Transport     string     `json:"transport"`
	Port          int64      `json:"port"`
	Protocol      string     `json:"protocol" doc:"Empty: not recognised"`
	Classes       []string   `json:"classes" nullable:"false"`
	Conversations int64      `json:"conversations"`
	Clients       int64      `json:"clients"`
	Servers       int64      `json:"servers"`
	FirstAt       store.Time `json:"first_at"`
	LastAt        store.Time `json:"last_at"`
	Live          bool       `json:"live"`
	Verdict       string     `json:"verdict" enum:"approved,denied,undecided,beyond"`
	Policy        string     `json:"policy" doc:"Id of the policy that decided; empty: none"`
}

// Policy is one decision.
type Policy struct {
	ID        string     `json:"id"`
	SiteID    string     `json:"site_id"`
	FromID    string     `json:"from_id"`
	ToID      string     `json:"to_id"`
	Either    bool       `json:"either" doc:"Either side may begin"`
	Transport string     `json:"transport"`
	Port      int64      `json:"port"`
	Protocol  string     `json:"protocol"`
	Classes   []string   `json:"classes" nullable:"false" doc:"Empty: any"`
	Allow     bool       `json:"allow"`
	Reason    string     `json:"reason"`
	Owner     string     `json:"owner"`
	Until     store.Time `json:"until"`
	By        string     `json:"by"`
	At        store.Time `json:"at"`
	Ended     bool       `json:"ended"`
	ETag      string     `json:"etag"`
}

const observedFor = 30 * 24 * time.Hour

type zoneRow struct {
	No   int64  `db:"zone_no"`
	ID   string `db:"zone_id"`
	Name string `db:"name"`
}

// zones knows the zones of a site by number and id.
type zones struct {
	siteNo int64
	siteID string
	byNo   map[int64]zoneRow
	byID   map[string]int64
}

func zonesOf(ctx context.Context, r store.Reader, scope Scope, siteID string) (*zones, error) {
	no, err := store.One[int64](ctx, r, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Where("o.site_no", ""))
	if err != nil {
		return nil, err
	}
	rows, err := store.All[zoneRow](ctx, r, "SELECT zone_no, zone_id, name FROM org_zone WHERE site_no = ?", no)
	if err != nil {
		return nil, err
	}
	z := &zones{siteNo: no, siteID: siteID, byNo: map[int64]zoneRow{None: {None, "none", ""}, Internet: {Internet, "internet", "Internet"}}, byID: map[string]int64{"none": None, "internet": Internet}}
	for _, x := range rows {
		z.byNo[x.No], z.byID[x.ID] = x, x.No
	}
	return z, nil
}

func policiesOf(ctx context.Context, r store.Reader, siteNo int64) ([]policy, error) {
	return store.All[policy](ctx, r, "SELECT "+policyColumns+" FROM conduit_policy p WHERE p.site_no = ? AND p.retired_at IS NULL ORDER BY p.decided_at, p.policy_id", siteNo)
}

func (p *policy) show(z *zones, now time.Time) Policy {
	return Policy{
		ID: p.ID, SiteID: z.siteID, FromID: z.byNo[p.From].ID, ToID: z.byNo[p.To].ID, Either: p.Either, Transport: p.Transport, Port: p.Port, Protocol: p.Protocol, Classes: classNames(p.Classes),
		Allow: p.Allow, Reason: p.Reason, Owner: p.Owner, Until: p.Until, By: p.By, At: p.At, Ended: !p.inForce(now), ETag: p.etag(),
	}
}

// seenID names an observed service of a site, so that it can be decided on.
func (c *Crossing) seenID(z *zones) string {
	return strings.Join([]string{z.byNo[c.FromZone].ID, z.byNo[c.ToZone].ID, c.Transport, fmt.Sprint(c.Port), c.Protocol}, "|")
}

// gravity orders verdicts for the state of a conduit.
func gravity(v string) int {
	return slices.Index([]string{"unused", Approved, Undecided, Beyond, Denied}, v)
}

// Plan puts the three states together.
func (s *Service) Plan(ctx context.Context, scope Scope, siteID string) (out Plan, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		z, err := zonesOf(ctx, r, scope, siteID)
		if err != nil {
			return err
		}
		policies, err := policiesOf(ctx, r, z.siteNo)
		if err != nil {
			return err
		}
		seen, err := s.cfg.Traffic.Crossings(ctx, r, z.siteNo, s.now().Add(-observedFor))
		if err != nil {
			return err
		}
		out = draw(z, policies, seen, s.now())
		return nil
	})
	return out, err
}

// draw is the pure part of Plan.
func draw(z *zones, policies []policy, seen []Crossing, now time.Time) Plan {
	out := Plan{SiteID: z.siteID, Conduits: []Conduit{}, Configured: "unknown"}
	byPair := map[[2]int64]*Conduit{}
	at := func(from, to int64) *Conduit {
		c := byPair[[2]int64{from, to}]
		if c == nil {
			a, b := z.byNo[from], z.byNo[to]
			c = &Conduit{FromID: a.ID, From: a.Name, ToID: b.ID, To: b.Name, Observed: []Seen{}, Policies: []Policy{}, State: "unused"}
			byPair[[2]int64{from, to}] = c
		}
		return c
	}
	for i := range seen {
		x := &seen[i]
		verdict, by := judge(policies, x, now)
		c := at(x.FromZone, x.ToZone)
		v := Seen{
			ID: x.seenID(z), Transport: x.Transport, Port: x.Port, Protocol: x.Protocol, Classes: classNames(x.Classes), Conversations: x.Conversations, Clients: x.Clients, Servers: x.Servers,
			FirstAt: store.Micros(x.First), LastAt: store.Micros(x.Last), Live: x.Live, Verdict: verdict,
		}
		if by != nil {
			v.Policy = by.ID
		}
		c.Observed = append(c.Observed, v)
		out.Total += x.Conversations
		if verdict == Approved {
			out.Approved += x.Conversations
		}
		if gravity(verdict) > gravity(c.State) {
			c.State = verdict
		}
	}
	for i := range policies {
		p := &policies[i]
		c := at(p.From, p.To)
		c.Policies = append(c.Policies, p.show(z, now))
	}
	for _, c := range byPair {
		slices.SortFunc(c.Observed, func(a, b Seen) int {
			return cmp.Or(gravity(b.Verdict)-gravity(a.Verdict), cmp.Compare(b.Conversations, a.Conversations), cmp.Compare(a.ID, b.ID))
		})
		out.Conduits = append(out.Conduits, *c)
	}
	slices.SortFunc(out.Conduits, func(a, b Conduit) int {
		return cmp.Or(gravity(b.State)-gravity(a.State), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	if out.Total > 0 {
		out.Share = new(float64(out.Approved) / float64(out.Total))
	}
	return out
}

// Rule is what a person writes down of a policy.
type Rule struct {
	FromID    string     `json:"from_id" minLength:"1" doc:"Id of the client's zone; none: hosts in no zone; internet"`
	ToID      string     `json:"to_id" minLength:"1"`
	Either    bool       `json:"either,omitempty"`
	Transport string     `json:"transport,omitempty" maxLength:"12"`
	Port      int64      `json:"port,omitempty" minimum:"0" maximum:"65535"`
	Protocol  string     `json:"protocol,omitempty" maxLength:"60"`
	Classes   []string   `json:"classes,omitempty" doc:"Empty: any"`
	Allow     bool       `json:"allow"`
	Reason    string     `json:"reason" minLength:"1" maxLength:"1000"`
	Owner     string     `json:"owner" minLength:"1" maxLength:"200"`
	Until     *time.Time `json:"until,omitempty"`
}

func (s *Service) policyOf(z *zones, by string, in Rule) (policy, error) {
	p := policy{
		SiteNo: z.siteNo, Either: in.Either, Transport: ot.Printable(in.Transport), Port: in.Port, Protocol: ot.Printable(in.Protocol), Allow: in.Allow,
		Reason: ot.Printable(strings.TrimSpace(in.Reason)), Owner: ot.Printable(strings.TrimSpace(in.Owner)), By: by, At: store.At(s.now()),
	}
	var okFrom, okTo bool
	p.From, okFrom = z.byID[in.FromID]
	p.To, okTo = z.byID[in.ToID]
	var err error
	switch {
	case !okFrom || !okTo:
		return p, ot.Errorf(ot.NotFound, "there is no such zone at this site")
	case p.From == p.To:
		return p, ot.Errorf(ot.Invalid, "a conduit joins two zones: choose another one")
	case p.Reason == "" || p.Owner == "":
		return p, ot.Errorf(ot.Invalid, "reason, owner: say what it is for and who answers for it")
	case in.Until != nil && !in.Until.After(s.now()):
		return p, ot.Errorf(ot.Invalid, "until: that moment has passed")
	}
	if in.Until != nil {
		p.Until = store.At(*in.Until)
	}
	if p.Classes, err = classBits(in.Classes); err != nil {
		return p, err
	}
	if p.Classes != 0 {
		p.Beyond = everyClass &^ p.Classes
	}
	return p, nil
}

// Add decides on a conduit.
func (s *Service) Add(ctx context.Context, scope Scope, by, siteID string, in Rule) (out Policy, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		z, err := zonesOf(ctx, tx, scope, siteID)
		if err != nil {
			return err
		}
		p, err := s.policyOf(z, by, in)
		if err != nil {
			return err
		}
		p.ID, p.Version = store.NewID(), 1
		out = p.show(z, s.now())
		rest.Target(ctx, siteID, ot.Ref{Kind: "conduit", ID: p.ID})
		return s.write(ctx, tx, siteID, p)
	})
	return out, err
}

func (s *Service) write(ctx context.Context, tx *store.Tx, siteID string, p policy) error {
	if err := store.Upsert(ctx, tx, "conduit_policy", []policy{p}, []string{"policy_id"}, policySet()); err != nil {
		return err
	}
	return changed(ctx, tx, p.SiteNo, siteID)
}

// find reads a policy that the person may see, with the zones of its site.
func find(ctx context.Context, r store.Reader, scope Scope, id string) (policy, *zones, error) {
	p, err := store.One[policy](ctx, r, "SELECT "+policyColumns+" FROM conduit_policy p WHERE p.policy_id = ? AND p.retired_at IS NULL AND ?", id, scope.Where("p.site_no", ""))
	if err != nil {
		return p, nil, err
	}
	siteID, err := store.One[string](ctx, r, "SELECT site_id FROM org_site WHERE site_no = ?", p.SiteNo)
	if err != nil {
		return p, nil, err
	}
	z, err := zonesOf(ctx, r, scope, siteID)
	return p, z, err
}

// Change writes a policy anew; what it was stays as a retired one.
func (s *Service) Change(ctx context.Context, scope Scope, by, id string, in Rule, ifMatch string) (out Policy, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		old, z, err := find(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if err := rest.IfMatch(ifMatch, old.etag()); err != nil {
			return err
		}
		p, err := s.policyOf(z, by, in)
		if err != nil {
			return err
		}
		p.ID, p.Version = id, old.Version+1
		rest.Target(ctx, z.siteID, ot.Ref{Kind: "conduit", ID: id})
		was := old
		was.ID, was.Retired = store.NewID(), store.At(s.now())
		if err := store.Upsert(ctx, tx, "conduit_policy", []policy{was}, nil, nil); err != nil {
			return err
		}
		out = p.show(z, s.now())
		return s.write(ctx, tx, z.siteID, p)
	})
	return out, err
}

// Retire ends a policy.
func (s *Service) Retire(ctx context.Context, scope Scope, id, ifMatch string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		p, z, err := find(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if err := rest.IfMatch(ifMatch, p.etag()); err != nil {
			return err
		}
		rest.Target(ctx, z.siteID, ot.Ref{Kind: "conduit", ID: id})
		p.Retired, p.Version = store.At(s.now()), p.Version+1
		return s.write(ctx, tx, z.siteID, p)
	})
}

// Several decides on many observed services at once.
type Several struct {
	Seen   []string   `json:"seen" minItems:"1" maxItems:"500" doc:"Ids of observed services"`
	Allow  bool       `json:"allow"`
	Reason string     `json:"reason" minLength:"1" maxLength:"1000"`
	Owner  string     `json:"owner" minLength:"1" maxLength:"200"`
	Until  *time.Time `json:"until,omitempty"`
}

// Decide makes a policy of each observed service, exactly as it was observed.
func (s *Service) Decide(ctx context.Context, scope Scope, by, siteID string, in Several) (n int, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		z, err := zonesOf(ctx, tx, scope, siteID)
		if err != nil {
			return err
		}
		seen, err := s.cfg.Traffic.Crossings(ctx, tx, z.siteNo, s.now().Add(-observedFor))
		if err != nil {
			return err
		}
		n = 0
		for i := range seen {
			c := &seen[i]
			if !slices.Contains(in.Seen, c.seenID(z)) {
				continue
			}
			r := Rule{
				FromID: z.byNo[c.FromZone].ID, ToID: z.byNo[c.ToZone].ID, Transport: c.Transport, Port: c.Port, Protocol: c.Protocol, Allow: in.Allow, Reason: in.Reason, Owner: in.Owner, Until: in.Until,
			}
			if in.Allow {
				r.Classes = classNames(c.Classes)
			}
			p, err := s.policyOf(z, by, r)
			if err != nil {
				return err
			}
			p.ID, p.Version = store.NewID(), 1
			if err := s.write(ctx, tx, siteID, p); err != nil {
				return err
			}
			n++
		}
		if n < len(in.Seen) {
			return ot.Errorf(ot.NotFound, "seen: some of it was not observed in the last 30 days; load the page again")
		}
		rest.Target(ctx, siteID, ot.Ref{Kind: "site", ID: siteID})
		return nil
	})
	return n, err
}
