package network

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// The kinds of sources.
const (
	KindSensor  = "sensor"
	KindCapture = "capture"
)

// Told says whether a kind of source is another sensor, whose references count lines or records.
func Told(kind string) bool { return kind != KindSensor && kind != KindCapture }

// sourceRow is network_source.
type sourceRow struct {
	ID          string                       `db:"source_id"`
	SiteNo      int64                        `db:"site_no"`
	RealmNo     int64                        `db:"realm_no"`
	Kind        string                       `db:"kind"`
	Name        string                       `db:"name"`
	Live        bool                         `db:"live"`
	FirstAt     int64                        `db:"first_at"`
	LastAt      int64                        `db:"last_at"`
	ReceivedAt  int64                        `db:"received_at"`
	Skew        *int64                       `db:"skew"`
	Packets     int64                        `db:"packets"`
	Bytes       int64                        `db:"bytes"`
	Malformed   int64                        `db:"malformed"`
	Truncated   int64                        `db:"truncated"`
	Dropped     int64                        `db:"dropped"`
	Transmitted int64                        `db:"transmitted"`
	Lost        int64                        `db:"lost"`
	Quarantined int64                        `db:"quarantined"`
	Unknown     int64                        `db:"unknown"`
	OTBytes     int64                        `db:"ot_bytes"`
	BudgetHits  int64                        `db:"budget_hits"`
	Budget      store.JSON[map[string]int64] `db:"budget"`
	OneSided    float64                      `db:"one_sided"`
	RuleSet     string                       `db:"rule_set"`
	Cut         string                       `db:"cut"`
	Ended       bool                         `db:"ended"`
	Told        string                       `db:"told"` // sensor.Told as JSON
}

const sourceColumns = "source_id, site_no, realm_no, kind, name, live, first_at, last_at, received_at, skew, packets, bytes, malformed, truncated, dropped, transmitted, lost, quarantined, unknown, ot_bytes, budget_hits, budget, one_sided, rule_set, cut, ended, told"

// hearSource adds a summary's health to its source, and what a live one listened to.
func (s *Service) hearSource(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary) error {
	rows, err := store.All[sourceRow](ctx, tx, "SELECT "+sourceColumns+" FROM network_source WHERE source_id = ?", d.Source)
	if err != nil {
		return err
	}
	r := sourceRow{ID: d.Source, SiteNo: d.SiteNo, RealmNo: d.RealmNo, Kind: KindCapture, FirstAt: micros(sum.From)}
	if len(rows) > 0 {
		r = rows[0]
	}
	if d.Name != "" {
		r.Name = d.Name
	}
	told := sum.Health.Told
	if told != nil {
		if err := r.tell(told); err != nil {
			return err
		}
	} else if sum.Live {
		r.Kind, r.Live = KindSensor, true
		if sum.Sent != 0 {
			skew := micros(sum.Sent) - d.Received.UnixMicro()
			r.Skew = &skew
		}
	}
	if from := micros(sum.From); from != 0 && (r.FirstAt == 0 || from < r.FirstAt) {
		r.FirstAt = from
	}
	r.LastAt = max(r.LastAt, micros(sum.To))
	r.ReceivedAt = max(r.ReceivedAt, d.Received.UnixMicro())
	h := &sum.Health
	for _, c := range []struct {
		to  *int64
		add uint64
	}{
		{&r.Packets, h.Packets},
		{&r.Bytes, h.Bytes},
		{&r.Malformed, h.Malformed},
		{&r.Truncated, h.Truncated},
		{&r.Dropped, h.Dropped},
		{&r.Transmitted, h.Transmitted},
		{&r.Lost, h.Lost},
		{&r.Quarantined, h.Quarantined},
		{&r.Unknown, h.Unknown},
		{&r.OTBytes, h.OTBytes},
	} {
		*c.to += int64(c.add)
	}
	if r.Budget.V == nil {
		r.Budget.V = map[string]int64{}
	}
	for name, n := range h.BudgetHit {
		r.Budget.V[name] += int64(n)
		r.BudgetHits += int64(n)
	}
	r.OneSided = h.OneSided
	if h.RuleSet != "" {
		r.RuleSet = h.RuleSet
	}
	if h.Cut != "" || sum.Live { // a sensor that is back is not cut off any more
		r.Cut = h.Cut
	}
	r.Ended = sum.Last
	if err := store.Upsert(ctx, tx, "network_source", []sourceRow{r}, []string{"source_id"}, []string{
		"name", "live", "kind", "first_at", "last_at", "received_at", "skew", "packets", "bytes", "malformed",
		"truncated", "dropped", "transmitted", "lost", "quarantined", "unknown", "ot_bytes", "budget_hits", "budget", "one_sided", "rule_set", "cut", "ended", "told",
	}); err != nil {
		return err
	}
	if !sum.Live || told != nil {
		return nil // who does not decode has listened to nothing
	}
	return s.listened(ctx, tx, d, sum)
}

// tell adds another sensor's words. It is never live: a site with nothing else is not
// listened to, whatever its switches count.
func (r *sourceRow) tell(t *sensor.Told) error {
	was := &sensor.Told{}
	if r.Told != "" {
		if err := json.Unmarshal([]byte(r.Told), was); err != nil {
			return fmt.Errorf("read what source %s said of itself: %w", r.ID, err)
		}
	}
	raw, err := json.Marshal(was.With(t))
	r.Kind, r.Live, r.Told = t.Kind, false, string(raw)
	if x := t.Exporter; x != nil {
		skew := x.Skew / 1000
		r.Skew = &skew
	}
	return err
}

type listenRow struct {
	SiteNo   int64  `db:"site_no"`
	ZoneNo   int64  `db:"zone_no"`
	Hour     int64  `db:"hour"`
	SourceID string `db:"source_id"`
	Seconds  int64  `db:"seconds"`
}

// maxListened bounds the time that one summary can claim: a clock that jumps must not fill months.
const maxListened = 24 * 3600 * 1e6

// listened notes, for every zone of which somebody was heard, the time that the
// summary covers; and for zone 0 in any case: who hears silence listens too.
func (s *Service) listened(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary) error {
	from, to := micros(sum.From), micros(sum.To)
	if to <= from || to-from > maxListened {
		return nil
	}
	var addresses []string
	for i := range sum.Hosts {
		addresses = append(addresses, endOf(sum.Hosts[i].Host).name())
	}
	slices.Sort(addresses)
	zones := map[int64]bool{0: true}
	for part := range slices.Chunk(slices.Compact(addresses), 500) {
		e, err := s.loadEnds(ctx, tx, d.SiteNo, part)
		if err != nil {
			return err
		}
		for i := range sum.Hosts {
			h := endOf(sum.Hosts[i].Host)
			if _, ok := slices.BinarySearch(part, h.name()); ok {
				zone, internet := e.of(d.Realm(sum.Hosts[i].Realm), h.mac, h.ip)
				if !internet {
					zones[zone] = true
				}
			}
		}
	}
	var rows []listenRow
	for zone := range zones {
		for t := from; t < to; {
			next := min((hourOf(t)+1)*3600*1e6, to)
			if sec := (next - t + 500_000) / 1_000_000; sec > 0 {
				rows = append(rows, listenRow{d.SiteNo, zone, hourOf(t), d.Source, sec})
			}
			t = next
		}
	}
	return store.Upsert(ctx, tx, "network_listen", rows, []string{"site_no", "zone_no", "hour", "source_id"},
		[]string{"seconds = CASE WHEN network_listen.seconds + excluded.seconds > 3600 THEN 3600 ELSE network_listen.seconds + excluded.seconds END"})
}

// SourceNames says what people call sources; package asset asks it for its facts.
func (s *Service) SourceNames(ctx context.Context, r store.Reader, ids []string) (map[string]ot.SourceName, error) {
	type row struct {
		ID   string `db:"source_id"`
		Name string `db:"name"`
		Kind string `db:"kind"`
	}
	rows, err := store.All[row](ctx, r, "SELECT source_id, name, kind FROM network_source WHERE source_id IN (?)", ids)
	out := map[string]ot.SourceName{}
	for _, x := range rows {
		out[x.ID] = ot.SourceName{Name: x.Name, Kind: x.Kind}
	}
	return out, err
}
