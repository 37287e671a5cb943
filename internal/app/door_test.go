package app

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/api"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/admin"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// The door of the whole program, on both engines: every operation for each role as
// the database has it, and every list for a person of one site.
func TestDoor(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		log := slog.New(slog.DiscardHandler)
		s, err := openServer(t.Context(), serverOptions{Data: Folder(t.TempDir()), URL: url}, log)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.close() })
		roles, err := s.auth.Roles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		byID := map[string]bool{}
		for _, r := range roles {
			byID[r.ID] = true
		}
		for _, id := range []string{
			auth.Administrator, auth.Editor, auth.Reader, auth.DSO, auth.SiteOTLead, auth.OTEngineer,
			auth.ShiftLeader, auth.Operator, auth.Vendor, auth.Auditor, auth.Management,
		} {
			if !byID[id] {
				t.Errorf("the database has no role %s", id)
			}
		}
		people := resttest.People{}
		for _, r := range roles {
			people[r.ID] = resttest.Person(r.ID, auth.Scope{All: true}, r.Permissions...)
		}
		program := resttest.Person("program", auth.Scope{All: true}, auth.All()...) // an access token of an administrator
		program.TokenID, program.TokenName = store.NewID(), "Backup"
		delete(program.Permissions, auth.Self)
		delete(program.Permissions, auth.UserWrite)
		people["program"] = program
		people["blind"] = resttest.Person("blind", auth.Scope{}, auth.All()...) // may everything, on no site
		company, err := s.org.CreateEntity(t.Context(), auth.Scope{All: true}, org.Entity{Name: "Nordvand"})
		if err != nil {
			t.Fatal(err)
		}
		var sites []org.Site
		for _, name := range []string{"Hjemme", "Fremmed"} {
			at, err := s.org.CreateSite(t.Context(), auth.Scope{All: true}, org.Site{EntityID: company.ID, Name: name})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.org.CreateZone(t.Context(), auth.Scope{All: true}, at.ID, org.Zone{Name: name + " zone", Level: "1", OT: true}); err != nil {
				t.Fatal(err)
			}
			sites = append(sites, at)
		}
		people["mine"] = resttest.Person("mine", auth.Scope{Sites: []int64{sites[0].No}}, auth.All()...)
		r := api.New(rest.Config{DB: s.db, Auth: people, Log: log}, pages(),
			admin.New(admin.Config{DB: s.db, Auth: s.auth, Org: s.org, Audit: s.audit, Overview: s.overview}),
			s.assets, s.network, s.captures, s.comply, s.view, s.notify, s.inbox, s.care, s.records, s.edges, s.digest, s.listening, s.baseline, s.conduits, s.performance, s.logs, s.detect)
		for _, op := range r.Ops() { // what would let a program outlive its token, or be a person
			if op.Method != http.MethodGet && (op.Tag == "Users" || op.Tag == "Access tokens" || op.Tag == "Session") && !op.Public && program.Permissions.Has(op.Permission) {
				t.Errorf("%s is open to access tokens", op.ID)
			}
		}
		t.Run("roles", func(t *testing.T) { resttest.Deny(t, r, people, store.NewID()) })
		t.Run("lists", func(t *testing.T) { foreignLists(t, r, sites[0], sites[1]) })
	})
}

// foreignLists asks every list as a person of one site, plainly and for the other
// site: neither its name nor its id may come back, nor an answer that differs from
// one for a site that does not exist.
func foreignLists(t *testing.T, r *rest.Router, mine, theirs org.Site) {
	h := r.Handler()
	saw := 0
	for _, op := range r.Ops() {
		if op.Method != http.MethodGet || op.Public || strings.Contains(op.Path, "{") {
			continue
		}
		path := rest.Prefix + op.Path
		for _, q := range []string{"", "?site=" + theirs.ID, "?q=Fremmed", "?limit=100"} {
			w := resttest.Do(t, h, "GET", path+q, "mine", "")
			body := w.Body.String()
			if w.Code == http.StatusUnprocessableEntity { // it has no such filter
				continue
			}
			if w.Code != http.StatusOK { // an error may say again what was asked
				body = ""
			}
			if strings.Contains(body, theirs.ID) || strings.Contains(body, theirs.Name+" ") || strings.Contains(body, `"`+theirs.Name) {
				t.Errorf("%s%s tells of the other site: %s", op.Path, q, body)
			}
			if strings.Contains(body, mine.ID) {
				saw++
			}
			if strings.HasPrefix(q, "?site=") {
				none := resttest.Do(t, h, "GET", path+"?site="+store.NewID(), "mine", "")
				if none.Code != w.Code {
					t.Errorf("%s: %d for a foreign site, %d for none", op.Path, w.Code, none.Code)
				}
			}
		}
	}
	if saw == 0 {
		t.Error("the person saw nothing of their own site either: the test proves nothing")
	}
}
