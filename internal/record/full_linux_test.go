package record

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisk puts a file system of so many MiB over a folder; it needs root.
func smallDisk(t *testing.T, dir string, mib int) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", mib), "skanse-test", dir).CombinedOutput()
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "mount") {
			t.Fatalf("a small disk is required: %v\n%s", err, out)
		}
		t.Skipf("mounting needs root: %s", out)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// filling gives bytes, and at a point of its stream fills the disk.
type filling struct {
	left, at int64
	fill     func()
}

func (f *filling) Read(b []byte) (int, error) {
	if f.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), f.left)
	if f.left -= n; f.fill != nil && f.left < f.at {
		f.fill()
		f.fill = nil
	}
	return int(n), nil
}

// A disk that is full before, or becomes full during, an upload: a sentence that says
// what to do, nothing half stored, what was there stays, and with room it goes on.
func TestAttachmentDiskFull(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		dir := h.s.files.dir
		smallDisk(t, dir, 24)
		h.s.files.reserve = 1 << 20
		if err := os.MkdirAll(filepath.Join(dir, quarantine), 0o700); err != nil {
			t.Fatal(err)
		}
		f := h.finding("engineer", "With many photographs")
		kept := h.attach(201, "engineer", f.ID, "first.png", strings.NewReader("the first"))
		var fillers []string
		fill := func() { // as somebody else's program would, to the last byte
			path := filepath.Join(dir, fmt.Sprint("ballast", len(fillers)))
			fillers = append(fillers, path)
			b, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			var st unix.Statfs_t
			if err := unix.Statfs(dir, &st); err != nil {
				t.Fatal(err)
			}
			if err := unix.Fallocate(int(b.Fd()), 0, 0, int64(st.Bavail)*int64(st.Bsize)); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			name string
			size int64 // that the request says; -1: none
			body io.Reader
		}{
			{"too large for what is left", 30 << 20, &filling{left: 30 << 20}},
			{"full while it comes", -1, &filling{left: 8 << 20, at: 4 << 20, fill: fill}},
			{"full before", -1, bytes.NewReader(make([]byte, 1000))},
		} {
			if c.size < 0 && len(fillers) > 0 {
				fill() // also what the upload before gave back
			}
			_, err := h.s.files.receive(t.Context(), "scale.png", c.size, c.body)
			if err == nil || !strings.Contains(err.Error(), "make room") {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		w := h.do("engineer", "POST", "/records/"+f.ID+"/attachments?name=second.png", "the second")
		if w.Code != 507 || !strings.Contains(w.Body.String(), "make room") {
			t.Errorf("by the page: %d %s", w.Code, w.Body)
		}
		left, err := filepath.Glob(filepath.Join(dir, "*.part"))
		if err != nil || len(left) > 0 {
			t.Errorf("half stored: %v, %v", left, err)
		}
		if got := h.get("reader", f.ID); len(got.Attachments) != 1 || got.Attachments[0].ID != kept.ID || got.Version != f.Version+1 && got.Version != f.Version {
			t.Errorf("the record has %+v", got.Attachments)
		}
		if w := h.do("reader", "GET", "/records/"+f.ID+"/attachments/"+kept.ID, ""); w.Code != 200 || w.Body.String() != "the first" {
			t.Errorf("what was there: %d %s", w.Code, w.Body)
		}
		for _, path := range fillers {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		h.attach(201, "engineer", f.ID, "second.png", strings.NewReader("the second"))
	})
}
