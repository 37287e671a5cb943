package test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// packageUser is nobody's number here: what systemd would give the user skanse.
const packageUser = 64711

// debRoot is a folder in which dpkg installs, with stubs of what makes users and asks
// systemd. Whoever runs the program there must be able to reach it.
func debRoot(t *testing.T) (root string, dpkg func(args ...string) string) {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != "/" && d != "/tmp"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root = filepath.Join(dir, "root")
	for _, d := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	keep(t, filepath.Join(root, "var/lib/dpkg/status"), nil)
	for name, exit := range map[string]string{"getent": "2", "useradd": "0", "systemctl": "1"} {
		keep(t, filepath.Join(dir, "stubs", name), []byte("#!/bin/sh\nexit "+exit+"\n"))
		if err := os.Chmod(filepath.Join(dir, "stubs", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=" + filepath.Join(dir, "stubs") + ":" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "DEBIAN_FRONTEND=noninteractive"}
	return root, func(args ...string) string {
		t.Helper()
		return repoCommand(t, env, "dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-depends", "--force-confold", "--log=" + filepath.Join(dir, "log")}, args...)...)
	}
}

// serveInstalled runs what the installed unit says, word for word, in the root and as the
// package's user; its folder is made as systemd would.
func serveInstalled(t *testing.T, root string) *process {
	t.Helper()
	unit, err := os.ReadFile(filepath.Join(root, "usr/lib/systemd/system/skanse.service"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindSubmatch(unit)
	conf, err := os.ReadFile(filepath.Join(root, "etc/skanse/skanse.env"))
	if line == nil || err != nil {
		t.Fatalf("the unit has no ExecStart, or its file is not there: %v", err)
	}
	set := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z_]+)=(.*)$`).FindAllSubmatch(conf, -1) {
		set[string(m[1])] = string(m[2])
	}
	words := strings.Fields(os.Expand(string(line[1]), func(name string) string { return set[name] }))
	data := filepath.Join(root, "var/lib/skanse")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, packageUser, packageUser); err != nil {
		t.Fatal(err)
	}
	p := &process{output: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd = exec.Command(words[0], words[1:]...)
	p.cmd.Dir, p.cmd.Env = "/", []string{"GOTRACEBACK=none", "GOMEMLIMIT=1700MiB"}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: packageUser, Gid: packageUser}}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(data, "skanse.sock"))
	}}}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	waitFor(t, "the installed server answers", func() bool {
		select {
		case err := <-p.ended:
			t.Fatalf("the installed server ended at its start: %v\n%s", err, p.output)
		default:
		}
		_, err := p.get("/healthz")
		return err == nil
	})
	return p
}

// The package of the real program: what is in it, that it runs as its unit says and as
// its user, and what an upgrade, a removal and a purge do to the data.
func TestPackageRuns(t *testing.T) {
	for _, need := range []string{"dpkg", "dpkg-deb"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Skip("no Debian here: ", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("dpkg installs as root only")
	}
	binary := program(t)
	build := func(version string) string {
		t.Helper()
		out := filepath.Join(t.TempDir(), "skanse.deb")
		// Not xz, which takes a minute: what is packed is the same.
		repoCommand(t, []string{"SOURCE_DATE_EPOCH=1700000000", "DEB_COMPRESS=gzip -z1"}, "tools/deb", binary, debArch(t), version, out)
		return out
	}
	one, two := build("v9.1.0"), build("v9.2.0")
	inspectDeb(t, one, binary)

	root, dpkg := debRoot(t)
	dpkg("-i", one)
	conf := filepath.Join(root, "etc/skanse/skanse.env")
	keep(t, conf, []byte("SKANSE_ARGS=--listen 127.0.0.1:0\n"))
	p := serveInstalled(t, root)
	if !regexp.MustCompile(`https?://\S+/setup\?token=\S+`).Match(p.output.Bytes()) {
		t.Errorf("the first start prints no link:\n%s", p.output)
	}
	makeSite(t, p)
	raw, err := p.get("/sites")
	before := decode[struct{ Items []named }](t, raw, err).Items
	p.stop(t)
	data := filepath.Join(root, "var/lib/skanse/skanse.db")
	if st, err := os.Stat(data); err != nil || st.Sys().(*syscall.Stat_t).Uid != packageUser || st.Mode().Perm()&0o077 != 0 {
		t.Errorf("the database is %v, %v: others may not read it", st, err)
	}

	dpkg("-i", two)
	p = serveInstalled(t, root)
	raw, err = p.get("/sites")
	if after := decode[struct{ Items []named }](t, raw, err).Items; len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("after the upgrade the sites are %v, were %v", after, before)
	}
	p.stop(t)

	dpkg("-r", "skanse")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/skanse")); err == nil {
		t.Error("removed, and the program is there")
	}
	if _, err := os.Stat(data); err != nil {
		t.Errorf("a removal took the data: %v", err)
	}
	dpkg("-P", "skanse")
	if _, err := os.Stat(data); err != nil {
		t.Errorf("a purge took the data: %v", err)
	}
	if _, err := os.Stat(conf); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after a purge the options are there: %v", err)
	}
}

func debArch(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(repoCommand(t, nil, "dpkg", "--print-architecture"))
}

// inspectDeb looks at owners, modes, the control file, the files a person may change and the sums.
func inspectDeb(t *testing.T, deb, binary string) {
	t.Helper()
	raw, err := exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{
		"./usr/bin/skanse": 0o755, "./usr/lib/systemd/system/skanse.service": 0o644, "./usr/lib/systemd/system/skanse-edge.service": 0o644,
		"./etc/skanse/skanse.env": 0o640, "./etc/skanse/edge.env": 0o640, "./usr/share/man/man1/skanse.1.gz": 0o644,
		"./usr/share/doc/skanse/copyright": 0o644, "./usr/share/doc/skanse/operating.md": 0o644, "./usr/share/doc/skanse/recovery.md": 0o644,
	}
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Mode&0o022 != 0 || h.Mode&0o6000 != 0 {
			t.Errorf("%s is of %d:%d with mode %o", h.Name, h.Uid, h.Gid, h.Mode)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if mode, ok := want[h.Name]; !ok || mode != h.Mode {
			t.Errorf("%s with mode %o: it is not a file of the package, or has another mode", h.Name, h.Mode)
		}
		delete(want, h.Name)
		if st, err := os.Stat(binary); h.Name == "./usr/bin/skanse" && (err != nil || h.Size != st.Size()) {
			t.Errorf("the program has %d bytes: %v %v", h.Size, st.Size(), err)
		}
	}
	if len(want) > 0 {
		t.Errorf("not in the package: %v", want)
	}
	for field, must := range map[string]string{"Package": "skanse", "Version": "9.1.0", "Architecture": debArch(t), "Section": "net", "Priority": "optional"} {
		if got := strings.TrimSpace(repoCommand(t, nil, "dpkg-deb", "--field", deb, field)); got != must {
			t.Errorf("%s: %q, want %q", field, got, must)
		}
	}
	dir := t.TempDir()
	repoCommand(t, nil, "dpkg-deb", "--control", deb, dir)
	if conf, err := os.ReadFile(filepath.Join(dir, "conffiles")); err != nil || string(conf) != "/etc/skanse/skanse.env\n/etc/skanse/edge.env\n" {
		t.Errorf("conffiles: %q %v", conf, err)
	}
	if sums, err := os.ReadFile(filepath.Join(dir, "md5sums")); err != nil || !bytes.Contains(sums, []byte("  usr/bin/skanse\n")) {
		t.Errorf("md5sums: %q %v", sums, err)
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		if st, err := os.Stat(filepath.Join(dir, script)); err != nil || st.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v %v", script, st, err)
		}
	}
}
