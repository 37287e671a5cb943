package app

import (
	"bytes"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

func TestVerifyRecords(t *testing.T) {
	folder := Folder(t.TempDir())
	s, err := openServer(t.Context(), serverOptions{Data: folder, URL: folder.database()}, newLog(&Env{Stderr: &bytes.Buffer{}}))
	if err != nil {
		t.Fatal(err)
	}
	all := auth.Scope{All: true}
	e, err := s.org.CreateEntity(t.Context(), all, org.Entity{Name: "Nordvand"})
	if err != nil {
		t.Fatal(err)
	}
	site, err := s.org.CreateSite(t.Context(), all, org.Site{EntityID: e.ID, Name: "Aarhus"})
	if err != nil {
		t.Fatal(err)
	}
	change := func(query string, args ...any) {
		t.Helper()
		if err := s.db.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(t.Context(), query, args...); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Update(t.Context(), func(tx *store.Tx) error {
		rec, err := s.records.Create(t.Context(), tx, auth.System(), record.Draft{Type: "finding", Title: "Open door", Site: site.ID, Data: map[string]any{"source": "person", "severity": "high", "text": "The cabinet stands open."}})
		if err != nil {
			return err
		}
		_, err = s.records.Update(t.Context(), tx, auth.System(), rec.ID, record.Patch{Data: map[string]any{"severity": "low"}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	verify := func() (string, error) {
		var out bytes.Buffer
		err := (&VerifyRecordsCmd{Path: string(folder)}).Run(&Env{Ctx: t.Context(), Stdout: &out, Stderr: &out})
		return out.String(), err
	}
	if out, err := verify(); err != nil || !strings.Contains(out, "2 versions") {
		t.Fatalf("%s %v", out, err)
	}
	change("UPDATE record_revision SET title = 'Closed door' WHERE version = 1")
	if _, err := verify(); ot.CodeOf(err) != ot.Damaged || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("a changed version: %v", err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}
