package care_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/care"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store/storetest"
	"golang.org/x/crypto/ssh"
)

// sshd is a real OpenSSH server that serves nothing but a folder by SFTP. It runs once
// a connection on a socket of ours, so that no port must be guessed.
type sshd struct {
	t       *testing.T
	port    int
	folder  string
	hostKey string // as known_hosts has it
	config  string
	keys    string
	l       net.Listener

	mu    sync.Mutex
	cut   int64 // end each connection after so many bytes from the client; 0: never
	conns []net.Conn
}

func newSSHD(t *testing.T) *sshd {
	t.Helper()
	bin := "/usr/sbin/sshd"
	if _, err := os.Stat(bin); err != nil {
		if strings.Contains(os.Getenv("SKANSE_REQUIRE"), "openssh") {
			t.Fatal(err)
		}
		t.Skip("OpenSSH's server is not installed")
	}
	dir := t.TempDir()
	s := &sshd{t: t, folder: filepath.Join(dir, "store"), config: filepath.Join(dir, "config"), keys: filepath.Join(dir, "authorized_keys")}
	if err := os.Mkdir(s.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s.newHostKey()
	config := fmt.Sprintf(`HostKey %s
AuthorizedKeysFile %s
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PidFile none
Subsystem sftp internal-sftp
ForceCommand internal-sftp -d %s
`, filepath.Join(dir, "host"), s.keys, s.folder)
	if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // where it gives its rights up
			t.Fatal(err)
		}
	}
	var err error
	if s.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.port = s.l.Addr().(*net.TCPAddr).Port
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			wg.Go(func() { s.serve(bin, c) })
		}
	})
	t.Cleanup(func() {
		s.l.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		wg.Wait()
	})
	return s
}

// serve lets OpenSSH speak on one connection; a pipe between counts the bytes.
func (s *sshd) serve(bin string, c net.Conn) {
	defer c.Close()
	cmd := exec.Command(bin, "-i", "-e", "-f", s.config)
	s.mu.Lock()
	left := s.cut
	s.mu.Unlock()
	limited := left > 0
	in, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	cmd.Stdout = c
	if err := cmd.Start(); err != nil {
		return
	}
	go func() { // ends with the connection
		defer in.Close()
		b := make([]byte, 16<<10)
		for {
			n, err := c.Read(b)
			if n > 0 {
				if _, werr := in.Write(b[:n]); werr != nil {
					return
				}
			}
			if limited {
				if left -= int64(n); left <= 0 {
					c.Close()
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	_ = cmd.Wait()
}

func (s *sshd) newHostKey() {
	s.t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.config), "host"), pem.EncodeToMemory(block), 0o600); err != nil {
		s.t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.hostKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

func (s *sshd) plan() care.Plan {
	me, err := user.Current()
	if err != nil {
		s.t.Fatal(err)
	}
	return care.Plan{On: true, Hour: 2, Minute: 30, Keep: care.Rule{Daily: 2}, SFTP: care.SFTP{Host: "127.0.0.1", Port: s.port, User: me.Username, Folder: s.folder, HostKey: "nas " + s.hostKey}}
}

func (s *sshd) letIn(t *testing.T, h *house) {
	t.Helper()
	key, err := h.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.keys, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Snapshots go to a real OpenSSH server, whole or not at all, and only to the one whose
// key a person has seen.
func TestSnapshotsBySFTP(t *testing.T) {
	s := newSSHD(t)
	ctx := t.Context()
	h := newHouse(t, storetest.Open(t, storetest.SQLite(t), slices()))
	h.clerk.text = strings.Repeat("a snapshot of a plant. ", 100_000)
	key, print, err := h.HostKey(ctx, s.plan().SFTP)
	if err != nil || key != s.hostKey || !strings.HasPrefix(print, "SHA256:") {
		t.Fatalf("the server's key: %q %q %v", key, print, err)
	}
	h.plan(t, s.plan())
	if n := ask[int64](t, h.db, "SELECT COUNT(*) FROM egress_allow WHERE port = ?", s.port); n != 1 {
		t.Errorf("the way there stands %d times on the list of allowed connections", n)
	}
	// Our key is not in its authorized_keys yet.
	if err := h.Snapshots(ctx); ot.CodeOf(err) != ot.Forbidden || !strings.Contains(err.Error(), "authorized_keys") {
		t.Fatalf("not let in: %v", err)
	}
	s.letIn(t, h)
	for range 4 {
		h.pass(24 * time.Hour)
		if err := h.Snapshots(ctx); err != nil {
			t.Fatal(err)
		}
	}
	files := s.files()
	if len(files) != 2 {
		t.Fatalf("%v lie there, want the two of the rule", files)
	}
	b, err := os.ReadFile(filepath.Join(s.folder, files[1]))
	if err != nil || !bytes.Equal(b, []byte("sealed:"+h.clerk.text)) {
		t.Errorf("%d bytes came, %v", len(b), err)
	}
	st, err := os.Stat(filepath.Join(h.dir, "keys", "snapshot-sftp.key"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("our key: %v %v", st, err)
	}

	// The line is cut in the middle: no half file bears the name of a whole one, and the next night it works.
	s.mu.Lock()
	s.cut = 700_000
	s.mu.Unlock()
	h.pass(24 * time.Hour)
	if err := h.Snapshots(ctx); err == nil {
		t.Error("cut in the middle, and it says it went well")
	}
	s.mu.Lock()
	s.cut = 0
	s.mu.Unlock()
	if got := s.files(); len(got) != 2 || got[1] != files[1] {
		t.Errorf("after the cut lie there: %v", got)
	}
	h.pass(2 * time.Hour)
	if err := h.Snapshots(ctx); err != nil {
		t.Fatal(err)
	}
	if parts, _ := filepath.Glob(filepath.Join(s.folder, "*.part")); len(parts) > 0 {
		t.Errorf("halves are left: %v", parts)
	}

	// Somebody else answers at that address.
	s.newHostKey()
	h.pass(24 * time.Hour)
	before := s.files()
	if err := h.Snapshots(ctx); ot.CodeOf(err) != ot.Forbidden || !strings.Contains(err.Error(), "another host key") {
		t.Errorf("another host key: %v", err)
	}
	if got := s.files(); len(got) != len(before) {
		t.Error("something was sent there")
	}
	list, err := h.List(ctx, 1)
	if err != nil || list[0].Error == "" || !list[0].Read.IsZero() {
		t.Errorf("%+v %v", list, err)
	}
	// And nobody answers at all.
	s.l.Close()
	h.pass(24 * time.Hour)
	if err := h.Snapshots(ctx); ot.CodeOf(err) != ot.Busy {
		t.Errorf("no answer: %v", err)
	}
}

// files are the whole snapshots there; a cut upload may leave its part.
func (s *sshd) files() (out []string) {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".age") {
			out = append(out, e.Name())
		}
	}
	return out
}
