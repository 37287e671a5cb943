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

// How many rows a part of the summary has: all of it together is what a person
// reads in ten seconds. --full lists everything.
const (
	shownDevices = 8
	shownActions = 6
	shownAlerts  = 8
)

func (r *report) most(n int) int {
	if r.full {
		return 1 << 30
	}
	return n
}

// writeText prints the summary for a person: what is there and how we know, who
// acts on whom, what is alarming, what is unknown.
func (r *report) writeText(w io.Writer) error {
	b := bufio.NewWriter(w)
	r.captured(b)
	if r.sum.Health.Packets > 0 {
		r.devicesText(b)
		r.controls(b)
		r.programsText(b)
		r.standsOut(b)
	}
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
	fmt.Fprintf(w, "  %s, %s, %s over %s\n", many(int(s.Health.Packets), "packet"), byteSize(s.Health.Bytes),
		time.Unix(0, s.From).UTC().Format("2006-01-02 15:04:05 UTC"), length(s.To-s.From))
	plant, others := 0, 0
	for i := range r.devices {
		if operational(&r.devices[i]) {
			plant++
		} else {
			others++
		}
	}
	fmt.Fprintf(w, "  %s (%s of the plant, %s others), %s, speaking %s\n", many(plant+others, "host"), grouped(uint64(plant)), grouped(uint64(others)), many(len(s.Flows), "conversation"), r.spoken())
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
	if n := len(names) - r.most(10); n > 0 {
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

// known counts what a device, or a peer, said about it.
func known(d *asset.Device) (n int) {
	for _, f := range []string{"order_code", "firmware", "serial", "model", "vendor", "name"} {
		if d.Field(f) != "" {
			n++
		}
	}
	return n
}

func (r *report) devicesText(w io.Writer) {
	if len(r.devices) == 0 {
		return
	}
	rows := make([]*asset.Device, 0, len(r.devices))
	roles := map[string]int{}
	told, plant := 0, 0
	for i := range r.devices {
		d := &r.devices[i]
		rows = append(rows, d)
		if operational(d) {
			plant++
			roles[cmp.Or(d.Role, "unknown")]++
			if d.Field("order_code") != "" || d.Field("firmware") != "" {
				told++
			}
		}
	}
	// The best known devices of the plant's lowest levels first.
	slices.SortStableFunc(rows, func(x, y *asset.Device) int {
		return cmp.Or(cmp.Compare(rank(!operational(x)), rank(!operational(y))), cmp.Compare(known(y), known(x)), cmp.Compare(x.Level, y.Level))
	})
	fmt.Fprintln(w, "\nDevices, and the packet that tells what they are")
	if plant > 0 {
		fmt.Fprintf(w, "  Of the plant: %s. %s of %s said their order code or firmware; the others are known by what they do.\n", rolesText(roles), grouped(uint64(told)), grouped(uint64(plant)))
	}
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "  ADDRESS\tROLE\tVENDOR AND MODEL\tORDER CODE\tFIRMWARE\tNAME\tTOLD BY PACKET")
	for _, d := range rows[:min(len(rows), r.most(shownDevices))] {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", place(d), dash(roleWord(d.Role)),
			dash(clip(strings.TrimSpace(d.Field("vendor")+" "+d.Field("model")), 40)), dash(clip(d.Field("order_code"), 24)),
			dash(clip(d.Field("firmware"), 16)), dash(clip(d.Field("name"), 24)), proofOf(d))
	}
	t.Flush()
	r.more(w, len(rows), shownDevices)
}

// rolesText is "212 PLCs, 14 switches" in the order of their number.
func rolesText(count map[string]int) string {
	names := make([]string, 0, len(count))
	for n := range count {
		names = append(names, n)
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Or(cmp.Compare(count[y], count[x]), cmp.Compare(x, y)) })
	for i, n := range names {
		names[i] = grouped(uint64(count[n])) + " " + roleWord(n)
	}
	return strings.Join(names, ", ")
}

// roleWord writes a role as people do.
func roleWord(role string) string {
	switch role {
	case "plc", "hmi", "rtu", "scada", "it":
		return strings.ToUpper(role)
	}
	return strings.ReplaceAll(role, "_", " ")
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
	for _, a := range all[:min(len(all), r.most(shownActions))] {
		var did []string
		for _, c := range acting() {
			if n := a.byClass[c]; n > 0 {
				did = append(did, fmt.Sprintf("%s %s", strings.ReplaceAll(c, "_", " "), grouped(n)))
			}
		}
		fmt.Fprintf(t, "  %s\t→ %s\t%s\t%s\n", address(a.client), address(a.server), a.protocol, strings.Join(did, ", "))
	}
	t.Flush()
	r.more(w, len(all), shownActions)
}

// standsOut tells of the rules that were met, one line a rule: thirty pairs with
// the same finding are one thing to read. --full has a line for each pair.
func (r *report) standsOut(w io.Writer) {
	alerts := r.alerts()
	fmt.Fprintln(w, "\nWhat is alarming")
	if len(alerts) == 0 {
		fmt.Fprintf(w, "  None of the %d rules that look at single messages was met.\n", r.in.rules.Judged())
		return
	}
	pairs, rows := map[string]int{}, alerts
	if !r.full {
		rows = nil
		for _, a := range alerts {
			if pairs[a.rule.ID]++; pairs[a.rule.ID] == 1 {
				rows = append(rows, a)
				continue
			}
			for i := range rows {
				if rows[i].rule == a.rule {
					rows[i].count += a.count
				}
			}
		}
	}
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	for i := range rows[:min(len(rows), r.most(shownAlerts))] {
		a := &rows[i]
		times := "once"
		if a.count > 1 {
			times = grouped(a.count) + " times"
		}
		others := ""
		if n := pairs[a.rule.ID]; n > 1 {
			others = fmt.Sprintf(" and %s", many(n-1, "other pair"))
		}
		fmt.Fprintf(t, "  %s\t%s\t%s → %s%s\t%s, first in packet %d\t%s  %s\n", a.severity, a.rule.Title,
			address(a.client), address(a.server), others, times, a.packet, a.rule.Technique, a.rule.ID)
	}
	t.Flush()
	r.more(w, len(rows), shownAlerts)
	if !r.full {
		fmt.Fprintf(w, "  To look at the packets: skanse inspect --pcap-out alert.pcapng --alert %s %s\n", alerts[0].rule.ID, ot.Printable(r.file))
	}
}

func (r *report) more(w io.Writer, n, shown int) {
	if n > r.most(shown) {
		fmt.Fprintf(w, "  … and %s more; --full lists all\n", grouped(uint64(n-shown)))
	}
}
