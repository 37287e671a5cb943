package record

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/store"
)

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SKANSE_TEST_RECORDS"); dir != "" {
		fmt.Fprintln(os.Stderr, writeForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver writes versions of a record and files on it, and says the hash of each
// file when it was acknowledged: 64 digits and a line's end.
func writeForEver(dir string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: "sqlite:" + filepath.Join(dir, "skanse.db")})
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, tables()); err != nil {
		return err
	}
	s, err := New(db, Config{Dir: filepath.Join(dir, "attachments"), Behaviours: Own()})
	if err != nil {
		return err
	}
	who := auth.System()
	var rec *Record
	err = db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO org_entity (entity_id, name, profile) VALUES ('e', 'Nordvand', 'essential') ON CONFLICT (entity_id) DO NOTHING"); err != nil {
			return err
		}
		rec, err = s.Create(ctx, tx, who, Draft{Type: "finding", Title: "Round", Data: map[string]any{"text": "x", "severity": "low"}})
		return err
	})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		title := fmt.Sprint("Round ", i)
		if err := db.Update(ctx, func(tx *store.Tx) error {
			_, err := s.Update(ctx, tx, who, rec.ID, Patch{Title: &title})
			return err
		}); err != nil {
			return err
		}
		body := fmt.Sprint(os.Getpid(), " ", i, strings.Repeat("x", 100_000))
		a, err := s.Attach(ctx, who, rec.ID, "x", -1, strings.NewReader(body))
		if err != nil {
			return err
		}
		fmt.Println(a.SHA256)
	}
}
