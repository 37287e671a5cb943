package app

import (
	"context"
	"net/netip"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// An edge takes flow records beside an interface: what the exporters tell is of the site (and
// realm) of that interface, which the centre says. So an exporter is called after it, and the
// centre finds its place by the interface's.
const exporterMark = "-flows-"

// exporterOf takes a source's name apart: the interface's sensor, and the exporter beside it.
func exporterOf(source string) (sensorID string, exporter netip.Addr, ok bool) {
	at := strings.LastIndex(source, exporterMark)
	if at <= 0 {
		return "", netip.Addr{}, false
	}
	a, err := netip.ParseAddr(source[at+len(exporterMark):])
	return source[:at], a, err == nil && a.Zone() == ""
}

// edgeInlet is a --flows of an edge: PORT=INTERFACE@EXPORTER,….
type edgeInlet struct {
	inlet
	iface string
}

// openEdgeInlets opens the ports of --flows.
func openEdgeInlets(list []string) (out []edgeInlet, err error) {
	for _, flag := range list {
		var in edgeInlet
		in.inlet, err = openInlet(flag, "PORT=INTERFACE@EXPORTER,EXPORTER such as 2055=eth1@10.20.0.1", func(place string) error {
			in.iface = place
			if strings.ContainsAny(place, "/: ") {
				return ot.Errorf(ot.Invalid, "--flows %s: %q is no interface of this machine; at an edge the site is that of an interface to which it listens", flag, place)
			}
			return nil
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

// takeFlows listens on every port of --flows until the edge ends.
func (n *edgeNode) takeFlows(ctx context.Context) {
	for _, in := range n.inlets {
		l := flowListener{
			inlet: in.inlet, log: n.log, protocols: n.cfg.Protocols,
			source: func(a netip.Addr) string {
				if id := n.sensorOf(in.iface); id != "" {
					return id + exporterMark + a.String()
				}
				return ""
			},
			emit: func(ctx context.Context, _ netip.Addr, sum *sensor.Summary) error { return n.emit(ctx, sum) },
		}
		n.group.Go(func() error { return l.listen(ctx) })
	}
}

// sensorOf is what the centre calls an interface of this machine; empty: it has not said yet.
func (n *edgeNode) sensorOf(iface string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r, ok := n.running[iface]; ok {
		return r.spec.Sensor
	}
	return ""
}
