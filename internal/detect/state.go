package detect

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// surround says of hits of state rules what a judge says of the others: what is known of
// the two sides, whether it was planned, and with it another severity.
func (r *raising) surround(ctx context.Context, hits []rule.Hit) error {
	if r.s.cfg.Plant == nil {
		return nil
	}
	type around struct {
		hosts    []Host
		from, to int64
	}
	sites := map[int64]*around{}
	for i := range hits {
		h := &hits[i]
		if of := r.set.Lookup(h.Rule); of == nil || of.On != rule.State {
			continue
		}
		a := sites[h.SiteNo]
		if a == nil {
			a = &around{from: h.First, to: h.First}
			sites[h.SiteNo] = a
		}
		a.from, a.to = min(a.from, h.First), max(a.to, h.First)
		a.hosts = append(a.hosts, hostOf(h.RealmNo, h.Client), hostOf(h.RealmNo, h.Server))
	}
	for siteNo, a := range sites {
		who, err := r.s.cfg.Plant.Who(ctx, r.tx, siteNo, a.hosts)
		if err != nil {
			return err
		}
		planned, err := r.s.cfg.Plant.Planned(ctx, r.tx, siteNo, time.Unix(0, a.from).Add(-slack), time.Unix(0, a.to).Add(slack))
		if err != nil {
			return err
		}
		for i := range hits {
			h := &hits[i]
			if of := r.set.Lookup(h.Rule); of == nil || of.On != rule.State || h.SiteNo != siteNo {
				continue
			}
			if err := r.adjust(h, who, planned); err != nil {
				return err
			}
		}
		r.who[siteNo] = who
	}
	return nil
}

func hostOf(realmNo int64, e rule.End) Host { return hostAt(realmNo, e.IP, e.MAC) }

func (r *raising) adjust(h *rule.Hit, who map[Host]Party, planned []Window) error {
	ready := r.set.Ready(h.Rule)
	if ready == nil || len(ready.Adjust) == 0 || h.Severity != "" {
		return nil
	}
	f := found{hit: h, sides: [2]Party{who[hostOf(h.RealmNo, h.Client)], who[hostOf(h.RealmNo, h.Server)]}}
	title := ""
	if title, f.planned = plannedAt(planned, h.First, &f.sides[1]); f.planned {
		h.Facts = append(h.Facts, rule.Say{Name: "planned", Value: title})
	}
	for _, a := range ready.Adjust {
		ok, err := a.When.Holds(&f)
		if err != nil {
			return err
		}
		if ok {
			h.Severity = a.Severity
			break
		}
	}
	return nil
}

// found is a hit of a state rule as a condition sees it.
type found struct {
	hit     *rule.Hit
	sides   [2]Party
	planned bool
}

func (f *found) end(v rule.Var) (rule.End, *Party, rule.Var) {
	if v >= rule.ServerSide {
		return f.hit.Server, &f.sides[1], v - rule.ServerSide
	}
	return f.hit.Client, &f.sides[0], v - rule.ClientSide
}

// Text answers a condition.
func (f *found) Text(v rule.Var) string {
	switch v {
	case rule.Protocol:
		return f.hit.Protocol
	case rule.Transport:
		return f.hit.Transport
	}
	e, p, what := f.end(v)
	switch what {
	case rule.SideIP:
		return e.IP
	case rule.SideMAC:
		return e.MAC
	}
	return sideText(p, what)
}

// Int answers a condition.
func (f *found) Int(rule.Var) int64 { return int64(f.hit.Port) }

// Bool answers a condition.
func (f *found) Bool(v rule.Var) bool {
	switch v {
	case rule.Live:
		return f.hit.Live
	case rule.Planned:
		return f.planned
	case rule.Crosses:
		return f.sides[0].ZoneNo != 0 && f.sides[1].ZoneNo != 0 && f.sides[0].ZoneNo != f.sides[1].ZoneNo
	}
	_, p, what := f.end(v)
	switch what {
	case rule.SideKnown:
		return p.Asset != ""
	case rule.SideProgramming:
		return p.Programming
	case rule.SideInternet:
		return p.Internet
	}
	return p.OT
}

// newcomer is how long what a new device does belongs to the alert of its arrival.
const newcomer = 24 * time.Hour

// yields finds the alert that already tells of what a hit of a yielding rule means: what
// began between the same two within the half hour, or a device whose arrival was told
// today. "They never talked before" is then something to know about that alert, and none
// of its own. An alert that stood there before hides nothing.
func (r *raising) yields(ctx context.Context, of *rule.Rule, h *rule.Hit) (*alertRow, error) {
	open, err := r.openOf(ctx, h.SiteNo)
	if err != nil {
		return nil, err
	}
	client, server := r.side(h.SiteNo, h.RealmNo, h.Client), r.side(h.SiteNo, h.RealmNo, h.Server)
	at := h.First / 1000
	for _, o := range open {
		rules := r.set.Lookup(o.Rule)
		if o.RealmNo != h.RealmNo || o.State == StateClosed || rules == nil {
			continue
		}
		gap := max(o.FirstAt-at, at-o.FirstAt)
		oc, os := o.named(o.ClientAsset, o.ClientIP, o.ClientMAC), o.named(o.ServerAsset, o.ServerIP, o.ServerMAC)
		switch {
		case rules.On == rule.State && slices.Equal(rules.Group, []string{"client"}): // a newcomer
			if gap <= newcomer.Microseconds() && (meet(oc, client) || meet(oc, server)) {
				return o, nil
			}
		case o.Rule == of.ID, gap > together.Microseconds(), o.Rank > ranks(of.Severity): // what is graver must not hide in what is less
		case meet(oc, client) && (meet(os, server) || len(os) == 0), meet(oc, server) && meet(os, client):
			return o, nil
		}
	}
	return nil, nil
}

// side names an end in every way in which alerts may name it.
func (r *raising) side(siteNo, realmNo int64, e rule.End) []string {
	return (&alertRow{}).named(r.who[siteNo][hostOf(realmNo, e)].Asset, e.IP, e.MAC)
}

// at is where a row stands in the rows of one call.
func (a *alertRow) at() string { return strconv.FormatInt(a.SiteNo, 10) + "|" + a.Key }

func (*alertRow) named(names ...string) []string {
	return slices.DeleteFunc(names, func(s string) bool { return s == "" })
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// mostOpen bounds what a yielding hit is compared with: the newest open alerts of a site.
const mostOpen = 200

// openOf are the open alerts of a site, with those that this call made.
func (r *raising) openOf(ctx context.Context, siteNo int64) ([]*alertRow, error) {
	old, ok := r.standing[siteNo]
	if !ok {
		rows, err := store.All[alertRow](ctx, r.tx, "SELECT "+alertColumns+" FROM detect_alert WHERE site_no = ? AND state IN ('new', 'acknowledged', 'returned', 'shelved') ORDER BY last_at DESC, alert_id LIMIT ?", siteNo, mostOpen)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			old = append(old, &rows[i])
		}
		r.standing[siteNo] = old
	}
	out := make([]*alertRow, 0, len(r.order)+len(old))
	for _, at := range r.order {
		out = append(out, r.rows[at])
	}
	for _, o := range old {
		if r.rows[o.at()] == nil {
			out = append(out, o)
		}
	}
	return out, nil
}

// folds finds the alert of a scan that a hit belongs to: one station that scans twelve
// controllers does one thing.
func (r *raising) folds(ctx context.Context, of *rule.Rule, h *rule.Hit) (*alertRow, error) {
	if of.On != rule.Window || h.Client == (rule.End{}) || h.Server == (rule.End{}) || h.Client == h.Server {
		return nil, nil
	}
	open, err := r.openOf(ctx, h.SiteNo)
	if err != nil {
		return nil, err
	}
	for _, o := range open {
		near := max(o.FirstAt-h.Last/1000, h.First/1000-o.LastAt) <= together.Microseconds()
		if o.Rule == of.ID && o.RealmNo == h.RealmNo && o.State != StateClosed && near && meet(o.named(o.ClientIP, o.ClientMAC), o.named(h.Client.IP, h.Client.MAC)) {
			return o, nil
		}
	}
	return nil, nil
}

// belongs finds the alert that a hit is a part of.
func (r *raising) belongs(ctx context.Context, of *rule.Rule, h *rule.Hit) (*alertRow, error) {
	if of.Yields {
		return r.yields(ctx, of, h)
	}
	return r.folds(ctx, of, h)
}

// join adds a hit to the alert that it is a part of; nobody is called again.
func (r *raising) join(a *alertRow, of *rule.Rule, h *rule.Hit) {
	if r.rows[a.at()] == nil {
		r.rows[a.at()] = a
		r.order = append(r.order, a.at())
	}
	us := h.First / 1000
	switch {
	case a.Rule == of.ID && of.Yields: // the same device by another of its addresses
		a.say(rule.Say{Name: "also", Value: h.Client.Name()})
	case of.Yields:
		a.say(firstTime(h))
	default:
		a.add(of, h, r.now)
		a.say(rule.Say{Name: "also", Value: h.Server.Name()})
	}
	a.Version++
	r.hours = append(r.hours, hourRow{SiteNo: h.SiteNo, Month: monthOf(us), Hour: us / (3600 * 1e6), Rule: of.ID, Hits: int64(max(h.Count, 1))})
}

// firstTime is what a yielding hit adds to the alert it yields to.
func firstTime(h *rule.Hit) rule.Say {
	_, what, _ := strings.Cut(h.Rule, ".")
	what = strings.ReplaceAll(what, "-", "_")
	for _, f := range h.Facts {
		if f.Name == "function" {
			return rule.Say{Name: what, Value: f.Value}
		}
	}
	if h.Protocol != "" {
		return rule.Say{Name: what, Value: h.Protocol}
	}
	return rule.Say{Name: what, Value: ot.Printable(h.Transport)}
}
