package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// One PostgreSQL serves all tests of a process. It is started on the first use; a
// small shell stops it and removes its files when the process ends, however it ends.
var (
	server   = sync.OnceValues(startPostgres)
	database atomic.Int64
)

// Postgres returns the address of an empty PostgreSQL database, which goes with the test.
func Postgres(t testing.TB) string {
	t.Helper()
	bin, err := findPostgres()
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "postgres") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	_ = bin
	socket, err := server()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name := fmt.Sprintf("t%d", database.Add(1))
	admin(t, socket, "CREATE DATABASE "+name)
	t.Cleanup(func() { admin(t, socket, "DROP DATABASE "+name+" WITH (FORCE)") })
	return address(socket, name)
}

func address(socket, name string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("skanse"), Path: "/" + name, RawQuery: url.Values{"host": {socket}, "port": {"5432"}}.Encode()}).String()
}

func admin(t testing.TB, socket, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", address(socket, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// findPostgres returns the folder of the newest PostgreSQL's programs.
func findPostgres() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is right
	slices.SortFunc(dirs, func(a, b string) int { return major(b) - major(a) })
	for _, d := range dirs {
		if _, err := os.Stat(filepath.Join(d, "initdb")); err == nil {
			return d, nil
		}
	}
	p, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("PostgreSQL is not installed (initdb is neither in /usr/lib/postgresql/*/bin nor on PATH)")
	}
	if p, err = filepath.EvalSymlinks(p); err != nil {
		return "", err
	}
	return filepath.Dir(p), nil
}

func major(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // not a number: last
	return n
}

// The shell runs PostgreSQL on a socket of its own, no TCP port, and reads its
// standard input until the test process is gone.
const script = `
bin=$1 dir=$2
"$bin/initdb" -D "$dir/data" -U skanse -A trust -E UTF8 --locale=C --no-sync --no-instructions >"$dir/log" 2>&1 || { cat "$dir/log" >&2; rm -rf "$dir"; exit 1; }
"$bin/postgres" -D "$dir/data" -k "$dir" -p 5432 -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
  -c max_connections=200 -c shared_buffers=32MB -c autovacuum=off -c jit=off >>"$dir/log" 2>&1 &
pid=$!
cat >/dev/null
kill -QUIT $pid
wait $pid
rm -rf "$dir"
`

func startPostgres() (socket string, err error) {
	bin, err := findPostgres()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("/tmp", "skpg") // a socket's path may have 107 bytes
	if err != nil {
		return "", err
	}
	cmd := exec.Command("/bin/sh", "-c", script, "sh", bin, dir)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	if err := asOrdinaryUser(cmd, dir); err != nil {
		return "", err
	}
	var failure bytes.Buffer
	cmd.Stderr = &failure
	if _, err := cmd.StdinPipe(); err != nil { // held open by this process until it ends
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }() // ends with the shell
	deadline := time.After(time.Minute)
	for {
		select {
		case err := <-gone:
			return "", fmt.Errorf("%w: %s", err, failure.String())
		case <-deadline:
			return "", errors.New("it does not answer after a minute; see " + dir + "/log")
		case <-time.After(50 * time.Millisecond):
		}
		if ping(dir) == nil {
			return dir, nil
		}
	}
}

func ping(socket string) error {
	db, err := sql.Open("pgx", address(socket, "postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return db.Ping()
}
