package app

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	tell "github.com/skanse/skanse/internal/sensor/told"
	"github.com/skanse/skanse/internal/sensor/told/flows"
	"golang.org/x/sync/errgroup"
)

// inlet is a UDP port to which exporters of one site send flow records.
type inlet struct {
	conn     *net.UDPConn
	delivery sensor.Delivery // of the site; each exporter is a source of its own
	from     []netip.Addr    // who may send; nobody else is listened to
	host     string
}

// maxExporters bounds the exporters of one port: each is a source, with state of its own.
const maxExporters = 64

// inlets reads --flows: PORT=SITE@EXPORTER,…; [ADDRESS:]PORT=SITE:REALM@EXPORTER,….
func (s *server) inlets(ctx context.Context, list []string) (out []inlet, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, ot.Errorf(ot.Internal, "the machine's name, by which its sensors are known: %w", err)
	}
	for _, flag := range list {
		in, err := s.inlet(ctx, host, flag)
		if err != nil {
			for _, open := range out {
				_ = open.conn.Close() // nothing was read from it
			}
			return nil, err
		}
		out = append(out, in)
	}
	return out, nil
}

func (s *server) inlet(ctx context.Context, host, flag string) (in inlet, err error) {
	at, rest, ok := strings.Cut(flag, "=")
	place, from, named := strings.Cut(rest, "@")
	if !ok || !named || place == "" || from == "" {
		return in, ot.Errorf(ot.Invalid, "--flows %s: write PORT=SITE@EXPORTER,EXPORTER with the addresses that may send, such as 2055=Aarhus@10.20.0.1", flag)
	}
	in.host = host
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
	site, realm, err := s.place(ctx, place)
	if err != nil {
		return in, err
	}
	in.delivery = sensor.Delivery{SiteNo: site.No, RealmNo: realm.No}
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

// source names an exporter as a source, with the site in it as those of --sense.
func (in *inlet) source(a netip.Addr) sensor.Delivery {
	d := in.delivery
	d.Source = strings.Join([]string{in.host, "flows-" + a.String(), strconv.FormatInt(d.SiteNo, 10)}, "-")
	d.Name = "flow records of " + a.String()
	return d
}

// listen reads datagrams until ctx ends, and gives what each exporter told every ten seconds.
func (s *server) listenFlows(ctx context.Context, in inlet) error {
	defer func() { _ = in.conn.Close() }() // it is only read
	log := s.log.With("flows", in.conn.LocalAddr().String())
	epoch := time.Now().UTC().Format(time.RFC3339Nano)
	exporters := map[netip.Addr]*flows.Exporter{}
	for _, a := range in.from {
		d := in.source(a)
		exporters[a] = flows.NewExporter(a, tell.Config{
			Sensor: d.Source, Epoch: epoch, Kind: sensor.ToldNetFlow, Protocols: s.sensor.Protocols,
			Emit: func(sum *sensor.Summary) error {
				d.Received = time.Now()
				sum.Sent = d.Received.UnixNano()
				_, err := s.ingest.take(context.WithoutCancel(ctx), d, sum)
				return err
			},
		})
	}
	log.Info("listening for flow records", "exporters", len(in.from))
	flush := func(last bool) {
		for a, e := range exporters {
			if err := e.Flush(last); err != nil {
				log.Error("what an exporter told is lost", "exporter", a, "error", err)
			}
		}
	}
	buf := make([]byte, 64<<10)
	next := time.Now().Add(senseInterval)
	strangers := map[netip.Addr]bool{}
	for {
		if err := in.conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return ot.Errorf(ot.Internal, "listen for flow records: %w", err)
		}
		n, from, err := in.conn.ReadFromUDPAddrPort(buf)
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			flush(true)
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
		case err != nil:
			return ot.Errorf(ot.Internal, "listen for flow records: %w", err)
		default:
			a := from.Addr().Unmap().WithZone("")
			e := exporters[a]
			if e == nil {
				if !strangers[a] && len(strangers) < maxExporters {
					strangers[a] = true
					log.Warn("flow records of somebody who may not send here are not read; name it behind @ in --flows if it should", "exporter", a)
				}
				break
			}
			e.Take(buf[:n], now)
			if e.Full() {
				if err := e.Flush(false); err != nil {
					log.Error("what an exporter told is lost", "exporter", a, "error", err)
				}
			}
		}
		if now.After(next) {
			next = now.Add(senseInterval)
			flush(false)
		}
	}
}

// serveFlows listens on every port of --flows.
func (s *server) serveFlows(ctx context.Context, g *errgroup.Group, list []inlet) {
	for _, in := range list {
		g.Go(func() error { return s.listenFlows(ctx, in) })
	}
}
