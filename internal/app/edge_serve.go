package app

import (
	"context"
	"os"
	"strings"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/ot"
)

// openEdges makes the centre's half of the edges.
func (s *server) openEdges() error {
	ca, err := centre.LoadAuthority(s.opts.Data.keys(), nil)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(s.opts.Data.auditKey() + ".pub")
	if err != nil {
		return ot.Errorf(ot.Damaged, "the public key of the audit log: %w", err)
	}
	s.edges, err = centre.New(centre.Config{
		DB: s.db, Log: s.log, Authority: ca, Proofs: proofs{s.audit, strings.TrimSpace(string(key))},
		Plans: map[string]centre.Plan{kindSummary: s.planSummary},
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
