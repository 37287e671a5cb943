package app

import (
	"context"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"golang.org/x/sync/errgroup"
)

// siteInlet is an inlet of the server: of exporters at one site.
type siteInlet struct {
	inlet
	delivery sensor.Delivery // of the site; each exporter is a source of its own
	host     string
}

// inlets reads --flows: PORT=SITE@EXPORTER,…; [ADDRESS:]PORT=SITE:REALM@EXPORTER,….
func (s *server) inlets(ctx context.Context, list []string) (out []siteInlet, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, ot.Errorf(ot.Internal, "the machine's name, by which its sensors are known: %w", err)
	}
	for _, flag := range list {
		in := siteInlet{host: host}
		in.inlet, err = openInlet(flag, "PORT=SITE@EXPORTER,EXPORTER such as 2055=Aarhus@10.20.0.1", func(place string) error {
			site, realm, err := s.place(ctx, place)
			in.delivery = sensor.Delivery{SiteNo: site.No, RealmNo: realm.No}
			return err
		})
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

// source names an exporter as a source, with the site in it as those of --sense.
func (in *siteInlet) source(a netip.Addr) string {
	return strings.Join([]string{in.host, "flows-" + a.String(), strconv.FormatInt(in.delivery.SiteNo, 10)}, "-")
}

// serveFlows listens on every port of --flows.
func (s *server) serveFlows(ctx context.Context, g *errgroup.Group, list []siteInlet) {
	for _, in := range list {
		l := flowListener{
			inlet: in.inlet, log: s.log, protocols: s.sensor.Protocols, source: in.source,
			emit: func(ctx context.Context, a netip.Addr, sum *sensor.Summary) error {
				d := in.delivery
				d.Source, d.Name, d.Received = in.source(a), "flow records of "+a.String(), time.Now()
				_, err := s.ingest.take(ctx, d, sum)
				return err
			},
		}
		g.Go(func() error { return l.listen(ctx) })
	}
}
