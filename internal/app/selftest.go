package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/selftest"
	"github.com/skanse/skanse/internal/sensor/wire"
	"github.com/skanse/skanse/internal/store"
)

// orderSelftest asks an edge to play the fixtures into its own pipeline; the body of
// the answer is the summary that came out.
const orderSelftest = "selftest"

type selftestOrder struct {
	Source string `json:"source"`
	Test   string `json:"test"`
}

// tester implements listen.Tester.
type tester struct {
	far    *far
	sensor func() sensor.Config // of sources in this process
	now    func() time.Time
}

// Selftest implements listen.Tester.
func (t tester) Selftest(ctx context.Context, tx *store.Tx, source, testID string) (*sensor.Summary, time.Time, error) {
	at, err := t.far.edges().Reach(ctx, tx, []string{source})
	if err != nil {
		return nil, time.Time{}, err
	}
	if to, ok := at[source]; ok {
		o, err := t.far.edges().Ask(ctx, tx, to, orderSelftest, testID, selftestOrder{source, testID})
		return nil, o.Until, err
	}
	sum, err := playFixtures(ctx, t.sensor(), source, testID, t.now())
	return sum, time.Time{}, err
}

// Title implements listen.Tester.
func (t tester) Title(rule string) string {
	if r := t.sensor().Rules.Lookup(rule); r != nil {
		return r.Title
	}
	return rule
}

// playFixtures runs them and writes and reads what came out as it crosses to a centre.
func playFixtures(ctx context.Context, cfg sensor.Config, source, testID string, now time.Time) (*sensor.Summary, error) {
	sum, err := selftest.Run(ctx, cfg, source, testID, now)
	if err != nil {
		return nil, ot.Errorf(ot.Internal, "the sensor's pipeline failed on the fixtures: %w", err)
	}
	return wire.Decode(wire.Encode(sum))
}

// selftest answers the centre's order with what this edge's pipeline made of the fixtures.
func (n *edgeNode) selftest(ctx context.Context, o *selftestOrder) (any, []byte, error) {
	if _, _, err := n.listener(o.Source); err != nil {
		return nil, nil, err
	}
	n.mu.Lock()
	cfg := n.cfg
	n.mu.Unlock()
	n.log.Info("a self-test plays known-bad messages into this sensor, in memory", "sensor", o.Source)
	sum, err := selftest.Run(ctx, cfg, o.Source, o.Test, time.Now())
	if err != nil {
		return nil, nil, ot.Errorf(ot.Internal, "the sensor's pipeline failed on the fixtures: %w", err)
	}
	return selftestOrder{o.Source, o.Test}, wire.Encode(sum), nil
}

// tested hands an edge's answer to the slice.
func (f *far) tested(ctx context.Context, tx *store.Tx, asked json.RawMessage, body []byte, why error) error {
	var o selftestOrder
	if err := json.Unmarshal(asked, &o); err != nil {
		return err
	}
	sum := &sensor.Summary{}
	if why == nil {
		if sum, why = wire.Decode(body); why == nil {
			clean(sum)
		}
	}
	return f.listening().Tested(ctx, tx, o.Test, o.Source, sum, why)
}

// SensorCmd looks after sensors.
type SensorCmd struct {
	Selftest SelftestCmd `cmd:"" help:"Play known-bad messages into a sensor's own pipeline, never onto a wire, and see the alert in the inbox."`
}

// SelftestCmd tests sensors.
type SelftestCmd struct {
	DataFlag `embed:""`
	Sensor   string        `help:"Name or id of one sensor; left out: all."`
	Alone    bool          `help:"Only this program's pipeline, without a server: nothing is written anywhere."`
	Wait     time.Duration `default:"1m" help:"How long to wait for sensors at other sites."`
}

// Help shows the command at work.
func (c *SelftestCmd) Help() string {
	return `The messages exist in memory only; no frame is sent. The alert arrives in the inbox, marked TEST. The page Sensors tests each month, if you like.

Example:
  skanse sensor selftest --data /var/lib/skanse
  skanse sensor selftest --data /var/lib/skanse --sensor "eth1 on box-3"
  skanse sensor selftest --alone`
}

// Run tests and fails when one did not pass.
func (c *SelftestCmd) Run(env *Env) (err error) {
	if c.Alone {
		return c.alone(env)
	}
	l, err := openLocal(env, c.DataFlag)
	if err != nil {
		return err
	}
	defer func() {
		if stopped := l.stop(); err == nil {
			err = stopped
		}
	}()
	var list struct {
		Items []struct{ ID, Name string }
	}
	if err := l.call(env.Ctx, "GET", "/listening", nil, 0, &list); err != nil {
		return err
	}
	asked, failed := 0, 0
	var names []string
	for _, s := range list.Items {
		names = append(names, s.Name)
		if c.Sensor != "" && s.ID != c.Sensor && !strings.EqualFold(s.Name, c.Sensor) {
			continue
		}
		asked++
		var t listen.Test
		if err := l.call(env.Ctx, "POST", "/listening/"+url.PathEscape(s.ID)+"/selftest", strings.NewReader("{}"), 2, &t); err != nil {
			return fmt.Errorf("%s: %w", ot.Printable(s.Name), err)
		}
		if err := c.wait(env, l, s.ID, &t); err != nil {
			return err
		}
		tellTest(env.Stdout, s.Name, &t)
		if t.State != listen.TestPassed {
			failed++
		}
	}
	switch {
	case asked == 0 && c.Sensor == "":
		return ot.Errorf(ot.NotFound, "no sensor has been heard yet; serve --sense, or an edge, makes one. --alone tests this program only")
	case asked == 0:
		return ot.Errorf(ot.NotFound, "there is no sensor %q; sensors: %s", c.Sensor, strings.Join(names, ", "))
	case failed > 0:
		return ot.Errorf(ot.Conflict, "%d of %d sensors did not pass", failed, asked)
	}
	return nil
}

func (c *SelftestCmd) wait(env *Env, l *local, source string, t *listen.Test) error {
	for end := time.Now().Add(c.Wait); t.State == listen.TestRunning && time.Now().Before(end); {
		select {
		case <-env.Ctx.Done():
			return env.Ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
		var list struct{ Items []listen.Test }
		if err := l.call(env.Ctx, "GET", "/selftests?source="+url.QueryEscape(source), nil, 0, &list); err != nil {
			return err
		}
		for _, x := range list.Items {
			if x.ID == t.ID {
				*t = x
			}
		}
	}
	return nil
}

func tellTest(w io.Writer, name string, t *listen.Test) {
	switch t.State {
	case listen.TestPassed:
		fmt.Fprintf(w, "%s: passed; %s spoke, and the alert marked TEST reached %s\n", ot.Printable(name), many(len(t.Met), "detection"), people(t.Reached))
	case listen.TestRunning:
		fmt.Fprintf(w, "%s: asked, not answered yet; the page Sensors shows the answer when it comes\n", ot.Printable(name))
	default:
		fmt.Fprintf(w, "%s: FAILED. %s\n", ot.Printable(name), ot.Printable(t.Detail))
	}
}

func people(n int64) string {
	if n == 1 {
		return "1 person"
	}
	return grouped(uint64(n)) + " people"
}

// alone tests the pipeline of this program.
func (c *SelftestCmd) alone(env *Env) error {
	files, err := shippedRules()
	if err != nil {
		return err
	}
	cfg, err := sensorConfig("", slog.New(slog.NewTextHandler(env.Stderr, nil)), files)
	if err != nil {
		return err
	}
	sum, err := playFixtures(env.Ctx, cfg, "this program", "alone", time.Now())
	if err != nil {
		return err
	}
	met := selftest.Met(sum)
	for _, rule := range selftest.Expected() {
		fmt.Fprintf(env.Stdout, "  %-24s %s\n", rule, map[bool]string{true: "spoke", false: "SILENT"}[!contains(selftest.Missing(met), rule)])
	}
	if n := len(selftest.Missing(met)); n > 0 {
		return ot.Errorf(ot.Conflict, "%s did not speak", many(n, "detection"))
	}
	fmt.Fprintln(env.Stdout, "Passed, in memory. Whether an alert reaches anybody is tested with a server: skanse sensor selftest --data DIR")
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
