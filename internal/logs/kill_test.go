package logs

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/store"
)

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SKANSE_TEST_LOGS"); dir != "" {
		fmt.Fprintln(os.Stderr, writeForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// alone is a plant on SQLite with the machine's clock, for what needs one engine only.
func alone(t *testing.T) *plant {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "skanse.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context(), tables()); err != nil {
		t.Fatal(err)
	}
	p := &plant{T: t, db: db, dir: t.TempDir()}
	p.exec("INSERT INTO org_entity (entity_id, name, profile) VALUES ('e', 'Acme', 'essential')")
	p.exec("INSERT INTO org_site (site_no, site_id, entity_id, name, country, tz, critical, weight) VALUES (1, 's1', 'e', 'Home', 'DK', 'UTC', TRUE, 1)")
	p.s = New(db, Config{Dir: p.dir})
	if err := p.s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// writeForEver takes in lines of two sources, and says how many are safe after each sync.
func writeForEver(dir string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: "sqlite:" + filepath.Join(dir, "skanse.db")})
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, tables()); err != nil {
		return err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		for _, q := range []string{
			"INSERT INTO org_entity (entity_id, name, profile) VALUES ('e', 'Acme', 'essential') ON CONFLICT (entity_id) DO NOTHING",
			"INSERT INTO org_site (site_no, site_id, entity_id, name, country, tz, critical, weight) VALUES (1, 's1', 'e', 'Home', 'DK', 'UTC', TRUE, 1) ON CONFLICT (site_no) DO NOTHING",
		} {
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s := New(db, Config{Dir: filepath.Join(dir, "logs"), Limits: Limits{Rate: 1e9, Burst: 1e9, Day: 1 << 40}})
	if err := s.Open(ctx); err != nil {
		return err
	}
	for _, a := range []string{"10.0.0.1", "10.0.0.2"} { // of an earlier life they are there already
		_, _, _ = s.Expect(ctx, auth.Scope{All: true}, "x", "s1", Want{Name: a, Kind: "other", Address: a, Interval: 60, Retention: 1})
	}
	for n := 0; ; n++ {
		at := time.Now()
		for i := range 50 {
			for _, a := range []string{"10.0.0.1", "10.0.0.2"} {
				s.Take(Arrival{SiteNo: 1, From: netip.MustParseAddr(a), By: byUDP, Raw: []byte(fmt.Sprintf("<13>1 - h a - - - line %d.%d", n, i)), At: at})
			}
		}
		if err := s.Flush(ctx, n%3 == 0); err != nil {
			return err
		}
		if n%3 == 0 {
			fmt.Println((n + 1) * 100)
		}
	}
}

// Killed at any moment, the files are whole: what was acknowledged is there, and every chain verifies.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	safe := int64(0)
	for round := range 6 {
		child := exec.Command(os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), "SKANSE_TEST_LOGS="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		acked, last := 1+rand.IntN(6), int64(0)
		lines := bufio.NewScanner(out)
		for n := 0; n < acked && lines.Scan(); n++ {
			if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
				t.Fatal(err)
			}
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		safe += last
		db, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(dir, "skanse.db")})
		if err != nil {
			t.Fatal(err)
		}
		var rep Report
		err = db.View(t.Context(), func(r store.Reader) (err error) {
			rep, err = Verify(t.Context(), r, filepath.Join(dir, "logs"))
			return err
		})
		if err != nil || len(rep.Findings) > 0 || rep.Lines < safe || last == 0 {
			t.Fatalf("round %d: %d lines of %d acknowledged, %+v, %v", round, rep.Lines, safe, rep.Findings, err)
		}
		safe = rep.Lines
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
