package app

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/store/storetest"
)

// A person of one zone asks every list, count, search and export of the program: what
// stands in the next zone of the same site is in none of the answers.
func TestZoneDoor(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		ctx := t.Context()
		s, err := openServer(ctx, serverOptions{Data: Folder(t.TempDir()), URL: url}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.close() })
		all := auth.Scope{All: true}
		e, err := s.org.CreateEntity(ctx, all, org.Entity{Name: "Nordvand"})
		if err != nil {
			t.Fatal(err)
		}
		site, err := s.org.CreateSite(ctx, all, org.Site{EntityID: e.ID, Name: "Hjemme"})
		if err != nil {
			t.Fatal(err)
		}
		var zones []org.Zone
		for _, name := range []string{"Linje", "Fremmed"} {
			z, err := s.org.CreateZone(ctx, all, site.ID, org.Zone{Name: name, Level: "1", OT: true})
			if err != nil {
				t.Fatal(err)
			}
			zones = append(zones, z)
		}
		h := s.router(nil).Handler()
		signIn := func(u auth.User) string {
			t.Helper()
			made, err := s.auth.CreateUser(ctx, u)
			if err != nil {
				t.Fatal(err)
			}
			link, _, err := s.auth.CreateLink(ctx, auth.System(), made.ID)
			if err != nil {
				t.Fatal(err)
			}
			in, err := s.auth.UseLink(ctx, link, "", auth.Client{})
			if err != nil {
				t.Fatal(err)
			}
			return in.Token
		}
		boss := signIn(auth.User{Name: "Ada", Email: "ada@example.com", Role: auth.Administrator, SeesAll: true})
		csv := "name,ip,zone\nPumpe 1,10.0.0.1,Linje\nHemmelig PLC,10.0.0.2,Fremmed\n"
		w := resttest.Do(t, h, "POST", rest.Prefix+"/assets/import?site="+site.ID, boss, csv, "Content-Type", "text/csv")
		if w.Code != http.StatusOK {
			t.Fatalf("import: %d %s", w.Code, w.Body)
		}
		theirs := resttest.Do(t, h, "GET", rest.Prefix+"/assets?q=hemmelig", boss, "").Body.String()
		_, id, ok := strings.Cut(theirs, `"id":"`)
		if !ok || !strings.Contains(theirs, "Hemmelig") {
			t.Fatalf("the administrator does not see the asset: %s", theirs)
		}
		id, _, _ = strings.Cut(id, `"`)
		// Everything but managing users, in one zone.
		may := auth.All()
		if err := s.auth.MakeRole(ctx, auth.System(), auth.Role{ID: "everything", Title: "Everything", Permissions: without(may, auth.Self)}, true); err != nil {
			t.Fatal(err)
		}
		bo := signIn(auth.User{Name: "Bo", Email: "bo@example.com", Role: "everything", Zones: []string{zones[0].ID}})
		asked := 0
		for _, op := range s.router(nil).Ops() {
			if op.Method != http.MethodGet || op.Public || strings.Contains(op.Path, "{") {
				continue
			}
			for _, q := range []string{"", "?q=Hemmelig", "?q=Fremmed", "?site=" + site.ID, "?zone=" + zones[1].ID} {
				w := resttest.Do(t, h, "GET", rest.Prefix+op.Path+q, bo, "")
				if w.Code != http.StatusOK {
					continue
				}
				asked++
				for _, secret := range []string{"Hemmelig", `"Fremmed"`, zones[1].ID, id, "10.0.0.2"} {
					if strings.Contains(w.Body.String(), secret) {
						t.Errorf("%s%s tells of %s: %s", op.Path, q, secret, w.Body)
					}
				}
			}
		}
		if asked < 10 {
			t.Errorf("only %d lists answered: the test proves little", asked)
		}
		mine := resttest.Do(t, h, "GET", rest.Prefix+"/assets", bo, "").Body.String()
		if !strings.Contains(mine, "Pumpe 1") {
			t.Errorf("the person does not see the own zone: %s", mine)
		}
		for path, want := range map[string]int{
			"/assets/" + id: 404, "/assets/" + id + "/history": 404, "/assets/" + id + "/conversations": 404,
			"/zones/" + zones[1].ID: 404, "/sites/" + site.ID: 200, "/sites/" + site.ID + "/subnets": 404, "/sites/" + site.ID + "/realms": 404,
		} {
			if w := resttest.Do(t, h, "GET", rest.Prefix+path, bo, ""); w.Code != want && w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s: %d, want %d: %s", path, w.Code, want, w.Body)
			}
		}
		if got := resttest.Do(t, h, "GET", rest.Prefix+"/sites/"+site.ID, bo, "").Body.String(); !strings.Contains(got, `"assets":1`) {
			t.Errorf("the count of the site: %s", got)
		}
		if w := resttest.Do(t, h, "GET", rest.Prefix+"/users", bo, ""); w.Code != http.StatusForbidden {
			t.Errorf("users: %d", w.Code)
		}
	})
}

func without(ps []auth.Permission, not auth.Permission) []auth.Permission {
	var out []auth.Permission
	for _, p := range ps {
		if p != not {
			out = append(out, p)
		}
	}
	return out
}
