package box

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
)

// https is one connection to the centre.
type https struct {
	addr   string
	client *http.Client
	tr     *http.Transport
}

func newHTTPS(addr string, cfg *tls.Config) *https {
	tr := &http.Transport{
		TLSClientConfig: cfg, ForceAttemptHTTP2: true, MaxIdleConns: 1, MaxConnsPerHost: 1, IdleConnTimeout: 2 * time.Minute, TLSHandshakeTimeout: 20 * time.Second,
		DialContext: (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
	}
	return &https{addr: addr, tr: tr, client: &http.Client{Transport: tr, Timeout: 2 * time.Minute}}
}

func (h *https) close() { h.tr.CloseIdleConnections() }

// call sends JSON and reads JSON.
func (h *https) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	return h.post(ctx, path, "application/json", body, nil, out)
}

func (h *https) post(ctx context.Context, path, kind string, body []byte, head map[string]string, out any) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+h.addr+path, bytes.NewReader(body))
	if err != nil {
		return ot.Errorf(ot.Invalid, "the centre's address %q: %w", h.addr, err)
	}
	q.Header.Set("Content-Type", kind)
	for k, v := range head {
		q.Header.Set(k, v)
	}
	w, err := h.client.Do(q)
	if err != nil {
		return ot.Errorf(ot.Busy, "the centre %s does not answer: %w", h.addr, err)
	}
	defer w.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(w.Body, 4<<20))
	if err != nil {
		return ot.Errorf(ot.Busy, "the centre's answer did not come whole: %w", err)
	}
	if w.StatusCode != http.StatusOK {
		var p edge.Problem
		if json.Unmarshal(raw, &p) != nil || p.Detail == "" {
			return ot.Errorf(ot.Internal, "the centre %s answered %s: is it a centre of Skanse?", h.addr, w.Status)
		}
		p.Detail = ot.Printable(p.Detail)
		return &Refused{p}
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return ot.Errorf(ot.Internal, "the centre's answer cannot be read: %w", err)
	}
	return nil
}

// Dialled is the Link over TLS. It renews its certificate when two thirds of the
// life are over, or when the centre says that it has ended.
type Dialled struct {
	id  *Identity
	log *slog.Logger

	mu   sync.Mutex
	conn *https
}

// Dial makes the link of an enrolled edge. Nothing is dialled before the first hello.
func Dial(id *Identity, log *slog.Logger) *Dialled { return &Dialled{id: id, log: log} }

func (d *Dialled) link() *https {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		d.id.mu.Lock()
		cert := tls.Certificate{Certificate: [][]byte{d.id.cert.Raw}, PrivateKey: d.id.key}
		ca := d.id.ca
		d.id.mu.Unlock()
		d.conn = newHTTPS(d.id.addr, d.id.tls(cert, func(c *x509.Certificate) bool { return c.Equal(ca) }, nil))
	}
	return d.conn
}

// Close lets the connection go.
func (d *Dialled) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil {
		d.conn.close()
		d.conn = nil
	}
}

// Hello implements Link.
func (d *Dialled) Hello(ctx context.Context, h edge.Hello) (w edge.Welcome, err error) {
	if d.id.due(d.id.outbox.Clock().Now()) {
		if err := d.renew(ctx); err != nil {
			d.log.Warn("the certificate could not be renewed yet", "until", d.id.Until(), "why", err)
		}
	}
	err = d.link().call(ctx, edge.PathHello, h, &w)
	if r, ok := errors.AsType[*Refused](err); ok && r.Reason == edge.ReasonExpired {
		if err := d.renew(ctx); err != nil {
			return w, err
		}
		err = d.link().call(ctx, edge.PathHello, h, &w)
	}
	return w, err
}

// Send implements Link.
func (d *Dialled) Send(ctx context.Context, sent int64, batches []byte) (a edge.Ack, err error) {
	err = d.link().post(ctx, edge.PathBatches, "application/octet-stream", batches, map[string]string{edge.HeaderSent: strconv.FormatInt(sent, 10)}, &a)
	return a, err
}

// Wait implements Waiter.
func (d *Dialled) Wait(ctx context.Context, w edge.Waiting) (bool, error) {
	var n edge.News
	err := d.link().call(ctx, edge.PathWait, w, &n)
	return n.News, err
}

// renew asks for a new certificate with the old one.
func (d *Dialled) renew(ctx context.Context) error {
	csr, err := d.id.csr()
	if err != nil {
		return err
	}
	var got edge.Enrolled
	if err := d.link().call(ctx, edge.PathRenew, edge.Renew{CSR: csr}, &got); err != nil {
		return err
	}
	if err := d.id.keep(got.Cert); err != nil {
		return err
	}
	d.id.outbox.Clock().Heard(time.UnixMicro(got.Now))
	d.log.Info("the certificate was renewed", "until", d.id.Until())
	d.Close() // the next request shows the new one
	return nil
}
