package auth_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// wall is a clock that a test sets.
type wall struct {
	mu sync.Mutex
	t  time.Time
}

func (w *wall) now() time.Time      { w.mu.Lock(); defer w.mu.Unlock(); return w.t }
func (w *wall) add(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.t = w.t.Add(d) }

const good = "correct horse battery"

var cheap = auth.Argon2id{Time: 1, Memory: 64, Threads: 1}

func tables() []store.Migrations {
	return []store.Migrations{org.Migrations(), bus.Migrations(), auth.Migrations()}
}

func each(t *testing.T, fn func(t *testing.T, s *auth.Service, db *store.DB, w *wall)) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := &wall{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
		fn(t, open(t, db, w), db, w)
	})
}

func open(t *testing.T, db *store.DB, w *wall) *auth.Service {
	t.Helper()
	s, err := auth.New(t.Context(), db, auth.Config{Argon2id: cheap, Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// setUp makes the first administrator.
func setUp(t *testing.T, s *auth.Service) auth.Signed {
	t.Helper()
	token, err := s.SetupToken(t.Context())
	if err != nil || token == "" {
		t.Fatalf("token %q, %v", token, err)
	}
	in, err := s.Setup(t.Context(), token, auth.User{Name: "Ada", Email: "Ada@Example.com"}, good, auth.Client{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func who(t *testing.T, s *auth.Service, token string) auth.Principal {
	t.Helper()
	p, err := s.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantCode(t *testing.T, what string, err error, code ot.Code) {
	t.Helper()
	if ot.CodeOf(err) != code {
		t.Errorf("%s: %v (%s), want %s", what, err, ot.CodeOf(err), code)
	}
}

func TestSetup(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		if need, err := s.SetupNeeded(ctx); err != nil || !need {
			t.Fatalf("%v %v", need, err)
		}
		old, err := s.SetupToken(ctx)
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.SetupToken(ctx) // a second start
		if err != nil {
			t.Fatal(err)
		}
		u := auth.User{Name: "Ada", Email: "ada@example.com", Role: auth.Reader}
		try := func(token, pass string, more func(context.Context, *store.Tx) error) error {
			_, err := s.Setup(ctx, token, u, pass, auth.Client{}, more)
			return err
		}
		wantCode(t, "the first start's token", try(old, good, nil), ot.SignIn)
		wantCode(t, "no token", try("", good, nil), ot.SignIn)
		wantCode(t, "short password", try(token, "short", nil), ot.Invalid)
		wantCode(t, "own address", try(token, "ada@example.com", nil), ot.Invalid)
		boom := errors.New("boom")
		if err := try(token, good, func(context.Context, *store.Tx) error { return boom }); !errors.Is(err, boom) {
			t.Errorf("more failed: %v", err)
		}
		if need, err := s.SetupNeeded(ctx); err != nil || !need {
			t.Error("a failed set-up left a user behind")
		}
		in, err := s.Setup(ctx, token, u, good, auth.Client{Address: "10.0.0.1", Agent: "test"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		p := who(t, s, in.Token)
		if p.Role != auth.Administrator || !p.Scope.All || p.Name != "Ada" || len(p.Permissions) != len(auth.All()) {
			t.Errorf("%+v", p)
		}
		wantCode(t, "the token again", try(token, good, nil), ot.SignIn)
		if again, err := s.SetupToken(ctx); err != nil || again != "" {
			t.Errorf("a token after set-up: %q %v", again, err)
		}
	})
}

func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		setUp(t, s)
		in, err := s.SignIn(ctx, " ADA@example.com", good, auth.Client{Address: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if who(t, s, in.Token).Email != "ada@example.com" {
			t.Error("not Ada")
		}
		_, wrong := s.SignIn(ctx, "ada@example.com", "something else!", auth.Client{Address: "a"})
		_, unknown := s.SignIn(ctx, "eve@example.com", good, auth.Client{Address: "a"})
		wantCode(t, "wrong", wrong, ot.SignIn)
		if wrong.Error() != unknown.Error() {
			t.Errorf("the answers differ: %v, %v", wrong, unknown)
		}
		// Neither token nor password is in the database.
		err = db.View(ctx, func(r store.Reader) error {
			n, err := store.One[int64](ctx, r, "SELECT count(*) FROM auth_session WHERE token_hash = ? OR session_id = ?", in.Token, in.Token)
			if n != 0 {
				t.Error("a token is kept in clear")
			}
			pw, err2 := store.One[string](ctx, r, "SELECT password FROM auth_user")
			if !strings.HasPrefix(pw, "$argon2id$v=19$m=64,t=1,p=1$") {
				t.Errorf("password %q", pw)
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			t.Fatal(err)
		}
		if p := who(t, s, in.Token+"x"); !p.Nobody() {
			t.Error("another token is somebody")
		}
		if err := s.SignOut(ctx, who(t, s, in.Token)); err != nil {
			t.Fatal(err)
		}
		if p := who(t, s, in.Token); !p.Nobody() {
			t.Error("signed out and still here")
		}
	})
}

func TestRateLimit(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		setUp(t, s)
		try := func(email, pass, address string) error {
			_, err := s.SignIn(t.Context(), email, pass, auth.Client{Address: address})
			return err
		}
		for range 5 {
			wantCode(t, "within the limit", try("ada@example.com", "wrong wrong wrong", "a"), ot.SignIn)
		}
		wantCode(t, "the sixth", try("ada@example.com", good, "a"), ot.TooMany)
		wantCode(t, "from elsewhere", try("ada@example.com", good, "b"), "") // who guesses locks nobody else out
		w.add(time.Minute)
		wantCode(t, "a minute later", try("ada@example.com", good, "a"), "")
		wantCode(t, "and forgiven", try("ada@example.com", good, "a"), "")
		for i := range 20 {
			_ = try(strings.Repeat("x", i+1)+"@example.com", "wrong wrong wrong", "flood")
		}
		wantCode(t, "one address, many names", try("ada@example.com", good, "flood"), ot.TooMany)
	})
}

func TestExpiry(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		in := setUp(t, s)
		for range 3 { // used every seven hours: not idle
			w.add(7 * time.Hour)
			if who(t, s, in.Token).Nobody() {
				t.Fatal("ended though it was used")
			}
		}
		w.add(3 * time.Hour)
		if !who(t, s, in.Token).Nobody() {
			t.Error("alive after 24 hours")
		}
		again, err := s.SignIn(t.Context(), "ada@example.com", good, auth.Client{})
		if err != nil {
			t.Fatal(err)
		}
		w.add(8 * time.Hour)
		if !who(t, s, again.Token).Nobody() {
			t.Error("alive after 8 idle hours")
		}
	})
}

// A clock that jumps back revives nothing: not a session that was seen to end, not
// one that nobody looked at, not a link, also not after a restart.
func TestClockJumpsBack(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		in := setUp(t, s)
		u, err := s.CreateUser(ctx, auth.User{Name: "Bo", Email: "bo@example.com", Role: auth.Reader})
		if err != nil {
			t.Fatal(err)
		}
		link, _, err := s.CreateLink(ctx, who(t, s, in.Token), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.add(25 * time.Hour)
		late, err := s.SignIn(ctx, "ada@example.com", good, auth.Client{}) // time was acted on
		if err != nil {
			t.Fatal(err)
		}
		w.add(-25 * time.Hour)
		for _, svc := range []*auth.Service{s, open(t, db, w)} {
			if !who(t, svc, in.Token).Nobody() {
				t.Error("the old session is alive again")
			}
			if _, err := svc.UseLink(ctx, link, "", auth.Client{}); ot.CodeOf(err) != ot.SignIn {
				t.Errorf("the old link works again: %v", err)
			}
			if who(t, svc, late.Token).Nobody() {
				t.Error("the newer session died of the jump")
			}
		}
		w.add(9 * time.Hour) // the clock that was set back runs on: so does ours
		if !who(t, s, late.Token).Nobody() {
			t.Error("time stands still after a jump back")
		}
	})
}

func TestLinks(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		ada := who(t, s, setUp(t, s).Token)
		bo, err := s.CreateUser(ctx, auth.User{Name: "Bo", Email: "bo@example.com", Role: auth.Editor})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.SignIn(ctx, "bo@example.com", "", auth.Client{})
		wantCode(t, "no password yet", err, ot.SignIn)
		first, _, err := s.CreateLink(ctx, ada, bo.ID)
		if err != nil {
			t.Fatal(err)
		}
		second, endAt, err := s.CreateLink(ctx, ada, bo.ID)
		if err != nil || !endAt.Equal(w.now().Add(24*time.Hour)) {
			t.Fatal(endAt, err)
		}
		use := func(token, pass string) error {
			_, err := s.UseLink(ctx, token, pass, auth.Client{})
			return err
		}
		wantCode(t, "a link that was replaced", use(first, ""), ot.SignIn)
		wantCode(t, "bad password", use(second, "short"), ot.Invalid)
		wantCode(t, "the link is still good then", use(second, good), "")
		wantCode(t, "twice", use(second, ""), ot.SignIn)
		_, err = s.SignIn(ctx, "bo@example.com", good, auth.Client{})
		wantCode(t, "by the new password", err, "")
		setup, err := s.SetupToken(ctx)
		if err != nil || setup != "" {
			t.Error(setup, err)
		}
		third, _, err := s.CreateLink(ctx, ada, bo.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.add(24 * time.Hour)
		wantCode(t, "too late", use(third, ""), ot.SignIn)
	})
}

func TestUsers(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		ada := who(t, s, setUp(t, s).Token)
		tree := org.New(db, nil)
		e, err := tree.CreateEntity(ctx, auth.Scope{All: true}, org.Entity{Name: "A"})
		if err != nil {
			t.Fatal(err)
		}
		at, err := tree.CreateSite(ctx, auth.Scope{All: true}, org.Site{EntityID: e.ID, Name: "S"})
		if err != nil {
			t.Fatal(err)
		}
		bo, err := s.CreateUser(ctx, auth.User{Name: "Bo\x1b[31m", Email: "bo@example.com", Role: auth.Reader, Sites: []string{at.ID}, Entities: []string{e.ID}})
		if err != nil {
			t.Fatal(err)
		}
		link, _, err := s.CreateLink(ctx, ada, bo.ID)
		if err != nil {
			t.Fatal(err)
		}
		in, err := s.UseLink(ctx, link, "", auth.Client{})
		if err != nil {
			t.Fatal(err)
		}
		p := who(t, s, in.Token)
		if p.Scope.All || len(p.Scope.Sites) != 1 || p.Scope.Sites[0] != at.No || p.Scope.Entities[0] != e.ID || p.Permissions.Has(auth.AssetWrite) || strings.Contains(p.Name, "\x1b") {
			t.Errorf("%+v", p)
		}
		for what, c := range map[string]struct {
			u    auth.User
			code ot.Code
		}{
			"address taken": {auth.User{Name: "X", Email: "BO@example.com", Role: auth.Reader}, ot.Conflict},
			"no role":       {auth.User{Name: "X", Email: "x@example.com"}, ot.Invalid},
			"unknown role":  {auth.User{Name: "X", Email: "x@example.com", Role: "king"}, ot.Conflict},
			"no address":    {auth.User{Name: "X", Email: "x", Role: auth.Reader}, ot.Invalid},
			"no name":       {auth.User{Email: "x@example.com", Role: auth.Reader}, ot.Invalid},
			"unknown site":  {auth.User{Name: "X", Email: "x@example.com", Role: auth.Reader, Sites: []string{"nowhere"}}, ot.Invalid},
		} {
			_, err := s.CreateUser(ctx, c.u)
			wantCode(t, what, err, c.code)
		}
		_, err = s.UpdateUser(ctx, ada.UserID, func(u auth.User) (auth.User, error) { u.Disabled = true; return u, nil })
		wantCode(t, "the last administrator", err, ot.Conflict)
		_, err = s.UpdateUser(ctx, ada.UserID, func(u auth.User) (auth.User, error) { u.SeesAll = false; return u, nil })
		wantCode(t, "the last administrator's scope", err, ot.Conflict)
		if _, err := s.UpdateUser(ctx, bo.ID, func(u auth.User) (auth.User, error) {
			u.Role, u.Sites, u.Entities = auth.Editor, nil, nil
			return u, nil
		}); err != nil {
			t.Fatal(err)
		}
		if p := who(t, s, in.Token); !p.Permissions.Has(auth.AssetWrite) || len(p.Scope.Sites) != 0 {
			t.Errorf("a change of role waits for a new sign-in: %+v", p)
		}
		if _, err := s.UpdateUser(ctx, bo.ID, func(u auth.User) (auth.User, error) { u.Disabled = true; return u, nil }); err != nil {
			t.Fatal(err)
		}
		if !who(t, s, in.Token).Nobody() {
			t.Error("disabled and still here")
		}
		us, err := s.Users(ctx)
		if err != nil || len(us) != 2 || !us[0].HasPass || us[1].HasPass || us[1].SignedInAt.IsZero() {
			t.Errorf("%+v %v", us, err)
		}
	})
}

func TestSessionsAndPassword(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		one := setUp(t, s)
		two, err := s.SignIn(ctx, "ada@example.com", good, auth.Client{Address: "10.0.0.9", Agent: "Firefox\x1b]"})
		if err != nil {
			t.Fatal(err)
		}
		p := who(t, s, one.Token)
		list, err := s.Sessions(ctx, p, false)
		if err != nil || len(list) != 2 {
			t.Fatalf("%+v %v", list, err)
		}
		stranger := auth.Principal{UserID: "x"}
		wantCode(t, "somebody else's session", s.Revoke(ctx, stranger, p.SessionID, false), ot.NotFound)
		wantCode(t, "wrong old password", s.SetPassword(ctx, p, "nope nope nope", "another fine secret"), ot.Invalid)
		wantCode(t, "new password", s.SetPassword(ctx, p, good, "another fine secret"), "")
		if !who(t, s, two.Token).Nobody() || who(t, s, one.Token).Nobody() {
			t.Error("a new password ends all other sessions and no more")
		}
		wantCode(t, "revoke as administrator", s.Revoke(ctx, stranger, p.SessionID, true), "")
		if !who(t, s, one.Token).Nobody() {
			t.Error("revoked and still here")
		}
		w.add(40 * 24 * time.Hour)
		if err := s.Clean(ctx, 30*24*time.Hour); err != nil {
			t.Fatal(err)
		}
		err = db.View(ctx, func(r store.Reader) error {
			n, err := store.One[int64](ctx, r, "SELECT count(*) FROM auth_session")
			if n != 0 {
				t.Errorf("%d old sessions kept", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhere(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		tree := org.New(db, nil)
		e, err := tree.CreateEntity(ctx, auth.Scope{All: true}, org.Entity{Name: "A"})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []string{"1", "2", "3"} { // numbers 1 to 3; zones 1 to 3
			at, err := tree.CreateSite(ctx, auth.Scope{All: true}, org.Site{EntityID: e.ID, Name: n})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tree.CreateZone(ctx, auth.Scope{All: true}, at.ID, org.Zone{Name: "Z", Level: "1"}); err != nil {
				t.Fatal(err)
			}
		}
		for name, c := range map[string]struct {
			s    auth.Scope
			zone string
			want int
		}{
			"nothing":            {auth.Scope{}, "zone_no", 0},
			"all":                {auth.Scope{All: true}, "zone_no", 3},
			"a site":             {auth.Scope{Sites: []int64{2}}, "", 1},
			"an entity":          {auth.Scope{Entities: []string{e.ID}}, "", 3},
			"another entity":     {auth.Scope{Entities: []string{"x"}}, "", 0},
			"a zone":             {auth.Scope{Zones: []int64{3}}, "zone_no", 1},
			"a zone, no column":  {auth.Scope{Zones: []int64{3}}, "", 0},
			"a site and a zone":  {auth.Scope{Sites: []int64{1}, Zones: []int64{3}}, "zone_no", 2},
			"all three together": {auth.Scope{Sites: []int64{1}, Zones: []int64{3}, Entities: []string{"x"}}, "zone_no", 2},
		} {
			err := db.View(ctx, func(r store.Reader) error {
				got, err := store.All[int64](ctx, r, "SELECT zone_no FROM org_zone WHERE ? AND level = ?", c.s.Where("site_no", c.zone), "1")
				if len(got) != c.want {
					t.Errorf("%s: %v", name, got)
				}
				return err
			})
			if err != nil {
				t.Error(name, err)
			}
		}
	})
}

func TestRolesKeepWhatPeopleChanged(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		err := db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE auth_role SET permissions = ?", store.AsJSON([]auth.Permission{auth.AssetRead}))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		in := setUp(t, open(t, db, w))
		if p := who(t, s, in.Token); len(p.Permissions) != len(auth.All()) {
			t.Errorf("the administrator may only %v", p.Permissions.List())
		}
		err = db.View(ctx, func(r store.Reader) error {
			ps, err := store.One[store.JSON[[]auth.Permission]](ctx, r, "SELECT permissions FROM auth_role WHERE role = ?", auth.Reader)
			if len(ps.V) != 1 {
				t.Errorf("a restart reset the reader's role: %v", ps.V)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
