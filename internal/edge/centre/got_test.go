package centre_test

import (
	"context"
	"log/slog"
	"os"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/store"
)

// gotTable counts what arrived.
var gotTable = os.DirFS("testdata/got")

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func applyWith(fn func(edge.Config) error) func(context.Context, edge.Config) error {
	return func(_ context.Context, c edge.Config) error { return fn(c) }
}

func (p *plant) exec(q string, args ...any) {
	p.t.Helper()
	if err := p.db.Update(p.t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(p.t.Context(), q, args...)
		return err
	}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plant) sql(qs ...string) {
	p.t.Helper()
	for _, q := range qs {
		p.exec(q)
	}
}
