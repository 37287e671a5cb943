//go:build unix

package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Who owns the centre rewrites its audit log and signs it anew with the centre's own
// key. The edge that saw it before raises the alarm, keeps it, and prints it.
func TestEdgeWitness(t *testing.T) {
	s, site := sensingServer(t, slog.New(slog.DiscardHandler))
	serveEdgesHere(t, s)
	dir := t.TempDir()
	e := enrolHere(t, s, site, dir)
	b := box.New(box.Config{Outbox: e.out, Link: e.link, Log: slog.New(slog.DiscardHandler), Key: e.id.Centre})
	write := func(n int) {
		t.Helper()
		for i := range n {
			if err := s.db.Update(t.Context(), func(tx *store.Tx) error {
				return audit.Append(t.Context(), tx, audit.Entry{Actor: "anna", Action: "asset.update", Detail: map[string]string{"n": fmt.Sprint(i)}})
			}); err != nil {
				t.Fatal(err)
			}
		}
		for {
			if n, err := s.audit.Sequence(t.Context()); err != nil || n == 0 {
				return
			}
		}
	}
	alarm := func() string {
		t.Helper()
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		a, err := e.out.Alarm(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for range 3 { // an honest log grows
		write(5)
		if a := alarm(); a != "" {
			t.Fatalf("an honest log: %s", a)
		}
	}
	before, err := e.out.Seen(t.Context())
	if err != nil || before.Size < 15 {
		t.Fatalf("%+v, %v", before, err)
	}

	// The second entry never happened, and everything after it is signed again.
	if err := s.db.Update(t.Context(), func(tx *store.Tx) error {
		for _, q := range []string{
			"UPDATE audit_entry SET actor = 'bo' WHERE idx = 1", "DELETE FROM audit_hash", "DELETE FROM audit_checkpoint", "UPDATE audit_entry SET idx = NULL",
		} {
			if _, err := tx.Exec(t.Context(), q); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	write(5)
	if err := s.db.View(t.Context(), func(r store.Reader) error {
		rep, err := audit.Verify(t.Context(), r, nil)
		if err == nil && !rep.OK() {
			t.Errorf("the forger was careless: %+v", rep.Findings)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	first := alarm()
	if !strings.Contains(first, "does not continue") {
		t.Fatalf("the edge did not notice: %q", first)
	}
	write(3)
	if again := alarm(); again != first {
		t.Errorf("the alarm changed to %q", again)
	}
	if kept, err := e.out.Seen(t.Context()); err != nil || kept.Root != before.Root {
		t.Errorf("the proof is gone: %+v, %v", kept, err)
	}
	got, _, err := s.edges.Get(t.Context(), everything(), e.out.ID().String())
	if err != nil || got.Health.Witness == "" {
		t.Errorf("the centre does not hear of it: %+v, %v", got.Health, err)
	}
	e.link.Close()
	if err := e.out.Close(); err != nil {
		t.Fatal(err)
	}

	// It survives a restart, and the command says so.
	var out strings.Builder
	err = (&EdgeStatusCmd{EdgeFlag{dir}}).Run(&Env{Ctx: context.Background(), Stdout: &out, Stderr: io.Discard})
	if ot.CodeOf(err) != ot.Damaged || !strings.Contains(out.String(), "ALARM") || !strings.Contains(out.String(), "skanse-audit\n") || !strings.Contains(out.String(), "Hall 3") {
		t.Errorf("%v\n%s", err, &out)
	}
	if err := (&EdgeTrustCmd{EdgeFlag{dir}}).Run(&Env{Ctx: context.Background(), Stdout: io.Discard, Stderr: io.Discard}); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := (&EdgeStatusCmd{EdgeFlag{dir}}).Run(&Env{Ctx: context.Background(), Stdout: &out, Stderr: io.Discard}); err != nil {
		t.Errorf("after somebody looked: %v\n%s", err, &out)
	}
}

func everything() auth.Scope { return auth.Scope{All: true} }
