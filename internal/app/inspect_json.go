package app

import (
	"bufio"
	"encoding/json"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// report is what one capture showed.
type report struct {
	file    string
	in      *inspector
	sum     *sensor.Summary
	devices []asset.Device
	full    bool // list everything

	once  sync.Once
	found []alert
}

// The parts of DESIGN.md's object, so that anyone can score the sensor:
// file, packets, bytes, first, last, malformed, messages, hosts, conversations,
// alerts; and of our own programs (blocks and files that passed by), not_judged (rules that need more than one capture),
// dropped (budgets that were hit) and cut (where the capture ended early).
type messageJSON struct {
	Protocol  string `json:"protocol"`
	Kind      string `json:"kind"`
	Direction string `json:"direction"`
	Code      any    `json:"code"` // the number on the wire; a string where the protocol uses names
	Name      string `json:"name"`
	Class     string `json:"class"`
	Count     uint64 `json:"count"`
}

type hostJSON struct {
	MAC       string         `json:"mac"`
	IPs       []string       `json:"ips"`
	Vendor    string         `json:"vendor"`
	Model     string         `json:"model"`
	OrderCode string         `json:"order_code"`
	Firmware  string         `json:"firmware"`
	Serial    string         `json:"serial"`
	Name      string         `json:"name"`
	Role      string         `json:"role"`
	Level     string         `json:"level"`
	Identity  []identityJSON `json:"identity"`
}

type identityJSON struct {
	Attribute string `json:"attribute"`
	Value     string `json:"value"`
	Source    string `json:"source"`
	Packet    uint64 `json:"packet"`
}

type alertJSON struct {
	Rule      string   `json:"rule"`
	Severity  string   `json:"severity"`
	Title     string   `json:"title"`
	Technique string   `json:"technique"`
	Packet    uint64   `json:"packet"`
	Hosts     []string `json:"hosts"`
	Count     uint64   `json:"count"`
}

// writeJSON streams the object, so that a large capture's is never whole in memory.
func (r *report) writeJSON(w io.Writer) error {
	s := r.sum
	out := jsonWriter{b: bufio.NewWriterSize(w, 64<<10)}
	out.field("{", "file", r.file)
	out.field(",", "packets", s.Health.Packets)
	out.field(",", "bytes", s.Health.Bytes)
	out.field(",", "first", clock(s.From))
	out.field(",", "last", clock(s.To))
	out.field(",", "malformed", s.Health.Malformed)
	out.field(",", "messages", r.messages())
	strays := r.strays()
	list(&out, "hosts", len(r.devices)+len(strays), func(i int) hostJSON {
		if i < len(r.devices) {
			return hostOf(&r.devices[i])
		}
		return hostJSON{IPs: []string{strays[i-len(r.devices)].String()}, Role: "unknown", Identity: []identityJSON{}}
	})
	out.conversations(s.Flows)
	alerts := r.alerts()
	list(&out, "alerts", len(alerts), func(i int) alertJSON {
		a := &alerts[i]
		return alertJSON{
			Rule: a.rule.ID, Severity: string(a.severity), Title: a.rule.Title, Technique: a.rule.Technique,
			Packet: a.packet, Hosts: []string{address(a.client), address(a.server)}, Count: a.count,
		}
	})
	if all := r.programsJSON(); len(all) > 0 {
		list(&out, "programs", len(all), func(i int) programJSON { return all[i] })
	}
	skipped := r.in.rules.NotJudged()
	list(&out, "not_judged", len(skipped), func(i int) string { return skipped[i].ID })
	if len(s.Health.BudgetHit) > 0 {
		out.field(",", "dropped", s.Health.BudgetHit)
	}
	if s.Health.Cut != "" {
		out.field(",", "cut", s.Health.Cut)
	}
	out.raw("}\n")
	if out.err != nil {
		return out.err
	}
	return out.b.Flush()
}

// strays are the addresses that somebody sent from and no device can own, such
// as multicast groups: forged, or a broken stack, and worth seeing either way.
func (r *report) strays() []netip.Addr {
	seen := map[netip.Addr]bool{{}: true, netip.IPv4Unspecified(): true, netip.IPv6Unspecified(): true}
	for i := range r.devices {
		for _, ip := range r.devices[i].IPs() {
			seen[ip] = true
		}
	}
	var out []netip.Addr
	for i := range r.sum.Hosts {
		if ip := r.sum.Hosts[i].IP; !seen[ip] && r.sum.Hosts[i].Packets > 0 {
			seen[ip] = true
			out = append(out, ip)
		}
	}
	return out
}

// jsonWriter writes one object field by field and keeps the first error.
type jsonWriter struct {
	b   *bufio.Writer
	err error
}

func (w *jsonWriter) raw(s string) {
	if w.err == nil {
		_, w.err = w.b.WriteString(s)
	}
}

func (w *jsonWriter) value(v any) {
	if w.err != nil {
		return
	}
	var raw []byte
	if raw, w.err = json.Marshal(v); w.err == nil {
		_, w.err = w.b.Write(raw)
	}
}

func (w *jsonWriter) field(before, name string, v any) {
	w.raw(before + "\"" + name + "\":")
	w.value(v)
}

func list[T any](w *jsonWriter, name string, n int, at func(int) T) {
	w.raw(",\"" + name + "\":[")
	for i := range n {
		if i > 0 {
			w.raw(",")
		}
		w.value(at(i))
	}
	w.raw("]")
}

// conversations writes the longest list without reflection. Nothing in it needs
// escaping: addresses, times, and names of the catalogue.
func (w *jsonWriter) conversations(flows []sensor.FlowDelta) {
	w.raw(`,"conversations":[`)
	var room [512]byte
	for i := range flows {
		f, b := &flows[i], room[:0]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendAddress(append(b, `{"client":"`...), f.Client)
		b = appendAddress(append(b, `","server":"`...), f.Server)
		b = append(append(b, `","transport":"`...), f.Transport...)
		b = strconv.AppendUint(append(b, `","port":`...), uint64(f.Port), 10)
		b = append(append(b, `,"protocol":"`...), f.Protocol...)
		b = strconv.AppendUint(append(b, `","packets":`...), f.ClientPackets+f.ServerPackets, 10)
		b = strconv.AppendUint(append(b, `,"bytes":`...), f.ClientBytes+f.ServerBytes, 10)
		b = appendClock(append(b, `,"first":"`...), f.First)
		b = appendClock(append(b, `","last":"`...), f.Last)
		b = append(b, `"}`...)
		if w.err == nil {
			_, w.err = w.b.Write(b)
		}
	}
	w.raw("]")
}

// messages adds the tuples of all conversations up.
func (r *report) messages() []messageJSON {
	type key struct {
		protocol, kind, dir, text, class string
		code                             uint32
	}
	at := map[key]int{}
	out := []messageJSON{}
	for i := range r.sum.Tuples {
		t := &r.sum.Tuples[i]
		k := key{t.Protocol, t.Kind, t.Dir, t.Text, t.Class, t.Code}
		n, have := at[k]
		if !have {
			n = len(out)
			at[k] = n
			m := messageJSON{Protocol: t.Protocol, Kind: t.Kind, Direction: t.Dir, Code: t.Code, Name: t.Name, Class: t.Class}
			if t.Text != "" {
				m.Code = t.Text
			}
			out = append(out, m)
		}
		out[n].Count += t.Count
	}
	slices.SortStableFunc(out, func(x, y messageJSON) int {
		if c := strings.Compare(x.Protocol, y.Protocol); c != 0 {
			return c
		}
		return strings.Compare(x.Kind, y.Kind)
	})
	return out
}

func hostOf(d *asset.Device) hostJSON {
	h := hostJSON{
		IPs: []string{}, Identity: []identityJSON{}, Role: d.Role, Level: d.Level,
		Vendor: d.Field("vendor"), Model: d.Field("model"), OrderCode: d.Field("order_code"),
		Firmware: d.Field("firmware"), Serial: d.Field("serial"), Name: d.Field("name"),
	}
	if macs := d.MACs(); len(macs) > 0 {
		h.MAC = macs[0].String()
	}
	for _, ip := range d.IPs() {
		h.IPs = append(h.IPs, ip.String())
	}
	for _, f := range d.Facts {
		h.Identity = append(h.Identity, identityJSON{string(f.Attr), f.Value, f.Protocol, f.Ref.Number})
	}
	return h
}

// address is a host as one word.
func address(h ot.Host) string {
	if h.IP.IsValid() {
		return h.IP.String()
	}
	return h.MAC.String()
}

func appendAddress(b []byte, h ot.Host) []byte {
	if h.IP.IsValid() {
		return h.IP.AppendTo(b)
	}
	return append(b, h.MAC.String()...)
}

func clock(ns int64) string { return string(appendClock(nil, ns)) }

func appendClock(b []byte, ns int64) []byte {
	if ns == 0 {
		return b
	}
	return time.Unix(0, ns).UTC().AppendFormat(b, time.RFC3339Nano)
}
