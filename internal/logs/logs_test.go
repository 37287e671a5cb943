package logs

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func tables() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), inbox.Migrations(), network.Migrations(), asset.Migrations(), Migrations()}
}

// plant is a site whose clock the test moves.
type plant struct {
	*testing.T
	db   *store.DB
	s    *Service
	dir  string
	now  time.Time
	hits []rule.Hit
}

func (p *plant) Raise(_ context.Context, _ *store.Tx, hits ...rule.Hit) error {
	p.hits = append(p.hits, hits...)
	return nil
}

var all = auth.Scope{All: true} //nolint:gochecknoglobals // a constant of the tests

func each(t *testing.T, fn func(p *plant)) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := &plant{T: t, db: db, dir: t.TempDir(), now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
		p.exec("INSERT INTO org_entity (entity_id, name, profile) VALUES ('e', 'Acme', 'essential')")
		for n, id := range []string{"s1", "s2"} {
			p.exec(fmt.Sprintf("INSERT INTO org_site (site_no, site_id, entity_id, name, country, tz, critical, weight) VALUES (%d, '%s', 'e', 'Home %d', 'DK', 'Europe/Copenhagen', TRUE, 1)", n+1, id, n+1))
		}
		p.open(DefaultLimits())
		fn(p)
	})
}

// once is each on one engine, for what is in files and memory.
func once(t *testing.T, fn func(p *plant)) {
	p := alone(t)
	p.now = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	p.exec("UPDATE org_site SET tz = 'Europe/Copenhagen'")
	p.open(DefaultLimits())
	fn(p)
}

// open is a start of the program on what is there.
func (p *plant) open(lim Limits) {
	p.Helper()
	p.s = New(p.db, Config{Dir: p.dir, Limits: lim, Raiser: p, Clock: func() time.Time { return p.now }})
	if err := p.s.Open(p.Context()); err != nil {
		p.Fatal(err)
	}
}

func (p *plant) exec(q string) {
	p.Helper()
	if err := p.db.Update(p.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(p.Context(), q)
		return err
	}); err != nil {
		p.Fatal(err)
	}
}

func (p *plant) expect(site string, w Want) string {
	p.Helper()
	if w.Interval == 0 {
		w.Interval = 3600
	}
	if w.Retention == 0 {
		w.Retention = 30
	}
	if w.Kind == "" {
		w.Kind = "switch"
	}
	id, _, err := p.s.Expect(p.Context(), all, "Ada", site, w)
	if err != nil {
		p.Fatal(err)
	}
	return id
}

func (p *plant) say(from, line string) {
	p.s.Take(Arrival{SiteNo: 1, RealmNo: 1, From: netip.MustParseAddr(from), By: byUDP, Raw: []byte(line), At: p.now})
}

func (p *plant) flush() {
	p.Helper()
	if err := p.s.Flush(p.Context(), true); err != nil {
		p.Fatal(err)
	}
}

func (p *plant) find(f Filter) Found {
	p.Helper()
	f.Worst = -1
	got, err := p.s.Find(p.Context(), all, f)
	if err != nil {
		p.Fatal(err)
	}
	return got
}

func (p *plant) register(site string) Register {
	p.Helper()
	r, err := p.s.Register(p.Context(), all, site)
	if err != nil {
		p.Fatal(err)
	}
	return r
}

func (p *plant) verify() Report {
	p.Helper()
	var rep Report
	err := p.db.View(p.Context(), func(r store.Reader) (err error) {
		rep, err = Verify(p.Context(), r, p.dir)
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
	return rep
}

func texts(f Found) string {
	var out []string
	for _, l := range f.Items {
		out = append(out, l.Text)
	}
	return strings.Join(out, "|")
}

// A line goes to whoever is registered with its address, and is found again, newest first, page by page.
func TestTakeAndFind(t *testing.T) {
	each(t, func(p *plant) {
		sw := p.expect("s1", Want{Name: "Switch 1", Address: "10.0.0.2"})
		hmi := p.expect("s1", Want{Name: "HMI", Address: "10.0.0.3", Kind: "windows"})
		p.expect("s2", Want{Name: "Elsewhere", Address: "10.0.0.2"}) // the same address at another site
		for day := range 3 {
			for n := range 5 {
				p.now = time.Date(2026, 11, 20+day, 9, n, 0, 0, time.UTC)
				p.say("10.0.0.2", fmt.Sprintf("<189>Nov %d 10:%02d:00 sw1 link: port %d of day %d", 20+day, n, n, day))
				p.say("10.0.0.3", fmt.Sprintf("<12>1 %s hmi1 app - - - tick %d.%d", p.now.Format(time.RFC3339), day, n))
			}
			p.flush()
		}
		p.say("10.0.0.9", "<13>Nov 22 10:04:00 newcomer x: \x1b[31mwho am I")
		p.flush()
		r := p.register("s1")
		if len(r.Sources) != 2 || len(r.Strangers) != 1 || r.Strangers[0].Host != "newcomer" || strings.Contains(r.Strangers[0].Sample, "\x1b") || r.Strangers[0].Lines != 1 {
			t.Errorf("%+v", r.Strangers)
		}
		for _, x := range r.Sources {
			if x.State != "heard" || x.Lines != 15 || x.OffsetMs == nil || *x.OffsetMs != 0 {
				t.Errorf("%s: %s, %d lines, offset %v", x.Name, x.State, x.Lines, x.OffsetMs)
			}
		}
		if r := p.register("s2"); r.Sources[0].Lines != 0 || r.Sources[0].State != "silent" {
			t.Errorf("the other site's: %+v", r.Sources[0])
		}
		var got []string
		cursor := ""
		for pages := 1; ; pages++ {
			f := p.find(Filter{Site: "s1", Limit: 7, Cursor: cursor})
			for _, l := range f.Items {
				got = append(got, fmt.Sprintf("%s %s %s", l.At.Format("2 15:04"), l.Source, l.Text))
			}
			if cursor = f.Next; cursor == "" || pages > 10 {
				break
			}
		}
		if len(got) != 30 || len(slices.Compact(slices.Clone(got))) != 30 {
			t.Fatalf("%d lines: %q", len(got), got)
		}
		for i := 1; i < len(got); i++ {
			if got[i][:8] > got[i-1][:8] {
				t.Errorf("%q after %q", got[i], got[i-1])
			}
		}
		if f := p.find(Filter{Source: sw, Text: "DAY port 3"}); texts(f) != "port 3 of day 2|port 3 of day 1|port 3 of day 0" {
			t.Error(texts(f))
		}
		if f := p.find(Filter{Source: hmi, From: time.Date(2026, 11, 21, 9, 3, 0, 0, time.UTC), To: time.Date(2026, 11, 22, 9, 0, 30, 0, time.UTC)}); texts(f) != "tick 2.0|tick 1.4|tick 1.3" {
			t.Error(texts(f))
		}
		f, err := p.s.Find(t.Context(), auth.Scope{Sites: []int64{2}}, Filter{Worst: -1})
		if err != nil || len(f.Items) != 0 {
			t.Errorf("a stranger's eyes: %q %v", texts(f), err)
		}
		if f, err := p.s.Find(t.Context(), all, Filter{Source: hmi, Worst: 3}); err != nil || len(f.Items) != 0 {
			t.Errorf("by severity: %q %v", texts(f), err)
		}
	})
}

// A relay's lines go to the hosts that they name, and to itself where nobody is expected.
func TestRelay(t *testing.T) {
	once(t, func(p *plant) {
		p.expect("s1", Want{Name: "Relay", Address: "10.0.0.5", Kind: KindRelay})
		p.expect("s1", Want{Name: "PLC 1", Host: "plc1", Kind: "controller"})
		p.say("10.0.0.5", "<13>Nov 20 09:00:00 plc1 cpu: RUN")
		p.say("10.0.0.5", "<13>Nov 20 09:00:00 plc2 cpu: STOP")
		p.say("10.0.0.6", "<13>Nov 20 09:00:00 plc1 cpu: forged")
		p.flush()
		got := map[string]string{}
		for _, l := range p.find(Filter{Site: "s1"}).Items {
			got[l.Source] += l.Text
		}
		if got["PLC 1"] != "RUN" || got["Relay"] != "STOP" || len(p.register("s1").Strangers) != 1 {
			t.Error(got)
		}
	})
}

// A source that says nothing for longer than expected is an alert once and a question until it speaks.
func TestSilence(t *testing.T) {
	each(t, func(p *plant) {
		id := p.expect("s1", Want{Name: "Firewall", Address: "10.0.0.1", Interval: 600})
		open := func() int64 {
			var n int64
			if err := p.db.View(t.Context(), func(r store.Reader) (err error) {
				n, err = store.One[int64](t.Context(), r, "SELECT COUNT(*) FROM inbox_item WHERE item_key = ? AND done_at IS NULL", "log.silent:"+id)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		watch := func() {
			if err := p.s.Watch(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		p.say("10.0.0.1", "<13>Nov 20 09:00:00 fw a: b")
		p.flush()
		p.now = p.now.Add(9 * time.Minute)
		watch()
		if open() != 0 || len(p.hits) != 0 {
			t.Fatal("too early")
		}
		p.now = p.now.Add(2 * time.Minute)
		watch()
		watch()
		if open() != 1 || len(p.hits) != 1 || p.hits[0].Rule != RuleSilent || p.register("s1").Sources[0].State != "silent" {
			t.Fatalf("%d asked, alerts %+v", open(), p.hits)
		}
		p.say("10.0.0.1", "<13>Nov 20 09:11:00 fw a: again")
		p.flush()
		watch()
		if open() != 0 || p.register("s1").Sources[0].State != "heard" {
			t.Fatal("it speaks again")
		}
		p.now = p.now.Add(time.Hour)
		watch()
		if open() != 1 || len(p.hits) != 2 {
			t.Fatalf("silent anew: %d asked, %d alerts", open(), len(p.hits))
		}
	})
}

// A clock that is wrong shows, and a line that was held up does not.
func TestOffset(t *testing.T) {
	once(t, func(p *plant) {
		p.expect("s1", Want{Name: "Slow", Address: "10.0.0.1"})
		for n := range 3 {
			p.now = p.now.Add(time.Minute)
			late := time.Duration(n) * 20 * time.Second
			p.say("10.0.0.1", "<13>1 "+p.now.Add(-90*time.Second-late).Format(time.RFC3339)+" plc a - - - x")
		}
		p.flush()
		if off := p.register("s1").Sources[0].OffsetMs; off == nil || *off != -90_000 {
			t.Errorf("offset %v ms", off)
		}
	})
}

// What comes too fast, or finds no room, is counted, and a line in the file says so.
func TestBounds(t *testing.T) {
	once(t, func(p *plant) {
		p.open(Limits{Rate: 10, Burst: 20, Day: 1 << 20, Quota: 1 << 20, Reserve: 100})
		id := p.expect("s1", Want{Name: "Mad", Address: "10.0.0.1"})
		for range 1000 {
			p.say("10.0.0.1", "<13>Nov 20 09:00:00 mad a: flood")
		}
		p.flush()
		p.now = p.now.Add(10 * time.Second)
		p.say("10.0.0.1", "<13>Nov 20 09:00:00 mad a: calm")
		p.flush()
		f := p.find(Filter{Source: id})
		if len(f.Items) != 22 || f.Items[0].Text != "calm" || !strings.HasPrefix(f.Items[1].Text, "980 lines were not kept from 2026-11-20T08:00:00Z on: more lines came") || f.Items[1].By != bySkanse {
			t.Fatalf("%d lines: %.300s", len(f.Items), texts(f))
		}
		free := int64(50)
		p.s.cfg.Free = func(string) (int64, bool) { return free, true }
		p.flush()
		p.now = p.now.Add(10 * time.Second)
		p.say("10.0.0.1", "<13>Nov 20 09:00:00 mad a: lost")
		p.flush()
		if r := p.register("s1"); r.Full != "the disk is nearly full" || r.Sources[0].NotKept != 981 {
			t.Errorf("%q, %d not kept", r.Full, r.Sources[0].NotKept)
		}
		free = 1000
		p.flush()
		p.now = p.now.Add(time.Minute) // a note a minute at most
		p.say("10.0.0.1", "<13>Nov 20 09:00:00 mad a: room again")
		p.flush()
		if got := texts(p.find(Filter{Source: id, Limit: 2})); got != "room again|1 line was not kept from 2026-11-20T08:00:20Z on: the disk is nearly full." {
			t.Error(got)
		}
		if rep := p.verify(); len(rep.Findings) > 0 {
			t.Error(rep.Findings)
		}
	})
}

// Every kind of tampering is found; a torn end is none, and is mended at the next start.
func TestVerify(t *testing.T) {
	each(t, func(p *plant) {
		id := p.expect("s1", Want{Name: "Switch", Address: "10.0.0.1"})
		fill := func(day int) {
			for n := range 4 {
				p.now = time.Date(2026, 11, day, 9, n, 0, 0, time.UTC)
				p.say("10.0.0.1", fmt.Sprintf("<13>Nov %d 10:00:00 sw a: line %d of %d", day, n, day))
			}
			p.flush()
		}
		fill(20)
		fill(21)
		fill(22)
		p.now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		if err := p.s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if rep := p.verify(); len(rep.Findings) > 0 || rep.Files != 3 || rep.Lines != 12 || rep.Sealed != 2 {
			t.Fatalf("%+v", rep)
		}
		file := func(day int) string {
			return filepath.Join(p.dir, "1", id, fmt.Sprintf("2026-11-%d.log", day))
		}
		damage := func(what, want string, day int, do func(b []byte) []byte) {
			was, err := os.ReadFile(file(day))
			if err != nil {
				t.Fatal(err)
			}
			if b := do(slices.Clone(was)); b == nil {
				err = os.Remove(file(day))
			} else {
				err = os.WriteFile(file(day), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			rep := p.verify()
			found := slices.ContainsFunc(rep.Findings, func(f Finding) bool { return strings.Contains(f.Text, want) })
			if want == "" && len(rep.Findings) > 0 || want != "" && !found {
				t.Errorf("%s: %+v", what, rep)
			}
			if err := os.WriteFile(file(day), was, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		lines := func(b []byte) []string { return strings.SplitAfter(string(b), "\n") }
		damage("a changed line", "was changed", 20, func(b []byte) []byte { return []byte(strings.Replace(string(b), "line 1 of", "line 7 of", 1)) })
		damage("a removed line", "was changed", 20, func(b []byte) []byte { return []byte(strings.Join(slices.Delete(lines(b), 2, 3), "")) })
		damage("the last lines cut off", "holds 2 lines of 4", 21, func(b []byte) []byte { return []byte(strings.Join(lines(b)[:3], "")) })
		damage("a removed file", "missing", 20, func([]byte) []byte { return nil })
		damage("lines put behind a day that is over", "after the day was over", 21, func(b []byte) []byte {
			last := lines(b)[4]
			extra := `{"at":1,"by":"udp","raw":"x"}`
			return append(b, []byte(link(last[:hashLen], []byte(extra))+" "+extra+"\n")...)
		})
		damage("a file chained anew", "first 4 lines", 22, func(b []byte) []byte {
			head, out := "", ""
			for i, l := range lines(b)[:5] {
				body := strings.TrimSuffix(l[hashLen+1:], "\n")
				if i == 0 {
					head = lines([]byte(mustRead(t, file(21))))[4][:hashLen]
				}
				body = strings.Replace(body, "line 3", "line 9", 1)
				head = link(head, []byte(body))
				out += head + " " + body + "\n"
			}
			return []byte(out)
		})
		damage("a torn end", "", 22, func(b []byte) []byte { return append(b, "0123456789abcdef {\"at"...) })

		f, err := os.OpenFile(file(22), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("0123456789abcdef {\"at"); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		p.open(DefaultLimits())
		p.say("10.0.0.1", "<13>Nov 22 11:00:00 sw a: after the cut")
		p.flush()
		if rep := p.verify(); len(rep.Findings) > 0 || rep.Torn != 0 || rep.Lines != 13 {
			t.Errorf("after the next start: %+v", rep)
		}
		p.exec("UPDATE logs_day SET head = '" + strings.Repeat("0", 64) + "' WHERE day = 20777")
		p.exec("UPDATE audit_entry SET target_id = 'other' WHERE action = 'log.seal'")
		if rep := p.verify(); len(rep.Findings) == 0 {
			t.Error("an audit log that vouches for nothing is believed")
		}
	})
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Files go when both the class and their source allow, and what went stays vouched for.
func TestExpire(t *testing.T) {
	once(t, func(p *plant) {
		id := p.expect("s1", Want{Name: "Switch", Address: "10.0.0.1", Retention: 20})
		for day := range 3 {
			p.now = time.Date(2026, 11, 1+day, 9, 0, 0, 0, time.UTC)
			p.say("10.0.0.1", fmt.Sprintf("<13>Nov  %d 10:00:00 sw a: of %d", 1+day, day))
			p.flush()
		}
		p.now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		if n, err := p.s.Expire(t.Context(), p.now.AddDate(0, 0, -5)); err != nil || n != 0 {
			t.Fatalf("before they are sealed: %d %v", n, err)
		}
		if err := p.s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := p.s.Expire(t.Context(), p.now.AddDate(0, 0, -30)); err != nil || n != 0 {
			t.Fatalf("younger than the class: %d %v", n, err)
		}
		if n, err := p.s.Expire(t.Context(), p.now.AddDate(0, 0, -5)); err != nil || n != 2 {
			t.Fatalf("%d removed, %v", n, err)
		}
		if rep := p.verify(); len(rep.Findings) > 0 || rep.Gone != 2 || rep.Files != 1 {
			t.Errorf("%+v", rep)
		}
		if got := texts(p.find(Filter{Source: id})); got != "of 2" {
			t.Error(got)
		}
	})
}

// The register refuses what would make lines of one the lines of another.
func TestRegister(t *testing.T) {
	each(t, func(p *plant) {
		id := p.expect("s1", Want{Name: "Switch", Address: "10.0.0.1"})
		for want, w := range map[string]Want{
			"no IP address": {Name: "x", Address: "sw1"}, "registered with this address": {Name: "x", Address: "::ffff:10.0.0.1"}, "no time zone": {Name: "x", Clock: "Mars/Base"},
			"no such asset": {Asset: "none"}, "what it is called": {}, "needs the address": {Name: "x", Kind: KindRelay},
		} {
			w.Interval, w.Retention = 60, 1
			if _, _, err := p.s.Expect(t.Context(), all, "Ada", "s1", w); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", want, err)
			}
		}
		mine := auth.Scope{Sites: []int64{2}}
		if _, _, err := p.s.Expect(t.Context(), mine, "Ada", "s1", Want{Name: "x", Kind: "other"}); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("at a foreign site: %v", err)
		}
		tag := p.register("s1").Sources[0].ETag
		if err := p.s.Remove(t.Context(), mine, id, tag); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign source: %v", err)
		}
		if _, err := p.s.Change(t.Context(), all, id, `"other"`, Want{Name: "y"}); err == nil {
			t.Error("changed over somebody's head")
		}
		if _, err := p.s.Change(t.Context(), all, id, tag, Want{Name: "y", Address: "10.0.0.2", Interval: 60, Retention: 1}); err != nil {
			t.Error(err)
		}
		p.say("10.0.0.1", "<13>Nov 20 09:00:00 h a: old address")
		p.say("10.0.0.2", "<13>Nov 20 09:00:00 h a: new address")
		p.flush()
		if got := texts(p.find(Filter{Source: id})); got != "new address" {
			t.Error(got)
		}
		if err := p.s.Remove(t.Context(), all, id, p.register("s1").Sources[0].ETag); err != nil {
			t.Error(err)
		}
		p.say("10.0.0.2", "<13>Nov 20 09:00:00 h a: nobody's")
		p.flush()
		if r := p.register("s1"); len(r.Sources) != 0 || len(r.Strangers) != 2 {
			t.Errorf("%+v", r)
		}
		if got := texts(p.find(Filter{Source: id})); got != "new address" {
			t.Errorf("its lines stay: %q", got)
		}
	})
}

// A file of a Windows machine's events is lines of its source, and twice the same file adds none.
func TestImport(t *testing.T) {
	once(t, func(p *plant) {
		id := p.expect("s1", Want{Name: "HMI", Kind: "windows"})
		doc := "<Events><Event><System><EventID>4625</EventID><Provider Name='Microsoft-Windows-Security-Auditing'/><Keywords>0x8010000000000000</Keywords><EventRecordID>7</EventRecordID><Channel>Security</Channel><Computer>HMI-3</Computer><TimeCreated SystemTime='2026-11-19T03:00:00Z'/></System><EventData><Data Name='TargetUserName'>operator</Data></EventData></Event></Events>"
		for _, want := range []Imported{{Events: 1}, {Known: 1}} {
			got, err := p.s.Import(t.Context(), all, id, "hmi.xml", strings.NewReader(doc))
			if err != nil || got.Events != want.Events || got.Known != want.Known {
				t.Fatalf("%+v %v", got, err)
			}
		}
		wide := []byte{0xff, 0xfe}
		for _, c := range strings.Replace(doc, ">7<", ">8<", 1) {
			wide = append(wide, byte(c), 0)
		}
		if got, err := p.s.Import(t.Context(), all, id, "utf16.xml", strings.NewReader(string(wide))); err != nil || got.Events != 1 {
			t.Errorf("UTF-16: %+v %v", got, err)
		}
		f := p.find(Filter{Source: id, Text: "operator"})
		if len(f.Items) != 2 || f.Items[1].Event != 4625 || f.Items[1].Severity != 4 || f.Items[1].Host != "HMI-3" || f.Items[1].Text != "Event 4625, a sign-in failed: TargetUserName=operator" || f.Items[1].Told.Hour() != 3 {
			t.Errorf("%+v", f.Items)
		}
		if _, err := p.s.Import(t.Context(), all, id, "x.exe", strings.NewReader("MZ\x90")); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("a program: %v", err)
		}
		if _, err := p.s.Import(t.Context(), auth.Scope{Sites: []int64{2}}, id, "x", strings.NewReader(doc)); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign source: %v", err)
		}
	})
}
