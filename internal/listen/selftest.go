package listen

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/selftest"
	"github.com/skanse/skanse/internal/store"
)

// Tester plays the fixtures into the pipeline of a source.
type Tester interface {
	// Selftest plays them now and returns what came out, or asks the machine that
	// listens, in the caller's transaction: the summary is then nil, it comes with
	// Tested, and until says how long to wait for it.
	Selftest(ctx context.Context, tx *store.Tx, source, testID string) (sum *sensor.Summary, until time.Time, err error)
	// Title is a detection's title.
	Title(rule string) string
}

// The states of a test.
const (
	TestRunning = "running"
	TestPassed  = "passed"
	TestFailed  = "failed"
)

// testEvery is how often a sensor with a plan is tested.
const testEvery = 30 * 24 * time.Hour

type testRow struct {
	ID       string               `db:"test_id"`
	SourceID string               `db:"source_id"`
	SiteNo   int64                `db:"site_no"`
	State    string               `db:"state"`
	Detail   string               `db:"detail"`
	Met      store.JSON[[]string] `db:"met"`
	Missing  store.JSON[[]string] `db:"missing"`
	RuleSet  string               `db:"rule_set"`
	Reached  int64                `db:"reached"`
	AskedBy  string               `db:"asked_by"`
	AskedAt  store.Time           `db:"asked_at"`
	UntilAt  store.Time           `db:"until_at"`
	DoneAt   store.Time           `db:"done_at"`
}

const testColumns = "t.test_id, t.source_id, t.site_no, t.state, t.detail, t.met, t.missing, t.rule_set, t.reached, t.asked_by, t.asked_at, t.until_at, t.done_at"

// Test is a self-test as people see it.
type Test struct {
	ID       string     `json:"id"`
	SourceID string     `json:"source_id"`
	State    string     `json:"state" enum:"running,passed,failed"`
	Detail   string     `json:"detail" doc:"Why it failed" say:"true"`
	Met      []string   `json:"met" nullable:"false" doc:"Detections that spoke"`
	Missing  []string   `json:"missing" nullable:"false" doc:"Those that should have, and did not"`
	RuleSet  string     `json:"rule_set"`
	Reached  int64      `json:"reached" doc:"People whom its alert reached in the inbox"`
	AskedBy  string     `json:"asked_by"`
	AskedAt  store.Time `json:"asked_at"`
	DoneAt   store.Time `json:"done_at" doc:"null: it is on its way"`
}

func (r *testRow) show() Test {
	t := Test{r.ID, r.SourceID, r.State, r.Detail, r.Met.V, r.Missing.V, r.RuleSet, r.Reached, r.AskedBy, r.AskedAt, r.DoneAt}
	if t.Met == nil {
		t.Met = []string{}
	}
	if t.Missing == nil {
		t.Missing = []string{}
	}
	return t
}

// source finds a listening interface in scope.
func source(ctx context.Context, r store.Reader, scope Scope, id string) (row, error) {
	rows, err := store.All[row](ctx, r, "SELECT "+columns+" FROM listen_interface l WHERE l.source_id = ? AND ?", id, scope.Where("l.site_no", ""))
	if err == nil && len(rows) == 0 {
		err = ot.Errorf(ot.NotFound, "there is no sensor %s", ot.Printable(id))
	}
	if err != nil {
		return row{}, err
	}
	return rows[0], nil
}

// Selftest plays known-bad messages into a sensor's pipeline, never onto a wire. A
// sensor in this process is done when it returns, a distant one answers later.
func (s *Service) Selftest(ctx context.Context, scope Scope, id, by string) (out Test, err error) {
	if s.cfg.Test == nil {
		return out, ot.Errorf(ot.NotFound, "nothing here can test a sensor")
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		src, err := source(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		now := s.cfg.Clock()
		open, err := store.All[string](ctx, tx, "SELECT t.test_id FROM listen_selftest t WHERE t.source_id = ? AND t.state = 'running' AND t.until_at > ?", id, store.At(now))
		if err != nil {
			return err
		}
		if len(open) > 0 {
			return ot.Errorf(ot.Conflict, "a test of this sensor is on its way; wait for its answer")
		}
		r := testRow{ID: store.NewID(), SourceID: id, SiteNo: src.SiteNo, State: TestRunning, Met: store.AsJSON([]string{}), Missing: store.AsJSON([]string{}), AskedBy: by, AskedAt: store.At(now), UntilAt: store.At(now)}
		sum, until, err := s.cfg.Test.Selftest(ctx, tx, id, r.ID)
		if err != nil {
			return err
		}
		if sum == nil {
			r.UntilAt = store.At(until)
		}
		if err := store.Upsert(ctx, tx, "listen_selftest", []testRow{r}, nil, nil); err != nil {
			return err
		}
		if sum != nil {
			if err := s.Tested(ctx, tx, r.ID, id, sum, nil); err != nil {
				return err
			}
		}
		done, err := store.One[testRow](ctx, tx, "SELECT "+testColumns+" FROM listen_selftest t WHERE t.test_id = ?", r.ID)
		out = done.show()
		return err
	})
	if err == nil && out.State == TestRunning && s.cfg.Far != nil {
		s.cfg.Far.Sent(id)
	}
	return out, err
}

// Tested takes what came out of a sensor's pipeline, in the caller's transaction: it
// asks as an alert does, marked TEST, and the test has passed when every detection
// spoke and the alert reached somebody. The same answer twice changes nothing.
func (s *Service) Tested(ctx context.Context, tx *store.Tx, testID, sourceID string, sum *sensor.Summary, why error) error {
	rows, err := store.All[testRow](ctx, tx, "SELECT "+testColumns+" FROM listen_selftest t WHERE t.test_id = ? AND t.source_id = ? AND t.state = 'running'", testID, sourceID)
	if err != nil || len(rows) == 0 {
		return err
	}
	r := rows[0]
	now := s.cfg.Clock()
	r.DoneAt, r.State = store.At(now), TestFailed
	switch {
	case why != nil:
		r.Detail = ot.Printable(why.Error())
	case sum.Sensor != sourceID || sum.Epoch != selftest.Epoch+testID || sum.Live:
		r.Detail = "The answer is of another test."
	default:
		met := selftest.Met(sum)
		missing := selftest.Missing(met)
		r.Met, r.Missing, r.RuleSet = store.AsJSON(met), store.AsJSON(missing), ot.Printable(sum.Health.RuleSet)
		if err := s.alarm(ctx, tx, now, &r, sum); err != nil {
			return err
		}
		switch {
		case len(missing) > 0:
			r.Detail = "These detections did not speak: " + strings.Join(missing, ", ") + "."
		case r.Reached == 0:
			r.Detail = "Its alert reached nobody: nobody who can sign in is responsible for this site."
		default:
			r.State = TestPassed
		}
	}
	return s.keepTest(ctx, tx, now, &r)
}

// alarm puts the test's alert where a real one would ask, and counts whom it reaches.
func (s *Service) alarm(ctx context.Context, tx *store.Tx, now time.Time, r *testRow, sum *sensor.Summary) error {
	name, err := s.nameOf(ctx, tx, r.SourceID)
	if err != nil {
		return err
	}
	var worst string
	for i := range sum.Events {
		for _, rule := range sum.Events[i].Rules {
			if worst == "" || rule == "controller-stop" {
				worst = rule
			}
		}
	}
	if worst == "" {
		return nil
	}
	item := inbox.Item{
		Key: "selftest:" + r.SourceID, Kind: "selftest", SiteNo: r.SiteNo, Role: auth.SiteOTLead, Severity: inbox.Information, Action: inbox.ActionLook,
		Title:  "TEST: " + s.cfg.Test.Title(worst) + " (self-test of " + name + ")",
		Detail: fmt.Sprintf("Nothing happened in the plant. %d detections spoke on messages that were played into the sensor in memory, at addresses that no network has (192.0.2.x).", len(r.Met.V)),
		Ref:    ot.Ref{Kind: "source", ID: r.SourceID}, Due: now.Add(7 * 24 * time.Hour),
	}
	if err := inbox.Put(ctx, tx, now, item); err != nil {
		return err
	}
	people, err := inbox.Addressees(ctx, tx, now, item.Key)
	r.Reached = int64(len(people))
	return err
}

func (s *Service) nameOf(ctx context.Context, r store.Reader, id string) (string, error) {
	names, err := store.All[string](ctx, r, "SELECT l.name FROM listen_interface l WHERE l.source_id = ?", id)
	if err != nil || len(names) == 0 || names[0] == "" {
		return ot.Printable(id), err
	}
	return ot.Printable(names[0]), nil
}

// keepTest writes a test that is over, and asks for a look where it failed.
func (s *Service) keepTest(ctx context.Context, tx *store.Tx, now time.Time, r *testRow) error {
	if err := store.Upsert(ctx, tx, "listen_selftest", []testRow{*r}, []string{"test_id"}, []string{"state", "detail", "met", "missing", "rule_set", "reached", "done_at"}); err != nil {
		return err
	}
	key := "selftest.failed:" + r.SourceID
	if r.State == TestPassed {
		if err := inbox.Done(ctx, tx, now, "", "passed", key); err != nil {
			return err
		}
	} else {
		name, err := s.nameOf(ctx, tx, r.SourceID)
		if err != nil {
			return err
		}
		if err := inbox.Put(ctx, tx, now, inbox.Item{
			Key: key, Kind: "selftest-failed", SiteNo: r.SiteNo, Role: auth.SiteOTLead, Severity: inbox.Today, Action: inbox.ActionLook,
			Title: "The self-test of " + name + " failed", Detail: r.Detail, Ref: ot.Ref{Kind: "source", ID: r.SourceID}, Due: now.Add(24 * time.Hour),
		}); err != nil {
			return err
		}
	}
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicSource, SiteNo: r.SiteNo, Refs: []ot.Ref{{Kind: "source", ID: r.SourceID}}})
}

// RunTests ends tests that nobody answers and begins those that are due. For a job.
func (s *Service) RunTests(ctx context.Context) error {
	now := s.cfg.Clock()
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		late, err := store.All[testRow](ctx, tx, "SELECT "+testColumns+" FROM listen_selftest t WHERE t.state = 'running' AND t.until_at <= ? ORDER BY t.test_id", store.At(now))
		for i := range late {
			r := &late[i]
			r.State, r.DoneAt, r.Detail = TestFailed, store.At(now), "The sensor did not answer in time."
			if err := s.keepTest(ctx, tx, now, r); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	var due []string
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		due, err = store.All[string](ctx, r, `SELECT p.source_id FROM listen_selftest_plan p JOIN listen_interface l ON l.source_id = p.source_id
 WHERE NOT EXISTS (SELECT 1 FROM listen_selftest t WHERE t.source_id = p.source_id AND t.asked_at > ?) ORDER BY p.source_id`, store.At(now.Add(-testEvery)))
		return err
	}); err != nil {
		return err
	}
	for _, id := range due {
		if _, err := s.Selftest(ctx, auth.Scope{All: true}, id, "monthly"); err != nil {
			s.cfg.Log.Warn("a monthly self-test could not begin", "sensor", id, "error", err)
		}
	}
	return nil
}

// Tests lists the newest test of each source, or all of one.
func (s *Service) Tests(ctx context.Context, scope Scope, sourceID string) (out []Test, monthly []string, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[testRow](ctx, r, "SELECT "+testColumns+` FROM listen_selftest t WHERE ? AND (? <> '' AND t.source_id = ? OR ? = '' AND t.asked_at = (SELECT MAX(n.asked_at) FROM listen_selftest n WHERE n.source_id = t.source_id))
 ORDER BY t.asked_at DESC, t.test_id LIMIT 200`, scope.Where("t.site_no", ""), sourceID, sourceID, sourceID)
		if err != nil {
			return err
		}
		out = []Test{}
		for i := range rows {
			out = append(out, rows[i].show())
		}
		monthly, err = store.All[string](ctx, r, "SELECT p.source_id FROM listen_selftest_plan p JOIN listen_interface l ON l.source_id = p.source_id WHERE ? ORDER BY p.source_id", scope.Where("l.site_no", ""))
		if monthly == nil {
			monthly = []string{}
		}
		return err
	})
	return out, monthly, err
}

// PlanTests says whether a sensor is tested each month.
func (s *Service) PlanTests(ctx context.Context, scope Scope, id, by string, monthly bool) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := source(ctx, tx, scope, id); err != nil {
			return err
		}
		if !monthly {
			_, err := tx.Exec(ctx, "DELETE FROM listen_selftest_plan WHERE source_id = ?", id)
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO listen_selftest_plan (source_id, set_by, set_at) VALUES (?, ?, ?) ON CONFLICT (source_id) DO NOTHING", id, by, store.At(s.cfg.Clock()))
		return err
	})
}
