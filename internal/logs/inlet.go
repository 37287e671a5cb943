package logs

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/logs/syslog"
	"github.com/skanse/skanse/internal/ot"
)

// Inlet is a port at which the lines of a site arrive.
type Inlet struct {
	SiteNo, RealmNo int64
	UDP             *net.UDPConn // one of the two
	TLS             net.Listener // of crypto/tls
}

const (
	maxConnections = 256              // of one port at once
	idle           = 10 * time.Minute // a connection that says nothing for so long is closed; who has something to say comes back
	handshake      = 10 * time.Second
)

// Close closes a port that was never listened to.
func (in Inlet) Close() error {
	if in.UDP != nil {
		return in.UDP.Close()
	}
	return in.TLS.Close()
}

// Listen takes lines off a port until ctx ends.
func (s *Service) Listen(ctx context.Context, in Inlet) error {
	if in.UDP != nil {
		return s.listenUDP(ctx, in)
	}
	return s.listenTLS(ctx, in)
}

// listenUDP takes a line a datagram (RFC 5426).
func (s *Service) listenUDP(ctx context.Context, in Inlet) error {
	stop := context.AfterFunc(ctx, func() { _ = in.UDP.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	defer func() { _ = in.UDP.Close() }() // it is only read
	s.cfg.Log.Info("listening for syslog over UDP", "address", in.UDP.LocalAddr().String())
	buf := make([]byte, syslog.MaxLine)
	for {
		n, from, err := in.UDP.ReadFromUDPAddrPort(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case err != nil:
			return ot.Errorf(ot.Internal, "listen for syslog: %w", err)
		}
		s.Take(Arrival{SiteNo: in.SiteNo, RealmNo: in.RealmNo, From: from.Addr(), By: byUDP, Raw: bytes.Clone(buf[:n]), Cut: n == len(buf), At: s.now()})
	}
}

// listenTLS takes lines of connections (RFC 5425, and a line each as many send them).
func (s *Service) listenTLS(ctx context.Context, in Inlet) error {
	var all sync.WaitGroup
	defer all.Wait()
	open := connections{list: map[net.Conn]bool{}}
	stop := context.AfterFunc(ctx, func() {
		_ = in.TLS.Close() // the error of Accept says that it is over
		open.closeAll()
	})
	defer stop()
	s.cfg.Log.Info("listening for syslog over TLS", "address", in.TLS.Addr().String())
	room := make(chan struct{}, maxConnections)
	for {
		c, err := in.TLS.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = c.Close()
			}
			return nil
		case err != nil:
			return ot.Errorf(ot.Internal, "listen for syslog: %w", err)
		}
		select {
		case room <- struct{}{}:
		default:
			s.cfg.Log.Warn("a connection for syslog was refused: too many are open", "from", c.RemoteAddr().String(), "most", maxConnections)
			_ = c.Close()
			continue
		}
		open.add(c)
		all.Go(func() {
			defer func() { <-room }()
			defer open.remove(c)
			if err := s.converse(c, in); err != nil && ctx.Err() == nil {
				s.cfg.Log.Info("a connection for syslog ended", "from", c.RemoteAddr().String(), "error", err)
			}
		})
	}
}

// converse reads one connection to its end.
func (s *Service) converse(c net.Conn, in Inlet) error {
	defer func() { _ = c.Close() }() // it is only read
	peer, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return err
	}
	if t, ok := c.(*tls.Conn); ok {
		if err := c.SetDeadline(time.Now().Add(handshake)); err != nil {
			return err
		}
		if err := t.Handshake(); err != nil {
			return err
		}
	}
	r := syslog.NewReader(c)
	for {
		if err := c.SetDeadline(time.Now().Add(idle)); err != nil {
			return err
		}
		line, cut, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		s.Take(Arrival{SiteNo: in.SiteNo, RealmNo: in.RealmNo, From: peer.Addr(), By: byTLS, Raw: line, Cut: cut, At: s.now()})
	}
}

// connections are those that are open, so that the end of the program ends them.
type connections struct {
	mu   sync.Mutex
	list map[net.Conn]bool
	over bool
}

func (o *connections) add(c net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		_ = c.Close()
		return
	}
	o.list[c] = true
}

func (o *connections) remove(c net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.list, c)
}

func (o *connections) closeAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	for c := range o.list {
		_ = c.Close()
	}
}
