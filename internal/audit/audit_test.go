package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
	"golang.org/x/mod/sumdb/note"
)

func tables() []store.Migrations { return []store.Migrations{audit.Migrations()} }

// keys returns a signer, its public half, and another log's public half.
func keys(t *testing.T) (s note.Signer, mine, other note.Verifiers) {
	t.Helper()
	dir := t.TempDir()
	s, err := audit.LoadKey(filepath.Join(dir, "a.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.LoadKey(filepath.Join(dir, "b.key")); err != nil {
		t.Fatal(err)
	}
	if mine, err = audit.LoadVerifiers(filepath.Join(dir, "a.key.pub")); err != nil {
		t.Fatal(err)
	}
	if other, err = audit.LoadVerifiers(filepath.Join(dir, "b.key.pub")); err != nil {
		t.Fatal(err)
	}
	return s, mine, other
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func write(t *testing.T, db *store.DB, from, to int) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		for i := from; i < to; i++ {
			e := audit.Entry{Actor: "u1", Action: "asset.update", Site: fmt.Sprint("s", i%2), Target: ot.Ref{Kind: "asset", ID: fmt.Sprint(i)}}
			if i%3 == 0 {
				e.Detail = map[string]string{"name": fmt.Sprintf("Pump %d\x00\x1b[31m", i)}
			}
			if err := audit.Append(t.Context(), tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fill writes 20 entries and sequences them in three batches of their own.
func fill(t *testing.T, db *store.DB, s note.Signer) *audit.Log {
	t.Helper()
	l := audit.New(db, s, quiet())
	for i := 0; i < 20; i += 8 {
		write(t, db, i, min(i+8, 20))
		if _, err := l.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func verify(t *testing.T, db *store.DB, key note.Verifiers, witness ...[]byte) *audit.Report {
	t.Helper()
	var rep *audit.Report
	if err := db.View(t.Context(), func(r store.Reader) (err error) {
		rep, err = audit.Verify(t.Context(), r, key, witness...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestCleanLogVerifies(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		if rep := verify(t, db, nil); !rep.OK() || rep.Entries != 0 {
			t.Errorf("an empty log: %+v", rep)
		}
		s, key, _ := keys(t)
		l := fill(t, db, s)
		write(t, db, 20, 22)
		last, err := l.Last(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rep := verify(t, db, key, []byte(last.Note))
		if !rep.OK() || rep.Entries != 20 || rep.Waiting != 2 || rep.Checkpoints != 3 || rep.Witnesses != 1 || !rep.Signed || rep.Root != last.Root {
			t.Errorf("%+v, last %+v", rep, last)
		}
	})
}

func TestTampering(t *testing.T) {
	type check struct {
		name string
		sql  []string
		want []string // "what index"; nil: the text decides
		says string
	}
	checks := []check{
		{"changed actor", []string{"UPDATE audit_entry SET actor = 'u2' WHERE idx = 7"}, []string{"changed 7"}, "entry 7"},
		{"changed time", []string{"UPDATE audit_entry SET at = at + 1 WHERE idx = 3"}, []string{"changed 3"}, ""},
		{"changed evidence root", []string{"UPDATE audit_entry SET root = 'ff' WHERE idx = 0"}, []string{"changed 0"}, ""},
		{"removed", []string{"DELETE FROM audit_entry WHERE idx = 7"}, []string{"removed 7"}, ""},
		{
			"removed with all after renumbered",
			[]string{"DELETE FROM audit_entry WHERE idx = 17", "UPDATE audit_entry SET idx = 17 WHERE idx = 18", "UPDATE audit_entry SET idx = 18 WHERE idx = 19"},
			[]string{"reordered 17", "reordered 18", "removed 19"},
			"belongs at 18",
		},
		{"removed at the end", []string{"DELETE FROM audit_entry WHERE idx = 19"}, []string{"removed 19"}, ""},
		{
			"reordered",
			[]string{"UPDATE audit_entry SET idx = 100 WHERE idx = 4", "UPDATE audit_entry SET idx = 4 WHERE idx = 5", "UPDATE audit_entry SET idx = 5 WHERE idx = 100"},
			[]string{"reordered 4", "reordered 5"},
			"entry 4 (asset.update by u1) belongs at 5",
		},
		{"added", []string{"UPDATE audit_entry SET idx = 20 WHERE idx IS NULL"}, []string{"added 20"}, "behind the last checkpoint"},
		{"changed detail", []string{"UPDATE audit_detail SET detail = '{}' WHERE seq = (SELECT seq FROM audit_entry WHERE idx = 3)"}, []string{"detail 3"}, ""},
		{"removed detail", []string{"DELETE FROM audit_detail WHERE seq = (SELECT seq FROM audit_entry WHERE idx = 3)"}, []string{"detail 3"}, "not erased"},
		{"changed stored leaf", []string{"UPDATE audit_hash SET hash = (SELECT hash FROM audit_hash WHERE pos = 1) WHERE pos = 0"}, nil, "entry 0"},
		{"removed stored hash", []string{"DELETE FROM audit_hash WHERE pos = 2"}, nil, "the entries 0 to 1 was changed or removed"},
		{"changed checkpoint row", []string{"UPDATE audit_checkpoint SET root = 'x' WHERE size = 8"}, []string{"checkpoint -1"}, "own signed text"},
		{"changed checkpoint text", []string{"UPDATE audit_checkpoint SET note = 'skanse-audit' WHERE size = 8"}, []string{"signature -1"}, "not signed"},
		{
			"cut off with its checkpoints",
			[]string{"DELETE FROM audit_detail WHERE seq >= (SELECT seq FROM audit_entry WHERE idx = 16)", "DELETE FROM audit_entry WHERE idx >= 16", "DELETE FROM audit_checkpoint WHERE size > 16", "DELETE FROM audit_hash WHERE pos >= 31"},
			[]string{"removed -1"},
			"the end was cut off",
		},
	}
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		s, key, _ := keys(t)
		l := fill(t, db, s)
		write(t, db, 20, 21)
		last, err := l.Last(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		undo := errors.New("undo")
		for _, c := range checks {
			t.Run(c.name, func(t *testing.T) {
				err := db.Update(t.Context(), func(tx *store.Tx) error {
					for _, q := range append([]string{}, c.sql...) {
						if n, err := tx.Exec(t.Context(), q); err != nil || n == 0 {
							t.Fatalf("%s: %d rows, %v", q, n, err)
						}
					}
					rep, err := audit.Verify(t.Context(), tx, key, []byte(last.Note))
					if err != nil {
						t.Fatal(err)
					}
					var got []string
					text := ""
					for _, f := range rep.Findings {
						got = append(got, fmt.Sprint(f.What, " ", f.Index))
						text += f.Text + "\n"
					}
					if rep.OK() || (c.want != nil && fmt.Sprint(got) != fmt.Sprint(c.want)) || !strings.Contains(text, c.says) {
						t.Errorf("found %v, want %v with %q\n%s", got, c.want, c.says, text)
					}
					return undo
				})
				if !errors.Is(err, undo) {
					t.Fatal(err)
				}
			})
		}
		if rep := verify(t, db, key); !rep.OK() {
			t.Errorf("after all undone: %+v", rep.Findings)
		}
	})
}

// Somebody who changes an entry and its stored hashes alike is still found: the root was signed.
func TestRewrittenWithHashes(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		s, key, other := keys(t)
		fill(t, db, s)
		// The forger lets the program itself compute the hashes of a changed log, but has no key.
		dir := t.TempDir()
		fs, err := audit.LoadKey(filepath.Join(dir, "forger.key"))
		if err != nil {
			t.Fatal(err)
		}
		old, err := audit.New(db, nil, quiet()).Last(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var signed []audit.Checkpoint
		if err := db.View(t.Context(), func(r store.Reader) (err error) {
			signed, err = store.All[audit.Checkpoint](t.Context(), r, "SELECT size, root, at, note FROM audit_checkpoint ORDER BY size")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		err = db.Update(t.Context(), func(tx *store.Tx) error {
			for _, q := range []string{"UPDATE audit_entry SET actor = 'innocent' WHERE idx = 7", "UPDATE audit_entry SET idx = NULL", "DELETE FROM audit_hash", "DELETE FROM audit_checkpoint"} {
				if _, err := tx.Exec(t.Context(), q); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.New(db, fs, quiet()).Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		if rep := verify(t, db, key); rep.OK() || rep.Findings[0].What != "signature" {
			t.Errorf("another key's signature passed: %+v", rep)
		}
		if rep := verify(t, db, other); rep.OK() {
			t.Error("a third key's signature passed")
		}
		if rep := verify(t, db, nil, []byte(old.Note)); rep.OK() || !strings.Contains(rep.Findings[0].Text, "rewritten") {
			t.Errorf("the witness saw nothing: %+v", rep)
		}
		// The forger puts the true checkpoints back: now the roots differ.
		err = db.Update(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.Exec(t.Context(), "DELETE FROM audit_checkpoint"); err != nil {
				return err
			}
			return store.Upsert(t.Context(), tx, "audit_checkpoint", signed, nil, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		rep := verify(t, db, key)
		if len(rep.Findings) != 3 || rep.Findings[0].What != "checkpoint" || !strings.Contains(rep.Findings[0].Text, "the entries 0 to 7 are not what was signed") {
			t.Errorf("hashes that fit a changed entry passed: %+v", rep)
		}
	})
}

func TestErasureKeepsTheProof(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		s, key, _ := keys(t)
		l := fill(t, db, s)
		var n int64
		err := db.Update(t.Context(), func(tx *store.Tx) (err error) {
			n, err = audit.EraseActor(t.Context(), tx, "u1")
			return err
		})
		if err != nil || n != 7 {
			t.Fatalf("%d erased, %v", n, err)
		}
		if rep := verify(t, db, key); !rep.OK() || rep.Erased != 7 {
			t.Errorf("%+v", rep)
		}
		items, err := l.List(t.Context(), audit.Filter{All: true, Limit: 100})
		if err != nil || len(items) != 20 {
			t.Fatalf("%d items, %v", len(items), err)
		}
		for _, it := range items {
			if len(it.Detail) > 0 {
				t.Errorf("entry %d still says %v", *it.Index, it.Detail)
			}
		}
	})
}

func TestList(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		s, _, _ := keys(t)
		l := fill(t, db, s)
		for name, c := range map[string]struct {
			f    audit.Filter
			want int
		}{
			"all":         {audit.Filter{All: true, Limit: 100}, 20},
			"limit":       {audit.Filter{All: true, Limit: 3}, 3},
			"one site":    {audit.Filter{Sites: []string{"s1"}, Limit: 100}, 10},
			"nothing":     {audit.Filter{Limit: 100}, 0},
			"actor":       {audit.Filter{All: true, Actor: "u2", Limit: 100}, 0},
			"action":      {audit.Filter{All: true, Action: "asset.", Limit: 100}, 20},
			"until":       {audit.Filter{All: true, Until: time.Now().Add(-24 * time.Hour), Limit: 100}, 0},
			"until now":   {audit.Filter{All: true, Until: time.Now().Add(24 * time.Hour), Limit: 100}, 20},
			"no wildcard": {audit.Filter{All: true, Action: "%", Limit: 100}, 0},
		} {
			items, err := l.List(t.Context(), c.f)
			if err != nil || len(items) != c.want {
				t.Errorf("%s: %d items, want %d, %v", name, len(items), c.want, err)
			}
		}
		page, err := l.List(t.Context(), audit.Filter{All: true, Limit: 7})
		if err != nil {
			t.Fatal(err)
		}
		rest, err := l.List(t.Context(), audit.Filter{All: true, Limit: 100, Before: page[6].Seq})
		if err != nil || len(rest) != 13 || *rest[0].Index != 12 {
			t.Errorf("%d after the page, %v", len(rest), err)
		}
		if d := page[1].Detail["name"]; d != "Pump 18\uFFFD\uFFFD[31m" {
			t.Errorf("detail %q", d)
		}
	})
}

// Many writers and two sequencers at once make one gapless tree, within a second.
func TestConcurrentSequencers(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		s, key, _ := keys(t)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := audit.New(db, s, quiet()).Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		var writers sync.WaitGroup
		for w := range 3 {
			writers.Go(func() {
				for i := range 20 {
					write(t, db, w*100+i, w*100+i+1)
				}
			})
		}
		writers.Wait()
		written := time.Now()
		for {
			rep := verify(t, db, key)
			if !rep.OK() {
				t.Errorf("%+v", rep.Findings)
				break
			}
			if rep.Entries == 60 && rep.Waiting == 0 {
				break
			}
			if time.Since(written) > 5*time.Second {
				t.Errorf("after %v: %+v", time.Since(written), rep)
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		stop()
		wg.Wait()
	})
}

func TestAppendRoot(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		s, key, _ := keys(t)
		leaves := [][]byte{[]byte("a"), []byte("b"), []byte("c")}
		root := audit.Root(leaves)
		if root == audit.Root([][]byte{[]byte("b"), []byte("a"), []byte("c")}) || root == audit.Root(leaves[:2]) {
			t.Error("the root does not see order or length")
		}
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			return audit.AppendRoot(t.Context(), tx, audit.Entry{Actor: "system", Action: "evidence.run", Target: ot.Ref{Kind: "run", ID: "r1"}}, root, len(leaves))
		})
		if err != nil {
			t.Fatal(err)
		}
		l := audit.New(db, s, quiet())
		if _, err := l.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		items, err := l.List(t.Context(), audit.Filter{All: true, Limit: 1})
		if err != nil || items[0].Detail["root"] != fmt.Sprintf("%x", root) || items[0].Detail["answers"] != "3" {
			t.Errorf("%+v %v", items, err)
		}
		if rep := verify(t, db, key); !rep.OK() {
			t.Errorf("%+v", rep)
		}
	})
}

func TestKeyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "audit.key")
	a, err := audit.LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := audit.LoadKey(path)
	if err != nil || a.KeyHash() != b.KeyHash() {
		t.Errorf("the second load gave another key: %v", err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", st.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.LoadKey(path); ot.CodeOf(err) != ot.Damaged {
		t.Errorf("a broken key: %v", err)
	}
}
