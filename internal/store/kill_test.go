package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// batchRows is what one transaction of the killed process writes.
const batchRows = 40

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if url := os.Getenv("SKANSE_TEST_WRITER"); url != "" {
		if err := writeForEver(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeForEver writes batches and says after each commit which one it was.
func writeForEver(url string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: url})
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, versions(1)); err != nil {
		return err
	}
	for {
		var n int64
		err := db.Update(ctx, func(tx *store.Tx) error {
			if n, err = store.One[int64](ctx, tx, "SELECT count(*) FROM m_t1"); err != nil {
				return err
			}
			n = (n - 1) / batchRows // one row is the migration's
			for range batchRows {
				if _, err := tx.Exec(ctx, "INSERT INTO m_t1 VALUES (?)", fmt.Sprint(n, strings.Repeat("x", 300))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Println("saved", n)
	}
}

// Whatever the moment at which the process is killed: what it said to be saved is
// there, a batch is there as a whole or not at all, and the next start is clean. It
// does not test a power cut: the kernel still writes what it was given.
func TestKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	url := storetest.SQLite(t)
	said := int64(-1)
	for range 6 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "SKANSE_TEST_WRITER="+url)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		var timer *time.Timer
		for lines.Scan() {
			if timer == nil { // it writes: now it may die at any moment
				timer = time.AfterFunc(time.Duration(rand.IntN(40_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
			}
			n, err := strconv.ParseInt(strings.TrimPrefix(lines.Text(), "saved "), 10, 64)
			if err == nil {
				said = n
			}
		}
		_ = cmd.Wait() // it was killed
		if timer == nil {
			t.Fatal("the writer never wrote")
		}
	}
	db := mustOpen(t, url)
	if err := db.Migrate(t.Context(), versions(1)); err != nil {
		t.Fatal(err)
	}
	rows := count(t, db) - 1
	if rows%batchRows != 0 || rows/batchRows <= said {
		t.Errorf("%d rows, batches of %d, and batch %d was said to be saved", rows, batchRows, said)
	}
	err = db.View(t.Context(), func(r store.Reader) error {
		ok, err := store.One[string](t.Context(), r, "PRAGMA integrity_check")
		if ok != "ok" {
			t.Error(ok)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
