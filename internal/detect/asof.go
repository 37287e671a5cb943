package detect

import (
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// asWas makes a statement over detect_alert a speak of an earlier moment: the state is that of
// the last step until then, and "" for an alert that had not called yet. A zero time changes nothing.
func asWas(text string, at time.Time) string {
	if at.IsZero() {
		return text
	}
	state := "COALESCE((SELECT CASE t.kind WHEN 'raised' THEN 'new' WHEN 'again' THEN 'new' WHEN 'reopened' THEN 'acknowledged'" +
		" WHEN 'unshelved' THEN CASE t.by_id WHEN '' THEN 'new' ELSE 'acknowledged' END ELSE t.kind END" +
		" FROM detect_step t WHERE t.alert_id = a.alert_id AND t.at <= " + strconv.FormatInt(at.UnixMicro(), 10) +
		" AND t.kind NOT IN ('comment', 'owner', 'explained') ORDER BY t.step_no DESC LIMIT 1), '')"
	return strings.ReplaceAll(text, "a.state", state)
}

// until takes out of an alert what was only known later. How often it was seen stays that of now,
// and how it ended before it was opened again stands only in its steps.
func (a *Alert) until(at time.Time) {
	if at.IsZero() {
		return
	}
	later := func(t store.Time) bool { return t.Time.After(at) }
	if later(a.LastAt) {
		a.LastAt = store.At(at)
	}
	if later(a.RaisedAt) {
		a.RaisedAt = a.FirstAt
	}
	if later(a.AckedAt) {
		a.AckedAt, a.AckedBy = store.Time{}, ""
	}
	if a.State != StateClosed {
		a.ClosedAt, a.ClosedBy, a.Outcome, a.ChangeID = store.Time{}, "", "", ""
	}
	if a.State != StateShelved {
		a.ShelvedUntil = store.Time{}
	}
	if a.State != StateShelved && a.State != StateClosed {
		a.Reason = ""
	}
	if a.Rest == nil {
		return
	}
	for i := len(a.Rest.Steps); i > 0 && later(a.Rest.Steps[i-1].At); i-- {
		a.Rest.Steps = a.Rest.Steps[:i-1]
	}
	for i := range a.Rest.Together {
		a.Rest.Together[i].until(at)
	}
}
