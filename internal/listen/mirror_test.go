package listen

import (
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/sensor"
)

const second = int64(time.Second)

// minutes is what so many intervals of ten seconds say.
func minutes(n int, x sensor.Mirror, port sensor.Port, packets, dropped, sent uint64) *Heard {
	h := &Heard{}
	port.Name, port.Up = "eth1", true
	for i := range n {
		m, p := x, port
		h.add(&sensor.Summary{Live: true, From: int64(i) * 10 * second, To: int64(i+1) * 10 * second, Health: sensor.Health{
			Packets: packets, Bytes: packets * 100, Dropped: dropped, Transmitted: sent, Mirror: &m, Port: &p,
		}})
	}
	return h
}

// Each defect of a mirror port has its sentence, and a port without one is told to be good.
func TestSentences(t *testing.T) {
	fine := sensor.Mirror{TCP: 10, OneSided: 1, Unicast: 900, Group: 100}
	silent := sensor.Port{Silent: true, MTU: 1500}
	now := time.Now()
	for name, c := range map[string]struct {
		h    *Heard
		want string // ids, the gravest first
		says string
	}{
		"good":             {minutes(20, fine, silent, 1000, 0, 0), "good", "both directions"},
		"just started":     {minutes(1, fine, silent, 1000, 0, 0), "early", "10 seconds"},
		"silence at first": {minutes(2, sensor.Mirror{}, silent, 0, 0, 0), "early", "20 seconds"},
		"no traffic":       {minutes(20, sensor.Mirror{}, silent, 0, 0, 0), "no_traffic", "mirror session"},
		"broadcast only":   {minutes(20, sensor.Mirror{Group: 300, Unicast: 2}, silent, 302, 0, 0), "broadcast_only", "99 %"},
		"one direction":    {minutes(20, sensor.Mirror{TCP: 10, OneSided: 9, Unicast: 900}, silent, 900, 0, 0), "one_direction", "of 90 %"},
		"twice":            {minutes(20, sensor.Mirror{TCP: 10, Unicast: 900, Duplicates: 450}, silent, 900, 0, 0), "duplicates", "50 % of the frames come twice"},
		"cut short":        {minutes(20, sensor.Mirror{Unicast: 900, Short: 30}, silent, 900, 0, 0), "truncated", "truncation"},
		"too long":         {minutes(20, fine, sensor.Port{Silent: true, MTU: 1500, TooLong: 3}, 1000, 0, 0), "too_long", "ip link set eth1 mtu 9000"},
		"damaged":          {minutes(20, fine, sensor.Port{Silent: true, Damaged: 3}, 1000, 0, 0), "damaged", "cable"},
		"dropped":          {minutes(20, fine, silent, 1000, 10, 0), "dropped", "0.99 %"},
		"tags":             {minutes(20, sensor.Mirror{Unicast: 900, Tagged: 900, VLANs: []uint16{30, 10}}, silent, 900, 0, 0), "vlans good", "10, 30"},
		"tags one way":     {minutes(20, sensor.Mirror{Unicast: 900, Tagged: 450, Retagged: 450, VLANs: []uint16{10}}, silent, 900, 0, 0), "tag_one_way vlans", "one direction"},
		"put together":     {minutes(20, sensor.Mirror{Unicast: 900, Large: 5}, sensor.Port{Silent: true, Offloads: []string{"GRO"}}, 900, 0, 0), "merged good", "ethtool -K eth1"},
		"not silent":       {minutes(20, fine, sensor.Port{Warnings: []string{"eth1 answers ARP; ip link set eth1 arp off"}}, 1000, 0, 0), "not_silent", "answers ARP"},
		"sent":             {minutes(20, fine, silent, 1000, 0, 1), "sent", "has sent 20 frames"},
		"filtered":         {minutes(20, fine, sensor.Port{Silent: true, Filter: "port 502"}, 1000, 0, 0), "filter good", "port 502"},
	} {
		var ids []string
		text := ""
		for _, s := range c.h.Sentences(now, now) {
			ids = append(ids, s.ID)
			text += s.Text + " " + s.Do + "\n"
			if strings.Contains(text, "{{") {
				t.Errorf("%s: a value is missing: %s", name, text)
			}
		}
		if got := strings.Join(ids, " "); got != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: %s, want %s with %q\n%s", name, got, c.want, c.says, text)
		}
	}
	h := minutes(20, fine, silent, 1000, 0, 0)
	if got := h.Sentences(now.Add(-5*time.Minute), now); got[0].ID != "no_summary" || !strings.Contains(got[0].Text, "5 minutes") {
		t.Errorf("nothing came for long: %+v", got)
	}
	h.Cut = "eth1 has no link; check the cable"
	if got := h.Sentences(now, now); got[0].ID != "silent_dead" || !strings.Contains(got[0].Text, "no link") {
		t.Errorf("it hears nothing: %+v", got)
	}
}

// A port that was mended is told to be good after some minutes.
func TestMended(t *testing.T) {
	h := minutes(20, sensor.Mirror{TCP: 10, OneSided: 10, Unicast: 900}, sensor.Port{Silent: true}, 900, 0, 0)
	now := time.Now()
	for i := range 90 {
		h.add(&sensor.Summary{Live: true, From: int64(200+10*i) * second, To: int64(210+10*i) * second, Health: sensor.Health{Packets: 900, Mirror: &sensor.Mirror{TCP: 10, Unicast: 900}, Port: h.Port}})
	}
	if got := h.Sentences(now, now); len(got) != 1 || got[0].ID != "good" {
		t.Errorf("a quarter of an hour after it was mended: %+v", got)
	}
	if h.Rate != 90 || len(h.Rates) != keptRates || h.Packets != 110*900 {
		t.Errorf("%v packets/s, %d rates, %d packets", h.Rate, len(h.Rates), h.Packets)
	}
	before := *h
	h.add(&sensor.Summary{Live: true, From: 5000 * second, To: 5010 * second}) // a part without health
	if h.Packets != before.Packets || h.Rate != before.Rate {
		t.Errorf("a part of a summary counted: %+v", h)
	}
}

func TestMatch(t *testing.T) {
	// Ethernet, IPv4 10.0.0.1:50000 → 10.0.0.2:502, TCP.
	f := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0xc3, 0x50, 1, 0xf6}
	f = append(f, make([]byte, 16)...)
	f[46] = 0x50
	p := &sensor.Packet{Data: f, Wire: len(f), Link: sensor.LinkEthernet}
	for _, c := range []struct {
		pair Pair
		want bool
	}{
		{Pair{A: "10.0.0.1", B: "10.0.0.2", Transport: "tcp", Port: 502}, true},
		{Pair{A: "10.0.0.2", B: "10.0.0.1"}, true},
		{Pair{A: "10.0.0.2"}, true},
		{Pair{A: "02:00:00:00:00:01"}, true},
		{Pair{A: "10.0.0.1", B: "10.0.0.3"}, false},
		{Pair{A: "10.0.0.1", B: "10.0.0.2", Transport: "udp"}, false},
		{Pair{A: "10.0.0.1", B: "10.0.0.2", Port: 102}, false},
	} {
		if got := (&Selection{Pairs: []Pair{c.pair}}).match()(p); got != c.want {
			t.Errorf("%+v: %v", c.pair, got)
		}
	}
	if (&Selection{}).match() != nil {
		t.Error("no pairs are everything")
	}
}
