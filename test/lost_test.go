package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ownPostgres is a PostgreSQL of this test alone, that it may stop and start.
type ownPostgres struct {
	t        *testing.T
	bin, dir string
	as       []string
}

func newPostgres(t *testing.T) *ownPostgres {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		if strings.Contains(os.Getenv("SKANSE_REQUIRE"), "postgres") {
			t.Fatal("PostgreSQL is not installed")
		}
		t.Skip("PostgreSQL is not installed")
	}
	dir, err := os.MkdirTemp("/tmp", "sklost") // a socket's path may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	p := &ownPostgres{t: t, bin: found[len(found)-1], dir: dir}
	if os.Geteuid() == 0 { // which PostgreSQL refuses
		p.as = []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"}
		if out, err := exec.Command("chown", "postgres:", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	t.Cleanup(func() {
		_ = p.run("pg_ctl", "-D", dir+"/data", "-m", "immediate", "stop")
		_ = os.RemoveAll(dir)
	})
	if err := p.run("initdb", "-D", dir+"/data", "-U", "skanse", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		t.Fatal(err)
	}
	p.start()
	if err := p.run("createdb", "-h", dir, "-U", "skanse", "skanse"); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *ownPostgres) run(name string, args ...string) error {
	line := append(append([]string{}, p.as...), append([]string{filepath.Join(p.bin, name)}, args...)...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out bytes.Buffer
	if name != "pg_ctl" { // the server that it leaves behind would hold the pipe
		cmd.Stdout, cmd.Stderr = &out, &out
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w %s", name, err, out.String())
	}
	return nil
}

func (p *ownPostgres) start() {
	p.t.Helper()
	if err := p.run("pg_ctl", "-D", p.dir+"/data", "-w", "-l", p.dir+"/log", "-o", "-k "+p.dir+" -c listen_addresses=", "start"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *ownPostgres) url() string { return "postgres://skanse@/skanse?host=" + p.dir }

// TestCrashLostPostgres takes PostgreSQL away while people write, and brings it back. A
// request meanwhile gets a sentence, what was acknowledged is there, once, and the server goes
// on by itself.
func TestCrashLostPostgres(t *testing.T) {
	db := newPostgres(t)
	p := start(t, t.TempDir(), "--database", db.url())
	site := makeSite(t, p)
	acked := map[string]bool{}
	put := func(i int) error {
		name := fmt.Sprintf("Line %d", i)
		_, err := p.call("POST", "/sites/"+site+"/zones", fmt.Appendf(nil, `{"name":%q,"level":"1","ot":true}`, name))
		if err == nil {
			acked[name] = true
		}
		return err
	}
	for round := range 2 {
		stop := make(chan error, 1)
		go func() { // ends with pg_ctl
			time.Sleep(300 * time.Millisecond)
			stop <- db.run("pg_ctl", "-D", db.dir+"/data", "-m", []string{"fast", "immediate"}[round], "stop")
		}()
		var failed error
		i := round * 100_000
		for ; failed == nil; i++ {
			failed = put(i)
		}
		if !strings.Contains(failed.Error(), "the database does not answer") && !strings.Contains(failed.Error(), "409") {
			t.Errorf("a request without a database is answered with: %v", failed)
			for line := range strings.Lines(p.output.String()) {
				if strings.Contains(line, "a request failed") {
					t.Log(line)
				}
			}
		}
		if err := <-stop; err != nil {
			t.Fatal(err)
		}
		if err := put(i + 1); err == nil || !strings.Contains(err.Error(), "goes on when it is back") {
			t.Errorf("the next one: %v", err)
		}
		db.start()
		if _, err := p.get("/records?type=finding&limit=5"); err != nil && !strings.Contains(err.Error(), "goes on when it is back") {
			t.Errorf("a list, which is read without a transaction, meets dead connections: %v", err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			if i++; put(i+1000) == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the database is back and the server does not go on\n%s", p.output)
			}
		}
	}
	raw, err := p.get("/sites/" + site + "/zones")
	there := map[string]int{}
	for _, z := range decode[struct{ Items []named }](t, raw, err).Items {
		there[z.Name]++
	}
	for name := range acked {
		if there[name] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", name, there[name])
		}
	}
	if len(acked) < 3 {
		t.Errorf("only %d were acknowledged: the test proves little", len(acked))
	}
	if strings.Contains(p.output.String(), "panic") {
		t.Errorf("it panicked: %s", p.output)
	}
}

// TestCrashSnapshotOnFullDisk: a snapshot that does not fit says so, leaves nothing
// behind, and the server goes on.
func TestCrashSnapshotOnFullDisk(t *testing.T) {
	small := smallDisk(t, "2m")
	data := t.TempDir()
	p := start(t, data)
	site := makeSite(t, p)
	if _, err := upload(p, site, "half a day", plantDay(t, 1)); err != nil {
		t.Fatal(err)
	}
	settle(t, p)
	p.stop(t)
	fillEvents(t, data, 4000) // what does not compress
	p = start(t, data)
	if _, err := exec.Command(program(t), "snapshot", "kit", "--data", data).Output(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program(t), "snapshot", "create", "--encrypt", "--data", data, small+"/x.age").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is full") {
		t.Errorf("a snapshot on a full disk: %v %s", err, out)
	}
	if left, _ := os.ReadDir(small); len(left) > 0 {
		t.Errorf("it left %v behind", left)
	}
	if _, err := p.call("PUT", "/system/snapshots/plan", fmt.Appendf(nil, `{"on":true,"hour":2,"minute":30,"zone":"","folder":%q,"sftp":{"host":"","port":0,"user":"","folder":"","host_key":""},"keep":{"daily":7,"weekly":0,"monthly":0},"captures":true}`, small)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(small+"/ballast", make([]byte, 1900<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		raw, err := p.get("/system/snapshots")
		list := decode[struct{ Items []struct{ Error string } }](t, raw, err)
		if len(list.Items) > 0 {
			if !strings.Contains(list.Items[0].Error, "no room") {
				t.Errorf("the scheduled one says %q", list.Items[0].Error)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no scheduled snapshot was tried")
		}
	}
	raw, err := p.get("/system")
	if err != nil || !bytes.Contains(raw, []byte("The last snapshot failed")) {
		t.Errorf("the installation does not say so: %v %.200s", err, raw)
	}
	left, err := filepath.Glob(small + "/*")
	if err != nil || len(left) != 1 {
		t.Errorf("beside the ballast lie %v", left)
	}
	if _, err := p.get("/healthz"); err != nil {
		t.Error(err)
	}
}
