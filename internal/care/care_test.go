package care_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/care"
	"github.com/skanse/skanse/internal/egress"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func slices() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), job.Migrations(), egress.Migrations(), inbox.Migrations(), care.Migrations()}
}

// clerk stands for the program around: its snapshots are the text that it is given.
type clerk struct {
	text string
	fail error
	kit  string
}

func (c *clerk) Create(_ context.Context, path string, _ bool) (care.Made, error) {
	if c.fail != nil {
		return care.Made{}, c.fail
	}
	return care.Made{Rows: 7, Audit: "note"}, os.WriteFile(path, []byte(c.text), 0o600)
}

func (c *clerk) Try(_ context.Context, path, folder string, made care.Made) error {
	if _, err := os.Stat(folder); err == nil {
		return errors.New("the folder is there already")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil || string(b) != c.text || made.Audit != "note" {
		return fmt.Errorf("%q %w", b, errors.Join(err, errors.New("not what was written")))
	}
	return nil
}

func (c *clerk) Seal(_ context.Context, from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, []byte("sealed:"+string(b)), 0o600)
}

func (c *clerk) Recipient() (string, error)       { return c.kit, nil }
func (c *clerk) Make(bool) (care.KitSheet, error) { return care.KitSheet{}, nil }

type house struct {
	*care.Service
	db    *store.DB
	dir   string
	clerk *clerk
	clock *atomic.Int64
}

func newHouse(t *testing.T, db *store.DB) *house {
	h := &house{db: db, dir: t.TempDir(), clerk: &clerk{text: "a snapshot", kit: "age1kit"}, clock: &atomic.Int64{}}
	h.clock.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano())
	h.Service = care.New(db, care.Config{
		Folder: h.dir, Version: "test", Archive: h.clerk, Kit: h.clerk, Clock: func() time.Time { return time.Unix(0, h.clock.Load()) },
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	})
	return h
}

func (h *house) pass(d time.Duration) { h.clock.Add(int64(d)) }

func (h *house) plan(t *testing.T, p care.Plan) {
	t.Helper()
	if err := h.SetPlan(t.Context(), "u1", p); err != nil {
		t.Fatal(err)
	}
}

func ask[T any](t *testing.T, db *store.DB, q string, args ...any) (out T) {
	t.Helper()
	err := db.View(t.Context(), func(r store.Reader) (err error) { out, err = store.One[T](t.Context(), r, q, args...); return err })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	storetest.Each(t, slices(), func(t *testing.T, db *store.DB) { fn(t, newHouse(t, db)) })
}

// A snapshot comes once a night, is tried, lies whole where it was sent, and what the
// rule does not keep goes. What fails is tried again in an hour and asks a person.
func TestSnapshotsIntoAFolder(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		tree := org.New(h.db, bus.Announcer(ot.TopicOrg))
		if _, err := tree.CreateEntity(ctx, whole(), org.Entity{Name: "Nordvand"}); err != nil {
			t.Fatal(err)
		}
		if err := h.Snapshots(ctx); err != nil {
			t.Fatal(err) // off: nothing happens
		}
		if err := h.Check(ctx); err != nil {
			t.Fatal(err)
		}
		open := func() int64 {
			return ask[int64](t, h.db, "SELECT COUNT(*) FROM inbox_item WHERE done_at IS NULL AND item_key = 'installation:snapshot'")
		}
		if open() != 1 {
			t.Error("nobody is told that no snapshots are made")
		}
		to := t.TempDir()
		plan := care.Plan{On: true, Hour: 2, Minute: 30, Folder: to, Keep: care.Rule{Daily: 2}}
		h.clerk.kit = ""
		if err := h.SetPlan(ctx, "u1", plan); ot.CodeOf(err) != ot.Conflict {
			t.Errorf("a plan without a kit: %v", err)
		}
		h.clerk.kit = "age1kit"
		h.plan(t, plan)
		for range 3 { // only the first is due
			if err := h.Snapshots(ctx); err != nil {
				t.Fatal(err)
			}
		}
		list, err := h.List(ctx, 10)
		if err != nil || len(list) != 1 || list[0].Error != "" || list[0].Tried.IsZero() || list[0].Read.IsZero() || list[0].Rows != 7 {
			t.Fatalf("%+v %v", list, err)
		}
		b, err := os.ReadFile(filepath.Join(to, list[0].Name))
		if err != nil || string(b) != "sealed:a snapshot" || int64(len(b)) != list[0].Bytes {
			t.Errorf("%q %v", b, err)
		}
		if open() != 0 {
			t.Error("the inbox still asks")
		}
		if _, err := os.Stat(filepath.Join(h.dir, care.SpoolDir)); err == nil {
			t.Error("the clear copy was left behind")
		}
		// The place goes away for a night.
		if err := os.Rename(to, to+".away"); err != nil {
			t.Fatal(err)
		}
		h.pass(24 * time.Hour)
		if err := h.Snapshots(ctx); ot.CodeOf(err) == "" || !strings.Contains(err.Error(), "mounted") {
			t.Errorf("a share that is not mounted: %v", err)
		}
		if _, err := os.Stat(to); err == nil {
			t.Error("it filled the disk below the mount")
		}
		if open() != 1 {
			t.Error("a failed snapshot asks nobody")
		}
		if err := h.Snapshots(ctx); err != nil {
			t.Errorf("tried again at once: %v", err)
		}
		if err := os.Rename(to+".away", to); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Hour)
		if err := h.Snapshots(ctx); err != nil {
			t.Fatal(err)
		}
		if open() != 0 {
			t.Error("it works again and the inbox still asks")
		}
		if err := os.WriteFile(filepath.Join(to, "holiday.jpg"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		h.pass(24 * time.Hour)
		if err := h.Snapshots(ctx); err != nil {
			t.Fatal(err)
		}
		names, _ := filepath.Glob(filepath.Join(to, "*"))
		gone := ask[int64](t, h.db, "SELECT COUNT(*) FROM care_snapshot WHERE gone_at IS NOT NULL")
		if len(names) != 3 || gone != 1 { // two nights, and what is not ours
			t.Errorf("%v, %d gone", names, gone)
		}
		// A bit that turns over in the place is found when it is read back.
		list, err = h.List(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Reread(ctx, list[0].ID); err != nil {
			t.Error(err)
		}
		path := filepath.Join(to, list[0].Name)
		b, err = os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[3] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Reread(ctx, list[0].ID); ot.CodeOf(err) != ot.Damaged {
			t.Errorf("a changed snapshot: %v", err)
		}
		// Frozen: made all the same, and nothing goes.
		if err := h.Freeze(ctx, "u1", true, " "); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("frozen without a reason: %v", err)
		}
		if err := h.Freeze(ctx, "u1", true, "the police asked"); err != nil {
			t.Fatal(err)
		}
		h.pass(24 * time.Hour)
		if err := h.Want(ctx, "u1"); err != nil {
			t.Fatal(err)
		}
		if err := h.Snapshots(ctx); err != nil {
			t.Fatal(err)
		}
		if names, _ := filepath.Glob(filepath.Join(to, "*.age")); len(names) != 3 {
			t.Errorf("frozen, and %v are left", names)
		}
	})
}

// A place whose list hides what it took, or that gives back something else, is no place.
func TestSnapshotThatFails(t *testing.T) {
	h := newHouse(t, storetest.Open(t, storetest.SQLite(t), slices()))
	ctx, to := t.Context(), t.TempDir()
	h.plan(t, care.Plan{On: true, Folder: to, Keep: care.Rule{Daily: 1}})
	h.clerk.fail = ot.Errorf(ot.Full, "the disk is full")
	if err := h.Snapshots(ctx); ot.CodeOf(err) != ot.Full {
		t.Error(err)
	}
	list, err := h.List(ctx, 1)
	if err != nil || list[0].Error != "the disk is full" {
		t.Errorf("%+v %v", list, err)
	}
	at, err := h.Look(ctx)
	said := false
	for _, p := range at.Problems { // the disk of the machine that tests may be full too
		said = said || p.ID == "snapshot" && p.Urgent
	}
	if err != nil || !said {
		t.Errorf("%+v %v", at.Problems, err)
	}
	for _, p := range []care.Plan{
		{On: true, Folder: "relative", Keep: care.Rule{Daily: 1}},
		{On: true, Keep: care.Rule{Daily: 1}},
		{On: true, Folder: to, Zone: "Mars/Olympus", Keep: care.Rule{Daily: 1}},
		{On: true, SFTP: care.SFTP{Host: "nas", User: "skanse", HostKey: "no key"}, Keep: care.Rule{Daily: 1}},
	} {
		if err := h.SetPlan(ctx, "u1", p); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%+v: %v", p, err)
		}
	}
}
