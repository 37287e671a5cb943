package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/ring"
)

// around is how much before an alert's first and after its last message is cut out with it.
const around = time.Minute

// cutting says which packets of a capture go into --pcap-out.
type cutting struct {
	what     string
	from, to int64 // ns; 0: without end
	ends     []cutEnds
}

// cutEnds are two hosts, or all that one does.
type cutEnds struct {
	a, b      place4
	transport string // empty: any
	port      uint16 // 0: any
}

// place4 is where a host is: its addresses.
type place4 struct {
	ips  []netip.Addr
	macs []ot.MAC
	any  bool
}

func (p *place4) is(ip netip.Addr, mac ot.MAC) bool {
	if p.any {
		return true
	}
	if ip.IsValid() && slices.Contains(p.ips, ip.Unmap().WithZone("")) {
		return true
	}
	// A MAC alone tells only where there is no IP: a router's is behind many hosts.
	return (!ip.IsValid() || len(p.ips) == 0) && slices.Contains(p.macs, mac)
}

func (c *cutting) match(p *sensor.Packet) bool {
	if c.from != 0 && p.At < c.from || c.to != 0 && p.At > c.to {
		return false
	}
	e, ok := sensor.EndsOf(p)
	if !ok {
		return false
	}
	for i := range c.ends {
		k := &c.ends[i]
		if k.transport != "" && k.transport != e.Transport {
			continue
		}
		// The fragments of a datagram have no ports: they go with their hosts.
		ports := k.port == 0 || e.SrcPort == k.port || e.DstPort == k.port || e.SrcPort == 0 && e.DstPort == 0
		if ports && (k.a.is(e.Src, e.SrcMAC) && k.b.is(e.Dst, e.DstMAC) || k.b.is(e.Src, e.SrcMAC) && k.a.is(e.Dst, e.DstMAC)) {
			return true
		}
	}
	return false
}

// cutting reads --host, --conversation and --alert.
func (c *InspectCmd) cutting(r *report) (*cutting, error) {
	switch {
	case c.Host != "":
		p, err := r.where(c.Host)
		if err != nil {
			return nil, err
		}
		return &cutting{what: "host " + c.Host, ends: []cutEnds{{a: p, b: place4{any: true}}}}, nil
	case c.Conversation != "":
		return r.conversation(c.Conversation)
	}
	return r.alertPackets(c.Alert)
}

// where finds a host by address, MAC or name; all of the device's addresses are meant.
func (r *report) where(text string) (place4, error) {
	var found []*asset.Device
	ip, ipErr := netip.ParseAddr(text)
	var mac ot.MAC
	macErr := mac.UnmarshalText([]byte(text))
	for i := range r.devices {
		d := &r.devices[i]
		switch {
		case ipErr == nil && slices.Contains(d.IPs(), ip), macErr == nil && slices.Contains(d.MACs(), mac), ipErr != nil && macErr != nil && strings.EqualFold(d.Field("name"), text):
			found = append(found, d)
		}
	}
	switch {
	case len(found) == 0 && ipErr == nil:
		return place4{ips: []netip.Addr{ip.Unmap()}}, nil // a group, or somebody that only others speak to
	case len(found) == 0 && macErr == nil:
		return place4{macs: []ot.MAC{mac}}, nil
	case len(found) == 0:
		return place4{}, ot.Errorf(ot.NotFound, "%s shows no host %q; give an IP or MAC address, or a name from the list of devices", r.file, text)
	case len(found) > 1 && ipErr != nil && macErr != nil:
		return place4{}, ot.Errorf(ot.Invalid, "%d hosts of %s are called %q; give an address", len(found), r.file, text)
	}
	var p place4
	for _, d := range found {
		for _, a := range d.IPs() {
			p.ips = append(p.ips, a.Unmap().WithZone(""))
		}
		p.macs = append(p.macs, d.MACs()...)
	}
	return p, nil
}

// conversation reads "A,B" and "A,B,502/tcp".
func (r *report) conversation(text string) (*cutting, error) {
	parts := strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' })
	if len(parts) < 2 || len(parts) > 3 {
		return nil, ot.Errorf(ot.Invalid, "--conversation %s: write both hosts and, if only one of their conversations is meant, its port, such as 10.0.0.1,10.0.0.2,502/tcp", text)
	}
	var k cutEnds
	var err error
	if k.a, err = r.where(parts[0]); err != nil {
		return nil, err
	}
	if k.b, err = r.where(parts[1]); err != nil {
		return nil, err
	}
	if len(parts) == 3 {
		port, transport, _ := strings.Cut(strings.ToLower(parts[2]), "/")
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || transport != "" && transport != "tcp" && transport != "udp" {
			return nil, ot.Errorf(ot.Invalid, "--conversation %s: %q is no port; write 502/tcp", text, parts[2])
		}
		k.port, k.transport = uint16(n), transport
	}
	return &cutting{what: "conversation " + text, ends: []cutEnds{k}}, nil
}

// alertPackets reads "rule", "rule@packet" and "@packet": the conversations in which it was met, a minute around it.
func (r *report) alertPackets(text string) (*cutting, error) {
	id, at, one := strings.Cut(text, "@")
	var number uint64
	if one {
		var err error
		if number, err = strconv.ParseUint(at, 10, 64); err != nil {
			return nil, ot.Errorf(ot.Invalid, "--alert %s: behind the @ stands the number of its first packet", text)
		}
	}
	out := &cutting{what: "alert " + text}
	var have []string
	seen := map[sensor.FlowKey]bool{}
	for i := range r.sum.Events {
		e := &r.sum.Events[i]
		for _, rule := range e.Rules {
			if !slices.Contains(have, rule) {
				have = append(have, rule)
			}
		}
		if id != "" && !slices.Contains(e.Rules, id) || len(e.Rules) == 0 || one && e.Ref.Number != number {
			continue
		}
		first, last := e.Ref.Seen-int64(around), e.Ref.Seen+int64(around)
		if out.from == 0 || first < out.from {
			out.from = first
		}
		out.to = max(out.to, last)
		switch {
		case e.Until > 0:
			out.to = max(out.to, e.Until+int64(around))
		case e.Repeats > 0: // only counted: to the end
			out.to = max(out.to, r.sum.To)
		}
		if !seen[e.Flow] {
			seen[e.Flow] = true
			out.ends = append(out.ends, cutEnds{a: exactly(e.Flow.Client), b: exactly(e.Flow.Server), transport: e.Flow.Transport, port: e.Flow.Port})
		}
	}
	if len(out.ends) == 0 {
		slices.Sort(have)
		if len(have) == 0 {
			return nil, ot.Errorf(ot.NotFound, "no rule was met in %s, so there is no alert to cut out", r.file)
		}
		return nil, ot.Errorf(ot.NotFound, "%s has no alert %q; the rules that were met: %s", r.file, text, strings.Join(have, ", "))
	}
	return out, nil
}

func exactly(h ot.Host) place4 {
	if h.IP.IsValid() {
		return place4{ips: []netip.Addr{h.IP.Unmap().WithZone("")}}
	}
	return place4{macs: []ot.MAC{h.MAC}}
}

// cut reads the capture again and writes what matches.
func (r *report) cut(ctx context.Context, c *cutting, w io.Writer) (n, bytes int64, err error) {
	src, err := sensor.Open(r.file)
	if err != nil {
		return 0, 0, err
	}
	defer src.Close()
	b := bufio.NewWriterSize(w, 256<<10)
	out, err := ring.NewWriter(b, "Skanse "+Version, "cut from "+ot.Printable(r.file)+": "+ot.Printable(c.what))
	if err != nil {
		return 0, 0, err
	}
	var p sensor.Packet
	for i := 0; ; i++ {
		if i&1023 == 0 && ctx.Err() != nil {
			return n, bytes, ctx.Err()
		}
		err := src.Next(&p)
		var cut *sensor.CutError
		if errors.Is(err, io.EOF) || errors.As(err, &cut) {
			break
		}
		if err != nil {
			return n, bytes, err
		}
		if !c.match(&p) {
			continue
		}
		n++
		bytes += int64(len(p.Data))
		if err := out.Packet(ring.Piece{Packet: p}, p.Iface); err != nil {
			return n, bytes, fmt.Errorf("write the packets: %w", err)
		}
	}
	return n, bytes, b.Flush()
}
