package centre_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func schema() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), inbox.Migrations(), centre.Migrations(), {Slice: "got", FS: gotTable}}
}

// plant is a centre with a real TLS listener, and a table that counts what arrived.
type plant struct {
	t    *testing.T
	db   *store.DB
	s    *centre.Service
	site org.Site
	addr string
	mu   sync.Mutex
	now  time.Duration // how far the centre's clock is moved
	srv  *http.Server
}

var all = auth.Scope{All: true}

func newPlant(t *testing.T, db *store.DB) *plant {
	t.Helper()
	p := &plant{t: t, db: db}
	now := func() time.Time { p.mu.Lock(); defer p.mu.Unlock(); return time.Now().Add(p.now) }
	ca, err := centre.LoadAuthority(t.TempDir(), now)
	if err != nil {
		t.Fatal(err)
	}
	tree := org.New(db, org.Announce(bus.Announcer("org")))
	e, err := tree.CreateEntity(t.Context(), all, org.Entity{Name: "Nordvand"})
	if err != nil {
		t.Fatal(err)
	}
	if p.site, err = tree.CreateSite(t.Context(), all, org.Site{EntityID: e.ID, Name: "Aarhus", TZ: "UTC"}); err != nil {
		t.Fatal(err)
	}
	p.s, err = centre.New(centre.Config{DB: db, Log: slog.New(slog.DiscardHandler), Authority: ca, Now: now, Plans: map[string]centre.Plan{
		// What arrived is counted, not set: a message that is applied twice is seen.
		"note": func(_ context.Context, items []centre.Item) (out []centre.Work, err error) {
			for _, it := range items {
				w := centre.Work{Items: 1, Rows: 1}
				if string(it.Body) == "poison" {
					w.Err = ot.Errorf(ot.Invalid, "nobody can read this")
				}
				w.Steps = []centre.Step{{Rows: 1, Do: func(ctx context.Context, tx *store.Tx) error {
					_, err := tx.Exec(ctx, "INSERT INTO got_note (body, times) VALUES (?, 1) ON CONFLICT (body) DO UPDATE SET times = got_note.times + 1", string(it.Body))
					return err
				}}}
				out = append(out, w)
			}
			return out, nil
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	p.s.UseAddress(p.addr)
	p.listen(l)
	return p
}

func (p *plant) listen(l net.Listener) {
	p.srv = &http.Server{Handler: p.s.Handler(), TLSConfig: p.s.TLS(), ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	done := make(chan struct{})
	srv := p.srv
	go func() { _ = srv.ServeTLS(l, "", ""); close(done) }()
	p.t.Cleanup(func() { _ = srv.Close(); <-done })
}

func (p *plant) token() string {
	p.t.Helper()
	_, t, err := p.s.MakeToken(p.t.Context(), all, centre.NewToken{Name: "Hall 3", SiteIDs: []string{p.site.ID}, By: "anna"})
	if err != nil {
		p.t.Fatal(err)
	}
	return t.String()
}

func (p *plant) apply() { p.s.Drain(p.t.Context(), time.Minute) }

// notes says how often each note was applied.
func (p *plant) notes() map[string]int64 {
	p.t.Helper()
	type row struct {
		Body  string `db:"body"`
		Times int64  `db:"times"`
	}
	out := map[string]int64{}
	if err := p.db.View(p.t.Context(), func(r store.Reader) error {
		rows, err := store.All[row](p.t.Context(), r, "SELECT body, times FROM got_note")
		for _, x := range rows {
			out[x.Body] = x.Times
		}
		return err
	}); err != nil {
		p.t.Fatal(err)
	}
	return out
}

func (p *plant) exactly(want ...string) {
	p.t.Helper()
	p.apply()
	got := p.notes()
	for _, w := range want {
		if got[w] != 1 {
			p.t.Errorf("%q was applied %d times", w, got[w])
		}
	}
	if len(got) != len(want) {
		p.t.Errorf("%d notes arrived, %d were told: %v", len(got), len(want), got)
	}
}

func (p *plant) edge(id string) centre.Edge {
	p.t.Helper()
	e, _, err := p.s.Get(p.t.Context(), all, id)
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

// open says which questions about edges are open.
func (p *plant) open() (kinds []string) {
	p.t.Helper()
	if err := p.db.View(p.t.Context(), func(r store.Reader) (err error) {
		kinds, err = store.All[string](p.t.Context(), r, "SELECT kind FROM inbox_item WHERE done_at IS NULL ORDER BY kind")
		return err
	}); err != nil {
		p.t.Fatal(err)
	}
	return kinds
}

// site is an edge's folder and what runs on it.
type site struct {
	t    *testing.T
	dir  string
	out  *box.Outbox
	id   *box.Identity
	link *box.Dialled
	box  *box.Box
}

func openSite(t *testing.T, dir string, wall func() time.Time, change func(*box.Config)) *site {
	t.Helper()
	s := &site{t: t, dir: dir}
	var err error
	if s.out, err = box.OpenOutbox(t.Context(), dir, cutNote, wall); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if s.id, err = box.LoadIdentity(t.Context(), dir, s.out); err != nil {
		t.Fatal(err)
	}
	s.link = box.Dial(s.id, slog.New(slog.DiscardHandler))
	cfg := box.Config{Outbox: s.out, Link: s.link, Log: slog.New(slog.DiscardHandler), Key: s.id.Centre}
	if change != nil {
		change(&cfg)
	}
	s.box = box.New(cfg)
	return s
}

func (s *site) close() {
	s.link.Close()
	_ = s.out.Close()
}

// cutNote takes the bulk of a note away: what stands behind a line break.
func cutNote(_ string, raw []byte) ([]byte, int, bool) {
	head, bulk, ok := strings.Cut(string(raw), "\n")
	return []byte(head), len(bulk), ok
}

func (p *plant) newSite() *site {
	p.t.Helper()
	s := openSite(p.t, p.t.TempDir(), time.Now, nil)
	if err := s.id.Enrol(p.t.Context(), p.token(), "box", "1.0"); err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (s *site) tell(bodies ...string) {
	s.t.Helper()
	for _, b := range bodies {
		if err := s.out.Append(s.t.Context(), edge.Message{Kind: "note", Body: []byte(b)}); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) flush() error { s.t.Helper(); return s.box.Flush(s.t.Context()) }

func (s *site) must() {
	s.t.Helper()
	if err := s.flush(); err != nil {
		s.t.Fatal(err)
	}
}

func reason(err error) string {
	if r, ok := errors.AsType[*box.Refused](err); ok {
		return r.Reason
	}
	return ""
}

// The plain way: a token, a certificate, a few notes, on both engines.
func TestEnrolAndTell(t *testing.T) {
	storetest.Each(t, schema(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		token := p.token()
		s := openSite(t, t.TempDir(), time.Now, nil)
		if err := s.out.Append(t.Context(), edge.Message{Kind: "note", Body: []byte("x")}); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("an edge without a name told something: %v", err)
		}
		if err := s.id.Enrol(t.Context(), token, "box", "1.0"); err != nil {
			t.Fatal(err)
		}
		s.tell("one", "two", "three")
		s.must()
		p.exactly("one", "two", "three")
		e := p.edge(s.out.ID().String())
		if e.Name != "Hall 3" || e.State != centre.Active || e.Received != 3 || e.Waiting != 0 || e.SkewSeconds == nil || e.CertUntil.IsZero() || len(e.Sites) != 1 {
			t.Errorf("%+v", e)
		}

		// The token again, from another machine: refused, told, and the edge works on.
		thief := openSite(t, t.TempDir(), time.Now, nil)
		if err := thief.id.Enrol(t.Context(), token, "thief", "1.0"); reason(err) != edge.ReasonUsed {
			t.Errorf("a token used twice: %v", err)
		}
		if got := p.open(); !slices.Equal(got, []string{"edge-token"}) {
			t.Errorf("the inbox asks %v", got)
		}
		s.tell("four")
		s.must()
		p.exactly("one", "two", "three", "four")

		if err := p.s.Revoke(t.Context(), all, e.ID, "sold", "anna"); err != nil {
			t.Fatal(err)
		}
		s.tell("five")
		if err := s.flush(); reason(err) != edge.ReasonRevoked || !strings.Contains(err.Error(), "sold") {
			t.Errorf("a revoked edge: %v", err)
		}
		p.exactly("one", "two", "three", "four")
	})
}

// Tokens that are over, withdrawn, damaged or of another centre.
func TestTokenRefused(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	enrol := func(token string) error {
		return openSite(t, t.TempDir(), time.Now, nil).id.Enrol(t.Context(), token, "box", "1.0")
	}
	id, made, err := p.s.MakeToken(t.Context(), all, centre.NewToken{Name: "x", SiteIDs: []string{p.site.ID}, By: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.s.Withdraw(t.Context(), all, id); err != nil {
		t.Fatal(err)
	}
	if err := enrol(made.String()); err == nil || !strings.Contains(err.Error(), "withdrawn") {
		t.Errorf("withdrawn: %v", err)
	}
	late := p.token()
	p.now = 25 * time.Hour
	if err := enrol(late); err == nil || !strings.Contains(err.Error(), "ended on") {
		t.Errorf("over: %v", err)
	}
	p.now = 0
	good := p.token()
	for name, bad := range map[string]string{"cut": good[:len(good)-3], "changed": good[:30] + "A" + good[31:], "none": "hello"} {
		if err := enrol(bad); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	pt, err := edge.ParseToken(other.token())
	if err != nil {
		t.Fatal(err)
	}
	pt.Address = p.addr // the token of another centre, pointed at this one
	if err := enrol(pt.String()); err == nil || !strings.Contains(err.Error(), "not the centre") {
		t.Errorf("another centre: %v", err)
	}
	if err := enrol("  " + good[:20] + "\n" + good[20:] + " "); err != nil {
		t.Errorf("a token broken by a terminal: %v", err)
	}
	for name, in := range map[string]centre.NewToken{
		"no name": {SiteIDs: []string{p.site.ID}}, "no site": {Name: "x"}, "foreign site": {Name: "x", SiteIDs: []string{uuid.NewString()}},
		"address": {Name: "x", SiteIDs: []string{p.site.ID}, Address: "0.0.0.0:1"}, "capability": {Name: "x", SiteIDs: []string{p.site.ID}, Capabilities: []edge.Capability{"fly"}},
	} {
		if _, _, err := p.s.MakeToken(t.Context(), all, in); err == nil {
			t.Errorf("%s: a token was made", name)
		}
	}
}

// lossy loses answers: what was sent has arrived, and the edge does not know.
type lossy struct {
	box.Link
	every, n int
}

func (l *lossy) Send(ctx context.Context, sent int64, raw []byte) (edge.Ack, error) {
	a, err := l.Link.Send(ctx, sent, raw)
	if l.n++; err == nil && l.n%l.every == 0 {
		return edge.Ack{}, errors.New("the answer was lost")
	}
	return a, err
}

func TestLostAnswers(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	flaky := openBox(s, &lossy{Link: s.link, every: 2})
	var want []string
	for i := range 40 {
		note := fmt.Sprint("note ", i)
		want = append(want, note)
		s.tell(note)
		for flaky.Flush(t.Context()) != nil {
		}
	}
	p.exactly(want...)
}

func openBox(s *site, l box.Link) *box.Box {
	return box.New(box.Config{Outbox: s.out, Link: l, Log: slog.New(slog.DiscardHandler), Key: s.id.Centre})
}

// What an attacker or a broken line can do to batches: none of it is applied, none
// of it is applied twice, and what is right still arrives.
func TestBadBatches(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	s.tell("one", "two", "three")
	list, err := s.out.Next(t.Context(), 0, 1<<20)
	if err != nil || len(list) != 3 {
		t.Fatal(len(list), err)
	}
	raw := func(bs ...edge.Batch) (out []byte) {
		for i := range bs {
			out = bs[i].Append(out)
		}
		return out
	}
	send := func(b []byte) error {
		_, err := s.link.Send(t.Context(), time.Now().UnixMicro(), b)
		return err
	}
	whole := raw(list...)
	for n := range whole { // truncated anywhere but at a border
		if n == len(raw(list[0])) || n == len(raw(list[:2]...)) || n == 0 || n%7 > 0 {
			continue
		}
		if err := send(whole[:n]); ot.CodeOf(err) != ot.Invalid {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	forged := list[0]
	forged.Body = append([]byte{}, forged.Body...)
	forged.Body[len(forged.Body)-1] ^= 1
	if err := send(raw(forged)); err == nil {
		t.Error("a changed body was taken")
	}
	other := list[0]
	other.Edge = uuid.New()
	if err := send(raw(other)); ot.CodeOf(err) != ot.Forbidden {
		t.Errorf("another edge's batch: %v", err)
	}
	bomb := list[0]
	bomb.Raw = edge.MaxRaw
	if err := send(raw(bomb)); err == nil {
		t.Error("a batch that lies about its length was taken")
	}
	if err := send(raw(list[2])); reason(err) != edge.ReasonGap {
		t.Errorf("reordered: %v", err)
	}
	if err := send(raw(list[1], list[0])); err == nil {
		t.Error("two batches the wrong way round were taken")
	}
	p.exactly()
	for range 3 { // replayed
		if err := send(whole); err != nil {
			t.Fatal(err)
		}
	}
	if err := send(raw(list[1])); err != nil {
		t.Fatal(err)
	}
	p.exactly("one", "two", "three")
	if e := p.edge(s.out.ID().String()); e.State != centre.Active {
		t.Errorf("it is %s: %s", e.State, e.Why)
	}
	s.must()
	s.tell("four")
	s.must()
	p.exactly("one", "two", "three", "four")
}
