package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/record/clamd"
	"github.com/skanse/skanse/internal/record/clamd/clamdtest"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func (h *house) attach(status int, who, id, name string, body io.Reader) Attachment {
	h.t.Helper()
	q := httptest.NewRequestWithContext(h.t.Context(), "POST", "http://localhost"+rest.Prefix+"/records/"+id+"/attachments?name="+name, body)
	q.Header.Set("Authorization", "Bearer "+who)
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, q)
	if w.Code != status {
		h.t.Fatalf("attach %s: %d, want %d: %s", name, w.Code, status, w.Body)
	}
	var out Attachment
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		h.t.Fatal(err)
	}
	return out
}

func TestAttachments(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		f := h.finding("engineer", "With a photograph")
		body := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
		a := h.attach(201, "engineer", f.ID, "..%2F..%2Fscale%22%0A.png", bytes.NewReader(body))
		if a.Name != "scale\" .png" || a.Bytes != int64(len(body)) || a.SHA256 != fmt.Sprintf("%x", sha256.Sum256(body)) || a.Scan != Unscanned {
			t.Errorf("%+v", a)
		}
		if _, err := os.Stat(filepath.Join(h.s.cfg.Dir, a.SHA256[:2], a.SHA256)); err != nil {
			t.Error(err)
		}
		w := h.do("reader", "GET", "/records/"+f.ID+"/attachments/"+a.ID, "", "Range", "bytes=0-3")
		if w.Code != 206 || w.Body.String() != "0123" || w.Header().Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment;") ||
			!strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%d %s", w.Code, w.Header())
		}
		if w := h.do("malmo", "GET", "/records/"+f.ID+"/attachments/"+a.ID, ""); w.Code != 404 {
			t.Errorf("another site reads it: %d", w.Code)
		}
		h.attach(422, "engineer", f.ID, "empty", strings.NewReader(""))
		h.attach(404, "malmo", f.ID, "x", strings.NewReader("x"))
		h.attach(403, "reader", f.ID, "x", strings.NewReader("x"))
		if got := h.get("reader", f.ID); len(got.Attachments) != 1 {
			t.Errorf("%+v", got.Attachments)
		}
		h.want(200, "engineer", "DELETE", "/records/"+f.ID+"/attachments/"+a.ID, nil, nil)
		if w := h.do("reader", "GET", "/records/"+f.ID+"/attachments/"+a.ID, ""); w.Code != 404 {
			t.Errorf("taken away and read: %d", w.Code)
		}
		old := time.Now().Add(-2 * orphanAge)
		if err := os.Chtimes(h.s.files.file(a.SHA256), old, old); err != nil {
			t.Fatal(err)
		}
		if err := h.s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(h.s.files.file(a.SHA256)); err == nil {
			t.Error("the sweep left a file that nothing holds")
		}
	})
}

// nothing is an endless file of zeros.
type nothing struct{}

func (nothing) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestTooLargeIsRefused(t *testing.T) {
	h := newHouse(t, storetest.Open(t, storetest.SQLite(t), tables()), nil)
	f := h.finding("engineer", "Large")
	q := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost"+rest.Prefix+"/records/"+f.ID+"/attachments?name=large", io.LimitReader(nothing{}, maxFile+1))
	q.ContentLength = maxFile + 1
	q.Header.Set("Authorization", "Bearer engineer")
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, q)
	if w.Code != 429 || !strings.Contains(w.Body.String(), "2 GiB") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if left, _ := filepath.Glob(filepath.Join(h.s.cfg.Dir, "*.part")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestScannedByClamd(t *testing.T) {
	dir := t.TempDir()
	h := newHouse(t, storetest.Open(t, storetest.SQLite(t), tables()), nil)
	var err error
	if h.s.clamd, err = clamd.New("unix:" + filepath.Join(dir, "clamd.ctl")); err != nil {
		t.Fatal(err)
	}
	f := h.finding("engineer", "With files")
	early := h.attach(201, "engineer", f.ID, "early.com", strings.NewReader(clamdtest.EICAR()))
	good := h.attach(201, "engineer", f.ID, "good.txt", strings.NewReader("nothing bad"))
	if early.Scan != Unscanned || good.Scan != Unscanned {
		t.Errorf("scanned by nobody: %+v %+v", early, good)
	}
	if err := h.s.Rescan(t.Context()); err == nil {
		t.Error("a scan without a scanner")
	}

	_, stop := clamdtest.Start(t, dir)
	if err := h.s.Rescan(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := h.get("engineer", f.ID)
	if got.Attachments[0].Scan != Infected || !strings.Contains(got.Attachments[0].Finding, "Eicar") || got.Attachments[1].Scan != Clean {
		t.Errorf("%+v", got.Attachments)
	}
	if w := h.do("engineer", "GET", "/records/"+f.ID+"/attachments/"+early.ID, ""); w.Code != 403 || strings.Contains(w.Body.String(), "EICAR-") {
		t.Errorf("an infected file is given out: %d %s", w.Code, w.Body)
	}
	if w := h.do("engineer", "GET", "/records/"+f.ID+"/attachments/"+good.ID, ""); w.Code != 200 || w.Body.String() != "nothing bad" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if h.asked("record.infected:"+early.ID) != 1 {
		t.Error("nobody is asked about an infected file")
	}
	if _, err := os.Stat(h.s.files.file(early.SHA256)); err == nil {
		t.Error("an infected file lies among the others")
	}
	zero := strings.Repeat("\x00", 3*64<<10)
	if a := h.attach(201, "engineer", f.ID, "now.com", strings.NewReader(clamdtest.EICAR())); a.Scan != Infected || a.Finding == "" {
		t.Errorf("%+v", a)
	}
	if a := h.attach(201, "engineer", f.ID, "large.bin", strings.NewReader(zero)); a.Scan != Clean {
		t.Errorf("%+v", a)
	}
	if a := h.attach(201, "engineer", f.ID, "beyond.bin", io.LimitReader(nothing{}, 40<<20)); a.Scan != Unscanned {
		t.Errorf("larger than what clamd takes: %+v", a)
	}
	stop()
	// Known to be bad, also while no scanner answers.
	if a := h.attach(201, "engineer", f.ID, "again.com", strings.NewReader(clamdtest.EICAR())); a.Scan != Infected {
		t.Errorf("%+v", a)
	}
}

// What was acknowledged is there after a kill: the child writes versions and attachments
// and says so; the parent kills it and looks.
func TestKilledWhileWriting(t *testing.T) {
	dir := t.TempDir()
	url := "sqlite:" + filepath.Join(dir, "skanse.db")
	for round := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWhileWriting$")
		cmd.Env = append(os.Environ(), "SKANSE_TEST_RECORDS="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acked := readUntil(t, out, 15+7*round)
		_ = cmd.Process.Kill()
		rest, _ := io.ReadAll(out) // what it still said before it died counts too
		acked = append(acked, strings.Fields(string(rest))...)
		_ = cmd.Wait()
		db, err := store.Open(t.Context(), store.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(db, Config{Dir: filepath.Join(dir, "attachments"), Behaviours: Own()})
		if err != nil {
			t.Fatal(err)
		}
		err = db.View(t.Context(), func(r store.Reader) error {
			if _, err := Verify(t.Context(), r); err != nil {
				return err
			}
			sums, err := store.All[string](t.Context(), r, "SELECT sha256 FROM record_attachment")
			if err != nil {
				return err
			}
			for _, a := range acked {
				if len(a) == 64 && !slices.Contains(sums, a) {
					t.Errorf("the attachment %s was acknowledged and is gone", a)
				}
			}
			for _, sum := range sums {
				b, err := os.ReadFile(s.files.file(sum))
				if err != nil || fmt.Sprintf("%x", sha256.Sum256(b)) != sum {
					t.Errorf("a row without its whole file: %s %v", sum, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if parts, _ := filepath.Glob(filepath.Join(dir, "attachments", "*.part")); len(parts) > 0 {
			t.Errorf("left after the start: %v", parts)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func readUntil(t *testing.T, r io.Reader, n int) []string {
	t.Helper()
	var words []string
	buf := make([]byte, 65)
	for len(words) < n {
		if _, err := io.ReadFull(r, buf); err != nil {
			t.Fatalf("the child died by itself after %d: %v", len(words), err)
		}
		words = append(words, strings.TrimSpace(string(buf)))
	}
	return words
}
