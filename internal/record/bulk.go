package record

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// maxBulk is how many records one bulk change may touch.
const maxBulk = 500

// Bulk is one change for many records.
type Bulk struct {
	IDs        []string
	Set        Patch
	Transition string
	Reason     string
	DryRun     bool
}

// BulkResult is what a bulk change does, or would do, to one record.
type BulkResult struct {
	ID      string        `json:"id"`
	Ref     string        `json:"ref"`
	OK      bool          `json:"ok"`
	What    string        `json:"what" doc:"In words; empty: nothing changes"`
	Changes []FieldChange `json:"changes" nullable:"false"`
	WhyNot  string        `json:"why_not,omitempty" say:"true"`
}

// errDry rolls a dry run back.
var errDry = errors.New("only a dry run")

// Bulk changes records one by one: what is refused stops no other.
func (s *Service) Bulk(ctx context.Context, who auth.Principal, b Bulk) ([]BulkResult, error) {
	switch {
	case len(b.IDs) == 0:
		return nil, ot.Errorf(ot.Invalid, "ids is empty: name the records")
	case len(b.IDs) > maxBulk:
		return nil, ot.Errorf(ot.TooMany, "%d records, at most %d at once", len(b.IDs), maxBulk)
	}
	out := []BulkResult{}
	seen := map[string]bool{}
	for _, id := range b.IDs {
		if seen[id] {
			continue
		}
		seen[id] = true
		res := BulkResult{ID: id, Changes: []FieldChange{}}
		err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
			res = BulkResult{ID: id, Changes: []FieldChange{}}
			return s.trial(ctx, tx, who, id, b.DryRun, &res, func() error {
				if b.Transition != "" {
					_, err = s.Transition(ctx, tx, who, id, Move{b.Transition, b.Reason, b.Set})
					return err
				}
				_, err = s.Update(ctx, tx, who, id, b.Set)
				return err
			})
		})
		if err = notDry(err); err != nil {
			if code := ot.CodeOf(err); code == ot.Internal || code == ot.Busy || ctx.Err() != nil {
				return nil, err
			}
			res.WhyNot = err.Error()
		}
		res.OK = err == nil
		out = append(out, res)
	}
	return out, nil
}

func notDry(err error) error {
	if errors.Is(err, errDry) {
		return nil
	}
	return err
}

// trial runs a change, says what it did, and rolls it back where it was only a try.
func (s *Service) trial(ctx context.Context, tx *store.Tx, who auth.Principal, id string, dry bool, res *BulkResult, change func() error) error {
	before, t, err := s.load(ctx, tx, who.Scope, id)
	if err != nil {
		return err
	}
	res.Ref = before.Ref
	if err := change(); err != nil {
		return err
	}
	after, _, err := s.load(ctx, tx, who.Scope, id)
	if err != nil {
		return err
	}
	if res.Changes, err = s.changesOf(ctx, tx, t, before, after); err != nil {
		return err
	}
	res.What = inWords(res.Changes)
	if dry {
		return errDry
	}
	return nil
}

// changesOf lists what differs between two states of a record.
func (s *Service) changesOf(ctx context.Context, r store.Reader, t *Type, before, after *Record) ([]FieldChange, error) {
	ids := []string{before.OwnerID, after.OwnerID}
	for _, f := range t.Fields {
		for _, data := range []map[string]any{before.Data.V, after.Data.V} {
			if id, ok := data[f.ID].(string); ok && f.Kind == Person {
				ids = append(ids, id)
			}
		}
	}
	names, err := peopleNames(ctx, r, slices.Compact(slices.Sorted(slices.Values(ids))))
	if err != nil {
		return nil, err
	}
	return t.diff(before.asRevision(), after.asRevision(), names), nil
}

func (rec *Record) asRevision() *revision {
	return &revision{
		Title: rec.Title, State: rec.State, OwnerID: rec.OwnerID, AssetID: rec.AssetID, Data: rec.Data, DataVersion: rec.DataVersion, ValidFrom: rec.ValidFrom, ValidUntil: rec.ValidUntil,
		ReviewAt: rec.ReviewAt, DueAt: rec.DueAt, Approval: rec.Approval,
	}
}

// inWords is a change in one line: "Severity: Medium → High".
func inWords(changes []FieldChange) string {
	parts := make([]string, 0, len(changes))
	for _, c := range changes {
		before, after := c.BeforeText, c.AfterText
		if before == "" {
			before = "–"
		}
		if after == "" {
			after = "–"
		}
		parts = append(parts, c.Title+": "+short(before)+" → "+short(after))
	}
	return strings.Join(parts, "; ")
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}
