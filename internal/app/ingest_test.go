package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// bigSummary is a plant of n controllers that one station asks.
func bigSummary(n int) *sensor.Summary {
	s := &sensor.Summary{Sensor: "file", Epoch: "file", Seq: 1, From: 1e9, To: 9e9, Last: true}
	station := ot.Host{MAC: ot.MAC{0, 0x1b, 0x1b, 9, 9, 9}, IP: netip.MustParseAddr("10.0.200.1")}
	for i := range n {
		h := ot.Host{MAC: ot.MAC{0, 0x1b, 0x1b, 1, byte(i >> 8), byte(i)}, IP: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}
		s.Hosts = append(s.Hosts, sensor.HostDelta{Host: h, First: 1e9, Last: 9e9, Packets: 3, ARP: true, TTLMin: 64, TTLMax: 64})
		s.Facts = append(s.Facts, sensor.Fact{About: h, By: h, Attr: "s7comm.serial", Value: fmt.Sprintf("S C-%06d", i), Protocol: "s7comm", Ref: ot.PacketRef{Source: "file", Number: uint64(i), Seen: 1e9}})
		s.Flows = append(s.Flows, sensor.FlowDelta{Client: station, Server: h, ClientBy: sensor.BySYN, Transport: "tcp", Port: 102, Protocol: "s7comm", First: 1e9, Last: 9e9, ClientPackets: 2, ServerPackets: 3, Sessions: 1})
		s.Tuples = append(s.Tuples, sensor.TupleDelta{Flow: sensor.FlowKey{Client: station, Server: h, Transport: "tcp", Port: 102, Protocol: "s7comm"}, Protocol: "s7comm", Kind: "function", Code: 4, Class: "read", Count: 2, First: 1e9, Last: 9e9})
	}
	s.Hosts = append(s.Hosts, sensor.HostDelta{Host: station, First: 1e9, Last: 9e9, Packets: 9, ARP: true, TTLMin: 128, TTLMax: 128})
	s.Health.Packets = uint64(5 * n)
	return s
}

func newIngest(t *testing.T, db *store.DB) (*ingest, sensor.Delivery) {
	t.Helper()
	cat, err := asset.LoadCatalogue(nil)
	if err != nil {
		t.Fatal(err)
	}
	i := &ingest{db: db, assets: asset.New(db, cat), log: slog.New(slog.DiscardHandler)}
	i.network = network.New(db, i.assets)
	tree := org.New(db, org.Announce(bus.Announcer("org")))
	d := sensor.Delivery{Source: "file", Name: "plant.pcap", Received: time.Now()}
	if err := db.Update(t.Context(), func(tx *store.Tx) error {
		e, err := tree.AddEntity(t.Context(), tx, org.Entity{Name: "Example"})
		if err != nil {
			return err
		}
		s, err := tree.AddSite(t.Context(), tx, org.Site{EntityID: e.ID, Name: "Aarhus", TZ: "UTC"})
		if err != nil {
			return err
		}
		d.SiteNo = s.No
		d.RealmNo, err = org.DefaultRealm(t.Context(), tx, s.No)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return i, d
}

// crash ends a context after some commits, as a power cut would.
type crash struct {
	left int
	end  context.CancelFunc
}

func (c *crash) BeforeCommit(context.Context, *store.Tx) error { return nil }

func (c *crash) AfterCommit() {
	if c.left--; c.left <= 0 {
		c.end()
	}
}

// An ingest that stops anywhere is completed by the next delivery of the same
// summary, and counts nothing twice.
func TestIngestStopsAnywhere(t *testing.T) {
	storetest.Each(t, schema(), func(t *testing.T, db *store.DB) {
		i, d := newIngest(t, db)
		sum := bigSummary(400)
		stops, total := 0, network.Gain{}
		for {
			ctx, cancel := context.WithCancel(t.Context())
			gain, err := i.take(store.WithHook(ctx, &crash{left: stops + 1 + rand.IntN(2), end: cancel}), d, sum)
			cancel()
			total.Assets += gain.Assets
			total.Conversations += gain.Conversations
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if stops++; stops > 100 {
				t.Fatal("it never comes to its end")
			}
		}
		if stops == 0 {
			t.Fatal("it never stopped")
		}
		for query, want := range map[string]int64{
			"SELECT count(*) FROM asset_asset": 401, "SELECT count(*) FROM asset_binding WHERE to_at IS NULL": 802, "SELECT count(*) FROM asset_fact": 400,
			"SELECT CAST(sum(packets) AS BIGINT) FROM asset_host": 1209, "SELECT count(*) FROM network_conversation": 400,
			"SELECT CAST(sum(client_packets + server_packets) AS BIGINT) FROM network_conversation": 2000, "SELECT CAST(sum(count) AS BIGINT) FROM network_tuple": 800,
			"SELECT packets FROM network_source": 2000, "SELECT count(*) FROM asset_asset WHERE role = 'scada'": 1,
		} {
			var got int64
			if err := db.View(t.Context(), func(r store.Reader) (err error) {
				got, err = store.One[int64](t.Context(), r, query)
				return err
			}); err != nil || got != want {
				t.Errorf("%s gives %d, want %d; %v", query, got, want, err)
			}
		}
		if gain, err := i.take(t.Context(), d, sum); err != nil || gain != (network.Gain{}) {
			t.Errorf("once more: %+v, %v", gain, err)
		}
	})
}

// A subnet that gets a zone takes assets and conversations with it.
func TestZonesFollow(t *testing.T) {
	storetest.Each(t, schema(), func(t *testing.T, db *store.DB) {
		i, d := newIngest(t, db)
		if _, err := i.take(t.Context(), d, bigSummary(20)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- i.follow(ctx, bus.New(db, i.log)) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		tree, all := org.New(db, org.Announce(bus.Announcer("org"))), auth.Scope{All: true}
		sites, err := tree.Sites(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		z, err := tree.CreateZone(t.Context(), all, sites[0].ID, org.Zone{Name: "Cell", Level: "1", OT: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.ReplaceSubnets(t.Context(), all, sites[0].ID, []org.Prefix{{Prefix: "10.0.0.0/24", ZoneID: z.ID}}); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			var moved int64
			if err := db.View(t.Context(), func(r store.Reader) (err error) {
				moved, err = store.One[int64](t.Context(), r, "SELECT count(*) FROM network_conversation WHERE server_zone_no <> 0")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if waiting, err := i.network.Waiting(t.Context()); err != nil || moved > 0 && len(waiting) == 0 || time.Now().After(deadline) {
				break
			}
		}
		for query, want := range map[string]int64{"SELECT count(*) FROM asset_asset WHERE zone_no <> 0": 20, "SELECT count(*) FROM network_conversation WHERE server_zone_no <> 0 AND client_zone_no = 0": 20} {
			if err := db.View(t.Context(), func(r store.Reader) error {
				got, err := store.One[int64](t.Context(), r, query)
				if got != want {
					t.Errorf("%s gives %d, want %d", query, got, want)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		}
	})
}
