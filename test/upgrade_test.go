package test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// releases are the folders of test/upgrade: each version that was ever given away.
func releases(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("upgrade/*/expected.json")
	if err != nil || len(found) == 0 {
		t.Fatalf("there are no fixtures of releases: %v", err)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found
}

func expected(t *testing.T, dir string) (want release) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

// installed lays a release's data folder out as it was.
func installed(t *testing.T, dir, keys string) string {
	t.Helper()
	data := t.TempDir()
	if err := os.MkdirAll(filepath.Join(data, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, keys))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, keys, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, "keys", e.Name()), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// judge asks the upgraded installation what it asked the release itself.
func (want release) judge(t *testing.T, p *process, engine string) {
	t.Helper()
	for key, n := range want.Counts {
		path, ok := strings.CutPrefix(key, engine+" ")
		if !ok {
			continue
		}
		got := countAll(t, p, path)
		switch path {
		case "/audit", "/evidence": // these grow by themselves
			if got < n {
				t.Errorf("%s has %d items, the release had %d", path, got, n)
			}
		default:
			if got != n {
				t.Errorf("%s has %d items, the release had %d", path, got, n)
			}
		}
	}
	now := release{Counts: map[string]int{}}
	now.ask(t, p, "")
	slices.Sort(now.Assets)
	slices.Sort(want.Assets)
	if !slices.Equal(now.Assets, want.Assets) {
		t.Errorf("the assets are %v, they were %v", now.Assets, want.Assets)
	}
	if !slices.Equal(now.Sites, want.Sites) {
		t.Errorf("the sites are %v, they were %v", now.Sites, want.Sites)
	}
	raw, err := p.get("/posture")
	posture := decode[struct {
		Sites []json.RawMessage
		Areas []json.RawMessage
	}](t, raw, err)
	if len(posture.Sites) != len(want.Sites) || len(posture.Areas) == 0 {
		t.Errorf("the posture answers %.300s", raw)
	}
	want.signIn(t, p)
}

// signIn opens the front door with the password of that time.
func (want release) signIn(t *testing.T, p *process) {
	t.Helper()
	m := regexp.MustCompile(`serves (http://\S+)`).FindStringSubmatch(p.output.String())
	if m == nil {
		t.Fatalf("where does it listen? %s", p.output)
	}
	for password, status := range map[string]int{want.Password: http.StatusOK, want.Password + "!": http.StatusUnauthorized} {
		body, err := json.Marshal(map[string]string{"email": want.Email, "password": password})
		if err != nil {
			t.Fatal(err)
		}
		w, err := http.Post(m[1]+"/api/v1/session", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		says, err := io.ReadAll(w.Body)
		w.Body.Close()
		if err != nil || w.StatusCode != status {
			t.Errorf("signing in as %s: %s %s, want %d", want.Email, w.Status, says, status)
		}
	}
}

func verifies(t *testing.T, args ...string) {
	t.Helper()
	for _, what := range []string{"audit", "evidence"} {
		if out, err := exec.Command(program(t), append([]string{"verify", what}, args...)...).CombinedOutput(); err != nil {
			t.Errorf("verify %s: %v\n%s", what, err, out)
		}
	}
}

// Every release's SQLite file comes up to date by itself, a copy is made before, and
// everything is still there and true.
func TestUpgradeSQLite(t *testing.T) {
	for _, dir := range releases(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want := expected(t, dir)
			data := installed(t, dir, "keys")
			old := unpack(t, filepath.Join(dir, "skanse.db.zst"))
			if err := os.WriteFile(filepath.Join(data, "skanse.db"), old, 0o600); err != nil {
				t.Fatal(err)
			}
			p := start(t, data)
			want.judge(t, p, "sqlite")
			p.stop(t)
			verifies(t, data)
			copies, err := filepath.Glob(filepath.Join(data, "skanse.db.before-*"))
			if err != nil || len(copies) != 1 {
				t.Fatalf("copies of before: %v %v", copies, err)
			}
			if st, err := os.Stat(copies[0]); err != nil || st.Size() < int64(len(old))/2 || st.Mode().Perm() != 0o600 {
				t.Errorf("the copy: %v %v", st, err)
			}
			// A second start changes nothing any more.
			start(t, data).stop(t)
			if again, _ := filepath.Glob(filepath.Join(data, "skanse.db.before-*")); len(again) != 1 {
				t.Errorf("a start without an upgrade made a copy: %v", again)
			}
			// Space that is deleted is given back from now on.
			if mode := pragma(t, filepath.Join(data, "skanse.db"), "auto_vacuum"); mode != 2 {
				t.Errorf("auto_vacuum is %d", mode)
			}
			newer(t, "sqlite:"+filepath.Join(data, "skanse.db"))
			out, err := exec.Command(program(t), "serve", "--data", data, "--listen", "127.0.0.1:0").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "newer Skanse") {
				t.Errorf("a database of a newer version: %v %s", err, out)
			}
		})
	}
}

// The same of every release's PostgreSQL database.
func TestUpgradePostgres(t *testing.T) {
	for _, dir := range releases(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want := expected(t, dir)
			data, database := installed(t, dir, "keys-postgres"), storetest.Postgres(t)
			restore := exec.Command(postgresTool(t, "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-d", database)
			restore.Stdin = bytes.NewReader(unpack(t, filepath.Join(dir, "postgres.sql.zst")))
			if out, err := restore.CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			p := start(t, data, "--database", database)
			want.judge(t, p, "postgres")
			p.stop(t)
			verifies(t, database)
			newer(t, database)
			out, err := exec.Command(program(t), "serve", "--data", data, "--listen", "127.0.0.1:0", "--database", database).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "newer Skanse") {
				t.Errorf("a database of a newer version: %v %s", err, out)
			}
		})
	}
}

// Every release's snapshot restores with its kit, into either engine.
func TestUpgradeSnapshot(t *testing.T) {
	for _, dir := range releases(t) {
		for _, engine := range []string{"sqlite", "postgres"} {
			t.Run(filepath.Base(dir)+" into "+engine, func(t *testing.T) {
				want := expected(t, dir)
				data := filepath.Join(t.TempDir(), "new")
				var more []string
				if engine == "postgres" {
					more = []string{"--database", storetest.Postgres(t)}
				}
				args := append([]string{"snapshot", "restore", filepath.Join(dir, "sqlite.snapshot"), "--data", data, "--kit", filepath.Join(dir, "kit.txt")}, more...)
				if out, err := exec.Command(program(t), args...).CombinedOutput(); err != nil {
					t.Fatalf("%v %s", err, out)
				}
				p := start(t, data, more...)
				want.judge(t, p, "sqlite")
				p.stop(t)
				if engine == "sqlite" {
					verifies(t, data)
				}
			})
		}
	}
}

func pragma(t *testing.T, path, name string) (v int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("PRAGMA " + name).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// newer makes the database one of a later version.
func newer(t *testing.T, url string) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(context.WithoutCancel(t.Context()), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO org_version (version_id, is_applied) VALUES (999, "+fmt.Sprint(url[0] != 's')+")")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
