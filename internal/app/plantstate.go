package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// plantTags follow the tags that plant states in use name. A nil one follows none.
type plantTags struct {
	followed *sensor.Followed // what sensors of this machine follow; nil: none runs here

	mu    sync.Mutex
	known bool
	rules map[int64][]record.TagRule // by site
}

// forget makes the next summary read the rules again.
func (p *plantTags) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = false
}

// follow forgets the rules whenever a record changes, until ctx ends.
func (p *plantTags) follow(ctx context.Context, b *bus.Bus) error {
	if p == nil {
		return nil
	}
	return b.Run(ctx, "plant-tags", []ot.Topic{ot.TopicRecord}, func(ctx context.Context, tx *store.Tx, _ []bus.Event) error {
		p.forget()
		return p.point(ctx, tx)
	})
}

// point tells the sensors of this machine which elements to look for inside requests.
// Those of other machines are told with their configuration.
func (p *plantTags) point(ctx context.Context, r store.Reader) error {
	if p == nil || p.followed == nil {
		return nil
	}
	rules, err := record.TagRules(ctx, r)
	if err != nil {
		return fmt.Errorf("read which tags tell of the plant's state: %w", err)
	}
	p.followed.Set(elementsOf(rules, nil))
	return nil
}

// elementsOf are the places and names of tags at some sites, nil: at all.
func elementsOf(rules []record.TagRule, sites []int64) []sensor.Element {
	out := []sensor.Element{}
	for _, r := range rules {
		e := sensor.Element{Protocol: r.Protocol, Space: r.Tag.Space, Area: r.Tag.Area, Item: r.Tag.Item, Width: r.Tag.Width, Name: r.Tag.Name}
		if (sites == nil || slices.Contains(sites, r.SiteNo)) && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// edgeElements are what an edge of these sites shall look for.
func edgeElements(ctx context.Context, r store.Reader, sites []int64) ([]edge.Element, error) {
	rules, err := record.TagRules(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("read which tags tell of the plant's state: %w", err)
	}
	var out []edge.Element
	for _, e := range elementsOf(rules, sites) {
		out = append(out, edge.Element(e))
	}
	return out, nil
}

func (p *plantTags) of(ctx context.Context, r store.Reader, siteNo int64) ([]record.TagRule, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.known {
		all, err := record.TagRules(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("read which tags tell of the plant's state: %w", err)
		}
		p.rules = map[int64][]record.TagRule{}
		for _, rule := range all {
			p.rules[rule.SiteNo] = append(p.rules[rule.SiteNo], rule)
		}
		p.known = true
	}
	return p.rules[siteNo], nil
}

// take looks for the tags of a site in a summary, in the transaction that applies it.
// A capture of some day says nothing about the present.
func (p *plantTags) take(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary) error {
	if p == nil || !sum.Live {
		return nil
	}
	rules, err := p.of(ctx, tx, d.SiteNo)
	if err != nil || len(rules) == 0 {
		return err
	}
	whose, err := controllers(ctx, tx, rules)
	if err != nil {
		return fmt.Errorf("find the addresses of controllers whose tags are followed: %w", err)
	}
	heard := make([][]record.Sample, len(rules))
	for i := range sum.Tuples {
		t := &sum.Tuples[i]
		if len(t.Values) == 0 {
			continue
		}
		owners := whose[addressOf(d, t)]
		if len(owners) == 0 {
			continue
		}
		for n := range rules {
			if !owners[rules[n].Asset] || !speaks(&rules[n], t) {
				continue
			}
			for _, v := range t.Values {
				if holds(&rules[n].Tag, v) {
					heard[n] = append(heard[n], record.Sample{Value: v.Value, At: notAfter(time.Unix(0, v.Seen), d.Received)})
				}
			}
		}
	}
	for n := range rules {
		if len(heard[n]) == 0 {
			continue
		}
		slices.SortStableFunc(heard[n], func(a, b record.Sample) int { return a.At.Compare(b.At) })
		if err := rules[n].Hear(ctx, tx, heard[n]); err != nil {
			return fmt.Errorf("take in the tag of %s: %w", rules[n].Ref, err)
		}
	}
	return nil
}

// notAfter keeps a clock that runs ahead from making later values old ones.
func notAfter(at, received time.Time) time.Time {
	if !received.IsZero() && at.After(received) {
		return received
	}
	return at
}

// tagAddress is one of a controller's.
type tagAddress struct {
	realmNo int64
	text    string // IP, or MAC where there is none
}

// addressOf is where a tuple's server answers.
func addressOf(d sensor.Delivery, t *sensor.TupleDelta) tagAddress {
	h := t.Flow.Server
	realm := h.Realm
	if realm == "" {
		realm = t.Flow.Realm
	}
	a := tagAddress{realmNo: d.Realm(realm), text: h.MAC.String()}
	if h.IP.IsValid() {
		a.text = h.IP.String()
	}
	return a
}

// controllers says whose the addresses are, by the ids that the rules use.
func controllers(ctx context.Context, r store.Reader, rules []record.TagRule) (map[tagAddress]map[string]bool, error) {
	type row struct {
		Named   string `db:"named"`
		RealmNo int64  `db:"realm_no"`
		Address string `db:"address"`
	}
	var ids []string
	for _, rule := range rules {
		ids = append(ids, rule.Asset)
	}
	// Of a merged asset a record may hold the old id.
	rows, err := store.All[row](ctx, r, `SELECT b.asset_id AS named, b.realm_no, b.address FROM asset_binding b WHERE b.asset_id IN (?) AND b.to_at IS NULL
 UNION ALL SELECT a.old_id AS named, b.realm_no, b.address FROM asset_alias a JOIN asset_binding b ON b.asset_id = a.asset_id WHERE a.old_id IN (?) AND b.to_at IS NULL`, ids, ids)
	out := map[tagAddress]map[string]bool{}
	for _, x := range rows {
		at := tagAddress{x.RealmNo, x.Address}
		if out[at] == nil {
			out[at] = map[string]bool{}
		}
		out[at][x.Named] = true
	}
	return out, err
}

// selecting is the space of an IEC 104 command that only selects: nothing is set yet.
const selecting = 1

// speaks says whether a tuple is of the rule's protocol, unit and table.
func speaks(rule *record.TagRule, t *sensor.TupleDelta) bool {
	tag := &rule.Tag
	switch {
	case t.Protocol != rule.Protocol && (rule.Protocol != "enip" || t.Protocol != "cip"):
		return false
	case rule.Protocol == "iec104" && t.Space == selecting:
		return false
	case tag.HasUnit && t.Unit != tag.Unit, tag.Area != t.Area && tag.Name == "":
		return false
	}
	return tag.Space == 0 || tag.Space == t.Space
}

func holds(tag *record.Tag, v sensor.Value) bool {
	if tag.Name != "" {
		return v.Item == 0 && strings.EqualFold(tag.Name, v.Name)
	}
	return v.Name == "" && v.Item == tag.Item
}
