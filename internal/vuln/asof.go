package vuln

import (
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// asWas makes a statement over vuln_finding speak of an earlier moment: what was closed or
// decided later was open then. Verdict and priority are those of now, for findings are
// judged again in place. A zero time changes nothing.
func asWas(text string, at time.Time) string {
	if at.IsZero() {
		return text
	}
	us := strconv.FormatInt(at.UnixMicro(), 10)
	state := "CASE WHEN f.state IN ('" + Fixed + "', '" + Gone + "') THEN CASE WHEN f.closed_at <= " + us + " THEN f.state ELSE '" + Open + "' END" +
		" WHEN f.decided_at <= " + us + " THEN f.state ELSE '" + Open + "' END"
	return strings.ReplaceAll(text, "f.state", "("+state+")")
}

// until takes out of a finding what was only known later.
func (f *Finding) until(at time.Time) {
	if at.IsZero() || f.State != Open || !f.DecidedAt.Time.After(at) {
		return
	}
	f.Reason, f.DecidedBy, f.DecidedAt, f.WindowID, f.ExceptionID = "", "", store.Time{}, "", ""
}
