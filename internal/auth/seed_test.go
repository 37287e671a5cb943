package auth_test

import (
	"slices"
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// permissionsOf reads a role as the database has it.
func permissionsOf(t *testing.T, s *auth.Service, id string) []auth.Permission {
	t.Helper()
	rs, err := s.Roles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		if r.ID == id {
			return r.Permissions
		}
	}
	t.Fatalf("there is no role %s", id)
	return nil
}

// An installation from before the table of known permissions: its roles gain what
// they never knew, keep what they have, and what an administrator took stays away.
func TestUpgradeGivesNewPermissions(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		ctx := t.Context()
		old := auth.Migrations()
		old.To = 3 // the schema before this one
		db := storetest.Open(t, url, []store.Migrations{org.Migrations(), old})
		type row struct {
			Role        string                        `db:"role"`
			Title       string                        `db:"title"`
			Permissions store.JSON[[]auth.Permission] `db:"permissions"`
		}
		before := []row{
			// Somebody took audit:read from the shift's own lead and gave the operator packets.
			{auth.SiteOTLead, "Lead of the line", store.AsJSON([]auth.Permission{auth.OrgRead, auth.OrgWrite, auth.AssetRead, auth.AssetWrite})},
			{auth.Operator, "Operator", store.AsJSON([]auth.Permission{auth.AssetRead, auth.PacketRead})},
			{auth.DSO, "OT security officer", store.AsJSON([]auth.Permission{auth.OrgRead, auth.AuditRead, auth.DeclareWrite, auth.NetworkRead, auth.PostureRead, auth.CaptureRead, auth.CaptureWrite, auth.UserRead})},
			// The administrator's always got everything, also what the others did not.
			{auth.Administrator, "Administrator", store.AsJSON([]auth.Permission{auth.OrgRead, auth.RecordRead, auth.EdgeRead})},
			{"own", "Our own", store.AsJSON([]auth.Permission{auth.AssetRead})},
		}
		if err := db.Update(ctx, func(tx *store.Tx) error {
			return store.Upsert(ctx, tx, "auth_role", before, []string{"role"}, []string{"permissions"})
		}); err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(ctx, tables()); err != nil {
			t.Fatal(err)
		}
		s := open(t, db, &wall{})
		lead := permissionsOf(t, s, auth.SiteOTLead)
		for _, p := range []auth.Permission{auth.RecordRead, auth.RecordApprove, auth.EdgeWrite, auth.OrgRead} {
			if !slices.Contains(lead, p) {
				t.Errorf("the lead did not gain %s: %v", p, lead)
			}
		}
		if slices.Contains(lead, auth.AuditRead) {
			t.Error("the lead got back what an administrator took away")
		}
		if op := permissionsOf(t, s, auth.Operator); !slices.Contains(op, auth.PacketRead) || !slices.Contains(op, auth.RecordRead) || slices.Contains(op, auth.OrgRead) {
			t.Errorf("operator: %v", op)
		}
		if own := permissionsOf(t, s, "own"); len(own) != 1 {
			t.Errorf("a role of the plant's own changed: %v", own)
		}
		if all := permissionsOf(t, s, auth.Administrator); len(all) != len(auth.All()) {
			t.Errorf("administrator: %v", all)
		}
		// Taken away now, it stays away at the next start: it is known.
		admin := auth.System()
		if err := s.MakeRole(ctx, admin, auth.Role{ID: auth.SiteOTLead, Title: "Lead", Permissions: []auth.Permission{auth.OrgRead}}, false); err != nil {
			t.Fatal(err)
		}
		if lead := permissionsOf(t, open(t, db, &wall{}), auth.SiteOTLead); len(lead) != 1 {
			t.Errorf("after a restart the lead has %v", lead)
		}
	})
}
