package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/skanse/skanse/internal/store/storetest"
)

// release is what stands in test/upgrade/<version>/expected.json: what the filled
// installation answered when that release itself was asked.
type release struct {
	Version  string         `json:"version"`
	Email    string         `json:"email"`
	Password string         `json:"password"`
	Counts   map[string]int `json:"counts"` // by engine and question
	Assets   []string       `json:"assets"`
	Sites    []string       `json:"sites"`
}

// TestReleaseFixture fills an installation of a release with its own program and keeps
// it for the upgrade tests: make release-fixture. It runs only when it is told where.
func TestReleaseFixture(t *testing.T) {
	binary, out := os.Getenv("SKANSE_RELEASE_BINARY"), os.Getenv("SKANSE_RELEASE_OUT")
	if binary == "" || out == "" {
		t.Skip("makes fixtures: make release-fixture TAG=v0.2.0")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	want := release{Email: "anna@example.org", Password: "a long sentence for a test", Counts: map[string]int{}}
	version, err := exec.Command(binary, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	want.Version = strings.TrimSpace(string(version))

	data := t.TempDir()
	kit, err := exec.Command(binary, "snapshot", "kit", "--data", data).Output()
	if err != nil {
		t.Fatal(err)
	}
	keep(t, filepath.Join(out, "kit.txt"), kit)
	p := startProgram(t, binary, data)
	fill(t, p, want)
	want.ask(t, p, "sqlite ")
	snapshot := filepath.Join(t.TempDir(), "x.snapshot")
	if b, err := exec.Command(binary, "snapshot", "create", "--data", data, "--no-captures", snapshot).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, b)
	}
	p.stop(t)
	for _, name := range []string{"audit.key", "audit.key.pub", "second-step.key", "recovery.recipient"} {
		keepFile(t, filepath.Join(data, "keys", name), filepath.Join(out, "keys", name))
	}
	keepFile(t, snapshot, filepath.Join(out, "sqlite.snapshot"))
	pack(t, filepath.Join(data, "skanse.db"), filepath.Join(out, "skanse.db.zst"))

	data, database := t.TempDir(), storetest.Postgres(t)
	p = startProgram(t, binary, data, "--database", database)
	fill(t, p, want)
	want.ask(t, p, "postgres ")
	p.stop(t)
	for _, name := range []string{"audit.key", "audit.key.pub", "second-step.key"} {
		keepFile(t, filepath.Join(data, "keys", name), filepath.Join(out, "keys-postgres", name))
	}
	dump, err := exec.Command(postgresTool(t, "pg_dump"), "--no-owner", "--no-acl", database).Output()
	if err != nil {
		t.Fatal(err)
	}
	sql := filepath.Join(t.TempDir(), "dump.sql")
	keep(t, sql, dump)
	pack(t, sql, filepath.Join(out, "postgres.sql.zst"))
	b, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	keep(t, filepath.Join(out, "expected.json"), append(b, '\n'))
}

// fill does what people do in the first days: a company, two sites with zones, people of
// several roles, captures, a list of devices, decisions, declarations, an access token.
func fill(t *testing.T, p *process, want release) {
	t.Helper()
	post := func(path, body string) named {
		t.Helper()
		raw, err := p.call("POST", path, []byte(body))
		return decode[named](t, raw, err)
	}
	e := post("/entities", `{"name":"Nordvand","profile":"essential"}`)
	for n, name := range []string{"Århus", "Köln"} {
		site := post("/sites", fmt.Sprintf(`{"entity_id":%q,"name":%q,"tz":"Europe/Copenhagen","critical":true}`, e.ID, name))
		zone := post("/sites/"+site.ID+"/zones", `{"name":"Filling line","level":"1","ot":true,"sl_t":2}`)
		post("/sites/"+site.ID+"/zones", `{"name":"Office","level":"4","external":true}`)
		if _, err := p.call("PUT", "/sites/"+site.ID+"/subnets", fmt.Appendf(nil, `{"items":[{"prefix":"10.0.0.0/8","zone_id":%q}]}`, zone.ID)); err != nil {
			t.Fatal(err)
		}
		if _, err := upload(p, site.ID, "half a day", plantDay(t, n)); err != nil {
			t.Fatal(err)
		}
		settle(t, p)
		raw, err := p.get("/assets?limit=10")
		var ids []string
		for _, a := range decode[struct{ Items []named }](t, raw, err).Items {
			ids = append(ids, a.ID)
		}
		body, err := json.Marshal(map[string]any{"ids": ids, "state": "accepted", "reason": "on the site's list"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.call("POST", "/assets/decide", body); err != nil {
			t.Fatal(err)
		}
		for _, r := range []string{"6.1", "6.2a", "6.2b"} {
			requirement(t, p, r, site.ID)
		}
	}
	for _, u := range []struct{ name, email, role string }{
		{"Anna", want.Email, "administrator"}, {"Bo", "bo@example.org", "site-ot-lead"}, {"Cleo", "cleo@example.org", "operator"},
	} {
		made := post("/users", fmt.Sprintf(`{"name":%q,"email":%q,"role":%q,"sees_all":true}`, u.name, u.email, u.role))
		raw, err := p.call("POST", "/users/"+made.ID+"/link", []byte("{}"))
		link := decode[struct{ URL, Token, Path string }](t, raw, err)
		token := link.Token
		if at := strings.LastIndex(link.URL+link.Path, "token="); token == "" && at >= 0 {
			token, err = url.QueryUnescape((link.URL + link.Path)[at+len("token="):])
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.call("POST", "/session/link", fmt.Appendf(nil, `{"token":%q,"password":%q}`, token, want.Password)); err != nil {
			t.Fatal(err)
		}
	}
	// Posture is judged a few seconds after the last change; evidence follows.
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		raw, err := p.get("/evidence?limit=1")
		if err == nil && bytes.Contains(raw, []byte(`"check`)) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no evidence: %v %s", err, raw)
		}
	}
	time.Sleep(3 * time.Second) // the sequencer of the audit log, the last judging
}

// requirement declares what it asks for.
func requirement(t *testing.T, p *process, id, site string) {
	t.Helper()
	raw, err := p.get("/requirements/" + id)
	r := decode[struct {
		Declared []struct{ Record string }
	}](t, raw, err)
	for _, d := range r.Declared {
		body := fmt.Appendf(nil, `{"requirement":%q,"record":%q,"site":%q,"statement":"In force.","attested_by":"Anna"}`, id, d.Record, site)
		if _, err := p.call("POST", "/declarations", body); err != nil {
			t.Fatal(err)
		}
	}
}

// ask notes what the installation answers.
func (want *release) ask(t *testing.T, p *process, engine string) {
	t.Helper()
	for _, path := range []string{"/sites", "/users", "/assets", "/conversations", "/captures", "/declarations", "/events", "/audit", "/evidence"} {
		want.Counts[engine+path] = countAll(t, p, path)
	}
	raw, err := p.get("/sites")
	for _, s := range decode[struct{ Items []named }](t, raw, err).Items {
		want.Sites = appendNew(want.Sites, s.Name)
	}
	want.Assets = nil
	raw, err = p.get("/assets?limit=500")
	for _, a := range decode[struct {
		Items []struct {
			Vendor, Model string
			IPs           []string
		}
	}](t, raw, err).Items {
		want.Assets = append(want.Assets, fmt.Sprint(a.IPs, a.Vendor, a.Model))
	}
}

func appendNew(list []string, s string) []string {
	for _, x := range list {
		if x == s {
			return list
		}
	}
	return append(list, s)
}

// countAll counts the items of a list, page by page.
func countAll(t *testing.T, p *process, path string) int {
	t.Helper()
	n, next := 0, ""
	for {
		raw, err := p.get(path + "?cursor=" + url.QueryEscape(next))
		if err != nil && next == "" { // a list without pages
			raw, err = p.get(path)
		}
		page := decode[struct {
			Items []json.RawMessage
			Next  string
		}](t, raw, err)
		n += len(page.Items)
		if next = page.Next; next == "" {
			return n
		}
	}
}

func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.ended; err != nil {
		t.Fatalf("the server did not end well: %v\n%s", err, p.output)
	}
}

func postgresTool(t *testing.T, name string) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	return found[len(found)-1]
}

func keep(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func keepFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, to, b)
}

func pack(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		t.Fatal(err)
	}
	keep(t, to, w.EncodeAll(b, nil))
}

func unpack(t *testing.T, from string) []byte {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out, err := r.DecodeAll(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
