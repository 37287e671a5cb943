// Package clamdtest starts a real ClamAV daemon for tests.
package clamdtest

import (
	"bytes"
	"encoding/hex"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// EICAR is the test file of all scanners, in two parts so that no scanner takes the source for it.
func EICAR() string {
	return `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + "EICAR-STANDARD-" + `ANTIVIRUS-TEST-FILE!$H+H*`
}

// Start starts a real clamd that knows EICAR and nothing else.
func Start(t testing.TB, dir string) (address string, stop func()) {
	t.Helper()
	program := "/usr/sbin/clamd"
	if _, err := os.Stat(program); err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "clamd") {
			t.Fatalf("clamd is required and not there: %v", err)
		}
		t.Skip("clamd is not installed (Debian: clamav-daemon)")
	}
	sock := filepath.Join(dir, "clamd.ctl")
	conf := filepath.Join(dir, "clamd.conf")
	db := filepath.Join(dir, "db")
	if err := os.MkdirAll(db, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		filepath.Join(db, "test.ndb"): "Eicar-Test-Signature:0:*:" + hex.EncodeToString([]byte(EICAR())) + "\n",
		conf:                          "Foreground yes\nLocalSocket " + sock + "\nDatabaseDirectory " + db + "\nStreamMaxLength 30M\nMaxThreads 2\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var says bytes.Buffer
	cmd := exec.Command(program, "-c", conf)
	cmd.Stdout, cmd.Stderr = &says, &says
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.Remove(sock)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			stop()
		}
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("unix", sock); err == nil {
			_ = c.Close()
			return "unix:" + sock, stop
		}
		if time.Now().After(end) {
			t.Fatalf("clamd does not answer: %s", says.String())
		}
	}
}
