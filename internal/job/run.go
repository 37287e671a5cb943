package job

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/sync/errgroup"
)

// Job is work that comes round. Do works until it is done or ctx ends; it may be
// cut short by a crash and run again, so it is idempotent.
type Job struct {
	Name  string // durable: the row of the job
	Every time.Duration
	Do    func(ctx context.Context) error
}

// Runner runs jobs of one process.
type Runner struct {
	db  *store.DB
	log *slog.Logger
	me  string
	now func() time.Time
}

// New makes a Runner.
func New(db *store.DB, log *slog.Logger) *Runner {
	return &Runner{db: db, log: log, me: store.NewID(), now: time.Now}
}

const (
	lease = 2 * time.Minute // a process that died is replaced after so long
	retry = time.Minute     // a job that failed runs again after so long, or at its next turn
	poll  = 5 * time.Second
)

// Run runs jobs at their turns until ctx ends, waits for those that run, and returns
// nil. A job that fails is logged and tried again; it stops no other.
func (r *Runner) Run(ctx context.Context, jobs ...Job) error {
	var g errgroup.Group
	for _, j := range jobs {
		g.Go(func() error {
			for {
				wait, err := r.turn(ctx, j)
				if ctx.Err() != nil {
					return nil
				}
				if err != nil {
					r.log.Error("a scheduled job failed", "job", j.Name, "error", err)
				}
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(wait):
				}
			}
		})
	}
	return g.Wait()
}

type state struct {
	Next  store.Time `db:"next_at"`
	By    string     `db:"lease_by"`
	Until store.Time `db:"lease_until"`
}

// turn runs a job if it is due and free, and says how long to wait for the next look.
func (r *Runner) turn(ctx context.Context, j Job) (time.Duration, error) {
	mine, wait := false, poll
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		mine, wait = false, poll
		now := r.now()
		s, err := store.One[state](ctx, tx, "SELECT next_at, lease_by, lease_until FROM job_job WHERE name = ?", j.Name)
		if ot.CodeOf(err) == ot.NotFound {
			s, err = state{Next: store.At(now)}, nil
		}
		if err != nil {
			return err
		}
		due := s.Next.Time
		if due.After(now.Add(j.Every)) {
			due = now // the clock was set back: its turn is not a year away
		}
		if left := due.Sub(now); left > 0 {
			wait = min(left, poll)
			return nil
		}
		if s.By != "" && s.By != r.me && s.Until.After(now) && !s.Until.After(now.Add(2*lease)) {
			return nil // somebody else is at it
		}
		mine = true
		_, err = tx.Exec(ctx, `INSERT INTO job_job (name, next_at, lease_by, lease_until, error) VALUES (?, ?, ?, ?, '')
			ON CONFLICT (name) DO UPDATE SET lease_by = excluded.lease_by, lease_until = excluded.lease_until`,
			j.Name, store.At(now), r.me, store.At(now.Add(lease)))
		return err
	})
	if err != nil || !mine {
		return wait, err
	}
	return r.work(ctx, j)
}

// work runs the job and holds its lease meanwhile; a lease that is lost stops it.
func (r *Runner) work(ctx context.Context, j Job) (time.Duration, error) {
	held, stop := context.WithCancel(ctx)
	renewed := make(chan struct{})
	go func() { // ends with stop; work waits for it
		defer close(renewed)
		for {
			select {
			case <-held.Done():
				return
			case <-time.After(lease / 4):
			}
			if ok, err := r.renew(held, j); err == nil && !ok {
				stop()
			}
		}
	}()
	err := recovered(func() error { return j.Do(held) })
	stop()
	<-renewed
	now := r.now()
	wait := j.Every
	text := ""
	if err != nil {
		wait, text = min(retry, j.Every), ot.Printable(err.Error())
	}
	// Also at the end of the program: a lease left behind would block the next start.
	uerr := r.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		next := now.Add(wait)
		if ctx.Err() != nil {
			next = now // cut short: at once after the next start
		}
		_, err := tx.Exec(context.WithoutCancel(ctx), "UPDATE job_job SET lease_by = '', next_at = ?, ran_at = ?, error = ? WHERE name = ? AND lease_by = ?",
			store.At(next), store.At(now), text, j.Name, r.me)
		return err
	})
	if err == nil {
		err = uerr
	}
	return min(wait, poll), err
}

func (r *Runner) renew(ctx context.Context, j Job) (ok bool, err error) {
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, "UPDATE job_job SET lease_until = ? WHERE name = ? AND lease_by = ?", store.At(r.now().Add(lease)), j.Name, r.me)
		ok = n == 1
		return err
	})
	return ok, err
}

func recovered(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return fn()
}
