package comply

import (
	"context"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
	"go.uber.org/goleak"
)

// What is declared or heard shows soon after, and Run leaves nothing behind.
func TestRun(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), tables())
	p := newPlant(t, db)
	p.s.quiet = 10 * time.Millisecond
	leaks := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.s.Run(ctx, bus.New(db, nil)) }()
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s is not judged", what)
			}
		}
	}
	until("the first time", func() bool { return p.level("5.3", p.north).Cell.Why == "Nothing is declared and nothing is measured." })
	made := p.declareAll("5.3", p.north.ID)
	until("a declaration", func() bool { return p.level("5.3", p.north).Level == 2 })
	if err := p.s.Withdraw(asPerson(t.Context()), everybody, made[0].ID); err != nil {
		t.Fatal(err)
	}
	until("a withdrawal", func() bool { return p.level("5.3", p.north).Level == 0 })
	p.sensor(p.north, 31, p.cell, p.scada)
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		return bus.Publish(t.Context(), tx, bus.Event{Topic: ot.TopicSource, SiteNo: p.north.No})
	})
	if err != nil {
		t.Fatal(err)
	}
	until("a sensor", func() bool { return p.level("5.3", p.north).Level == 1 })
	cancel()
	if err := <-done; err != nil && ctx.Err() == nil {
		t.Errorf("Run ends with %v", err)
	}
	goleak.VerifyNone(t, leaks)
}
