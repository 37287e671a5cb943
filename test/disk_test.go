package test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// smallDisk mounts a file system of so many MiB; it needs root.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "skanse-test", dir).CombinedOutput()
	if err != nil {
		if strings.Contains(os.Getenv("SKANSE_REQUIRE"), "mount") {
			t.Fatalf("a small disk is required: %v\n%s", err, out)
		}
		t.Skipf("mounting needs root: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
	return dir
}

// TestCrashDiskFull fills the disk under a server: an upload that does not fit
// is refused with a sentence before and while it comes, what was acknowledged
// stays, and the server goes on when there is room again.
func TestCrashDiskFull(t *testing.T) {
	data := smallDisk(t, "12m")
	p := start(t, data)
	site := makeSite(t, p)
	kept, err := upload(p, site, "fits", plantDay(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	settle(t, p)
	tooLarge := append(plantDay(t, 2), make([]byte, 16<<20)...)
	if _, err := upload(p, site, "too large", tooLarge); err == nil || !strings.Contains(err.Error(), "507") || !strings.Contains(err.Error(), "make room") {
		t.Errorf("a capture larger than the disk is answered with %v", err)
	}
	// Now so little is left that SQLite itself cannot grow.
	ballast := data + "/ballast"
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for {
		if _, err := f.Write(block); err != nil {
			break
		}
	}
	f.Close()
	if _, err := upload(p, site, "no room at all", plantDay(t, 3)); err == nil || !strings.Contains(err.Error(), "507") {
		t.Errorf("an upload on a full disk is answered with %v", err)
	}
	if c := captures(t, p)[kept.ID]; c.State != "done" {
		t.Errorf("what was acknowledged before is now %+v", c)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	after, err := upload(p, site, "room again", plantDay(t, 3))
	if err != nil {
		t.Fatalf("there is room again, and the server says %v\n%s", err, p.output)
	}
	if c := settle(t, p)[after.ID]; c.State != "done" {
		t.Errorf("with room again: %+v\n%s", c, p.output)
	}
	p.kill()
	p = start(t, data)
	if got := captures(t, p); got[kept.ID].State != "done" || got[after.ID].State != "done" {
		t.Errorf("after a restart: %+v", got)
	}
	p.kill()
}
