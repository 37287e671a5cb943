package comply

import (
	"context"
	"fmt"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// findingStates are those in which a person still works on a finding.
const findingStates = "'open', 'accepted', 'in_work', 'verify'"

// writeDown makes the finding's record, for people to work on.
func (s *Service) writeDown(ctx context.Context, tx *store.Tx, f *Finding) error {
	q, ok := s.cat.Requirement(f.Requirement)
	if !ok {
		return nil
	}
	site := ""
	if f.SiteNo != 0 {
		var err error
		if site, err = store.One[string](ctx, tx, "SELECT site_id FROM org_site WHERE site_no = ?", f.SiteNo); err != nil {
			return err
		}
	}
	rec, err := s.records.Create(ctx, tx, auth.System(), record.Draft{
		Type: "finding", Title: fmt.Sprintf("%s: declared one way, measured another", q.ID), Entity: f.EntityID, Site: site,
		Data: map[string]any{
			"source": "check", "severity": "critical", "text": f.Sentence, "found_on": f.OpenedAt.UTC().Format("2006-01-02"),
			"evidence": "Requirement " + q.ID + ", check " + f.CheckID,
		},
		Links: []record.NewLink{{Rel: "about", Kind: "requirement", ID: q.ID}, {Rel: "about", Kind: "check", ID: f.CheckID}},
	})
	if err != nil {
		return fmt.Errorf("write the finding of %s down: %w", f.CheckID, err)
	}
	f.RecordID = rec.ID
	return nil
}

// measuredWell closes the finding's record, where nobody has closed it yet: what was
// measured against the declaration is measured no more.
func (s *Service) measuredWell(ctx context.Context, tx *store.Tx, f Finding) error {
	if f.RecordID == "" {
		return nil
	}
	states, err := store.All[string](ctx, tx, "SELECT state FROM record_record WHERE record_id = ? AND state IN ("+findingStates+")", f.RecordID)
	if err != nil || len(states) == 0 {
		return err
	}
	_, err = s.records.Transition(ctx, tx, auth.System(), f.RecordID, record.Move{Transition: "measured", Reason: "The check no longer measures it"})
	if ot.CodeOf(err) == ot.Conflict { // it waits for somebody's approval: they see it there
		return nil
	}
	return err
}

// foundByChecks is the logic of the record type finding: what a check found, only the
// check finds mended; a person says how it was mended, and another verifies it.
type foundByChecks struct{ record.Plain }

// After refuses a person the check's own way to close a finding.
func (foundByChecks) After(_ context.Context, _ *store.Tx, who auth.Principal, _ *record.Record, done record.Transition) error {
	if done.ID == "measured" && who.UserID != auth.System().UserID {
		return ot.Errorf(ot.Forbidden, "only the check that found it closes it so, when it measures it no more: say how it was mended instead, and let somebody verify it")
	}
	return nil
}
