package auth_test

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// person makes a user and signs in by a link.
func person(t *testing.T, s *auth.Service, u auth.User) (auth.User, auth.Principal) {
	t.Helper()
	made, err := s.CreateUser(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	link, _, err := s.CreateLink(t.Context(), auth.System(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.UseLink(t.Context(), link, "", auth.Client{})
	if err != nil {
		t.Fatal(err)
	}
	return made, who(t, s, in.Token)
}

func change(t *testing.T, s *auth.Service, id string, fn func(*auth.User)) {
	t.Helper()
	if _, err := s.UpdateUser(t.Context(), id, func(u auth.User) (auth.User, error) { fn(&u); return u, nil }); err != nil {
		t.Fatal(err)
	}
}

// twoSites makes a company with two sites, and another company with one.
func twoSites(t *testing.T, db *store.DB) (companies []org.Entity, sites []org.Site) {
	t.Helper()
	o := org.New(db, nil)
	all := auth.Scope{All: true}
	for _, name := range []string{"Nordvand", "Sydvand"} {
		e, err := o.CreateEntity(t.Context(), all, org.Entity{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		companies = append(companies, e)
	}
	for i, name := range []string{"Aarhus", "Randers", "Odense"} {
		at, err := o.CreateSite(t.Context(), all, org.Site{EntityID: companies[i/2].ID, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		sites = append(sites, at)
	}
	return companies, sites
}

func TestToken(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		setUp(t, s)
		bea, p := person(t, s, auth.User{Name: "Bea", Email: "bea@example.com", Role: auth.OTEngineer, SeesAll: true})
		end := w.now().Add(30 * 24 * time.Hour)
		ask := auth.NewAccessToken{Name: "Backup", Permissions: []auth.Permission{auth.AssetRead, auth.AssetWrite}, SeesAll: true, EndAt: end}
		token, made, err := s.CreateToken(ctx, p, ask)
		if err != nil {
			t.Fatal(err)
		}
		got := who(t, s, token)
		if got.UserID != bea.ID || got.TokenID != made.ID || got.TokenName != "Backup" || got.SessionID != "" || !got.Scope.All ||
			len(got.Permissions) != 2 || got.Permissions.Has(auth.Self) {
			t.Errorf("the token is %+v", got)
		}
		var kept int64
		if err := db.View(ctx, func(r store.Reader) (err error) {
			kept, err = store.One[int64](ctx, r, "SELECT count(*) FROM auth_token WHERE token_hash = ?", token)
			return err
		}); err != nil || kept != 0 {
			t.Errorf("the database holds the token itself: %v", err)
		}

		// The last use is told to the hour.
		w.add(90 * time.Minute)
		who(t, s, token)
		list, err := s.Tokens(ctx, p, false)
		if err != nil || len(list) != 1 || !list[0].UsedAt.Equal(w.now().Truncate(time.Hour)) {
			t.Errorf("list %+v, %v", list, err)
		}

		// No more than its owner, now.
		change(t, s, bea.ID, func(u *auth.User) { u.Role = auth.Reader })
		if got := who(t, s, token); got.Permissions.Has(auth.AssetWrite) || !got.Permissions.Has(auth.AssetRead) {
			t.Errorf("the owner was demoted, the token still may %v", got.Permissions.List())
		}
		change(t, s, bea.ID, func(u *auth.User) { u.Disabled = true })
		if !who(t, s, token).Nobody() {
			t.Error("the owner is disabled, the token works")
		}
		change(t, s, bea.ID, func(u *auth.User) { u.Disabled = false; u.EndAt = store.At(w.now().Add(time.Hour)) })
		if who(t, s, token).Nobody() {
			t.Error("the owner is back, the token does not work")
		}
		w.add(time.Hour)
		if !who(t, s, token).Nobody() {
			t.Error("the owner's account has ended, the token works")
		}
		change(t, s, bea.ID, func(u *auth.User) { u.EndAt = store.Time{} })

		w.t = end.Add(-time.Second)
		if who(t, s, token).Nobody() {
			t.Error("the token ended early")
		}
		w.add(time.Second)
		if !who(t, s, token).Nobody() {
			t.Error("the token does not end")
		}
		w.add(-time.Hour) // a clock that jumps back
		if !who(t, s, token).Nobody() {
			t.Error("the clock jumped back and the token works again")
		}
	})
}

func TestTokenScope(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		setUp(t, s)
		companies, sites := twoSites(t, db)
		cleo, p := person(t, s, auth.User{Name: "Cleo", Email: "cleo@example.com", Role: auth.Reader, Entities: []string{companies[0].ID}})
		ask := func(entities, sites []string) (string, error) {
			token, _, err := s.CreateToken(ctx, p, auth.NewAccessToken{Name: "x", Permissions: []auth.Permission{auth.AssetRead}, Entities: entities, Sites: sites, EndAt: w.now().Add(time.Hour)})
			return token, err
		}
		one, err := ask(nil, []string{sites[0].ID})
		if err != nil {
			t.Fatal(err)
		}
		whole, err := ask([]string{companies[0].ID}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ask(nil, []string{sites[2].ID})
		wantCode(t, "another company's site", err, ot.Invalid)
		_, err = ask([]string{companies[1].ID}, nil)
		wantCode(t, "another company", err, ot.Invalid)
		_, err = ask(nil, nil)
		wantCode(t, "no scope", err, ot.Invalid)

		sees := func(token string, want ...int64) {
			t.Helper()
			scope := who(t, s, token).Scope
			err := db.View(ctx, func(r store.Reader) error {
				got, err := store.All[int64](ctx, r, "SELECT site_no FROM org_site WHERE ? ORDER BY site_no", scope.Where("site_no", ""))
				if len(got) != len(want) {
					t.Errorf("sees %v, want %v", got, want)
				}
				for i := range got {
					if i < len(want) && got[i] != want[i] {
						t.Errorf("sees %v, want %v", got, want)
					}
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		sees(one, sites[0].No)
		sees(whole, sites[0].No, sites[1].No)
		// The owner loses the company and keeps one site of it, and gets a foreign one.
		change(t, s, cleo.ID, func(u *auth.User) { u.Entities, u.Sites = nil, []string{sites[1].ID, sites[2].ID} })
		sees(one)
		sees(whole, sites[1].No)
		change(t, s, cleo.ID, func(u *auth.User) { u.SeesAll = true })
		sees(one, sites[0].No)
		sees(whole, sites[0].No, sites[1].No)
	})
}

func TestTokenRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, _ *store.DB, w *wall) {
		ctx := t.Context()
		boss := who(t, s, setUp(t, s).Token)
		_, p := person(t, s, auth.User{Name: "Bea", Email: "bea@example.com", Role: auth.Reader, SeesAll: true})
		ok := func() auth.NewAccessToken {
			return auth.NewAccessToken{Name: "x", Permissions: []auth.Permission{auth.AssetRead}, SeesAll: true, EndAt: w.now().Add(time.Hour)}
		}
		for _, c := range []struct {
			name string
			by   auth.Principal
			edit func(*auth.NewAccessToken)
			want ot.Code
		}{
			{"no name", p, func(n *auth.NewAccessToken) { n.Name = " " }, ot.Invalid},
			{"more than a year", p, func(n *auth.NewAccessToken) { n.EndAt = w.now().Add(367 * 24 * time.Hour) }, ot.Invalid},
			{"ended already", p, func(n *auth.NewAccessToken) { n.EndAt = w.now() }, ot.Invalid},
			{"nothing", p, func(n *auth.NewAccessToken) { n.Permissions = nil }, ot.Invalid},
			{"more than the owner", p, func(n *auth.NewAccessToken) { n.Permissions = []auth.Permission{auth.AssetWrite} }, ot.Forbidden},
			{"a permission that is none", p, func(n *auth.NewAccessToken) { n.Permissions = []auth.Permission{"x:y"} }, ot.Forbidden},
			{"a person's own", boss, func(n *auth.NewAccessToken) { n.Permissions = []auth.Permission{auth.Self} }, ot.Forbidden},
			{"users", boss, func(n *auth.NewAccessToken) { n.Permissions = []auth.Permission{auth.UserWrite} }, ot.Forbidden},
			{"by the system", auth.System(), func(*auth.NewAccessToken) {}, ot.Forbidden},
		} {
			n := ok()
			c.edit(&n)
			_, _, err := s.CreateToken(ctx, c.by, n)
			wantCode(t, c.name, err, c.want)
		}
		token, made, err := s.CreateToken(ctx, p, ok())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.CreateToken(ctx, who(t, s, token), ok())
		wantCode(t, "a token makes a token", err, ot.Forbidden)

		_, q := person(t, s, auth.User{Name: "Dag", Email: "dag@example.com", Role: auth.Reader, SeesAll: true})
		wantCode(t, "somebody else's", s.RevokeToken(ctx, q, made.ID, false), ot.NotFound)
		if list, err := s.Tokens(ctx, q, false); err != nil || len(list) != 0 {
			t.Errorf("Dag sees %v, %v", list, err)
		}
		if list, err := s.Tokens(ctx, boss, true); err != nil || len(list) != 1 {
			t.Errorf("the administrator sees %v, %v", list, err)
		}
		if err := s.RevokeToken(ctx, boss, made.ID, true); err != nil {
			t.Fatal(err)
		}
		if !who(t, s, token).Nobody() {
			t.Error("a revoked token works")
		}
		wantCode(t, "revoked twice", s.RevokeToken(ctx, p, made.ID, false), ot.NotFound)
	})
}

func TestAccountEnds(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, _ *store.DB, w *wall) {
		ctx := t.Context()
		boss := setUp(t, s)
		_, err := s.CreateUser(ctx, auth.User{Name: "Ida", Email: "ida@example.com", Role: auth.Auditor, SeesAll: true})
		wantCode(t, "an auditor without an end", err, ot.Invalid)
		end := w.now().Add(2 * time.Hour)
		ida, err := s.CreateUser(ctx, auth.User{Name: "Ida", Email: "ida@example.com", Role: auth.Auditor, SeesAll: true, EndAt: store.At(end)})
		if err != nil {
			t.Fatal(err)
		}
		link, _, err := s.CreateLink(ctx, auth.System(), ida.ID)
		if err != nil {
			t.Fatal(err)
		}
		in, err := s.UseLink(ctx, link, good, auth.Client{})
		if err != nil {
			t.Fatal(err)
		}
		late, _, err := s.CreateLink(ctx, auth.System(), ida.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.t = end.Add(-time.Second)
		if p := who(t, s, in.Token); !p.Permissions.Has(auth.AuditRead) || p.Permissions.Has(auth.AssetWrite) {
			t.Errorf("the auditor is %+v", p)
		}
		w.add(time.Second)
		if !who(t, s, in.Token).Nobody() {
			t.Error("the session goes on after the account's end")
		}
		_, err = s.SignIn(ctx, "ida@example.com", good, auth.Client{})
		wantCode(t, "a password after the end", err, ot.SignIn)
		_, err = s.UseLink(ctx, late, "", auth.Client{})
		wantCode(t, "a link after the end", err, ot.SignIn)
		_, _, err = s.CreateLink(ctx, auth.System(), ida.ID)
		wantCode(t, "a new link after the end", err, ot.Conflict)
		_, err = s.UpdateUser(ctx, boss.User.ID, func(u auth.User) (auth.User, error) { u.EndAt = store.At(end.Add(time.Hour)); return u, nil })
		wantCode(t, "the last administrator gets an end", err, ot.Conflict)
	})
}
