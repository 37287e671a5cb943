package comply

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Report is what one evaluation did.
type Report struct {
	Answers  int // of checks, all sites
	Evidence int // rows written
	Levels   int // that changed
	Findings int // opened or closed
}

// Evaluate answers the checks that read one of the topics (none: all), keeps evidence,
// and judges every level as of now. Without topics it adds up all listening anew. The caller's clock is the only one: freshness,
// windows and graces follow it, so a plant may live through 30 days in a minute.
func (s *Service) Evaluate(ctx context.Context, now time.Time, topics ...ot.Topic) (Report, error) {
	s.running.Lock()
	defer s.running.Unlock()
	var rep Report
	now = now.UTC().Truncate(time.Microsecond)
	if len(topics) == 0 || slices.Contains(topics, ot.TopicNetwork) || slices.Contains(topics, ot.TopicSource) || slices.Contains(topics, ot.TopicOrg) {
		if err := s.refreshHeard(ctx, now, len(topics) > 0); err != nil {
			return rep, fmt.Errorf("add up listening: %w", err)
		}
		if err := s.refreshSight(ctx, now, len(topics) > 0); err != nil {
			return rep, fmt.Errorf("judge what would have been seen: %w", err)
		}
	}
	if len(topics) == 0 || slices.Contains(topics, ot.TopicRecord) {
		if err := s.refreshWindows(ctx, now); err != nil {
			return rep, fmt.Errorf("read the maintenance windows: %w", err)
		}
	}
	got, err := s.ask(ctx, now, topics)
	if err != nil {
		return rep, fmt.Errorf("ask the checks: %w", err)
	}
	rep.Answers = len(got.answers)
	old, err := s.answers(ctx)
	if err != nil {
		return rep, err
	}
	if rep.Evidence, err = s.keep(ctx, now, got, old); err != nil {
		return rep, err
	}
	for k, a := range got.answers {
		old[k] = answerRow{
			SiteNo: k.SiteNo, CheckID: k.Check, Status: a.Status, Value: a.Value, Population: a.Population, Judged: a.Judged, Passed: a.Passed, Failed: a.Failed,
			Unknown: a.Unknown, Excepted: a.Excepted, Observed: a.Observed, Collected: store.At(a.Collected), Reason: a.Reason,
		}
	}
	rep.Levels, rep.Findings, err = s.judge(ctx, now, got, old)
	return rep, err
}

func (s *Service) answers(ctx context.Context) (map[answerKey]answerRow, error) {
	out := map[answerKey]answerRow{}
	err := s.db.View(ctx, func(r store.Reader) error {
		clear(out)
		for a, err := range store.Select[answerRow](ctx, r, "SELECT "+answerColumns+" FROM comply_answer") {
			if err != nil {
				return fmt.Errorf("read answers: %w", err)
			}
			out[answerKey{a.SiteNo, a.CheckID}] = a
		}
		return nil
	})
	return out, err
}

// levelText is what a level says to people.
type levelText struct {
	Why  []string `json:"why"`
	Lift []string `json:"lift"`
	Caps []string `json:"caps,omitempty"`
}

// levelRow is the present level of a requirement at a site, or at an entity (SiteNo 0).
type levelRow struct {
	EntityID    string                `db:"entity_id" json:"-"`
	SiteNo      int64                 `db:"site_no" json:"-"`
	Requirement string                `db:"requirement" json:"requirement"`
	Level       int                   `db:"level" json:"level"`
	State       State                 `db:"state" json:"state"`
	Target      int                   `db:"target" json:"target"`
	C           float64               `db:"c" json:"c"`
	E           float64               `db:"e" json:"e"`
	F           float64               `db:"f" json:"f"`
	D           float64               `db:"d" json:"d"`
	Measured    bool                  `db:"measured" json:"measured"`
	Text        store.JSON[levelText] `db:"text" json:"text"`
	Standing    store.JSON[Standing]  `db:"standing" json:"standing"`
	At          store.Time            `db:"at" json:"at"`
	Since       store.Time            `db:"since" json:"since"`
}

const levelColumns = "entity_id, site_no, requirement, level, state, target, c, e, f, d, measured, text, standing, at, since"

func (l levelRow) same(m levelRow) bool {
	return l.Level == m.Level && l.State == m.State && l.Target == m.Target && l.Measured == m.Measured && l.Standing.V == m.Standing.V &&
		near(&l.C, &m.C) && near(&l.E, &m.E) && near(&l.F, &m.F) && l.D == m.D &&
		slices.Equal(l.Text.V.Why, m.Text.V.Why) && slices.Equal(l.Text.V.Lift, m.Text.V.Lift) && slices.Equal(l.Text.V.Caps, m.Text.V.Caps)
}

// unit is what a requirement is judged for.
type unit struct {
	EntityID    string
	SiteNo      int64
	Requirement string
}

// judge derives every level from the answers and declarations, writes what changed, opens
// and closes findings, and keeps the day's levels.
func (s *Service) judge(ctx context.Context, now time.Time, got asked, answers map[answerKey]answerRow) (levels, findings int, err error) {
	var prev map[unit]levelRow
	var valid map[unit][]string
	var open []Finding
	var kept map[dayKey]string
	var outside map[unit]notApplicable
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		if prev, err = levelsOf(ctx, r); err != nil {
			return err
		}
		if valid, err = validRecords(ctx, r, now); err != nil {
			return err
		}
		if outside, err = notApplicables(ctx, r, now); err != nil {
			return err
		}
		if open, err = store.All[Finding](ctx, r, "SELECT "+findingColumns+" FROM comply_finding WHERE closed_at IS NULL"); err != nil {
			return err
		}
		kept, err = daysKept(ctx, r, dayOf(now))
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("read levels: %w", err)
	}
	answered := map[string]bool{}
	for _, r := range relations() {
		answered[r.id] = true
	}
	profiles := map[string]Profile{}
	for _, e := range got.entities {
		profiles[e.ID] = s.cat.Profile(e.Profile)
	}
	current := map[unit]levelRow{}
	var contradictions []Finding
	level := func(u unit, siteNo int64, r *Requirement) {
		f := Facts{Requirement: r, Valid: valid[u]}
		for _, k := range r.Checks {
			c := CheckFact{Spec: k}
			if answered[k.ID] {
				c.Answer = answers[answerKey{siteNo, k.ID}].answer()
			}
			f.Checks = append(f.Checks, c)
		}
		old, known := prev[u]
		target := profiles[u.EntityID].TargetOf(r)
		if x, ok := naOf(outside, u); ok {
			row := levelRow{EntityID: u.EntityID, SiteNo: u.SiteNo, Requirement: r.ID, State: StateNA, Target: target, Text: store.AsJSON(x.text()), At: store.At(now), Since: store.At(now)}
			if known && old.State == StateNA {
				row.Since = old.Since
			}
			current[u] = row
			return
		}
		j := Judge(f, old.Standing.V, now)
		row := levelRow{
			EntityID: u.EntityID, SiteNo: u.SiteNo, Requirement: r.ID, Level: j.Level, State: j.StateOf(r, target), Target: target, C: j.C, E: j.E, F: j.F, D: j.D,
			Measured: j.Measured, Text: store.AsJSON(levelText{j.Why, j.Lift, j.Caps}), Standing: store.AsJSON(j.Standing), At: store.At(now), Since: store.At(now),
		}
		if known && old.Level == row.Level && old.State == row.State {
			row.Since = old.Since
		}
		current[u] = row
		for i, id := range j.Contradicting {
			contradictions = append(contradictions, Finding{EntityID: u.EntityID, SiteNo: u.SiteNo, Requirement: r.ID, CheckID: id, Sentence: j.Contradictions[i]})
		}
	}
	for _, r := range s.cat.Scored() {
		if r.Scope == ScopeEntity {
			for _, e := range got.entities {
				level(unit{e.ID, 0, r.ID}, 0, r)
			}
			continue
		}
		for _, x := range got.sites {
			u := unit{x.EntityID, x.No, r.ID}
			// What the company declares holds for its sites.
			valid[u] = append(valid[u], valid[unit{x.EntityID, 0, r.ID}]...)
			level(u, x.No, r)
		}
	}
	var changed []levelRow
	touched := map[int64]bool{}
	for u, row := range current {
		if old, ok := prev[u]; !ok || !row.same(old) {
			changed = append(changed, row)
			touched[u.SiteNo] = true
		}
	}
	var gone []unit
	for u := range prev {
		if _, ok := current[u]; !ok {
			gone = append(gone, u)
		}
	}
	if err := s.writeLevels(ctx, changed, gone); err != nil {
		return 0, 0, err
	}
	findings, err = s.writeFindings(ctx, now, open, contradictions, touched)
	if err != nil {
		return 0, 0, err
	}
	return len(changed), findings, s.keepDay(ctx, now, current, kept)
}

func levelsOf(ctx context.Context, r store.Reader) (map[unit]levelRow, error) {
	out := map[unit]levelRow{}
	for l, err := range store.Select[levelRow](ctx, r, "SELECT "+levelColumns+" FROM comply_level") {
		if err != nil {
			return nil, err
		}
		out[unit{l.EntityID, l.SiteNo, l.Requirement}] = l
	}
	return out, nil
}

func (s *Service) writeLevels(ctx context.Context, rows []levelRow, gone []unit) error {
	for part := range slices.Chunk(rows, batch) {
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			return store.Upsert(ctx, tx, "comply_level", part, []string{"entity_id", "site_no", "requirement"},
				[]string{"level", "state", "target", "c", "e", "f", "d", "measured", "text", "standing", "at", "since"})
		})
		if err != nil {
			return fmt.Errorf("write levels: %w", err)
		}
	}
	for part := range slices.Chunk(gone, batch) {
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			for _, u := range part {
				if _, err := tx.Exec(ctx, "DELETE FROM comply_level WHERE entity_id = ? AND site_no = ? AND requirement = ?", u.EntityID, u.SiteNo, u.Requirement); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("remove levels: %w", err)
		}
	}
	return nil
}

// Finding is an automatic one: declared X, measured Y.
type Finding struct {
	ID          string     `db:"finding_id" json:"id"`
	EntityID    string     `db:"entity_id" json:"-"`
	SiteNo      int64      `db:"site_no" json:"-"`
	Requirement string     `db:"requirement" json:"requirement"`
	CheckID     string     `db:"check_id" json:"check"`
	Sentence    string     `db:"sentence" json:"sentence"`
	OpenedAt    store.Time `db:"opened_at" json:"opened_at"`
	ClosedAt    store.Time `db:"closed_at" json:"closed_at" nullable:"true"`
	RecordID    string     `db:"record_id" json:"record_id" doc:"Of the record that people work on"`
}

const findingColumns = "finding_id, entity_id, site_no, requirement, check_id, sentence, opened_at, closed_at, record_id"

// writeFindings opens what is newly contradicted, closes what no longer is, and tells the others.
func (s *Service) writeFindings(ctx context.Context, now time.Time, open, want []Finding, touched map[int64]bool) (int, error) {
	type key struct {
		unit
		check string
	}
	of := func(f Finding) key { return key{unit{f.EntityID, f.SiteNo, f.Requirement}, f.CheckID} }
	have := map[key]Finding{}
	for _, f := range open {
		have[of(f)] = f
	}
	var write []Finding
	n := 0
	for _, f := range want {
		if old, ok := have[of(f)]; ok {
			delete(have, of(f))
			if old.Sentence != f.Sentence {
				old.Sentence = f.Sentence
				write = append(write, old)
			}
			continue
		}
		f.ID, f.OpenedAt = store.NewID(), store.At(now)
		write = append(write, f)
		n++
	}
	for _, f := range have {
		f.ClosedAt = store.At(now)
		write = append(write, f)
		n++
	}
	if len(write) == 0 && len(touched) == 0 {
		return 0, nil
	}
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		for i := range write {
			f := &write[i]
			var err error
			if !f.ClosedAt.IsZero() {
				err = s.measuredWell(ctx, tx, *f)
			} else if f.OpenedAt.Equal(now) {
				err = s.writeDown(ctx, tx, f)
			}
			if err != nil {
				return err
			}
		}
		if err := store.Upsert(ctx, tx, "comply_finding", write, []string{"finding_id"}, []string{"sentence", "closed_at"}); err != nil {
			return err
		}
		if len(write) > 0 {
			if err := s.askExplain(ctx, tx, now); err != nil {
				return err
			}
		}
		for _, f := range write {
			action := "finding.open"
			if !f.ClosedAt.IsZero() {
				action = "finding.close"
			} else if !f.OpenedAt.Equal(now) {
				continue
			}
			if err := audit.Append(ctx, tx, audit.Entry{Actor: "system", Action: action, Target: ot.Ref{Kind: "finding", ID: f.ID}, Detail: map[string]string{"finding": f.Sentence, "requirement": f.Requirement}}); err != nil {
				return err
			}
		}
		for no := range touched {
			if err := bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicPosture, SiteNo: no}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("write findings: %w", err)
	}
	return n, nil
}
