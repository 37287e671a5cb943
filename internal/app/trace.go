package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/view"
)

// TraceCmd follows a host.
type TraceCmd struct {
	DataFlag `embed:""`
	Host     string        `arg:"" help:"IP or MAC address, or a device's name."`
	Files    []string      `arg:"" optional:"" name:"file" help:"Captures; left out: what the server of the data folder knows."`
	Since    time.Duration `default:"72h" help:"How far back; of captures, from their last packet."`
	JSON     bool          `help:"Print JSON."`
}

// Help shows the command at work.
func (c *TraceCmd) Help() string {
	return `What the host touched, what for the first time, and where its names, keys and hashes appear elsewhere.

Example:
  skanse trace 10.40.11.18 --since 72h --data /var/lib/skanse
  skanse trace 10.0.0.17 --since 24h monday.pcap tuesday.pcap`
}

// Run asks the server, or reads the captures.
func (c *TraceCmd) Run(env *Env) (err error) {
	var t view.Trace
	if len(c.Files) > 0 {
		t, err = c.captures(env)
	} else {
		t, err = c.server(env)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(env.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(t)
	}
	return writeTrace(env.Stdout, &t, len(c.Files) > 0)
}

func (c *TraceCmd) server(env *Env) (t view.Trace, err error) {
	l, err := openLocal(env, c.DataFlag)
	if err != nil {
		return t, err
	}
	defer func() {
		if stopped := l.stop(); err == nil && !errors.Is(stopped, context.Canceled) {
			err = stopped
		}
	}()
	hours := max(1, int(c.Since.Hours()+.5))
	err = l.call(env.Ctx, "GET", "/trace?"+url.Values{"host": {c.Host}, "hours": {strconv.Itoa(hours)}}.Encode(), nil, 0, &t)
	return t, err
}

// captures makes the same of files: a touch is new when it began within the time and
// the captures are older than that.
func (c *TraceCmd) captures(env *Env) (t view.Trace, err error) {
	economise()
	in, err := newInspector(Folder(c.Data), slog.New(slog.NewTextHandler(env.Stderr, nil)))
	if err != nil {
		return t, err
	}
	in.progress = newProgress(env.Stderr)
	var all []*report
	var first, last int64
	for _, file := range c.Files {
		r, err := in.read(env.Ctx, file, &InspectCmd{Cores: 1})
		if err != nil {
			return t, err
		}
		all = append(all, r)
		if first == 0 || r.sum.From < first {
			first = r.sum.From
		}
		last = max(last, r.sum.To)
	}
	since := last - int64(c.Since)
	t = view.Trace{Host: c.Host, Since: time.Unix(0, since).UTC(), Until: time.Unix(0, last).UTC(), Names: []string{}, Touched: []view.Touch{}, Same: []view.Same{}, Heard: last > 0}
	known := false
	for _, r := range all {
		where, err := r.where(c.Host)
		if err != nil {
			if ot.CodeOf(err) != ot.NotFound {
				return t, err
			}
			continue
		}
		known = true
		c.touched(r, &where, since, first, &t)
		c.same(r, &where, &t)
	}
	if !known {
		return t, ot.Errorf(ot.NotFound, "no capture shows a host %q", c.Host)
	}
	t.Touched = joinTouches(t.Touched)
	view.Order(t.Touched)
	return t, nil
}

func (c *TraceCmd) touched(r *report, where *place4, since, first int64, t *view.Trace) {
	talks := r.talks()
	for i := range r.sum.Flows {
		f := &r.sum.Flows[i]
		did, peer := "asked", f.Server
		switch {
		case where.is(f.Client.IP, f.Client.MAC):
		case where.is(f.Server.IP, f.Server.MAC):
			did, peer = "served", f.Client
		default:
			continue
		}
		if f.Last < since {
			continue
		}
		x := view.Touch{Peer: address(peer), Did: did, Protocol: cmp.Or(f.Protocol, f.Guess), Port: int64(f.Port), Classes: []string{}, Packets: int64(f.ClientPackets + f.ServerPackets), First: time.Unix(0, f.First).UTC(), Last: time.Unix(0, f.Last).UTC(), New: f.First >= since && first < since}
		for _, g := range view.Grave() {
			if slices.Contains(talks[i].Classes, g) {
				x.Classes = append(x.Classes, g)
			}
		}
		for j := range r.devices {
			d := &r.devices[j]
			if peer.IP.IsValid() && slices.Contains(d.IPs(), peer.IP) || !peer.IP.IsValid() && slices.Contains(d.MACs(), peer.MAC) {
				x.PeerName = d.Field("name")
			}
		}
		t.Touched = append(t.Touched, x)
	}
}

// joinTouches puts the same conversation of several captures together.
func joinTouches(list []view.Touch) []view.Touch {
	type key struct {
		peer, did, protocol string
		port                int64
	}
	at := map[key]int{}
	out := []view.Touch{}
	for _, x := range list {
		k := key{x.Peer, x.Did, x.Protocol, x.Port}
		n, have := at[k]
		if !have {
			at[k] = len(out)
			out = append(out, x)
			continue
		}
		o := &out[n]
		o.Packets += x.Packets
		o.New = o.New && x.New
		if x.First.Before(o.First) {
			o.First = x.First
		}
		if x.Last.After(o.Last) {
			o.Last = x.Last
		}
		for _, class := range x.Classes {
			if !slices.Contains(o.Classes, class) {
				o.Classes = append(o.Classes, class)
			}
		}
	}
	return out
}

// same finds devices of a capture that show the same name, key or hash.
func (c *TraceCmd) same(r *report, where *place4, t *view.Trace) {
	mine := map[[2]string]bool{}
	is := make([]bool, len(r.devices))
	for i := range r.devices {
		d := &r.devices[i]
		for _, ip := range d.IPs() {
			is[i] = is[i] || where.is(ip.Unmap().WithZone(""), ot.MAC{})
		}
		for _, m := range d.MACs() {
			is[i] = is[i] || slices.Contains(where.macs, m)
		}
		if !is[i] {
			continue
		}
		if n := d.Field("name"); n != "" && !slices.Contains(t.Names, n) {
			t.Names = append(t.Names, n)
		}
		for _, f := range d.Facts {
			if view.Telling(string(f.Attr)) && len(f.Value) >= 4 {
				mine[[2]string{string(f.Attr), f.Value}] = true
			}
		}
	}
	for i := range r.devices {
		if is[i] {
			continue
		}
		for _, f := range r.devices[i].Facts {
			if k := [2]string{string(f.Attr), f.Value}; mine[k] {
				t.Same = append(t.Same, view.Same{Attr: k[0], Value: k[1], Host: place(&r.devices[i]), Name: r.devices[i].Field("name"), Last: time.Unix(0, f.Last).UTC()})
			}
		}
	}
}

func writeTrace(w io.Writer, t *view.Trace, files bool) error {
	const form = "2006-01-02 15:04"
	fmt.Fprintf(w, "%s", ot.Printable(t.Host))
	if len(t.Names) > 0 {
		fmt.Fprintf(w, " (%s)", ot.Printable(strings.Join(t.Names, ", ")))
	}
	fmt.Fprintf(w, ", %s to %s UTC\n", t.Since.UTC().Format(form), t.Until.UTC().Format(form))
	if !t.Heard {
		fmt.Fprintln(w, "  Nobody listened in that time: this says nothing about what the host did.")
	}
	for _, part := range []struct {
		title string
		want  bool
	}{{"Touched for the first time", true}, {"Touched as before", false}} {
		tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
		n := 0
		for i := range t.Touched {
			x := &t.Touched[i]
			if x.New != part.want {
				continue
			}
			if n++; n == 1 {
				title := part.title
				if files && !part.want && !slices.ContainsFunc(t.Touched, func(o view.Touch) bool { return o.New }) {
					title = "Touched (the captures do not reach further back, so nothing can be called new)"
				}
				fmt.Fprintf(w, "\n%s\n", title)
			}
			arrow := "→"
			if x.Did == "served" {
				arrow = "←"
			}
			fmt.Fprintf(tw, "  %s %s\t%s\t%s %s\t%s\t%s packets\t%s to %s\n", arrow, x.Peer, dash(clip(x.PeerName, 24)), dash(x.Protocol), portWord(x.Port), dash(strings.ReplaceAll(strings.Join(x.Classes, ", "), "_", " ")), grouped(uint64(x.Packets)), x.First.UTC().Format(form), x.Last.UTC().Format(form))
		}
		tw.Flush()
	}
	if len(t.Touched) == 0 {
		fmt.Fprintln(w, "  Nothing was heard of it in that time.")
	}
	if t.More {
		fmt.Fprintln(w, "  … and more; shorten --since")
	}
	if len(t.Same) > 0 {
		fmt.Fprintln(w, "\nThe same elsewhere")
		tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
		for i := range t.Same {
			x := &t.Same[i]
			fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\n", x.Attr, clip(x.Value, 40), x.Host, dash(clip(x.Name, 24)), dash(x.Site))
		}
		tw.Flush()
	}
	_, err := fmt.Fprintln(w)
	return err
}

func portWord(port int64) string {
	if port == 0 {
		return ""
	}
	return strconv.FormatInt(port, 10)
}
