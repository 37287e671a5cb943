package detect

import (
	"context"
	"slices"
	"strconv"

	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// Take judges a summary and raises what it found, in the caller's transaction, after
// the assets and conversations that it tells of. Taking it again changes nothing.
func (s *Service) Take(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary) error {
	s.mu.RLock()
	judge := s.judge
	s.mu.RUnlock()
	look := judge.Begin(Seen{d, sum})
	if look.Empty() {
		return nil
	}
	n, err := tx.Exec(ctx, "INSERT INTO detect_applied (sensor, epoch, seq, at) VALUES (?, ?, ?, ?) ON CONFLICT (sensor, epoch, seq) DO NOTHING",
		strconv.FormatInt(d.SiteNo, 10)+"/"+d.Source, sum.Epoch, int64(sum.Seq), store.At(d.Received))
	if err != nil || n == 0 {
		return err
	}
	hits, err := s.look(ctx, tx, d, look)
	if err != nil {
		return err
	}
	var learnt []knownRow
	for name, value := range look.Learnt() {
		learnt = append(learnt, knownRow{d.SiteNo, name, value, d.Received.UnixMicro()})
	}
	slices.SortFunc(learnt, func(a, b knownRow) int { return compare(a.Name, b.Name) })
	if err := store.Upsert(ctx, tx, "detect_known", learnt, []string{"site_no", "name"}, []string{"value", "at"}); err != nil {
		return err
	}
	return s.Raise(ctx, tx, hits...)
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// knownRow is detect_known.
type knownRow struct {
	SiteNo int64  `db:"site_no"`
	Name   string `db:"name"`
	Value  string `db:"value"`
	At     int64  `db:"at"`
}

// look asks what the judgement needs, and judges.
func (s *Service) look(ctx context.Context, r store.Reader, d sensor.Delivery, look *Look) ([]rule.Hit, error) {
	a := Around{Known: map[string]string{}}
	for part := range slices.Chunk(look.Names(), 500) {
		rows, err := store.All[knownRow](ctx, r, "SELECT site_no, name, value, at FROM detect_known WHERE site_no = ? AND name IN (?)", d.SiteNo, part)
		if err != nil {
			return nil, err
		}
		for _, k := range rows {
			a.Known[k.Name] = k.Value
		}
	}
	if s.cfg.Plant != nil {
		var err error
		if a.Who, err = s.cfg.Plant.Who(ctx, r, d.SiteNo, look.Hosts()); err != nil {
			return nil, err
		}
		from, to := look.Span()
		if a.Planned, err = s.cfg.Plant.Planned(ctx, r, d.SiteNo, from.Add(-slack), to.Add(slack)); err != nil {
			return nil, err
		}
	}
	hits, err := look.End(a)
	if err != nil { // one rule that fails must not keep the others from being heard
		s.cfg.Log.Warn("a condition of a detection failed", "error", err)
	}
	if s.cfg.Plant == nil || len(hits) == 0 {
		return hits, nil
	}
	return hits, s.locate(ctx, r, d, look, hits)
}

// locate finds the conversations of hits.
func (s *Service) locate(ctx context.Context, r store.Reader, d sensor.Delivery, look *Look, hits []rule.Hit) error {
	var list []TalkKey
	asked := map[TalkKey]bool{}
	of := map[int]TalkKey{}
	for i, k := range look.where {
		if k.Transport == "" || hits[i].Client == (rule.End{}) || hits[i].Server == (rule.End{}) { // of no one conversation
			continue
		}
		of[i] = k
		if !asked[k] {
			asked[k] = true
			list = append(list, k)
		}
	}
	talks, err := s.cfg.Plant.Talks(ctx, r, d.SiteNo, list)
	if err != nil {
		return err
	}
	for i, k := range of {
		if t, ok := talks[k]; ok {
			hits[i].Conv = t.No
			if hits[i].ZoneNo == 0 {
				hits[i].ZoneNo = t.ServerZoneNo
			}
		}
	}
	return nil
}
