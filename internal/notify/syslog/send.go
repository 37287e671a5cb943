package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Dial opens a connection; egress.Dialer.DialContext is one.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// The transports.
const (
	UDP = "udp"
	TCP = "tcp"
	TLS = "tls"
)

// Target is a receiver of messages.
type Target struct {
	Transport string
	Address   string // host:port
	TLS       *tls.Config
	Lines     bool // over TCP and TLS one message a line, without counted octets
}

const (
	writeWait = 20 * time.Second
	endWait   = 20 * time.Second
)

// Send sends messages and returns when the receiver has read them all: syslog has no
// acknowledgement, so the connection is ended after the last one, and only a
// receiver that read up to the end ends it too. After an error none counts as sent.
// Over UDP nobody knows what arrived.
func (t Target) Send(ctx context.Context, dial Dial, messages [][]byte) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if t.Transport == UDP {
		return t.datagrams(ctx, dial, messages)
	}
	conn, err := dial(ctx, "tcp", t.Address)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	defer func() { _ = conn.Close() }()
	if t.Transport == TLS {
		cfg := &tls.Config{MinVersion: tls.VersionTLS12}
		if t.TLS != nil {
			cfg = t.TLS.Clone()
		}
		if cfg.ServerName == "" {
			cfg.ServerName, _, _ = net.SplitHostPort(t.Address)
		}
		sec := tls.Client(conn, cfg)
		if err := sec.HandshakeContext(ctx); err != nil {
			return ot.Errorf(ot.Busy, "agree on TLS with %s: %w", t.Address, err)
		}
		conn = sec
	}
	var buf []byte
	for _, m := range messages {
		if t.Lines {
			buf = append(append(buf, m...), '\n')
			continue
		}
		buf = append(append(strconv.AppendInt(buf, int64(len(m)), 10), ' '), m...)
	}
	if err := conn.SetDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	if _, err := conn.Write(buf); err != nil {
		return ot.Errorf(ot.Busy, "write to %s: %w", t.Address, err)
	}
	return t.end(conn)
}

// end closes our side and waits for the receiver to close its own.
func (t Target) end(conn net.Conn) error {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("a connection to %s cannot be half closed", t.Address)
	}
	if err := half.CloseWrite(); err != nil {
		return ot.Errorf(ot.Busy, "end the connection to %s: %w", t.Address, err)
	}
	if sec, ok := conn.(*tls.Conn); ok { // some receivers see the end of TLS, some that of TCP
		if inner, ok := sec.NetConn().(interface{ CloseWrite() error }); ok {
			_ = inner.CloseWrite() // what counts is read below
		}
	}
	if err := conn.SetDeadline(time.Now().Add(endWait)); err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(conn, 64<<10))
	switch {
	case n >= 64<<10:
		return ot.Errorf(ot.Invalid, "%s answers like no receiver of syslog", t.Address)
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF): // an end of TCP without one of TLS: it had read ours
		return ot.Errorf(ot.Busy, "%s did not confirm that it read everything: %w", t.Address, err)
	}
	return nil
}

func (t Target) datagrams(ctx context.Context, dial Dial, messages [][]byte) error {
	conn, err := dial(ctx, "udp", t.Address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for _, m := range messages {
		if err := conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
			return err
		}
		if _, err := conn.Write(m); err != nil {
			return ot.Errorf(ot.Busy, "send to %s: %w", t.Address, err)
		}
	}
	return nil
}
