package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// plant is a data folder with something of everything.
type plant struct {
	folder Folder
	url    string
	db     *store.DB
}

func newPlant(t *testing.T, url string) *plant {
	t.Helper()
	ctx := t.Context()
	p := &plant{folder: Folder(filepath.Join(t.TempDir(), "data")), url: url}
	if err := p.folder.prepare(); err != nil {
		t.Fatal(err)
	}
	if url == "" {
		p.url = p.folder.database()
	}
	p.db = storetest.Open(t, p.url, schema())
	key, err := audit.LoadKey(p.folder.auditKey())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auth.New(ctx, p.db, auth.Config{}); err != nil {
		t.Fatal(err)
	}
	tree := org.New(p.db, bus.Announcer(ot.TopicOrg))
	e, err := tree.CreateEntity(ctx, auth.Scope{All: true}, org.Entity{Name: "Nordvand"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.CreateSite(ctx, auth.Scope{All: true}, org.Site{EntityID: e.ID, Name: "Århus", Critical: true, Weight: 1.5}); err != nil {
		t.Fatal(err)
	}
	l := audit.New(p.db, key, slog.New(slog.DiscardHandler))
	for i := range 4 {
		p.entry(t, fmt.Sprint("entry ", i))
		if _, err := l.Sequence(ctx); err != nil {
			t.Fatal(err)
		}
	}
	noise := make([]byte, 300_000)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(noise)
	for name, b := range map[string][]byte{strings.Repeat("ab", 32): noise, strings.Repeat("cd", 32): []byte("small"), "upload.part": []byte("half")} {
		if err := os.WriteFile(filepath.Join(p.folder.captures(), name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *plant) entry(t *testing.T, text string) {
	t.Helper()
	err := p.db.Update(t.Context(), func(tx *store.Tx) error {
		return audit.Append(t.Context(), tx, audit.Entry{Actor: "u1", Action: "site.update", Detail: map[string]string{"name": text}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func kit(t *testing.T, f Folder) (path string, id []age.Identity) {
	t.Helper()
	var out bytes.Buffer
	if err := (&SnapshotKitCmd{Data: string(f)}).Run(&Env{Ctx: t.Context(), Stdout: &out, Stderr: &out}); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "kit.txt")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	id, err := age.ParseIdentities(&out)
	if err != nil {
		t.Fatal(err)
	}
	return path, id
}

func (p *plant) snapshot(t *testing.T, out string, to age.Recipient) *manifest {
	t.Helper()
	src := snapshotSource{db: p.db, folder: p.folder, captures: true}
	if to != nil {
		src.sealTo = to.(*age.X25519Recipient)
	}
	m, err := createSnapshot(t.Context(), out, src)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// content is every row of every table, as text.
func content(t *testing.T, db *store.DB) string {
	t.Helper()
	var b strings.Builder
	err := db.View(t.Context(), func(r store.Reader) error {
		tables, err := store.Tables(t.Context(), r)
		if err != nil {
			return err
		}
		for _, x := range tables {
			if strings.HasPrefix(x.Name, "bus_") { // counted anew: see bus.Restored
				continue
			}
			var lines []string
			for row, err := range store.Values(t.Context(), r, selectTable(x)) {
				if err != nil {
					return err
				}
				for i, v := range row { // as both engines may say it
					if y, ok := v.([]byte); ok {
						v = string(y)
					}
					if v == true {
						v = int64(1)
					}
					if v == false {
						v = int64(0)
					}
					row[i] = strings.ReplaceAll(fmt.Sprint(v), `": `, `":`)
					row[i] = strings.ReplaceAll(row[i].(string), `, `, `,`)
				}
				lines = append(lines, fmt.Sprint(row))
			}
			fmt.Fprintln(&b, x.Name, lines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func sorted(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "auth_role") { // JSON of the engines differs in blanks
			lines[i] = "auth_role"
		}
	}
	return strings.Join(lines, "\n")
}

// From either engine into either engine: every row, every capture, every key.
func TestSnapshotRoundTrip(t *testing.T) {
	ctx := t.Context()
	for _, from := range []string{"sqlite", "postgres"} {
		for _, into := range []string{"sqlite", "postgres"} {
			t.Run(from+" into "+into, func(t *testing.T) {
				url, target := "", ""
				if from == "postgres" {
					url = storetest.Postgres(t)
				}
				if into == "postgres" {
					target = storetest.Postgres(t)
				}
				p := newPlant(t, url)
				_, id := kit(t, p.folder)
				out := filepath.Join(t.TempDir(), "x.snapshot")
				made := p.snapshot(t, out, id[0].(*age.X25519Identity).Recipient())
				before := content(t, p.db)
				back := snapshotTarget{folder: Folder(filepath.Join(t.TempDir(), "new")), database: target, open: id}
				m, err := restoreSnapshot(ctx, out, back)
				if err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(m.Members) != fmt.Sprint(made.Members) {
					t.Error("the manifests differ")
				}
				for _, name := range []string{"keys/audit.key", "keys/audit.key.pub", "keys/recovery.recipient", "captures/" + strings.Repeat("ab", 32), "captures/" + strings.Repeat("cd", 32)} {
					a, err1 := os.ReadFile(p.folder.join(name))
					b, err2 := os.ReadFile(back.folder.join(name))
					if err := errors.Join(err1, err2); err != nil || !bytes.Equal(a, b) {
						t.Errorf("%s did not come back: %v", name, err)
					}
				}
				entries, err := os.ReadDir(string(back.folder))
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					if strings.HasPrefix(e.Name(), ".") || into == "postgres" && strings.HasPrefix(e.Name(), "skanse.db") {
						t.Errorf("%s was left behind", e.Name())
					}
				}
				if _, err := os.Stat(back.folder.join("captures/upload.part")); err == nil {
					t.Error("half an upload came along")
				}
				if target == "" {
					target = back.folder.database()
				}
				db := storetest.Open(t, target, schema())
				if after := content(t, db); sorted(after) != sorted(before) {
					t.Errorf("the rows differ:\n%s\nwant\n%s", after, before)
				}
				// It goes on where it stopped: counters, keys, events.
				key, err := audit.LoadKey(back.folder.auditKey())
				if err != nil {
					t.Fatal(err)
				}
				(&plant{db: db}).entry(t, "after")
				if _, err := audit.New(db, key, slog.New(slog.DiscardHandler)).Sequence(ctx); err != nil {
					t.Fatal(err)
				}
				var rep *audit.Report
				keys, err := audit.LoadVerifiers(back.folder.keys())
				if err != nil {
					t.Fatal(err)
				}
				err = db.View(ctx, func(r store.Reader) error { rep, err = audit.Verify(ctx, r, keys, []byte(m.Audit)); return err })
				if err != nil || !rep.OK() || rep.Entries != 5 || rep.Witnesses != 1 {
					t.Errorf("%+v %v", rep, err)
				}
				got := make(chan int, 100)
				bctx, stop := context.WithCancel(ctx)
				defer stop()
				go func() { // ends with stop
					_ = bus.New(db, slog.New(slog.DiscardHandler)).Run(bctx, "x", []ot.Topic{ot.TopicOrg}, func(_ context.Context, _ *store.Tx, e []bus.Event) error {
						got <- len(e)
						return nil
					})
				}()
				if n := <-got; n != 3 {
					t.Errorf("%d events are deliverable, want 3", n)
				}
			})
		}
	}
}

// One changed bit anywhere is found, and so is every missing byte at the end.
func TestSnapshotFindsEveryChange(t *testing.T) {
	p := newPlant(t, "")
	if err := os.Remove(filepath.Join(p.folder.captures(), strings.Repeat("ab", 32))); err != nil { // small, so that many places fit in the time
		t.Fatal(err)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "x.snapshot")
	p.snapshot(t, out, nil)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "bad.snapshot")
	check := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := verifySnapshot(t.Context(), bad); ot.CodeOf(err) != ot.Damaged {
			t.Errorf("%s: %v", what, err)
		}
	}
	step := max(1, len(b)/150)
	for i := 0; i < len(b); i += step {
		c := bytes.Clone(b)
		c[i] ^= 1 << (i % 8)
		check(fmt.Sprintf("byte %d of %d", i, len(b)), c)
	}
	for i := len(b) - snapshotTrailer - 4; i < len(b); i++ { // all of the trailer
		c := bytes.Clone(b)
		c[i] ^= 0x20
		check(fmt.Sprintf("byte %d of %d", i, len(b)), c)
	}
	for _, n := range []int{0, 1, len(b) / 2, len(b) - 1} {
		check(fmt.Sprintf("cut after %d", n), b[:n])
	}
	check("one more byte", append(bytes.Clone(b), 0))
	if _, err := verifySnapshot(t.Context(), out); err != nil {
		t.Errorf("unchanged: %v", err)
	}
	if _, err := restoreSnapshot(t.Context(), bad, snapshotTarget{folder: Folder(filepath.Join(dir, "new"))}); ot.CodeOf(err) != ot.Damaged {
		t.Errorf("restoring a damaged one: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a damaged snapshot left a folder")
	}
}

func TestSnapshotRefusals(t *testing.T) {
	p := newPlant(t, "")
	ctx, dir := t.Context(), t.TempDir()
	out := filepath.Join(dir, "x.snapshot")
	_, id := kit(t, p.folder)
	p.snapshot(t, out, id[0].(*age.X25519Identity).Recipient())
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	full := Folder(filepath.Join(dir, "full"))
	if err := full.prepare(); err != nil {
		t.Fatal(err)
	}
	fresh := func() Folder { return Folder(filepath.Join(t.TempDir(), "new")) }
	taken := storetest.Postgres(t)
	storetest.Open(t, taken, []store.Migrations{org.Migrations()})
	for name, c := range map[string]struct {
		to   snapshotTarget
		code ot.Code
		says string
	}{
		"a folder with something in it": {snapshotTarget{folder: full, open: id}, ot.Conflict, "not empty"},
		"no kit":                        {snapshotTarget{folder: fresh()}, ot.Invalid, "--kit"},
		"another kit":                   {snapshotTarget{folder: fresh(), open: []age.Identity{other}}, ot.Invalid, "does not open"},
		"a database with tables":        {snapshotTarget{folder: fresh(), open: id, database: taken}, ot.Conflict, "holds tables already"},
	} {
		_, err := restoreSnapshot(ctx, out, c.to)
		if ot.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if entries, _ := os.ReadDir(string(c.to.folder)); c.to.folder != full && len(entries) > 0 {
			t.Errorf("%s: %v was left behind", name, entries)
		}
	}
	if _, err := createSnapshot(ctx, out, snapshotSource{db: p.db, folder: p.folder}); ot.CodeOf(err) != ot.Conflict {
		t.Errorf("overwriting: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := createSnapshot(gone, filepath.Join(dir, "y.snapshot"), snapshotSource{db: p.db, folder: p.folder}); err == nil {
		t.Error("a cancelled snapshot was written")
	}
	left, err := filepath.Glob(filepath.Join(dir, ".skanse-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(p.folder.auditKey())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, secret[30:]) {
		t.Error("a key stands in the snapshot in clear")
	}
}

// Without the keys Skanse goes on with new ones, and the old part of the log still verifies.
func TestSnapshotWithoutKeys(t *testing.T) {
	p := newPlant(t, "")
	out := filepath.Join(t.TempDir(), "x.snapshot")
	p.snapshot(t, out, nil)
	to := snapshotTarget{folder: Folder(filepath.Join(t.TempDir(), "new")), withoutKeys: true}
	if _, err := restoreSnapshot(t.Context(), out, to); err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t, to.folder.database(), schema())
	key, err := audit.LoadKey(to.folder.auditKey())
	if err != nil {
		t.Fatal(err)
	}
	(&plant{db: db}).entry(t, "after")
	if _, err := audit.New(db, key, slog.New(slog.DiscardHandler)).Sequence(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys, err := audit.LoadVerifiers(to.folder.keys())
	if err != nil {
		t.Fatal(err)
	}
	var rep *audit.Report
	err = db.View(t.Context(), func(r store.Reader) error { rep, err = audit.Verify(t.Context(), r, keys); return err })
	if err != nil || !rep.OK() || rep.Checkpoints != 5 {
		t.Errorf("%+v %v", rep, err)
	}
}

func TestMemberNames(t *testing.T) {
	for name, want := range map[string]bool{
		"skanse.db": true, "manifest.json": true, "captures/ab12": true, "keys/audit.key.age": true, "tables/org_site/000001": true,
		"../x": false, "captures/../x": false, "captures/..": false, "/etc/passwd": false, "captures/a/b": true, "captures/a//b": false, "captures/a/b/c/d/e": false,
		"attachments/ab/cdef": true, "spool/plain": false, "skanse.sock/x": false, "captures/a/../../x": false, "keys/": false,
		"tables/org_site": false, "tables/../x": false, "keys/.hidden": false, "captures/a\x00": false, "": false, `captures/a\b`: false, "x": false,
	} {
		if got := memberName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(snapshotMagic))
	f.Add([]byte("\x28\xb5\x2f\xfd\x00\x00" + snapshotMagic + strings.Repeat("0", 64) + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _, err := walkMembers(bytes.NewReader(b), func(string, int64, io.Reader) error { return nil })
		_ = err // any error is right; a panic or endless memory is not
	})
}

// A file whose check sum is right but whose manifest lies was made by hand.
func TestSnapshotManifestMustAgree(t *testing.T) {
	for name, lie := range map[string]func(w *snapshotWriter){
		"another content": func(w *snapshotWriter) { w.m.Members[0].SHA256 = strings.Repeat("0", 64) },
		"another size":    func(w *snapshotWriter) { w.m.Members[0].Size++ },
		"one missing":     func(w *snapshotWriter) { w.m.Members = append(w.m.Members, member{Name: "captures/b"}) },
		"one unlisted":    func(w *snapshotWriter) { w.m.Members = nil },
		"another format":  func(w *snapshotWriter) { w.m.Format = 2 },
		"behind the manifest": func(w *snapshotWriter) {
			if err := w.addBytes(t.Context(), manifestName, []byte("{}")); err != nil {
				t.Error(err)
			}
		},
		"a name that leads out": func(w *snapshotWriter) {
			if err := w.addBytes(t.Context(), "captures/../../x", nil); err != nil {
				t.Error(err)
			}
		},
		"": func(*snapshotWriter) {},
	} {
		path := filepath.Join(t.TempDir(), "x.snapshot")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w, err := newSnapshotWriter(f, &manifest{Format: snapshotFormat})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.addBytes(t.Context(), "captures/a", []byte("content")); err != nil {
			t.Fatal(err)
		}
		lie(w)
		if err := errors.Join(w.close(t.Context()), f.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := verifySnapshot(t.Context(), path); (err == nil) != (name == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
