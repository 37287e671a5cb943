package app

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// shown is how many rows a part of the summary has: what a person reads in ten seconds.
const shown = 15

// writeText prints the summary for a person: what was captured, which devices,
// who acts on whom, what stands out, what could not be seen.
func (r *report) writeText(w io.Writer) error {
	b := bufio.NewWriter(w)
	r.captured(b)
	r.devicesText(b)
	r.controls(b)
	r.standsOut(b)
	r.limits(b)
	fmt.Fprintln(b)
	return b.Flush()
}

func (r *report) captured(w io.Writer) {
	s := r.sum
	fmt.Fprintf(w, "%s\n", ot.Printable(r.file))
	if s.Health.Packets == 0 {
		fmt.Fprintln(w, "  holds no packets.")
		return
	}
	fmt.Fprintf(w, "  %s, %s, %s over %s\n", many(int(s.Health.Packets), "packet"), size(s.Health.Bytes),
		time.Unix(0, s.From).UTC().Format("2006-01-02 15:04:05 UTC"), length(s.To-s.From))
	ot, it := 0, 0
	for i := range r.devices {
		if operational(&r.devices[i]) {
			ot++
		} else {
			it++
		}
	}
	fmt.Fprintf(w, "  %s (%d of the plant, %d others), %s, speaking %s\n", many(ot+it, "host"), ot, it, many(len(s.Flows), "conversation"), r.spoken())
}

// spoken names the protocols by how many conversations use them.
func (r *report) spoken() string {
	count := map[string]int{}
	for i := range r.sum.Flows {
		if p := r.sum.Flows[i].Protocol; p != "" {
			count[p]++
		}
	}
	names := make([]string, 0, len(count))
	for n := range count {
		names = append(names, n)
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Or(cmp.Compare(count[y], count[x]), cmp.Compare(x, y)) })
	if len(names) == 0 {
		return "no protocol that we read"
	}
	rest := ""
	if n := len(names) - 10; n > 0 {
		names, rest = names[:10], fmt.Sprintf(" and %d more", n)
	}
	for i, n := range names {
		if p, ok := r.in.protocols.Lookup(n); ok {
			names[i] = cmp.Or(r.in.protocols.Title(p), n)
		}
	}
	return strings.Join(names, ", ") + rest
}

// operational says whether a device belongs to the plant rather than to the office or the internet.
func operational(d *asset.Device) bool {
	switch d.Level {
	case "0", "1", "2", "3":
		return !d.Outside
	}
	return false
}

func (r *report) devicesText(w io.Writer) {
	if len(r.devices) == 0 {
		return
	}
	rows := make([]*asset.Device, 0, len(r.devices))
	for i := range r.devices {
		rows = append(rows, &r.devices[i])
	}
	// The best known devices of the plant's lowest levels first.
	known := func(d *asset.Device) int {
		n := 0
		for _, f := range []string{"order_code", "firmware", "serial", "model", "vendor", "name"} {
			if d.Field(f) != "" {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(rows, func(x, y *asset.Device) int {
		return cmp.Or(cmp.Compare(rank(!operational(x)), rank(!operational(y))), cmp.Compare(known(y), known(x)), cmp.Compare(x.Level, y.Level))
	})
	fmt.Fprintln(w, "\nDevices")
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "  ADDRESS\tROLE\tVENDOR AND MODEL\tORDER CODE\tFIRMWARE\tSERIAL\tNAME\tTOLD BY PACKET")
	for _, d := range rows[:min(len(rows), shown)] {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", place(d), dash(d.Role),
			dash(clip(strings.TrimSpace(d.Field("vendor")+" "+d.Field("model")), 40)), dash(clip(d.Field("order_code"), 24)),
			dash(clip(d.Field("firmware"), 16)), dash(clip(d.Field("serial"), 16)), dash(clip(d.Field("name"), 24)), proofOf(d))
	}
	t.Flush()
	more(w, len(rows))
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// place is where a device is found: its addresses, or its MAC.
func place(d *asset.Device) string {
	ips := d.IPs()
	if len(ips) > 0 {
		s := ips[0].String()
		if len(ips) > 1 {
			s += fmt.Sprintf(" +%d", len(ips)-1)
		}
		return s
	}
	if m := d.MACs(); len(m) > 0 {
		return m[0].String()
	}
	return "-"
}

// proofOf is the packet of the fact that tells most: an order code, else the first.
func proofOf(d *asset.Device) string {
	var best *asset.Fact
	for _, f := range d.Facts {
		if f.Attr == sensor.AttrARP {
			continue
		}
		if best == nil || strings.Contains(string(f.Attr), "order_code") {
			best = f
			if strings.Contains(string(f.Attr), "order_code") {
				break
			}
		}
	}
	if best == nil {
		return "-"
	}
	return fmt.Sprintf("%d (%s)", best.Ref.Number, best.Protocol)
}

// action is what one host does to another by one protocol.
type action struct {
	client, server ot.Host
	protocol       string
	byClass        map[string]uint64
	worst          int
	total          uint64
}

// acting lists the classes by which one host acts on another, gravest first.
func acting() []string {
	return []string{"firmware", "program_download", "control", "configure", "write", "program_upload"}
}

func (r *report) controls(w io.Writer) {
	type key struct{ client, server, protocol string }
	at := map[key]*action{}
	var all []*action
	for i := range r.sum.Tuples {
		t := &r.sum.Tuples[i]
		grave := slices.Index(acting(), t.Class)
		if t.Also || t.Dir == "response" || grave < 0 {
			continue
		}
		k := key{address(t.Flow.Client), address(t.Flow.Server), t.Protocol}
		a := at[k]
		if a == nil {
			a = &action{client: t.Flow.Client, server: t.Flow.Server, protocol: t.Protocol, byClass: map[string]uint64{}, worst: grave}
			at[k] = a
			all = append(all, a)
		}
		a.byClass[t.Class] += t.Count
		a.worst = min(a.worst, grave)
		a.total += t.Count
	}
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(x, y *action) int {
		return cmp.Or(cmp.Compare(x.worst, y.worst), cmp.Compare(y.total, x.total))
	})
	fmt.Fprintln(w, "\nWho acts on whom")
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	for _, a := range all[:min(len(all), shown)] {
		var did []string
		for _, c := range acting() {
			if n := a.byClass[c]; n > 0 {
				did = append(did, fmt.Sprintf("%s %s", strings.ReplaceAll(c, "_", " "), grouped(n)))
			}
		}
		fmt.Fprintf(t, "  %s\t→ %s\t%s\t%s\n", address(a.client), address(a.server), a.protocol, strings.Join(did, ", "))
	}
	t.Flush()
	more(w, len(all))
}

func (r *report) standsOut(w io.Writer) {
	alerts := r.alerts()
	fmt.Fprintln(w, "\nWhat stands out")
	if len(alerts) == 0 {
		fmt.Fprintf(w, "  None of the %d rules that look at single messages was met.\n", r.in.rules.Judged())
		return
	}
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	for i := range alerts[:min(len(alerts), shown)] {
		a := &alerts[i]
		times := "once"
		if a.count > 1 {
			times = grouped(a.count) + " times"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s → %s\t%s, first in packet %d\t%s\n", a.rule.Severity, a.rule.Title,
			address(a.client), address(a.server), times, a.packet, a.rule.Technique)
	}
	t.Flush()
	more(w, len(alerts))
}

// limits says what the summary cannot know.
func (r *report) limits(w io.Writer) {
	h := &r.sum.Health
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if h.Cut != "" {
		add("%s.", ot.Printable(h.Cut))
	}
	if all := h.Unknown + h.OTBytes; h.Unknown > 0 {
		add("%d %% of the payload belongs to protocols that we do not read, or is encrypted.", (h.Unknown*100+all-1)/all)
	}
	if h.Truncated > 0 {
		add("%s packets were recorded in part only (snap length): what they carried is not judged.", grouped(h.Truncated))
	}
	if h.Lost > 0 {
		add("%s of TCP streams never reached the capture.", size(h.Lost))
	}
	if h.Repeated > 0 {
		add("%s were taken for repetitions, because they were captured after their acknowledgement.", many(int(h.Repeated), "TCP segment"))
	}
	if h.OneSided > 0.2 {
		add("%.0f %% of the TCP conversations were heard in one direction only: check the mirror port.", h.OneSided*100)
	}
	if h.Malformed > 0 {
		add("%s frames or messages do not follow their protocol.", grouped(h.Malformed))
	}
	if h.Quarantined > 0 {
		add("%s conversations were set aside because a dissector failed on them; please report it.", grouped(h.Quarantined))
	}
	what := make([]string, 0, len(h.BudgetHit))
	for k := range h.BudgetHit {
		what = append(what, k)
	}
	slices.Sort(what)
	for _, k := range what {
		add("Over the budget and left out: %s, %s times.", k, grouped(h.BudgetHit[k]))
	}
	for _, rule := range r.in.rules.NotJudged() {
		add("Not judged, as it needs more than single messages: %s.", rule.Title)
	}
	if len(out) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWhat this cannot tell")
	for _, s := range out {
		fmt.Fprintln(w, " ", s)
	}
}

func more(w io.Writer, n int) {
	if n > shown {
		fmt.Fprintf(w, "  … and %d more; --json lists all\n", n-shown)
	}
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

func size(n uint64) string {
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
