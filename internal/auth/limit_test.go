package auth_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// Whoever guesses waits longer each time; the person whose account it is does not.
func TestGuessingLocksNobodyOut(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		setUp(t, s)
		try := func(pass, address string) error {
			_, err := s.SignIn(t.Context(), "ada@example.com", pass, auth.Client{Address: address})
			return err
		}
		wantCode(t, "from the desk", try(good, "desk"), "")
		// The wait grows from 15 s to minutes.
		for range 5 {
			wantCode(t, "free", try("wrong wrong wrong", "guesser"), ot.SignIn)
		}
		waits := []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute}
		for _, d := range waits {
			w.add(d - time.Second)
			wantCode(t, "before "+d.String(), try("wrong wrong wrong", "guesser"), ot.TooMany)
			w.add(time.Second)
			wantCode(t, "after "+d.String(), try("wrong wrong wrong", "guesser"), ot.SignIn)
		}
		wantCode(t, "another address meanwhile", try(good, "phone"), "")
		// From very many addresses: the account is shut to strangers …
		shut := false
		for i := range 120 {
			shut = shut || ot.CodeOf(try("wrong wrong wrong", fmt.Sprint("bot ", i))) == ot.TooMany
		}
		if !shut {
			t.Error("120 addresses guess as much as they like")
		}
		wantCode(t, "a stranger's address", try(good, "new place"), ot.TooMany)
		// … and open to the person at an address that was theirs before.
		wantCode(t, "from the desk again", try(good, "desk"), "")
		wantCode(t, "and forgiven everywhere", try(good, "new place"), "")
	})
}

// Forty sign-ins at once cost the memory of two.
func TestParallelHashesAreBounded(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		const each = 8 << 20
		s, err := auth.New(t.Context(), db, auth.Config{Argon2id: auth.Argon2id{Time: 1, Memory: each >> 10, Threads: 1}})
		if err != nil {
			t.Fatal(err)
		}
		setUp(t, s)
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		stop := make(chan struct{})
		peak := make(chan uint64, 1)
		go func() {
			var most uint64
			for {
				select {
				case <-stop:
					peak <- most
					return
				case <-time.After(2 * time.Millisecond):
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapAlloc)
				}
			}
		}()
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				_, err := s.SignIn(t.Context(), fmt.Sprintf("eve%d@example.com", i), "wrong wrong wrong", auth.Client{Address: fmt.Sprint(i)})
				if ot.CodeOf(err) != ot.SignIn {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		// Who goes away gives the place in the queue back.
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.SignIn(gone, "ada@example.com", good, auth.Client{Address: "x"}); err == nil {
			t.Error("signed in after going away")
		}
		all.Wait()
		close(stop)
		// Two at work and what the collector has not yet taken: without the bound it is 320 MiB.
		if most := <-peak; most > before.HeapAlloc+12*each {
			t.Errorf("the peak was %d MiB", most>>20)
		}
	})
}
