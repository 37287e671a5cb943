package test

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

func repoCommand(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// The Debian package installs, is upgraded and removed by the real dpkg in a folder of
// its own: what a person changed in /etc stays, and data stay always. The users
// and systemd are stubs that write down how they were called.
func TestPackage(t *testing.T) {
	for _, need := range []string{"dpkg", "dpkg-deb"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Skip("no Debian here: ", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("dpkg installs as root only")
	}
	dir := t.TempDir()
	// A small stand-in: to pack a real program three times takes minutes, and dpkg does not look inside.
	program := filepath.Join(dir, "skanse")
	keep(t, program, []byte("#!/bin/sh\n"))
	build := func(version, name string) string {
		out := filepath.Join(dir, name)
		repoCommand(t, []string{"SOURCE_DATE_EPOCH=1700000000"}, "tools/deb", program, "amd64", version, out)
		return out
	}
	one, again, two := build("v9.1.0", "one.deb"), build("v9.1.0", "again.deb"), build("v9.2.0", "two.deb")
	a, err1 := os.ReadFile(one)
	b, err2 := os.ReadFile(again)
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("the same inputs give other bytes: %v %v", err1, err2)
	}

	root, stubs, calls := filepath.Join(dir, "root"), filepath.Join(dir, "stubs"), filepath.Join(dir, "calls")
	for _, d := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "var/lib/skanse"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	keep(t, filepath.Join(root, "var/lib/dpkg/status"), nil)
	for name, exit := range map[string]string{"getent": "2", "useradd": "0", "systemctl": "1"} {
		keep(t, filepath.Join(stubs, name), []byte("#!/bin/sh\necho "+name+" \"$@\" >>"+calls+"\nexit "+exit+"\n"))
		if err := os.Chmod(filepath.Join(stubs, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dpkg := func(args ...string) string {
		return repoCommand(t, []string{"PATH=" + stubs + ":" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "DEBIAN_FRONTEND=noninteractive"},
			"dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-depends", "--force-confold", "--log=" + filepath.Join(dir, "log")}, args...)...)
	}
	says := dpkg("-i", one)
	if !strings.Contains(says, "not started") {
		t.Errorf("the installation says: %s", says)
	}
	keep(t, filepath.Join(root, "var/lib/skanse/skanse.db"), []byte("evidence"))
	conf := filepath.Join(root, "etc/skanse/skanse.env")
	keep(t, conf, []byte("SKANSE_ARGS=--listen 127.0.0.1:9\n"))
	for path, mode := range map[string]os.FileMode{"usr/bin/skanse": 0o755, "usr/lib/systemd/system/skanse.service": 0o644, "usr/share/man/man1/skanse.1.gz": 0o644, "etc/skanse/edge.env": 0o640} {
		if st, err := os.Stat(filepath.Join(root, path)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", path, st, err)
		}
	}
	dpkg("-i", two)
	if b, err := os.ReadFile(conf); err != nil || !strings.Contains(string(b), "127.0.0.1:9") {
		t.Errorf("an upgrade changed what a person wrote: %s %v", b, err)
	}
	if out := dpkg("-s", "skanse"); !strings.Contains(out, "Version: 9.2.0") {
		t.Error(out)
	}
	dpkg("-r", "skanse")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/skanse")); err == nil {
		t.Error("removed, and the program is there")
	}
	if b, err := os.ReadFile(filepath.Join(root, "var/lib/skanse/skanse.db")); err != nil || string(b) != "evidence" {
		t.Errorf("a removal deleted data: %s %v", b, err)
	}
	dpkg("-P", "skanse")
	if b, err := os.ReadFile(filepath.Join(root, "var/lib/skanse/skanse.db")); err != nil || string(b) != "evidence" {
		t.Errorf("a purge deleted data: %s %v", b, err)
	}
	said, err := os.ReadFile(calls)
	if err != nil || strings.Count(string(said), "useradd --system") != 4 || !strings.Contains(string(said), "/var/lib/skanse-edge") {
		t.Errorf("users: %s %v", said, err)
	}
}

// The units are understood by systemd, and give away what they do not need.
func TestUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	for _, unit := range []string{"skanse.service", "skanse-edge.service"} {
		b, err := os.ReadFile("../packaging/systemd/" + unit)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, unit)
		keep(t, path, bytes.ReplaceAll(b, []byte("/usr/bin/skanse"), []byte("/bin/true"))) // it is not installed here
		if out, err := exec.Command("systemd-analyze", "verify", "--man=no", path).CombinedOutput(); err != nil || bytes.Contains(out, []byte(unit)) {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
		if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=30", path).CombinedOutput(); err != nil {
			t.Errorf("%s is more exposed than 3.0: %v\n%s", unit, err, out[max(0, len(out)-300):])
		}
		for _, must := range []string{"ProtectSystem=strict", "NoNewPrivileges=yes", "MemoryMax=", "SystemCallFilter=@system-service", "CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN\n", "GOTRACEBACK=none"} {
			if !bytes.Contains(b, []byte(must)) {
				t.Errorf("%s lacks %s", unit, must)
			}
		}
	}
}

// The program is built for the other systems too, and the list of parts names what is in it.
func TestOtherSystems(t *testing.T) {
	for _, target := range []string{"windows/amd64", "darwin/arm64"} {
		goos, arch, _ := strings.Cut(target, "/")
		out := filepath.Join(t.TempDir(), "skanse")
		repoCommand(t, []string{"GOOS=" + goos, "GOARCH=" + arch, "CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "./cmd/skanse")
		info, err := buildinfo.ReadFile(out)
		if err != nil {
			t.Fatal(target, err)
		}
		for key, want := range map[string]string{"GOOS": goos, "GOARCH": arch, "CGO_ENABLED": "0", "-trimpath": "true"} {
			if !slices.Contains(info.Settings, debug.BuildSetting{Key: key, Value: want}) {
				t.Errorf("%s: %s is not %s", target, key, want)
			}
		}
		head := make([]byte, 8)
		f, err := os.Open(out)
		if err == nil {
			_, err = io.ReadFull(f, head)
			_ = f.Close()
		}
		// What file(1) looks at: DOS and PE, Mach-O of 64 bits for ARM.
		begins := map[string]string{"windows/amd64": "MZ", "darwin/arm64": "\xcf\xfa\xed\xfe\x0c\x00\x00\x01"}[target]
		if err != nil || !bytes.HasPrefix(head, []byte(begins)) {
			t.Errorf("%s: begins with % x: %v", target, head, err)
		}
	}
	var d struct {
		BOMFormat  string
		Components []struct{ Name, Version, PURL string }
	}
	out := repoCommand(t, nil, "go", "run", "./cmd/sbom", program(t), "web/package-lock.json", "v0")
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, c := range d.Components {
		seen[c.Name] = c.Version
		if c.Version == "" || !strings.HasPrefix(c.PURL, "pkg:") {
			t.Errorf("%+v", c)
		}
	}
	for _, name := range []string{"std", "modernc.org/sqlite", "filippo.io/age", "react"} {
		if seen[name] == "" {
			t.Errorf("%s is in the program and not in the list", name)
		}
	}
	if seen["vite"] != "" {
		t.Error("the list names what only builds")
	}
}
