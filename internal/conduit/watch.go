package conduit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// changed makes the checks that read conduits stale.
func changed(ctx context.Context, tx *store.Tx, siteNo int64, siteID string) error {
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicNetwork, SiteNo: siteNo, Refs: []ot.Ref{{Kind: "site", ID: siteID}}})
}

// tellAgain is how often one conversation is raised at most.
const tellAgain = time.Hour

func addressOf(h ot.Host) (mac, ip string) {
	if h.IP.IsValid() {
		return "", h.IP.Unmap().WithZone("").String()
	}
	return h.MAC.String(), ""
}

// Watch compares the conversations of a summary with the policies, in the caller's
// transaction. A site without any policy has not begun: nothing is raised there.
func (s *Service) Watch(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary) error {
	if s.cfg.Raiser == nil || len(sum.Flows) == 0 {
		return nil
	}
	policies, err := policiesOf(ctx, tx, d.SiteNo)
	if err != nil || len(policies) == 0 {
		return err
	}
	begun := slices.MinFunc(policies, func(a, b policy) int { return a.At.Compare(b.At.Time) }).At
	seen := map[string]bool{}
	var addresses []string
	for i := range sum.Flows {
		for _, h := range []ot.Host{sum.Flows[i].Client, sum.Flows[i].Server} {
			mac, ip := addressOf(h)
			if a := mac + ip; !seen[a] {
				seen[a] = true
				addresses = append(addresses, a)
			}
		}
	}
	zone, err := s.cfg.Traffic.Zones(ctx, tx, d.SiteNo, addresses)
	if err != nil {
		return err
	}
	classes := map[sensor.FlowKey]int64{}
	for i := range sum.Tuples {
		classes[sum.Tuples[i].Flow] |= int64(ot.ParseClass(sum.Tuples[i].Class))
	}
	found := map[int64]rule.Hit{}
	for i := range sum.Flows {
		f := &sum.Flows[i]
		if hit, ok := s.cross(d, f, zone, classes, policies, begun.Time, sum.Live); ok {
			found[talkOf(hit)] = hit
		}
	}
	return s.raise(ctx, tx, d.SiteNo, found)
}

// cross judges one conversation.
func (s *Service) cross(d sensor.Delivery, f *sensor.FlowDelta, zone func(int64, string, string) int64, classes map[sensor.FlowKey]int64, policies []policy, begun time.Time, live bool) (rule.Hit, bool) {
	realm := d.Realm(f.Realm)
	cm, ci := addressOf(f.Client)
	sm, si := addressOf(f.Server)
	c := Crossing{
		FromZone: zone(realm, cm, ci), ToZone: zone(realm, sm, si), Transport: f.Transport, Port: int64(f.Port), Protocol: f.Protocol,
		Classes: classes[sensor.FlowKey{Realm: f.Realm, Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol}],
	}
	if c.FromZone == c.ToZone || f.Server.IP.IsMulticast() || f.Transport == "tcp" && !f.Established {
		return rule.Hit{}, false
	}
	verdict, _ := judge(policies, &c, time.Unix(0, f.Last))
	id := RuleViolation
	switch {
	case verdict == Approved, verdict == Undecided && time.Unix(0, f.First).Before(begun): // it was there before anybody decided anything
		return rule.Hit{}, false
	case verdict == Undecided:
		id = RuleUnknown
	}
	return rule.Hit{
		Rule: id, SiteNo: d.SiteNo, RealmNo: realm, ZoneNo: max(c.ToZone, 0), Client: rule.End{MAC: cm, IP: ci}, Server: rule.End{MAC: sm, IP: si}, Transport: f.Transport, Port: f.Port,
		Protocol: f.Protocol, First: f.First, Last: f.Last, Count: 1, Live: live, Packets: []ot.PacketRef{f.FirstRef}, Proof: f.Proof,
		Facts: []rule.Say{{Name: "policy", Value: verdict}},
	}, true
}

// talkOf names a conversation in conduit_told.
func talkOf(h rule.Hit) int64 {
	sum := sha256.Sum256([]byte(strings.Join([]string{strconv.FormatInt(h.RealmNo, 10), h.Client.Name(), h.Server.Name(), h.Transport, strconv.Itoa(int(h.Port)), h.Protocol}, "\x00")))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

// told is conduit_told.
type told struct {
	SiteNo int64      `db:"site_no"`
	Talk   int64      `db:"talk"`
	At     store.Time `db:"told_at"`
}

// raise tells what was not told in the last hour of packet time.
func (s *Service) raise(ctx context.Context, tx *store.Tx, siteNo int64, found map[int64]rule.Hit) error {
	var keys []int64
	for k := range found {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	last := map[int64]time.Time{}
	for part := range slices.Chunk(keys, 400) {
		rows, err := store.All[told](ctx, tx, "SELECT site_no, talk, told_at FROM conduit_told WHERE site_no = ? AND talk IN (?)", siteNo, part)
		if err != nil {
			return err
		}
		for _, x := range rows {
			last[x.Talk] = x.At.Time
		}
	}
	var rows []told
	var hits []rule.Hit
	for _, k := range keys {
		h := found[k]
		at := time.Unix(0, h.Last)
		if was, ok := last[k]; ok && at.Sub(was) < tellAgain {
			continue
		}
		rows = append(rows, told{siteNo, k, store.At(at)})
		hits = append(hits, h)
	}
	if len(hits) == 0 {
		return nil
	}
	if err := store.Upsert(ctx, tx, "conduit_told", rows, []string{"site_no", "talk"}, []string{"told_at"}); err != nil {
		return err
	}
	return s.cfg.Raiser.Raise(ctx, tx, hits...)
}
