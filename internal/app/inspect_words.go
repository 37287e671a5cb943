package app

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// limits says what the summary cannot know.
func (r *report) limits(w io.Writer) {
	out := r.limitSentences()
	if len(out) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWhat this cannot tell")
	for _, s := range out {
		fmt.Fprintln(w, " ", s)
	}
}

func (r *report) limitSentences() []string {
	h := &r.sum.Health
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if h.Cut != "" {
		add("%s.", ot.Printable(h.Cut))
	}
	if h.Packets == 0 {
		return out
	}
	if all := h.Unknown + h.OTBytes; h.Unknown > 0 {
		add("%d %% of the payload belongs to protocols that we do not read, or is encrypted.", (h.Unknown*100+all-1)/all)
	}
	if h.Truncated > 0 {
		add("%s recorded in part only (snap length): what they carried is not judged.", were(h.Truncated, "packet"))
	}
	if h.Lost > 0 {
		add("%s of TCP streams never reached the capture.", byteSize(h.Lost))
	}
	if h.Repeated > 0 {
		add("%s taken for repetitions, because they were captured after their acknowledgement.", were(h.Repeated, "TCP segment"))
	}
	if h.Copies > 0 {
		add("%s shown twice by the mirror port and counted once.", were(h.Copies, "frame"))
	}
	if h.Pieces > 0 {
		add("%s of programs passed by whose beginning is not in the capture.", many(int(h.Pieces), "part"))
	}
	if h.OneSided > 0.2 {
		add("%.0f %% of the TCP conversations were heard in one direction only: check the mirror port.", h.OneSided*100)
	}
	if h.Malformed > 0 {
		add("%s not follow their protocol.", do(h.Malformed, "frame or message", "frames or messages"))
	}
	if h.Quarantined > 0 {
		add("%s set aside because a dissector failed on them; please report it.", were(h.Quarantined, "conversation"))
	}
	what := make([]string, 0, len(h.BudgetHit))
	for k := range h.BudgetHit {
		what = append(what, k)
	}
	slices.Sort(what)
	for _, k := range what {
		add("Over the budget and left out: %s, %s.", k, many(int(h.BudgetHit[k]), "time"))
	}
	var skipped []string
	for _, rule := range r.in.rules.NotJudged() {
		skipped = append(skipped, rule.ID)
	}
	if len(skipped) > 0 {
		add("Not judged, as it needs more than one capture: %s.", strings.Join(skipped, ", "))
	}
	return out
}

func were(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun + " was"
	}
	return many(int(n), noun) + " were"
}

func do(n uint64, one, more string) string {
	if n == 1 {
		return "1 " + one + " does"
	}
	return grouped(n) + " " + more + " do"
}

func dash(s string) string { return cmp.Or(s, "-") }

// clip makes text from the wire safe and short enough for a column.
func clip(s string, n int) string {
	s = ot.Printable(s)
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// many counts things: "1 host", "1,204 hosts".
func many(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return grouped(uint64(n)) + " " + noun
}

// grouped writes a number with thousands apart.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func byteSize(n uint64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}

func length(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	case d >= time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}
