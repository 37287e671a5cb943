package app

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/store"
)

// The command reads beside a server that holds the folder, and prints no name that could
// play tricks with a terminal.
func TestPostureCommand(t *testing.T) {
	folder := t.TempDir()
	run := func(args ...string) (string, string, int) {
		var out, errs bytes.Buffer
		code := Run(t.Context(), append([]string{"posture", "--data", folder}, args...), &out, &errs)
		return out.String(), errs.String(), code
	}
	if _, says, code := run(); code == 0 || !strings.Contains(says, "no Skanse data") {
		t.Errorf("an empty folder: %d %s", code, says)
	}
	db, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(folder, "skanse.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Migrate(t.Context(), schema()); err != nil {
		t.Fatal(err)
	}
	o, all := org.New(db, nil), auth.Scope{All: true}
	e, err := o.CreateEntity(t.Context(), all, org.Entity{Name: "Vandværket", Profile: "essential"})
	if err != nil {
		t.Fatal(err)
	}
	site, err := o.CreateSite(t.Context(), all, org.Site{EntityID: e.ID, Name: "North", Country: "DK", TZ: "UTC", Weight: 1})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx *store.Tx) error { // past the API, which refuses it
		_, err := tx.Exec(t.Context(), "UPDATE org_site SET name = ?", "North\x1b[2J\u202e")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := comply.New(db, comply.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Evaluate(t.Context(), s.Now()); err != nil {
		t.Fatal(err)
	}
	text, says, code := run()
	if code != 0 || !strings.Contains(text, "0 of 71 requirements at target") || !strings.Contains(text, "5 Access control") || !strings.Contains(text, "North") {
		t.Errorf("%d %s%s", code, says, text)
	}
	if strings.ContainsAny(text, "\x1b\u202e") {
		t.Errorf("an escape sequence reaches the terminal: %q", text)
	}
	if text, says, code = run("--site", site.ID); code != 0 || !strings.Contains(text, "Only one remote access solution") || !strings.Contains(text, "To reach") {
		t.Errorf("--site: %d %s%s", code, says, text)
	}
	if _, says, code = run("--site", "Nowhere"); code == 0 || !strings.Contains(says, "no site") {
		t.Errorf("an unknown site: %d %s", code, says)
	}
	var p comply.Posture
	if text, says, code = run("--json"); code != 0 || json.Unmarshal([]byte(text), &p) != nil || len(p.Areas) != 11 {
		t.Errorf("--json: %d %s%s", code, says, text)
	}
	if _, says, code = run("--as-of", "never"); code != 2 || !strings.Contains(says, "is not a day") {
		t.Errorf("--as-of: %d %s", code, says)
	}
	var out, errs bytes.Buffer
	if code := Run(t.Context(), []string{"verify", "evidence", folder}, &out, &errs); code != 0 || !strings.Contains(out.String(), "0 do not verify") {
		t.Errorf("verify evidence: %d %s%s", code, errs.String(), out.String())
	}
	err = db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE comply_evidence SET status = 'pass'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if code := Run(t.Context(), []string{"verify", "evidence", folder}, &out, &errs); code != 1 || !strings.Contains(out.String(), "was changed") {
		t.Errorf("changed evidence: %d %s", code, out.String())
	}
}
