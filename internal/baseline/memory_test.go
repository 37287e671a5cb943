package baseline_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/baseline"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// What memory holds is never more than what the database has: a transaction that is
// rolled back is forgotten, and what another process decided is heard of.
func TestMemoryIsTrue(t *testing.T) {
	each(t, func(h *house) {
		usual := h.plant()
		h.hear(usual...)
		h.set(baseline.Protecting, nil)
		h.now = h.now.Add(10 * time.Minute)
		h.hear(usual...)
		h.want("the usual")

		// The caller's transaction fails after the baseline took its part.
		h.now = h.now.Add(2 * time.Hour)
		strange := ask{from: "10.0.3.10", to: "10.0.1.1", class: "write", lo: 5, hi: 6}
		lost := errors.New("the disk is full")
		err := h.db.Update(t.Context(), func(tx *store.Tx) error {
			for _, p := range baseline.Parts(h.summary(strange)) {
				if err := h.s.Learn(t.Context(), tx, h.delivery(), p); err != nil {
					return err
				}
			}
			return lost
		})
		if !errors.Is(err, lost) {
			t.Fatal(err)
		}
		h.want("before it is rolled back", "new-function")
		h.hear(strange)
		h.want("again, as nothing was kept of it", "new-function")

		// Another process denies a group.
		other := baseline.New(h.db, baseline.Config{Plant: h, Clock: func() time.Time { return h.now }})
		for _, g := range h.groups(baseline.Filter{}) {
			if g.Does == "polls" {
				if _, err := other.Decide(t.Context(), everybody, "Ida", baseline.Decision{Groups: []string{g.ID}, Verdict: "denied", Reason: "no more"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.now = h.now.Add(2 * time.Hour)
		h.hear(usual[3])
		h.want("denied by another process", "denied")
	})
}

// A million conversations: what memory they take, and that a summary of a busy plant costs
// what it cost when there were ten thousand. It prints what docs/measured.md quotes.
func TestSoakMillion(t *testing.T) {
	if os.Getenv("SKANSE_SOAK") == "" {
		t.Skip("a long run by hand: SKANSE_SOAK=1, or make soak")
	}
	once(t, func(h *house) {
		const all = 1_000_000
		ip := func(n int) string { return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String() }
		pair := func(n int) ask { return ask{from: ip(n % 5000), to: ip(100_000 + n/50), class: "read", hi: 99} }
		learn := func(from, n int) time.Duration {
			asks := make([]ask, 0, n)
			for i := range n {
				asks = append(asks, pair(from+i))
			}
			began := time.Now()
			h.learn(asks...)
			return time.Since(began)
		}
		// cost of hearing 2,000 conversations that are known: the first time, and every few seconds after it
		cost := func(from int) (first, again time.Duration) {
			h.now = h.now.Add(time.Second)
			first = learn(from, 2000)
			for range 10 {
				h.now = h.now.Add(time.Second)
				again += learn(from, 2000)
			}
			return first, again / 10
		}
		began := time.Now()
		for n := 0; n < all; n += 2000 {
			learn(n, 2000)
			if at := n + 2000; at == 10_000 || at == 100_000 || at == all {
				h.now = h.now.Add(time.Minute)
				first, again := cost(0)
				t.Logf("%9d conversations after %5.1f s: %s; 2,000 known ones in a summary %4d ms, every second after it %4d ms",
					at, time.Since(began).Seconds(), resident(t), first.Milliseconds(), again.Milliseconds())
			}
		}
		began = time.Now()
		if err := h.s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Logf("looking for silence among them: %d ms", time.Since(began).Milliseconds())
		n, err := count(t.Context(), h.db)
		if err != nil || n != all {
			t.Fatalf("%d conversations, %v", n, err)
		}
		var mb int
		if fmt.Sscanf(strings.TrimPrefix(resident(t), "resident "), "%d", &mb); mb > 500 {
			t.Errorf("%s, at most 500 MB are asked for", resident(t))
		}
	})
}

func count(ctx context.Context, db *store.DB) (n int64, err error) {
	err = db.View(ctx, func(r store.Reader) error {
		n, err = store.One[int64](ctx, r, "SELECT COUNT(*) FROM baseline_talk")
		return err
	})
	return n, err
}

// resident is what the process holds and held at most.
func resident(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "resident memory unknown"
	}
	var now, most int
	for line := range strings.Lines(string(raw)) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &now)
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &most)
	}
	return fmt.Sprintf("resident %d MiB, at most %d", now>>10, most>>10)
}

func (h *house) delivery() sensor.Delivery {
	return sensor.Delivery{SiteNo: 1, RealmNo: 1, Source: "s", Received: h.now}
}

// learn takes a summary once, a transaction a part.
func (h *house) learn(asks ...ask) {
	h.Helper()
	for _, p := range baseline.Parts(h.summary(asks...)) {
		if err := h.db.Update(h.Context(), func(tx *store.Tx) error { return h.s.Learn(h.Context(), tx, h.delivery(), p) }); err != nil {
			h.Fatal(err)
		}
	}
}

// summary is what a sensor tells of the last minute.
func (h *house) summary(asks ...ask) *sensor.Summary {
	h.seq++
	sum := &sensor.Summary{Sensor: "s", Epoch: "e", Seq: h.seq, From: h.now.Add(-time.Minute).UnixNano(), To: h.now.UnixNano(), Live: true}
	for _, a := range asks {
		from, to := ot.Host{IP: netip.MustParseAddr(a.from)}, ot.Host{IP: netip.MustParseAddr(a.to)}
		f := sensor.FlowDelta{
			Client: from, Server: to, ClientBy: sensor.BySYN, Transport: "tcp", Port: 502, Protocol: "modbus", First: h.now.Add(-time.Minute).UnixNano(), Last: h.now.UnixNano(),
			Established: true, ClientPackets: max(a.packets, 10), ServerPackets: 10,
		}
		sum.Flows = append(sum.Flows, f)
		if a.class != "" {
			key := sensor.FlowKey{Client: from, Server: to, Transport: "tcp", Port: 502, Protocol: "modbus"}
			code := map[string]uint32{"read": 3, "write": 16, "configure": 43}[a.class]
			sum.Tuples = append(sum.Tuples, sensor.TupleDelta{
				Flow: key, Protocol: "modbus", Kind: "function", Dir: "request", Code: code, Class: a.class, Unit: 1, FirstItem: a.lo, LastItem: a.hi, Count: 5, First: f.First, Last: f.Last,
			}, sensor.TupleDelta{Flow: key, Protocol: "modbus", Kind: "function", Dir: "response", Code: code, Class: a.class, Unit: 1, Count: 5, First: f.First, Last: f.Last})
		}
	}
	return sum
}
