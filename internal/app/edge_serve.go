package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/sync/errgroup"
)

// openEdges makes the centre's half of the edges, which run these detections.
func (s *server) openEdges(rules edge.Rules, key []byte) error {
	s.rules.bundle = rules.Hash
	ca, err := centre.LoadAuthority(s.opts.Data.keys(), nil)
	if err != nil {
		return err
	}
	verifier, err := os.ReadFile(s.opts.Data.auditKey() + ".pub")
	if err != nil {
		return ot.Errorf(ot.Damaged, "the public key of the audit log: %w", err)
	}
	orders, err := orderKey(key)
	if err != nil {
		return err
	}
	s.edges, err = centre.New(centre.Config{
		DB: s.db, Log: s.log, Authority: ca, Proofs: proofs{s.audit, strings.TrimSpace(string(verifier))},
		Rules: &rules, Plans: map[string]centre.Plan{kindSummary: s.planSummaries, edge.KindAnswer: s.far.plan}, OrderKey: orders, Follow: edgeElements, Configured: s.far.configured,
	})
	return err
}

// proofs are the audit log as its witnesses see it.
type proofs struct {
	log *audit.Log
	key string
}

// Consistency implements centre.Proofs.
func (p proofs) Consistency(ctx context.Context, from int64) (audit.Checkpoint, []string, error) {
	return p.log.Consistency(ctx, from)
}

// Verifier implements centre.Proofs.
func (p proofs) Verifier() string { return p.key }

// EdgeFlags say how edges reach this centre.
type EdgeFlags struct {
	EdgeListen  string `placeholder:"ADDR" env:"SKANSE_EDGE_LISTEN" help:"Address at which sensors of other machines come in, such as :8443. Nothing else is served there."`
	EdgeAddress string `placeholder:"HOST:PORT" env:"SKANSE_EDGE_ADDRESS" help:"The same as sensors reach it, for enrolment tokens; default: this machine's name."`
	DiodeIn     string `type:"path" placeholder:"DIR" env:"SKANSE_DIODE_IN" help:"Take in the files that a data diode puts into this folder."`
}

// serveEdges opens the listener of edges and the folder of a diode.
func (s *server) serveEdges(ctx context.Context, g *errgroup.Group, f EdgeFlags, out io.Writer) error {
	if f.DiodeIn != "" {
		g.Go(func() error { return s.diodeIn(ctx, f.DiodeIn) })
	}
	if f.EdgeListen == "" {
		return nil
	}
	l, addr, err := s.listenEdges(ctx, f)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Sensors come in at %s (listening on %s)\n", addr, l.Addr())
	g.Go(func() error { return s.serveEdgeListener(ctx, l) })
	return nil
}

func (s *server) listenEdges(ctx context.Context, f EdgeFlags) (net.Listener, string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.EdgeListen)
	if err != nil {
		return nil, "", ot.Errorf(ot.Invalid, "cannot listen on %s: %w; choose another address with --edge-listen", f.EdgeListen, err)
	}
	addr := f.EdgeAddress
	if addr == "" {
		host, port, err := net.SplitHostPort(l.Addr().String())
		if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
			if host, err = os.Hostname(); err != nil {
				return nil, "", errors.Join(ot.Errorf(ot.Invalid, "this machine has no name: say with --edge-address how sensors reach it"), l.Close())
			}
		}
		addr = net.JoinHostPort(host, port)
	}
	s.edges.UseAddress(addr)
	return l, addr, nil
}

// serveEdgeListener serves edges until ctx ends.
func (s *server) serveEdgeListener(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler: s.edges.Handler(), TLSConfig: s.edges.TLS(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 5 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 4},
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := srv.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve edges on %s: %w", l.Addr(), err)
		}
		return nil
	})
	g.Go(func() error {
		<-gctx.Done()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		s.edges.NudgeAll()
		if err := srv.Shutdown(late); err != nil {
			return srv.Close()
		}
		return nil
	})
	return g.Wait()
}

// edgeJobs are what is looked at by the clock.
func (s *server) edgeJobs() []job.Job {
	return []job.Job{
		{Name: "edges", Every: 30 * time.Second, Do: s.edges.Watch},
		{Name: "edge-refresh", Every: time.Minute, Do: s.edges.Refresh},
		{Name: "edge-batches", Every: time.Hour, Do: s.edges.Clean},
	}
}

// listenHere runs the ears of --sense through the edge inside this process.
func (s *server) listenHere(ctx context.Context, ears []ear) error {
	host, err := os.Hostname()
	if err != nil {
		return ot.Errorf(ot.Internal, "the machine's name, by which its sensors are known: %w", err)
	}
	var local []centre.Local
	for _, e := range ears {
		d := e.delivery
		local = append(local, centre.Local{Iface: e.iface, SiteNo: d.SiteNo, RealmNo: d.RealmNo, Realms: d.Realms, Name: d.Name})
	}
	l, err := s.openLocalEdge(ctx, host, local)
	if err != nil {
		return err
	}
	return s.listen(ctx, l, ears)
}
