package vuln

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/vuln/match"
)

// Decision is what a person does about a finding.
type Decision struct {
	Action    string     `json:"action" enum:"plan,assign,report,defer,dismiss,confirm,reopen" doc:"plan: into a maintenance window; report: somebody says it is fixed; defer: a risk decision; dismiss: it does not apply; confirm: an undecided one does apply"`
	Reason    string     `json:"reason,omitempty" maxLength:"1000"`
	Window    string     `json:"window,omitempty" maxLength:"64" doc:"plan: id of the maintenance window record"`
	Hours     float64    `json:"hours,omitempty" minimum:"0" maximum:"1000" doc:"plan: hours of work"`
	Assignee  string     `json:"assignee,omitempty" maxLength:"200"`
	Exception string     `json:"exception,omitempty" maxLength:"64" doc:"defer: id of the exception record with the risk and what makes up for it"`
	Until     *time.Time `json:"until,omitempty" doc:"defer: when it is asked again"`
}

// maxDeferral is how long a risk decision may hold without being looked at again.
const maxDeferral = 366 * 24 * time.Hour

// Decide applies a person's decision. match is the If-Match header of the version that was seen.
func (s *Service) Decide(ctx context.Context, scope Scope, by, id string, d Decision, ifMatch string) error {
	d.Reason, d.Assignee = ot.Printable(strings.TrimSpace(d.Reason)), ot.Printable(strings.TrimSpace(d.Assignee))
	return s.db.Update(ctx, func(tx *store.Tx) error {
		f, err := store.One[finding](ctx, tx, "SELECT "+findingColumns+" FROM vuln_finding f WHERE f.finding_id = ? AND ?", id, scope.Where("f.site_no", "f.zone_no"))
		if err != nil {
			return err
		}
		if err := rest.IfMatch(ifMatch, f.etag()); err != nil {
			return err
		}
		now := s.now()
		if err := s.apply(ctx, tx, &f, d, now); err != nil {
			return err
		}
		f.DecidedBy, f.DecidedAt, f.ChangedAt = by, now, now
		if d.Reason != "" {
			f.Reason = d.Reason
		}
		f.Version++
		if err := store.Upsert(ctx, tx, "vuln_finding", []finding{f}, []string{"asset_id", "part", "advisory_id"}, findingSet); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "vuln_step", []step{{store.NewID(), f.ID, now, d.Action, by, d.Reason}}, nil, nil); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicVuln, SiteNo: f.SiteNo, Refs: []ot.Ref{{Kind: "finding", ID: f.ID}, {Kind: "asset", ID: f.AssetID}}})
	})
}

func (s *Service) apply(ctx context.Context, tx *store.Tx, f *finding, d Decision, now store.Time) error {
	if (f.State == Fixed || f.State == Gone) && d.Action != "reopen" {
		return ot.Errorf(ot.Conflict, "this finding is closed: open it again first")
	}
	switch d.Action {
	case "plan":
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM record_record w WHERE w.record_id = ? AND w.type = 'maintenance-window' AND w.site_no = ? AND w.state IN ('planned', 'agreed', 'open')", d.Window, f.SiteNo)
		if err != nil {
			return err
		}
		if n == 0 {
			return ot.Errorf(ot.Invalid, "choose a maintenance window of this site that is not over")
		}
		f.State, f.WindowID, f.Hours = Planned, d.Window, d.Hours
		if d.Assignee != "" {
			f.Assignee = d.Assignee
		}
	case "assign":
		f.Assignee = d.Assignee
	case "report":
		if f.Verdict != match.Affected.String() {
			return ot.Errorf(ot.Conflict, "whether it is affected is not known yet: give the missing fact instead (%s)", f.Missing)
		}
		f.State = Reported
	case "defer":
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM record_record e WHERE e.record_id = ? AND e.type = 'exception' AND e.site_no IN (0, ?) AND e.state IN ('requested', 'approved')", d.Exception, f.SiteNo)
		if err != nil {
			return err
		}
		switch {
		case n == 0:
			return ot.Errorf(ot.Invalid, "a deferral is a risk decision: name the exception record that holds the risk, what makes up for it, and who approved it")
		case d.Reason == "":
			return ot.Errorf(ot.Invalid, "say why it is not done now")
		case d.Until == nil || !d.Until.After(now.Time) || d.Until.Sub(now.Time) > maxDeferral:
			return ot.Errorf(ot.Invalid, "say until when, at most a year from now")
		}
		f.State, f.ExceptionID, f.Until = Deferred, d.Exception, store.At(*d.Until)
		f.DecidedKey = s.key(f)
	case "dismiss":
		if d.Reason == "" {
			return ot.Errorf(ot.Invalid, "say why it does not apply: the reason stands against the maker's word")
		}
		f.State = Dismissed
		f.DecidedKey = s.key(f)
	case "confirm":
		if d.Reason == "" {
			return ot.Errorf(ot.Invalid, "say how you know that it applies")
		}
		f.State, f.Until, f.DecidedKey = Open, store.Time{}, "confirmed"
	case "reopen":
		f.State, f.ClosedAt, f.Until, f.WindowID, f.ExceptionID, f.DecidedKey, f.Proof = Open, store.Time{}, store.Time{}, "", "", "", ""
	default:
		return ot.Errorf(ot.Invalid, "there is no such action")
	}
	return nil
}

func (f *finding) etag() string { return rest.ETag(f.ID, strconv.FormatInt(f.Version, 10)) }
