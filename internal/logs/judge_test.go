package logs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// judging notes what it is given, and finds lines with a word in them.
type judging struct {
	off   bool
	lines []rule.LogLine
}

func (j *judging) LogRules() bool { return !j.off }

func (j *judging) JudgeLines(lines []rule.LogLine) (hits []rule.Hit, left int) {
	j.lines = append(j.lines, lines...)
	for _, l := range lines {
		if strings.Contains(l.Text, "bad") || l.Event != nil {
			hits = append(hits, rule.Hit{Rule: "own", SiteNo: l.SiteNo, RealmNo: l.RealmNo, Client: rule.End{IP: l.Address}, Group: []string{l.Asset}, First: l.At, Last: l.At, Count: 1, Live: l.Live})
		}
	}
	return hits, 0
}

const oneEvent = `<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-Security-Auditing"/><EventID>4625</EventID><Level>0</Level><TimeCreated SystemTime="2026-11-19T22:00:00.5Z"/><EventRecordID>7</EventRecordID><Channel>Security</Channel><Computer>HMI1</Computer></System><EventData><Data Name="TargetUserName">service</Data></EventData></Event>`

// Each line is judged once when it was written down, with what its source stands for; the same
// lines are told again later.
func TestJudged(t *testing.T) {
	each(t, func(p *plant) {
		p.exec("INSERT INTO asset_asset (asset_id, site_no, zone_no, managed, expected, seen, live, identified, ips, macs, created_at) VALUES ('a1', 1, 5, TRUE, FALSE, TRUE, TRUE, FALSE, '[]', '[]', 1)")
		p.exec("INSERT INTO asset_binding (site_no, realm_no, kind, address, asset_id, from_at, person) VALUES (1, 1, 'ip', '10.0.0.77', 'a1', 1, FALSE)")
		j := &judging{}
		p.s.cfg.Judge = j
		p.expect("s1", Want{Name: "Gateway", Kind: "linux", Address: "10.0.0.5"})
		hmi := p.expect("s1", Want{Name: "HMI", Kind: "windows", Asset: "a1"})
		p.say("10.0.0.5", "<86>Nov 20 09:00:00 gw sshd[7]: bad user")
		p.say("10.0.0.5", "<86>Nov 20 09:00:00 gw sshd[7]: good user")
		p.say("10.0.0.9", "<86>Nov 20 09:00:00 gw sshd[7]: bad stranger")
		p.flush()
		p.flush()
		if len(j.lines) != 2 || len(p.hits) != 1 {
			t.Fatalf("%d lines judged, %d hits", len(j.lines), len(p.hits))
		}
		if l := j.lines[0]; l.App != "sshd" || l.Text != "bad user" || l.Host != "gw" || l.Facility != 10 || !l.Live || l.Address != "10.0.0.5" || l.Event != nil {
			t.Errorf("%+v", l)
		}
		for range 2 { // the same file twice is judged once
			if _, err := p.s.Import(t.Context(), all, hmi, "x.xml", strings.NewReader(oneEvent)); err != nil {
				t.Fatal(err)
			}
		}
		if len(p.hits) != 2 {
			t.Fatalf("%d hits", len(p.hits))
		}
		// By file, so without an address of the register: that of its asset counts, with its zone.
		h := p.hits[1]
		if h.ZoneNo != 5 || h.Client.IP != "10.0.0.77" || h.RealmNo != 1 || h.Live || h.First != time.Date(2026, 11, 19, 22, 0, 0, 5e8, time.UTC).UnixNano() {
			t.Errorf("%+v", h)
		}
		if e := j.lines[2].Event; e == nil || e.ID != 4625 || e.Channel != "Security" || len(e.Values) != 1 || e.Values[0] != (rule.Say{Name: "TargetUserName", Value: "service"}) {
			t.Errorf("%+v", j.lines[2])
		}
		told := func(site int64, since time.Time, most int) (n int, cut bool) {
			err := p.db.View(t.Context(), func(r store.Reader) (err error) {
				cut, err = p.s.LinesAgain(t.Context(), r, site, since, func(rule.LogLine) bool {
					n++
					return n < most
				})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n, cut
		}
		for _, c := range []struct {
			site int64
			ago  time.Duration
			most int
			n    int
			cut  bool
		}{{1, time.Hour, 10, 3, false}, {1, time.Hour, 2, 2, true}, {2, time.Hour, 10, 0, false}, {1, -time.Second, 10, 0, false}} {
			if n, cut := told(c.site, p.now.Add(-c.ago), c.most); n != c.n || cut != c.cut {
				t.Errorf("%+v: %d lines, cut %v", c, n, cut)
			}
		}
	})
}

// failing takes nothing until it is mended.
type failing struct {
	broken bool
	hits   int
}

func (f *failing) Raise(_ context.Context, _ *store.Tx, hits ...rule.Hit) error {
	if f.broken {
		return errors.New("locked")
	}
	f.hits += len(hits)
	return nil
}

// What the database does not take is told with the next flush, and the lines are kept all the same.
func TestJudgedLater(t *testing.T) {
	once(t, func(p *plant) {
		j, f := &judging{}, &failing{broken: true}
		p.s.cfg.Judge, p.s.cfg.Raiser = j, f
		p.expect("s1", Want{Name: "Gateway", Address: "10.0.0.5"})
		p.say("10.0.0.5", "<86>Nov 20 09:00:00 gw sshd[7]: bad user")
		p.flush()
		f.broken = false
		p.flush()
		p.flush()
		if f.hits != 1 || len(p.find(Filter{Site: "s1"}).Items) != 1 {
			t.Errorf("%d hits", f.hits)
		}
		j.off = true
		p.say("10.0.0.5", "<86>Nov 20 09:00:00 gw sshd[7]: bad user")
		p.flush()
		if len(j.lines) != 1 {
			t.Error("judged without a rule")
		}
	})
}
