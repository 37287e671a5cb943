package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan"
	"github.com/skanse/skanse/internal/plan/engineering"
	"github.com/skanse/skanse/internal/sensor"
)

// differs ends the process with a code of its own, so that a pipeline tells "the
// plant is not as planned" from "the comparison could not be made".
type differs struct{ n int }

func (e differs) Error() string {
	if e.n == 1 {
		return "one finding differs from the plan"
	}
	return fmt.Sprintf("%d findings differ from the plan", e.n)
}

// exitDiffers is that code.
const exitDiffers = 3

// readPlan reads a project.yaml or what an engineering tool exported; its content says which.
func readPlan(file string) (*plan.Project, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "read the plan: %w", err)
	}
	defer f.Close()
	p, err := engineering.Read(file, f)
	if err != nil {
		return nil, err
	}
	if len(p.Devices) == 0 && len(p.Types) > 0 {
		return nil, ot.Errorf(ot.Invalid, "%s is a %s: it says what devices of a kind are, not which there are; nothing can be compared with it", ot.Printable(file), p.Format)
	}
	return p, nil
}

// against compares all captures with the plan.
func (c *InspectCmd) against(env *Env, project *plan.Project, seen *plan.Seen) error {
	seen.Limits = append(seen.Limits, project.Limits()...)
	res := plan.Compare(project, seen)
	if c.Report != "" {
		if err := writeTo(c.Report, func(w io.Writer) error { return res.WriteHTML(w, "Skanse "+Version, time.Now()) }); err != nil {
			return err
		}
	}
	if c.ProjectOut != "" {
		if err := c.writeProject(res); err != nil {
			return err
		}
	}
	if c.Against == "" {
		return nil
	}
	var err error
	if c.JSON {
		err = res.WriteJSON(env.Stdout)
	} else {
		err = res.WriteText(env.Stdout, c.Full)
	}
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if n := res.Count(plan.Differs); n > 0 {
		return differs{n}
	}
	if seen.Packets == 0 {
		return ot.Errorf(ot.Invalid, "nothing was heard, so nothing is shown; record again")
	}
	return nil
}

func (c *InspectCmd) writeProject(res *plan.Result) error {
	var b strings.Builder
	b.WriteString("What was heard, as a plan. Read it, take out what should not be, and put a name under \"approved\":\nit is then the baseline that the next capture is compared with.\n")
	for _, s := range res.Seen.Sources {
		fmt.Fprintf(&b, "Heard in %s (SHA-256 %s)\n", ot.Printable(s.File), s.SHA256)
	}
	fmt.Fprintf(&b, "from %s to %s\n", clock(res.Seen.From.UnixNano()), clock(res.Seen.To.UnixNano()))
	if n := res.Count(plan.Differs); c.Against != "" && n > 0 {
		fmt.Fprintf(&b, "%d findings differed from %s; whoever approves this accepts them.\n", n, ot.Printable(c.Against))
	}
	raw, err := res.Baseline().YAML(b.String())
	if err != nil {
		return err
	}
	return writeTo(c.ProjectOut, func(w io.Writer) error { _, err := w.Write(raw); return err })
}

// writeTo makes a file that is there whole or not at all.
func writeTo(file string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), ".skanse-*")
	if err != nil {
		return ot.Errorf(ot.Invalid, "write %s: %w", file, err)
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return ot.Errorf(ot.Invalid, "write %s: %w", file, err)
	}
	if err := f.Close(); err != nil {
		return ot.Errorf(ot.Invalid, "write %s: %w", file, err)
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return ot.Errorf(ot.Invalid, "write %s: %w", file, err)
	}
	return nil
}

// clearTextRule is the rule for credentials that everybody on the wire can read.
const clearTextRule = "clear-text-sign-in"

// seenBy adds a capture to what is compared.
func seenBy(seen *plan.Seen, r *report) error {
	sum, err := fileHash(r.file)
	if err != nil {
		return err
	}
	seen.Sources = append(seen.Sources, plan.Source{File: filepath.Base(r.file), SHA256: sum})
	h := &r.sum.Health
	seen.Packets += h.Packets
	if h.Packets > 0 {
		from, to := time.Unix(0, r.sum.From), time.Unix(0, r.sum.To)
		if seen.From.IsZero() || from.Before(seen.From) {
			seen.From = from
		}
		if to.After(seen.To) {
			seen.To = to
		}
	}
	for i := range r.devices {
		seen.Devices = addDevice(seen.Devices, deviceSeen(&r.devices[i]))
	}
	seen.Talks = append(seen.Talks, r.talks()...)
	for _, a := range r.alerts() {
		if a.rule.ID == clearTextRule { // told of the conversation
			continue
		}
		seen.Alerts = append(seen.Alerts, plan.Alert{Rule: a.rule.ID, Title: a.rule.Title, Severity: string(a.severity), Client: a.client, Server: a.server, Class: a.class, Protocol: a.protocol, Packet: a.packet, Count: a.count})
	}
	for _, l := range r.limitSentences() {
		if !slices.Contains(seen.Limits, l) {
			seen.Limits = append(seen.Limits, l)
		}
	}
	return nil
}

func fileHash(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", ot.Errorf(ot.Invalid, "read %s again: %w", file, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", ot.Errorf(ot.Invalid, "read %s again: %w", file, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func deviceSeen(d *asset.Device) plan.SeenDevice {
	s := plan.SeenDevice{Role: d.Role, Outside: d.Outside, Heard: d.Seen, Fields: map[string]plan.Said{}}
	for _, ip := range d.IPs() {
		s.Addresses = append(s.Addresses, ip.Unmap().WithZone(""))
	}
	s.MACs = slices.Clone(d.MACs())
	for _, g := range d.Sightings {
		if s.Packet == 0 || g.FirstPacket < s.Packet {
			s.Packet = g.FirstPacket
		}
	}
	for _, name := range []string{"name", "vendor", "model", "order_code", "firmware", "serial"} {
		f := d.Fields[name]
		if f.Value == "" {
			continue
		}
		said := plan.Said{Value: f.Value, Protocol: "its network card's maker"}
		for _, fact := range d.Facts {
			if len(f.Facts) > 0 && fact.ID == f.Facts[0] {
				said.Protocol, said.Packet = fact.Protocol, fact.Ref.Number
			}
		}
		s.Fields[name] = said
	}
	return s
}

// addDevice puts the same device of several captures together.
func addDevice(list []plan.SeenDevice, d plan.SeenDevice) []plan.SeenDevice {
	for i := range list {
		o := &list[i]
		same := slices.ContainsFunc(d.Addresses, func(a netip.Addr) bool { return slices.Contains(o.Addresses, a) }) ||
			len(d.Addresses) == 0 && slices.ContainsFunc(d.MACs, func(m ot.MAC) bool { return slices.Contains(o.MACs, m) })
		if !same {
			continue
		}
		for _, a := range d.Addresses {
			if !slices.Contains(o.Addresses, a) {
				o.Addresses = append(o.Addresses, a)
			}
		}
		for _, m := range d.MACs {
			if !slices.Contains(o.MACs, m) {
				o.MACs = append(o.MACs, m)
			}
		}
		for k, v := range d.Fields {
			if o.Fields[k].Value == "" {
				o.Fields[k] = v
			}
		}
		o.Heard = o.Heard || d.Heard
		return list
	}
	return append(list, d)
}

// talks are the conversations with what their clients did.
func (r *report) talks() []plan.Talk {
	at := make(map[sensor.FlowKey]int, len(r.sum.Flows))
	out := make([]plan.Talk, 0, len(r.sum.Flows))
	for i := range r.sum.Flows {
		f := &r.sum.Flows[i]
		t := plan.Talk{
			Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol, Answered: f.ServerPackets > 0 && f.Established,
			Packets: f.ClientPackets + f.ServerPackets, Packet: f.FirstRef.Number,
		}
		if p, ok := r.in.protocols.Lookup(f.Protocol); ok {
			t.Title = r.in.protocols.Title(p)
		}
		at[sensor.FlowKey{Realm: f.Realm, Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol}] = len(out)
		out = append(out, t)
	}
	for i := range r.sum.Tuples {
		t := &r.sum.Tuples[i]
		n, ok := at[t.Flow]
		if ok && t.Protocol != t.Flow.Protocol && !slices.Contains(out[n].Inner, t.Protocol) {
			out[n].Inner = append(out[n].Inner, t.Protocol)
		}
		if ok && t.Dir != "response" && t.Class != "" && !slices.Contains(out[n].Classes, t.Class) {
			out[n].Classes = append(out[n].Classes, t.Class)
		}
	}
	for i := range r.sum.Events {
		e := &r.sum.Events[i]
		if n, ok := at[e.Flow]; ok && slices.Contains(e.Rules, clearTextRule) {
			out[n].ClearText = true
		}
	}
	return out
}
