package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func verifyAudit(t *testing.T, c VerifyAuditCmd) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := c.Run(&Env{Ctx: t.Context(), Stdout: &out, Stderr: &out})
	return out.String(), err
}

// The log verifies wherever it lies, and a changed entry is named there too.
func TestVerifyAudit(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := ""
			if engine == "postgres" {
				url = storetest.Postgres(t)
			}
			p := newPlant(t, url)
			dir := t.TempDir()
			_, id := kit(t, p.folder)
			to := id[0].(*age.X25519Identity).Recipient()
			last, err := audit.New(p.db, nil, nil).Last(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			bare, wrapped := filepath.Join(dir, "bare.txt"), filepath.Join(dir, "wrapped.json")
			b, err := json.Marshal(last)
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string][]byte{bare: []byte(last.Note), wrapped: b} {
				if err := os.WriteFile(name, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			check := func(when, snapshot string, good bool) {
				t.Helper()
				p.snapshot(t, snapshot, to)
				paths := []string{snapshot}
				key := []string{p.folder.auditKey() + ".pub"}
				if engine == "sqlite" {
					paths = append(paths, string(p.folder), p.folder.join("skanse.db"))
				} else {
					paths = append(paths, url)
				}
				for _, path := range paths {
					for _, c := range []VerifyAuditCmd{{Path: path}, {Path: path, Key: key, Checkpoint: []string{bare, wrapped}}} {
						out, err := verifyAudit(t, c)
						if good && (err != nil || !strings.Contains(out, "4 entries from ") || !strings.Contains(out, "4 checkpoints with the right root")) {
							t.Errorf("%s, %s: %v\n%s", when, path, err, out)
						}
						if good && c.Key != nil && (!strings.Contains(out, "and signature") || !strings.Contains(out, "2 checkpoints kept elsewhere agree")) {
							t.Errorf("%s, %s with key and witness:\n%s", when, path, out)
						}
						if !good && (ot.CodeOf(err) != ot.Damaged || !strings.Contains(out, "FOUND changed: entry 2 (site.update by u2)")) {
							t.Errorf("%s, %s: %v\n%s", when, path, err, out)
						}
					}
				}
			}
			check("unchanged", filepath.Join(dir, "a.snapshot"), true)
			err = p.db.Update(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(t.Context(), "UPDATE audit_entry SET actor = 'u2' WHERE idx = 2")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			check("changed", filepath.Join(dir, "b.snapshot"), false)
		})
	}
}

func TestVerifyAuditJSON(t *testing.T) {
	p := newPlant(t, "")
	out, err := verifyAudit(t, VerifyAuditCmd{Path: string(p.folder), JSON: true})
	var rep audit.Report
	if err != nil || json.Unmarshal([]byte(out), &rep) != nil || rep.Entries != 4 || !rep.Signed {
		t.Errorf("%v %s", err, out)
	}
}

func TestVerifyAuditRefusals(t *testing.T) {
	p := newPlant(t, "")
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cmd  VerifyAuditCmd
		code ot.Code
	}{
		"nothing there":      {VerifyAuditCmd{Path: filepath.Join(dir, "none")}, ot.NotFound},
		"an empty folder":    {VerifyAuditCmd{Path: dir}, ot.Invalid},
		"a text file":        {VerifyAuditCmd{Path: text}, ot.Damaged},
		"an empty file":      {VerifyAuditCmd{Path: empty}, ot.Invalid},
		"not a key":          {VerifyAuditCmd{Path: string(p.folder), Key: []string{text}}, ot.Invalid},
		"not a checkpoint":   {VerifyAuditCmd{Path: string(p.folder), Checkpoint: []string{text}}, ot.Damaged},
		"no such checkpoint": {VerifyAuditCmd{Path: string(p.folder), Checkpoint: []string{filepath.Join(dir, "none")}}, ot.NotFound},
	} {
		if _, err := verifyAudit(t, c.cmd); ot.CodeOf(err) != c.code {
			t.Errorf("%s: %v (%s)", name, err, ot.CodeOf(err))
		}
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "skanse-verify-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The commands as a person walks them: kit, create, verify, restore.
func TestSnapshotCommands(t *testing.T) {
	p := newPlant(t, "")
	dir := t.TempDir()
	var out bytes.Buffer
	env := &Env{Ctx: t.Context(), Stdout: &out, Stderr: &out}
	data := DataFlag{Data: string(p.folder)}
	file := filepath.Join(dir, "x.snapshot")
	err := (&SnapshotCreateCmd{DataFlag: data, Out: file}).Run(env)
	if ot.CodeOf(err) != ot.Invalid || !strings.Contains(err.Error(), "skanse snapshot kit") {
		t.Errorf("without a kit: %v", err)
	}
	path, _ := kit(t, p.folder)
	if err := (&SnapshotKitCmd{Data: string(p.folder)}).Run(env); ot.CodeOf(err) != ot.Conflict {
		t.Errorf("a second kit: %v", err)
	}
	for _, step := range []interface{ Run(*Env) error }{
		&SnapshotCreateCmd{DataFlag: data, Out: file}, // beside the running server that holds the lock
		&SnapshotVerifyCmd{File: file},
		&SnapshotRestoreCmd{DataFlag: DataFlag{Data: filepath.Join(dir, "new")}, File: file, KitFlag: KitFlag{Kit: path}},
	} {
		if err := step.Run(env); err != nil {
			t.Fatalf("%T: %v", step, err)
		}
	}
	if got := out.String(); strings.Count(got, "database (sqlite), 2 captures, 1 sealed keys") != 3 {
		t.Errorf("the commands said\n%s", got)
	}
	db := storetest.Open(t, Folder(filepath.Join(dir, "new")).database(), schema())
	if content(t, db) != content(t, p.db) {
		t.Error("the rows differ")
	}
}
