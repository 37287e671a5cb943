package app

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// The envelope is opened: administrators and the security officer find it in the inbox
// as "now", and a new sheet is asked for until one is printed.
func TestBreakGlassTells(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s, err := openServer(t.Context(), serverOptions{Data: Folder(t.TempDir()), URL: url}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.close() })
		sheet, err := s.auth.PrintSheet(t.Context(), auth.System(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.auth.UseSheetCode(t.Context(), sheet.Codes[0], "Bo Beck", "directory down", auth.Client{Address: "10.0.0.9"}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.tellSignIns(ctx) }()
		defer func() { cancel(); <-done }()
		open := func(like string) []string {
			var roles []string
			if err := s.db.View(t.Context(), func(r store.Reader) (err error) {
				roles, err = store.All[string](t.Context(), r, "SELECT role || ' ' || CAST(severity AS TEXT) || ' ' || detail FROM inbox_item WHERE done_at IS NULL AND item_key LIKE ? ORDER BY role", like)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return roles
		}
		until := func(what string, ok func() bool) {
			t.Helper()
			for end := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal(what)
				}
			}
		}
		until("nobody is told", func() bool { return len(open("break-glass:%")) == 2 && len(open(reprintKey)) == 1 })
		told := strings.Join(open("break-glass:%"), "\n")
		for _, want := range []string{"administrator 1 ", "dso 1 ", "Bo Beck", "directory down", "10.0.0.9"} {
			if !strings.Contains(told, want) {
				t.Errorf("the inbox does not say %q: %s", want, told)
			}
		}
		if _, err := s.auth.PrintSheet(t.Context(), auth.System(), 1); err != nil {
			t.Fatal(err)
		}
		until("a new sheet is still asked for", func() bool { return len(open(reprintKey)) == 0 })
	})
}

// The command line prints a sheet that signs in, without a server too.
func TestBreakGlassPrint(t *testing.T) {
	dir := t.TempDir()
	s, err := openServer(t.Context(), serverOptions{Data: Folder(dir), URL: Folder(dir).database()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	var out, bad bytes.Buffer
	if code := Run(t.Context(), []string{"break-glass", "print", "--data", dir, "--codes", "3"}, &out, &bad); code != 0 {
		t.Fatalf("%d %s", code, bad.String())
	}
	last := strings.Fields(strings.TrimSpace(out.String()))
	if s, err = openServer(t.Context(), serverOptions{Data: Folder(dir), URL: Folder(dir).database()}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if _, err := s.auth.UseSheetCode(t.Context(), last[len(last)-1], "Bo Beck", "directory down", auth.Client{}); err != nil {
		t.Errorf("the printed code: %v\n%s", err, out.String())
	}
	if strings.Count(out.String(), "[ ]") != 3 {
		t.Error(out.String())
	}
}
