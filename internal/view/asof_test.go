package view

import (
	"net/netip"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// Three days later the program conversation goes on and a new one crosses the
// zones: as of the first day neither shows.
func TestAsOf(t *testing.T) {
	storetest.Each(t, slicesOfView(), func(t *testing.T, db *store.DB) {
		p := newTalkPlant(t, db)
		later := noon.Add(72 * time.Hour)
		at := later.UnixNano()
		host := func(n byte, ip string) ot.Host {
			return ot.Host{MAC: ot.MAC{0, 0x1b, 0x1b, 0, 0, n}, IP: netip.MustParseAddr(ip)}
		}
		plc, eng := host(10, "192.168.0.10"), host(20, "192.168.9.20")
		sum := &sensor.Summary{Sensor: "s", Epoch: "e", Seq: 2, From: at, To: at + int64(time.Minute)}
		for _, h := range []ot.Host{plc, eng} {
			sum.Hosts = append(sum.Hosts, sensor.HostDelta{Host: h, First: at, Last: at, Packets: 5, TTLMin: 64, TTLMax: 64, ARP: true})
		}
		for port, protocol := range map[uint16]string{102: "s7comm", 22: "ssh"} {
			sum.Flows = append(sum.Flows, sensor.FlowDelta{
				Client: eng, Server: plc, ClientBy: sensor.BySYN, Transport: "tcp", Port: port, Protocol: protocol, First: at, Last: at,
				ClientPackets: 100, ServerPackets: 100, ClientBytes: 9000, ServerBytes: 9000, FirstRef: ot.PacketRef{Source: "s", Number: 9, Seen: at},
			})
		}
		p.take(sum, later)

		day, err := rest.AsOf(noon.Format(time.DateOnly), later)
		if err != nil {
			t.Fatal(err)
		}
		s := NewConversations(db)
		for _, c := range []struct {
			at      time.Time
			talks   int64
			packets int64
			last    time.Time
			into    int64 // conversations into the cell, on the map
		}{
			{day, 7, 8, noon.Add(-time.Hour + 5*time.Second), 1},
			{time.Time{}, 8, 208, later, 2},
		} {
			page, err := s.List(t.Context(), sees, TalkFilter{AsOf: c.at})
			if err != nil || *page.Total != c.talks || int64(len(page.Items)) != c.talks {
				t.Fatalf("as of %v: %d of %v conversations, %v", c.at, len(page.Items), page.Total, err)
			}
			for _, x := range page.Items {
				if x.Protocol == "s7comm" && (x.Packets != c.packets || !x.LastAt.Equal(c.last)) && c.at.IsZero() {
					t.Errorf("as of %v: %d packets, last %v; want %d, %v", c.at, x.Packets, x.LastAt, c.packets, c.last)
				}
				if x.Protocol == "s7comm" && !c.at.IsZero() && (x.Packets != c.packets || x.LastAt.After(c.at)) {
					t.Errorf("as of %v: %d packets, last %v; want %d and nothing later", c.at, x.Packets, x.LastAt, c.packets)
				}
			}
			seen := map[string]bool{}
			for cursor := ""; ; {
				part, err := s.List(t.Context(), sees, TalkFilter{AsOf: c.at, Limit: 3, Cursor: cursor})
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range part.Items {
					seen[i.ID] = true
				}
				if cursor = part.Next; cursor == "" {
					break
				}
			}
			if int64(len(seen)) != c.talks {
				t.Errorf("as of %v: paging shows %d of %d", c.at, len(seen), c.talks)
			}
			m, err := New(db).Plant(t.Context(), sees, p.site.ID, later, c.at)
			if err != nil {
				t.Fatal(err)
			}
			var into, packets int64
			for _, x := range m.Conduits {
				if x.To == p.cell.ID {
					into += x.Conversations
					packets += x.Packets
				}
			}
			if into != c.into || packets != c.packets+200*(c.into-1) {
				t.Errorf("as of %v: %d conversations with %d packets into the cell, want %d", c.at, into, packets, c.into)
			}
			events, err := s.Events(t.Context(), sees, EventFilter{AsOf: noon.Add(-24 * time.Hour)})
			if err != nil || len(events.Items) != 0 {
				t.Errorf("events before the first: %d %v", len(events.Items), err)
			}
		}
	})
}
