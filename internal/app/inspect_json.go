package app

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"
	"strings"
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
}

// reportJSON is DESIGN.md's object, so that anyone can score the sensor.
type reportJSON struct {
	File          string             `json:"file"`
	Packets       uint64             `json:"packets"`
	Bytes         uint64             `json:"bytes"`
	First         string             `json:"first"`
	Last          string             `json:"last"`
	Malformed     uint64             `json:"malformed"`
	Messages      []messageJSON      `json:"messages"`
	Hosts         []hostJSON         `json:"hosts"`
	Conversations []conversationJSON `json:"conversations"`
	Alerts        []alertJSON        `json:"alerts"`
	NotJudged     []string           `json:"not_judged"` // rules that need more than one capture
	Dropped       map[string]uint64  `json:"dropped,omitempty"`
	Cut           string             `json:"cut,omitempty"`
}

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

type conversationJSON struct {
	Client    string `json:"client"`
	Server    string `json:"server"`
	Transport string `json:"transport"`
	Port      uint16 `json:"port"`
	Protocol  string `json:"protocol"`
	Packets   uint64 `json:"packets"`
	Bytes     uint64 `json:"bytes"`
	First     string `json:"first"`
	Last      string `json:"last"`
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

func (r *report) writeJSON(w io.Writer) error {
	s := r.sum
	out := reportJSON{
		File: r.file, Packets: s.Health.Packets, Bytes: s.Health.Bytes,
		First: clock(s.From), Last: clock(s.To), Malformed: s.Health.Malformed,
		Messages: r.messages(), Hosts: []hostJSON{}, Conversations: []conversationJSON{}, Alerts: []alertJSON{},
		NotJudged: []string{}, Dropped: s.Health.BudgetHit, Cut: s.Health.Cut,
	}
	for i := range r.devices {
		out.Hosts = append(out.Hosts, hostOf(&r.devices[i]))
	}
	for i := range s.Flows {
		f := &s.Flows[i]
		out.Conversations = append(out.Conversations, conversationJSON{
			Client: address(f.Client), Server: address(f.Server), Transport: f.Transport, Port: f.Port, Protocol: f.Protocol,
			Packets: f.ClientPackets + f.ServerPackets, Bytes: f.ClientBytes + f.ServerBytes, First: clock(f.First), Last: clock(f.Last),
		})
	}
	for _, a := range r.alerts() {
		out.Alerts = append(out.Alerts, alertJSON{
			Rule: a.rule.ID, Severity: string(a.rule.Severity), Title: a.rule.Title, Technique: a.rule.Technique,
			Packet: a.packet, Hosts: []string{address(a.client), address(a.server)}, Count: a.count,
		})
	}
	for _, n := range r.in.rules.NotJudged() {
		out.NotJudged = append(out.NotJudged, n.ID)
	}
	b := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return err
	}
	return b.Flush()
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

func clock(ns int64) string {
	if ns == 0 {
		return ""
	}
	return time.Unix(0, ns).UTC().Format(time.RFC3339Nano)
}
