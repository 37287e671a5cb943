package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/filter"
	"github.com/skanse/skanse/internal/sensor/live"
	"github.com/skanse/skanse/internal/sensor/ring"
	"github.com/skanse/skanse/internal/view"
)

// listenOptions say how the interfaces of --sense listen.
type listenOptions struct {
	Started   listen.Settings // until somebody says otherwise on the page
	Addressed bool            // a port with an address is taken too
	Silence   bool            // make them silent, by a helper process
}

// openListening makes the slice that the interfaces report to.
func (s *server) openListening(key []byte) error {
	cuts, err := hkdf.Key(sha256.New, key, nil, "skanse cut packets", 32)
	if err != nil {
		return ot.Errorf(ot.Internal, "derive the key of cut packets: %w", err)
	}
	if s.ringKey, err = hkdf.Key(sha256.New, key, nil, "skanse packet ring", 32); err != nil {
		return ot.Errorf(ot.Internal, "derive the key of the packet ring: %w", err)
	}
	s.far = &far{
		edges: func() *centre.Service { return s.edges }, listening: func() *listen.Service { return s.listening }, db: s.db, waiting: map[centre.Order]chan found{},
	}
	s.listening = listen.New(listen.Config{
		DB: s.db, Dir: s.opts.Data.join("cuts"), Key: cuts, Find: finder{view.NewConversations(s.db)}, Far: s.far, Test: tester{s.far, s.sensing, s.now}, Program: "Skanse " + Version, Log: s.log,
	})
	return nil
}

// cutJobs look after packets that were cut out.
func (s *server) cutJobs() []job.Job {
	return []job.Job{
		{Name: "cuts", Every: time.Hour, Do: s.listening.Clean},
		{Name: "cuts-asked", Every: time.Minute, Do: s.listening.Expire},
		{Name: "selftests", Every: 10 * time.Minute, Do: s.listening.RunTests},
	}
}

// finder finds the ends of what somebody wants the packets of.
type finder struct{ talks *view.Conversations }

// Conversation implements listen.Finder.
func (f finder) Conversation(ctx context.Context, scope listen.Scope, id string) (listen.Target, error) {
	p, err := f.talks.ConversationEnds(ctx, scope, id)
	return listen.Target{
		SiteNo: p.SiteNo, SiteID: p.SiteID, RealmNo: p.RealmNo, What: p.What, Pairs: []listen.Pair{{A: p.A, B: p.B, Transport: p.Transport, Port: p.Port}},
	}, err
}

// Asset implements listen.Finder.
func (f finder) Asset(ctx context.Context, scope listen.Scope, id string) (listen.Target, error) {
	p, err := f.talks.AssetEnds(ctx, scope, id)
	t := listen.Target{SiteNo: p.SiteNo, SiteID: p.SiteID, RealmNo: p.RealmNo, What: p.What}
	for _, a := range p.Addresses {
		t.Pairs = append(t.Pairs, listen.Pair{A: a})
	}
	return t, err
}

// listening is one interface's settings and ring: the listen.Ear in this process.
type listening struct {
	iface  string
	dir    string // of a ring on disk
	key    []byte
	policy func(context.Context) (ring.Policy, error)

	mu      sync.Mutex
	now     listen.Settings
	ring    *ring.Ring // nil: none is kept
	made    listen.Settings
	changed chan struct{} // closed when the settings are others
}

func newListening(iface, dir string, key []byte, now listen.Settings, policy func(context.Context) (ring.Policy, error)) *listening {
	return &listening{iface: iface, dir: dir, key: key, now: now, policy: policy, changed: make(chan struct{})}
}

// Apply implements listen.Ear: whoever hears begins anew.
func (l *listening) Apply(_ context.Context, s listen.Settings) error {
	if _, err := filter.Parse(s.Filter); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = s
	l.restart()
	return nil
}

// again makes whoever hears begin anew, with what is wanted by then.
func (l *listening) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.restart()
}

func (l *listening) restart() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// ready makes what the settings ask for, and says when they are others.
func (l *listening) ready(ctx context.Context) (o live.Options, keep *ring.Ring, changed <-chan struct{}, err error) {
	policy, err := l.policy(ctx)
	if err != nil {
		return o, nil, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	policy.Beyond = l.now.Beyond
	same := l.made.Ring == l.now.Ring && l.made.MemoryMiB == l.now.MemoryMiB && l.made.DiskMiB == l.now.DiskMiB
	if !same {
		if l.ring != nil {
			if err := l.ring.Close(); err != nil {
				return o, nil, nil, err
			}
			l.ring = nil
		}
		if l.ring, err = l.make(policy); err != nil {
			return o, nil, nil, err
		}
		l.made = l.now
	}
	if l.ring != nil {
		l.ring.SetPolicy(policy)
		o.After = l.ring.Last()
	}
	o.Filter, err = filter.Parse(l.now.Filter)
	return o, l.ring, l.changed, err
}

func (l *listening) make(policy ring.Policy) (*ring.Ring, error) {
	switch l.now.Ring {
	case "off":
		return nil, nil
	case "disk":
		return ring.New(ring.Config{Policy: policy, Disk: &ring.Disk{Dir: l.dir, Size: l.now.DiskMiB << 20, Key: l.key}})
	}
	return ring.New(ring.Config{Policy: policy, Memory: l.now.MemoryMiB << 20})
}

// policyEvery is how often the plant's own networks are asked for anew.
const policyEvery = time.Minute

// follow keeps the ring's policy as the site's zones are.
func (l *listening) follow(ctx context.Context, keep *ring.Ring) {
	var last ring.Policy
	for t := time.NewTicker(policyEvery); ; {
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		p, err := l.policy(ctx)
		if err != nil {
			continue // the next minute asks again
		}
		l.mu.Lock()
		p.Beyond = l.now.Beyond
		l.mu.Unlock()
		if !reflect.DeepEqual(p, last) {
			keep.SetPolicy(p)
			last = p
		}
	}
}

func (l *listening) kept() (*ring.Ring, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ring == nil {
		return nil, ot.Errorf(ot.NotFound, "it keeps no packets")
	}
	return l.ring, nil
}

// Cut implements listen.Ear.
func (l *listening) Cut(_ context.Context, sel listen.Selection, w *ring.Writer) (ring.Result, error) {
	r, err := l.kept()
	if err != nil {
		return ring.Result{}, err
	}
	return listen.CutRing(r, l.iface, sel, w)
}

// Packet implements listen.Ear.
func (l *listening) Packet(_ context.Context, number uint64, seen time.Time) (ring.Piece, error) {
	r, err := l.kept()
	if err != nil {
		return ring.Piece{}, ot.Errorf(ot.NotFound, "packet %d is no longer kept: %w", number, err)
	}
	return r.Packet(number, seen.UnixNano())
}

// close ends the ring: what is not on disk is gone.
func (l *listening) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ring == nil {
		return nil
	}
	err := l.ring.Close()
	l.ring, l.made = nil, listen.Settings{}
	return err
}

// ownProtocols are those of plants: their payload is kept wherever they are spoken.
func ownProtocols() map[string]bool {
	out := map[string]bool{}
	for _, name := range []string{"modbus", "s7comm", "enip", "dnp3", "iec104", "bacnet"} {
		out[name] = true
	}
	return out
}

// ownRanges are the networks of a site's OT zones in an address realm.
func (s *server) ownRanges(siteID, realmID string) func(context.Context) (ring.Policy, error) {
	return func(ctx context.Context) (ring.Policy, error) {
		p := ring.Policy{Protocols: ownProtocols()}
		all := auth.Scope{All: true}
		zones, err := s.org.Zones(ctx, all, siteID)
		if err != nil {
			return p, err
		}
		plant := map[string]bool{}
		for _, z := range zones {
			plant[z.ID] = z.OT
		}
		subnets, err := s.org.Subnets(ctx, all, siteID)
		if err != nil {
			return p, err
		}
		for _, x := range subnets {
			if n, err := netip.ParsePrefix(x.Prefix); err == nil && plant[x.ZoneID] && (x.RealmID == "" || x.RealmID == realmID) {
				p.Ranges = append(p.Ranges, n)
			}
		}
		return p, nil
	}
}

// attach makes an interface's ring and settings, and puts them within reach of the page.
func (s *server) attach(ctx context.Context, iface, siteID, realmID string, d sensor.Delivery) (*listening, error) {
	started := s.opts.Listening.Started
	if started == (listen.Settings{}) {
		started = listen.DefaultSettings()
	}
	if err := s.listening.Known(ctx, d, started); err != nil {
		return nil, err
	}
	if saved, ok, err := s.listening.SettingsOf(ctx, d.Source); err != nil {
		return nil, err
	} else if ok {
		started = saved
	}
	dir := filepath.Join(s.opts.Data.join(ringFolder), strings.Map(fileSafe, d.Source))
	l := newListening(iface, dir, s.ringKey, started, s.ownRanges(siteID, realmID))
	s.listening.Attach(d.Source, l)
	return l, nil
}

// ringFolder holds the rings that are kept on disk, of a server and of an edge.
const ringFolder = "rings"

func fileSafe(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
		return r
	}
	return '_'
}

// ringPacket looks for a packet in the ring of its source, for the page that shows a proof.
func (s *server) ringPacket(ctx context.Context, source string, number uint64, seen time.Time) (sensor.Packet, error) {
	p, err := s.listening.Packet(ctx, source, number, seen)
	return p.Packet, err
}

// endListening closes the rings when the last packet was heard, and puts the ports back.
func (s *server) endListening(ears []ear) {
	for _, e := range ears {
		if e.listening == nil {
			continue
		}
		s.listening.Attach(e.delivery.Source, nil)
		if err := e.listening.close(); err != nil {
			s.log.Error("the last packets of the ring are not on disk", "interface", e.iface, "error", err)
		}
	}
	if err := s.guard.close(); err != nil {
		s.log.Error("a capture port is not as it was before", "error", err)
	}
	s.guard = nil
}

// settingsOf is how an edge listens to an interface as its centre configured it.
func settingsOf(i edge.Interface) listen.Settings {
	s := listen.DefaultSettings()
	s.Filter, s.Beyond = i.Filter, i.Beyond
	if i.Ring != "" {
		s.Ring = i.Ring
	}
	if i.RingBytes > 0 {
		s.MemoryMiB = max(i.RingBytes, ring.MinMemory) >> 20
	}
	if i.DiskMiB > 0 {
		s.DiskMiB = i.DiskMiB
	}
	return s
}

// ownPolicy is whose payload an edge keeps: the centre says which networks are the plant's.
func ownPolicy(i edge.Interface) ring.Policy {
	p := ring.Policy{Protocols: ownProtocols(), Beyond: i.Beyond}
	for _, x := range i.Own {
		if n, err := netip.ParsePrefix(x); err == nil {
			p.Ranges = append(p.Ranges, n)
		}
	}
	return p
}

// guardPortsHere starts the process that makes ports silent and gives up, in this
// one, what listening does not need.
func guardPortsHere(log *slog.Logger) *portGuard {
	g, err := startPortGuard("")
	if err != nil {
		log.Warn("capture ports are taken as they are", "why", err)
	}
	if err := live.DropCapabilities(); err != nil {
		log.Warn("this process keeps capabilities that it does not need", "error", err)
	}
	return g
}
