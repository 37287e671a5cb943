package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/filter"
	"github.com/skanse/skanse/internal/sensor/live"
	"github.com/skanse/skanse/internal/sensor/ring"
	"golang.org/x/sync/errgroup"
)

// edgeNode is a running edge: what it listens to follows its configuration.
type edgeNode struct {
	outlet
	guard *portGuard
	log   *slog.Logger
	box   *box.Box
	host  string
	data  string
	until func() time.Time

	ringKey []byte // of rings on disk
	inlets  []edgeInlet

	mu      sync.Mutex
	cfg     sensor.Config   // its rules are those of the newest bundle
	bundle  string          // their hash
	ctx     context.Context //nolint:containedctx // of serve; apply starts listeners in it
	group   *errgroup.Group
	running map[string]*running
}

func newEdgeNode(log *slog.Logger, cfg sensor.Config, bundle string, outbox *box.Outbox, host, data string) *edgeNode {
	cfg.Follow = sensor.NewFollowed(cfg.Protocols)
	return &edgeNode{log: log, cfg: cfg, bundle: bundle, outlet: outlet{outbox}, host: host, data: data, running: map[string]*running{}}
}

// running is one interface that is listened to.
type running struct {
	spec      edge.Interface
	listening *listening
	every     time.Duration
	stop      context.CancelFunc
	done      chan struct{}
	port      edge.Port
}

// serve runs the edge until ctx ends; what was heard last is then kept, and sent if the centre answers at once.
func (n *edgeNode) serve(ctx context.Context, talk func(context.Context) error) error {
	g, gctx := errgroup.WithContext(ctx)
	n.mu.Lock()
	n.ctx, n.group = gctx, g
	n.mu.Unlock()
	if err := n.box.Start(gctx); err != nil {
		return err
	}
	n.takeFlows(gctx)
	g.Go(func() error { return talk(gctx) })
	return g.Wait()
}

// apply makes a configuration true: interfaces that stay are not touched, and those
// of which only the filter or the ring is another keep what their ring holds. The
// Box applies one configuration at a time.
func (n *edgeNode) apply(_ context.Context, c edge.Config) error {
	want := map[string]edge.Interface{}
	for _, i := range c.Interfaces {
		if i.Sensor == "" {
			return ot.Errorf(ot.Invalid, "interface %s: the centre gave it no name", i.Name)
		}
		if _, err := filter.Parse(i.Filter); err != nil {
			return fmt.Errorf("interface %s: %w", i.Name, err)
		}
		want[i.Name] = i
	}
	follow := make([]sensor.Element, len(c.Follow))
	for i, e := range c.Follow {
		follow[i] = sensor.Element(e)
	}
	n.cfg.Follow.Set(follow)
	every := time.Duration(c.IntervalSeconds) * time.Second
	n.mu.Lock()
	var gone []*running
	for name, r := range n.running {
		w, ok := want[name]
		if !ok || !same(w, r.spec) || r.every != every {
			gone = append(gone, r)
			delete(n.running, name)
		}
	}
	n.mu.Unlock()
	for _, r := range gone { // without the lock: what they heard last is still counted and told
		r.stop()
		<-r.done
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, spec := range want {
		if r, ok := n.running[name]; ok {
			old := settingsOf(r.spec)
			if r.spec = spec; settingsOf(spec) != old {
				if err := r.listening.Apply(n.ctx, settingsOf(spec)); err != nil {
					return fmt.Errorf("interface %s: %w", name, err)
				}
			}
			continue
		}
		n.start(spec, every)
	}
	return nil
}

// start listens to an interface. n.mu is held.
func (n *edgeNode) start(spec edge.Interface, every time.Duration) {
	ctx, stop := context.WithCancel(n.ctx)
	r := &running{spec: spec, every: every, stop: stop, done: make(chan struct{}), port: edge.Port{Name: spec.Name}}
	dir := filepath.Join(n.data, ringFolder, strings.Map(fileSafe, spec.Sensor))
	r.listening = newListening(spec.Name, dir, n.ringKey, settingsOf(spec), func(context.Context) (ring.Policy, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		return ownPolicy(r.spec), nil
	})
	n.running[spec.Name] = r
	e := ear{iface: spec.Name, every: every, listening: r.listening, delivery: sensor.Delivery{Source: spec.Sensor, Name: spec.Name + " on " + n.host}}
	n.group.Go(func() error {
		defer close(r.done)
		err := hearing{n.log, func() sensor.Config { return n.realms(spec) }, func(ctx context.Context, sum *sensor.Summary) error {
			n.count(r, sum)
			return n.emit(ctx, sum)
		}, n.guard}.sense(ctx, e)
		if cerr := r.listening.close(); cerr != nil {
			n.log.Error("the last packets of the ring are not on disk", "interface", spec.Name, "error", cerr)
		}
		return err
	})
}

// same says whether an interface stays the source that it was; its filter, its ring
// and its networks may be others.
func same(a, b edge.Interface) bool {
	return a.Name == b.Name && a.Sensor == b.Sensor && maps.Equal(a.VLANs, b.VLANs)
}

// realms names the realm of a VLAN as the centre expects it.
func (n *edgeNode) realms(i edge.Interface) sensor.Config {
	n.mu.Lock()
	cfg := n.cfg
	n.mu.Unlock()
	if len(i.VLANs) > 0 {
		cfg.Realm = func(_ string, vlan uint16) string {
			if _, ok := i.VLANs[fmt.Sprint(vlan)]; ok {
				return fmt.Sprint("vlan", vlan)
			}
			return ""
		}
	}
	return cfg
}

func (n *edgeNode) count(r *running, sum *sensor.Summary) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r.port.Packets += sum.Health.Packets
	r.port.Dropped += sum.Health.Dropped
	r.port.Transmitted += sum.Health.Transmitted
	r.port.Error = ot.Printable(sum.Health.Cut)
}

// health says how this machine is.
func (n *edgeNode) health(context.Context) edge.Health {
	h := machine(n.host, n.data)
	if n.until != nil {
		h.CertUntil = n.until().UnixMicro()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	h.Rules = ruleState(n.bundle, n.cfg.Rules)
	h.Ports = ports(func(p *edge.Port) {
		if r, ok := n.running[p.Name]; ok {
			p.Listening, p.Packets, p.Dropped, p.Transmitted, p.Error = p.Up, r.port.Packets, r.port.Dropped, r.port.Transmitted, r.port.Error
		}
	})
	for name, r := range n.running { // configured, and not there
		if !hasPort(h.Ports, name) {
			p := r.port
			p.Error = "there is no such interface on this machine"
			h.Ports = append(h.Ports, p)
		}
	}
	return h
}

func hasPort(list []edge.Port, name string) bool {
	for _, p := range list {
		if p.Name == name {
			return true
		}
	}
	return false
}

// ports lists the machine's interfaces.
func ports(fill func(*edge.Port)) []edge.Port {
	out := []edge.Port{}
	for _, name := range interfaceNames() {
		p := edge.Port{Name: name}
		if i, err := live.Inspect(name); err == nil {
			p.Up, p.Silent = i.Up, len(i.Warnings()) == 0
		}
		if fill != nil {
			fill(&p)
		}
		out = append(out, p)
	}
	return out
}
