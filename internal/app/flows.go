package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	tell "github.com/skanse/skanse/internal/sensor/told"
	"github.com/skanse/skanse/internal/sensor/told/flows"
)

// inlet is a UDP port to which exporters send flow records.
type inlet struct {
	conn *net.UDPConn
	from []netip.Addr // who may send; nobody else is listened to
}

// maxExporters bounds the exporters of one port: each is a source, with state of its own.
const maxExporters = 64

// openInlet reads a --flows, [ADDRESS:]PORT=PLACE@EXPORTER,…, and opens its port once known accepts the place.
func openInlet(flag, example string, known func(place string) error) (in inlet, err error) {
	at, rest, ok := strings.Cut(flag, "=")
	place, from, named := strings.Cut(rest, "@")
	if !ok || !named || place == "" || from == "" {
		return in, ot.Errorf(ot.Invalid, "--flows %s: write %s with the addresses that may send", flag, example)
	}
	for word := range strings.SplitSeq(from, ",") {
		a, err := netip.ParseAddr(strings.TrimSpace(word))
		if err != nil {
			return in, ot.Errorf(ot.Invalid, "--flows %s: %q is not the address of an exporter", flag, word)
		}
		in.from = append(in.from, a.Unmap())
	}
	if len(in.from) > maxExporters {
		return in, ot.Errorf(ot.Invalid, "--flows %s: %d exporters are more than the %d of one port; give another port to the others", flag, len(in.from), maxExporters)
	}
	if err := known(place); err != nil {
		return in, err
	}
	if !strings.Contains(at, ":") {
		at = ":" + at
	}
	addr, err := net.ResolveUDPAddr("udp", at)
	if err != nil {
		return in, ot.Errorf(ot.Invalid, "--flows %s: %w", flag, err)
	}
	if in.conn, err = net.ListenUDP("udp", addr); err != nil {
		return in, ot.Errorf(ot.Invalid, "--flows %s: cannot listen there: %w", flag, err)
	}
	_ = in.conn.SetReadBuffer(4 << 20) // as much as the machine allows: a burst of a switch is larger than the usual 200 KiB
	return in, nil
}

// flowListener reads what exporters send to one port, and gives every ten seconds what each of them told.
type flowListener struct {
	inlet
	log       *slog.Logger
	protocols *dissect.Set
	// source is what an exporter is called as a source; empty while nobody knows where it stands.
	source func(a netip.Addr) string
	emit   func(ctx context.Context, a netip.Addr, sum *sensor.Summary) error

	epoch     string
	exporters map[netip.Addr]*exporter
	strangers map[netip.Addr]bool
}

type exporter struct {
	*flows.Exporter
	source string
}

// listen reads until ctx ends.
func (l *flowListener) listen(ctx context.Context) error {
	defer func() { _ = l.conn.Close() }() // it is only read
	l.log = l.log.With("flows", l.conn.LocalAddr().String())
	l.epoch = time.Now().UTC().Format(time.RFC3339Nano)
	l.exporters, l.strangers = map[netip.Addr]*exporter{}, map[netip.Addr]bool{}
	for _, a := range l.from { // silence is told too
		l.exporter(ctx, a)
	}
	l.log.Info("listening for flow records", "exporters", len(l.from))
	buf := make([]byte, 64<<10)
	next := time.Now().Add(senseInterval)
	for {
		if err := l.conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return ot.Errorf(ot.Internal, "listen for flow records: %w", err)
		}
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		now := time.Now()
		ending := ctx.Err() != nil
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
		case err != nil:
			return ot.Errorf(ot.Internal, "listen for flow records: %w", err)
		default:
			l.take(ctx, from.Addr().Unmap().WithZone(""), buf[:n], now)
		}
		switch {
		case ending: // with what had come by then
			for n := 0; err == nil && n < lastDatagrams; n++ {
				var size int
				if err = l.conn.SetReadDeadline(time.Now().Add(lastWait)); err == nil {
					if size, from, err = l.conn.ReadFromUDPAddrPort(buf); err == nil {
						l.take(ctx, from.Addr().Unmap().WithZone(""), buf[:size], time.Now())
					}
				}
			}
			l.flush(true)
			return nil
		case now.After(next):
			next = now.Add(senseInterval)
			l.flush(false)
		}
	}
}

// What an ending listener still takes: what waits in the machine already.
const (
	lastDatagrams = 10_000
	lastWait      = 10 * time.Millisecond
)

// take gives a datagram to its exporter.
func (l *flowListener) take(ctx context.Context, a netip.Addr, b []byte, now time.Time) {
	if !slices.Contains(l.from, a) {
		l.once(a, "it may not send here; name it behind @ in --flows if it should")
		return
	}
	e := l.exporter(ctx, a)
	if e == nil {
		l.once(a, "the centre has not said to which site the interface in --flows belongs")
		return
	}
	if e.Take(b, now); e.Full() {
		l.told(a, e, false)
	}
}

// exporter finds who sends, or begins to know it; nil while nobody knows where it stands.
func (l *flowListener) exporter(ctx context.Context, a netip.Addr) *exporter {
	e, source := l.exporters[a], l.source(a)
	if e != nil && e.source == source {
		return e
	}
	if e != nil { // it stands elsewhere now: that is another source
		l.told(a, e, true)
		delete(l.exporters, a)
	}
	if source == "" {
		return nil
	}
	e = &exporter{source: source}
	e.Exporter = flows.NewExporter(a, tell.Config{
		Sensor: source, Epoch: l.epoch, Kind: sensor.ToldNetFlow, Protocols: l.protocols,
		Emit: func(sum *sensor.Summary) error {
			sum.Sent = time.Now().UnixNano()
			return l.emit(context.WithoutCancel(ctx), a, sum)
		},
	})
	l.exporters[a] = e
	return e
}

func (l *flowListener) once(a netip.Addr, why string) {
	if !l.strangers[a] && len(l.strangers) < maxExporters {
		l.strangers[a] = true
		l.log.Warn("flow records are not read", "exporter", a, "why", why)
	}
}

func (l *flowListener) flush(last bool) {
	for a, e := range l.exporters {
		l.told(a, e, last)
	}
}

func (l *flowListener) told(a netip.Addr, e *exporter, last bool) {
	if err := e.Flush(last); err != nil {
		l.log.Error("what an exporter told is lost", "exporter", a, "error", err)
	}
}
