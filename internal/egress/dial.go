package egress

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Dialer opens connections to what the list allows. It is safe for concurrent use.
type Dialer struct {
	db   *store.DB
	log  *slog.Logger
	off  bool
	dial net.Dialer

	mu      sync.Mutex
	refused map[string]*Refusal
}

// Config is what a Dialer needs.
type Config struct {
	DB  *store.DB
	Log *slog.Logger
	Off bool // refuse everything whatever the list says: the demo
}

// Refusal is a place that something wanted to reach and the list does not have.
type Refusal struct {
	Host  string     `json:"host"`
	Port  int64      `json:"port"`
	Count int64      `json:"count"`
	Last  store.Time `json:"last"`
}

// ErrRefused is in the chain of every refusal.
var ErrRefused = errors.New("not on the list of allowed connections")

// New makes a Dialer.
func New(cfg Config) *Dialer {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Dialer{db: cfg.DB, log: cfg.Log, off: cfg.Off, dial: net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}, refused: map[string]*Refusal{}}
}

// Off says whether nothing is ever connected.
func (d *Dialer) Off() bool { return d.off }

// DialContext connects to host:port by tcp or udp if the list allows it. A change of
// the list counts from the next call on. It connects to the very address that it
// has judged, so that a name cannot answer twice.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, p, err := net.SplitHostPort(address)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "%q is not host:port: %w", ot.Printable(address), err)
	}
	port, err := strconv.ParseInt(p, 10, 64)
	if err != nil || port < 1 || port > 65535 {
		return nil, ot.Errorf(ot.Invalid, "%q names no port by its number", ot.Printable(address))
	}
	switch network {
	case "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6":
	default:
		return nil, ot.Errorf(ot.Invalid, "no connections by %s", network)
	}
	host = fold(host)
	if d.off {
		return nil, d.refuse(host, port, "the demo sends nothing")
	}
	var list []Allow
	if err := d.db.View(ctx, func(r store.Reader) error { list, err = List(ctx, r); return err }); err != nil {
		return nil, err
	}
	v := judge(list, host, port)
	if !v.listed {
		return nil, d.refuse(host, port, "an administrator can allow it (Settings, Notices, Connections out)")
	}
	var to []netip.Addr
	if addr, err := netip.ParseAddr(host); err == nil {
		to = []netip.Addr{addr}
	} else if to, err = d.lookup(ctx, network, host); err != nil {
		return nil, err
	}
	var last error
	for _, addr := range to {
		if !v.inside && !outside(addr) && !reaches(list, addr, port) {
			last = cmp.Or(last, d.refuse(host, port, "the name stands for "+addr.String()+", which is inside: tick \"inside\" if that is right"))
			continue
		}
		conn, err := d.dial.DialContext(ctx, network, net.JoinHostPort(addr.String(), p))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

func (d *Dialer) lookup(ctx context.Context, network, host string) ([]netip.Addr, error) {
	family := "ip"
	switch network[3:] {
	case "4", "6":
		family += network[3:]
	}
	to, err := net.DefaultResolver.LookupNetIP(ctx, family, host)
	if err == nil && len(to) == 0 {
		err = errors.New("the name has no address")
	}
	if err != nil {
		return nil, ot.Errorf(ot.Busy, "find the address of %s: %w", host, err)
	}
	for i := range to {
		to[i] = to[i].Unmap()
	}
	return to, nil
}

// maxRefused bounds what is remembered of refusals.
const maxRefused = 100

func (d *Dialer) refuse(host string, port int64, why string) error {
	d.mu.Lock()
	key := net.JoinHostPort(host, strconv.FormatInt(port, 10))
	r := d.refused[key]
	if r == nil && len(d.refused) < maxRefused {
		r = &Refusal{Host: ot.Printable(host), Port: port}
		d.refused[key] = r
		d.log.Warn("a connection out was refused", "host", r.Host, "port", port, "why", why)
	}
	if r != nil {
		r.Count++
		r.Last = store.At(time.Now())
	}
	d.mu.Unlock()
	return &ot.Error{Code: ot.Forbidden, Message: "a connection to " + ot.Printable(key) + " is " + ErrRefused.Error() + ": " + why, Cause: ErrRefused}
}

// Refused lists what was refused since the program started, newest first.
func (d *Dialer) Refused() []Refusal {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]Refusal, 0, len(d.refused))
	for _, r := range d.refused {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Refusal) int { return b.Last.Compare(a.Last.Time) })
	return out
}

// HTTPClient makes a client over the Dialer. It follows no redirect: a caller that
// may follow one asks for its place anew, and the list is asked too. There is no
// proxy, no cookie and no connection kept for long. tlsConfig may be nil.
func (d *Dialer) HTTPClient(timeout time.Duration, tlsConfig *tls.Config) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: timeout, IdleConnTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 1, MaxResponseHeaderBytes: 64 << 10,
		},
	}
}
