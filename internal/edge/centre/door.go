package centre

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// TLS is the configuration of the listener that edges dial. Without a certificate
// of an edge, or of an open token, nobody gets past the handshake.
func (s *Service) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.ca.Server() },
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := s.who(context.Background(), cs.PeerCertificates)
			return err
		},
	}
}

// caller is who speaks on a connection: an edge, or a token's holder.
type caller struct {
	edgeID  string
	expired bool
	token   string // hash of the token's key
}

func (s *Service) who(ctx context.Context, chain []*x509.Certificate) (caller, error) {
	if len(chain) == 0 {
		return caller{}, errors.New("no certificate")
	}
	id, expired, err := s.ca.Edge(chain[0])
	if err == nil {
		return caller{edgeID: id, expired: expired}, nil
	}
	pub, ok := chain[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return caller{}, err
	}
	hash := edge.KeyHash(pub)
	known := int64(0)
	if verr := s.db.View(ctx, func(r store.Reader) error {
		n, err := store.One[int64](ctx, r, "SELECT COUNT(*) FROM edge_token WHERE key_hash = ?", hash)
		known = n
		return err
	}); verr != nil {
		return caller{}, verr
	}
	if known == 0 {
		return caller{}, err
	}
	return caller{token: hash}, nil
}

// Handler serves edges, and nothing else.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+edge.PathEnrol, s.serve(64<<10, func(q *http.Request, c caller, body []byte) (any, error) {
		if c.token == "" {
			return nil, ot.Errorf(ot.Conflict, "this is an edge already: it enrols with a token, not with its certificate")
		}
		var in edge.Enrol
		if err := strict(body, &in); err != nil {
			return nil, err
		}
		return s.Enrol(q.Context(), c.token, host(q), in)
	}))
	mux.HandleFunc("POST "+edge.PathRenew, s.serve(64<<10, func(q *http.Request, c caller, body []byte) (any, error) {
		var in edge.Renew
		if err := strict(body, &in); err != nil {
			return nil, err
		}
		if c.edgeID == "" {
			return nil, refuse(ot.Forbidden, "", "a token renews nothing: enrol with it")
		}
		return s.Renew(q.Context(), c.edgeID, in)
	}))
	mux.HandleFunc("POST "+edge.PathHello, s.serve(1<<20, func(q *http.Request, c caller, body []byte) (any, error) {
		if err := c.mayTalk(); err != nil {
			return nil, err
		}
		var in edge.Hello
		if err := json.Unmarshal(body, &in); err != nil { // a newer edge may say more
			return nil, ot.Errorf(ot.Invalid, "the hello cannot be read: %w", err)
		}
		return s.Hello(q.Context(), c.edgeID, ViaTLS, in)
	}))
	mux.HandleFunc("POST "+edge.PathWait, s.serve(4<<10, func(q *http.Request, c caller, body []byte) (any, error) {
		if err := c.mayTalk(); err != nil {
			return nil, err
		}
		var in edge.Waiting
		if err := strict(body, &in); err != nil {
			return nil, err
		}
		return s.Wait(q.Context(), c.edgeID, in)
	}))
	mux.HandleFunc("POST "+edge.PathBatches, s.serve(edge.MaxRequest, func(q *http.Request, c caller, body []byte) (any, error) {
		if err := c.mayTalk(); err != nil {
			return nil, err
		}
		sent, err := strconv.ParseInt(q.Header.Get(edge.HeaderSent), 10, 64)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "the delivery does not say when it was sent (%s)", edge.HeaderSent)
		}
		return s.Receive(q.Context(), Delivery{EdgeID: c.edgeID, Via: ViaTLS, Sent: sent, Raw: body})
	}))
	return mux
}

func (c caller) mayTalk() error {
	switch {
	case c.edgeID == "":
		return refuse(ot.Forbidden, "", "a token says nothing of a plant: enrol with it first")
	case c.expired:
		return refuse(ot.Forbidden, edge.ReasonExpired, "the edge's certificate has ended: renew it first")
	}
	return nil
}

func (s *Service) serve(most int64, do func(q *http.Request, c caller, body []byte) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		var out any
		c, err := caller{}, error(nil)
		if q.TLS == nil {
			err = ot.Errorf(ot.Forbidden, "edges speak TLS only")
		} else {
			c, err = s.who(q.Context(), q.TLS.PeerCertificates) // again: a certificate may end while a connection lasts
		}
		var body []byte
		if err == nil {
			if body, err = io.ReadAll(http.MaxBytesReader(w, q.Body, most)); err != nil {
				err = ot.Errorf(ot.Invalid, "the delivery did not come whole: %w", err)
			}
		}
		if err == nil {
			out, err = do(q, c, body)
		}
		if err != nil {
			s.fail(w, q, c, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out) // an edge that is gone asks again
	}
}

func (s *Service) fail(w http.ResponseWriter, q *http.Request, c caller, err error) {
	p := edge.Problem{Code: ot.CodeOf(err), Detail: ot.Printable(err.Error())}
	if r, ok := errors.AsType[*Refusal](err); ok {
		p = r.Problem
	}
	if p.Code == ot.Internal {
		if q.Context().Err() == nil {
			s.log.Error("an edge could not be answered", "edge", c.edgeID, "path", q.URL.Path, "error", err)
		}
		p.Detail = "something went wrong at the centre; its log says what"
	} else {
		s.log.Warn("an edge was refused", "edge", c.edgeID, "path", q.URL.Path, "why", p.Detail)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(rest.StatusOf(p.Code))
	_ = json.NewEncoder(w).Encode(p)
}

func host(q *http.Request) string {
	h, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		return q.RemoteAddr
	}
	return h
}

func strict(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return ot.Errorf(ot.Invalid, "the request cannot be read: %w", err)
	}
	return nil
}

// dialable says whether edges can dial an address.
func dialable(addr string) error {
	h, port, err := net.SplitHostPort(addr)
	if n, perr := strconv.Atoi(port); err != nil || h == "" || perr != nil || n < 1 || n > 65535 || len(addr) > 260 || addr != ot.Printable(addr) {
		return ot.Errorf(ot.Invalid, "%q is no address that a sensor can dial: give the name or address of this server and the port of --edge-listen, such as skanse.plant.example:8443", ot.Printable(addr))
	}
	if ip := net.ParseIP(h); ip != nil && ip.IsUnspecified() {
		return ot.Errorf(ot.Invalid, "%s is every address of this machine: say by which one a sensor reaches it", fmt.Sprint(h))
	}
	return nil
}
