package auth

import (
	"context"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// The roles that every installation starts with.
const (
	Administrator = "administrator"
	Editor        = "editor"
	Reader        = "reader"

	DSO         = "dso" // OT security officer
	SiteOTLead  = "site-ot-lead"
	OTEngineer  = "ot-engineer"
	ShiftLeader = "shift-leader"
	Operator    = "operator"
	Vendor      = "vendor"
	Auditor     = "auditor" // such an account has an end date
	Management  = "management"
)

// Role is a named list of permissions, kept as data.
type Role struct {
	ID          string       `json:"id"`
	Title       string       `json:"title"`
	Permissions []Permission `json:"permissions" nullable:"false"`
	Ends        bool         `json:"ends" doc:"An account of this role needs an end date"`
	BuiltIn     bool         `json:"built_in"`
	Users       int64        `json:"users" doc:"Accounts that have it"`
	SecondStep  bool         `json:"second_step" doc:"Its people must sign in with a code of an app too"`
}

// Roles lists the roles.
func (s *Service) Roles(ctx context.Context) ([]Role, error) {
	out := []Role{}
	err := s.db.View(ctx, func(r store.Reader) error {
		second, err := store.All[string](ctx, r, "SELECT role FROM auth_second")
		if err != nil {
			return err
		}
		rows, err := store.All[role](ctx, r, "SELECT role, title, permissions FROM auth_role ORDER BY title, role")
		if err != nil {
			return err
		}
		type count struct {
			Role string `db:"role"`
			N    int64  `db:"n"`
		}
		counts, err := store.All[count](ctx, r, "SELECT role, count(*) AS n FROM auth_user WHERE kind = 'person' GROUP BY role")
		if err != nil {
			return err
		}
		users := map[string]int64{}
		for _, c := range counts {
			users[c.Role] = c.N
		}
		for _, x := range rows {
			out = append(out, Role{x.Role, x.Title, x.Permissions.V, endsAlways(x.Role), isBuiltIn(x.Role), users[x.Role], slices.Contains(second, x.Role)})
		}
		return nil
	})
	return out, err
}

type role struct {
	Role        string                   `db:"role"`
	Title       string                   `db:"title"`
	Permissions store.JSON[[]Permission] `db:"permissions"`
}

// builtIn are the roles as an installation first gets them, but for the
// administrator's. Only the security officer and the auditor see who has an
// account; nobody but the administrator makes one.
func builtIn() []role {
	reads := []Permission{OrgRead, AssetRead, NetworkRead, CaptureRead, PostureRead, RecordRead}
	with := func(id, title string, base []Permission, more ...Permission) role {
		return role{id, title, store.AsJSON(Grant(append(more, base...)...).List())}
	}
	return []role{
		with(Editor, "Editor", reads, OrgWrite, AssetWrite, CaptureWrite, PacketRead, DeclareWrite, AuditRead, RecordWrite, EdgeRead, EdgeWrite),
		with(Reader, "Reader", reads),
		with(DSO, "OT security officer", reads, OrgWrite, AssetWrite, CaptureWrite, PacketRead, DeclareWrite, AuditRead, UserRead, RecordWrite, RecordApprove, NotifyWrite, EdgeRead, EdgeWrite, SystemRead),
		with(SiteOTLead, "Site OT lead", reads, OrgWrite, AssetWrite, CaptureWrite, PacketRead, DeclareWrite, AuditRead, RecordWrite, RecordApprove, EdgeRead, EdgeWrite),
		with(OTEngineer, "OT engineer", reads, AssetWrite, CaptureWrite, PacketRead, RecordWrite, EdgeRead),
		with(ShiftLeader, "Shift leader", reads, AssetWrite, RecordWrite, EdgeRead),
		with(Operator, "Operator", nil, OrgRead, AssetRead, NetworkRead, PostureRead, RecordRead),
		with(Vendor, "Vendor", nil, OrgRead, AssetRead, NetworkRead),
		with(Auditor, "Auditor", reads, AuditRead, UserRead, EdgeRead, SystemRead),
		with(Management, "Management", nil, OrgRead, PostureRead, RecordRead, RecordApprove),
	}
}

// MakeRole adds a role, or changes what one that is not the administrator's allows. A
// role allows no more than its maker's own.
func (s *Service) MakeRole(ctx context.Context, p Principal, in Role, fresh bool) error {
	in.Title = ot.Printable(strings.TrimSpace(in.Title))
	if n := len([]rune(in.Title)); n == 0 || n > 60 {
		return ot.Errorf(ot.Invalid, "a role needs a title of at most 60 characters")
	}
	if !roleID(in.ID) {
		return ot.Errorf(ot.Invalid, "the id of a role is 2 to 40 small letters, digits and dashes")
	}
	set := Grant(in.Permissions...)
	all := Grant(All()...)
	for _, x := range set.List() {
		switch {
		case !all.Has(x) || x == Self:
			return ot.Errorf(ot.Invalid, "there is no permission %q to give", ot.Printable(string(x)))
		case !p.Permissions.Has(x):
			return ot.Errorf(ot.Forbidden, "your role (%s) does not allow %s: a role may not allow more than your own", p.Role, x)
		}
	}
	if in.ID == Administrator {
		return ot.Errorf(ot.Conflict, "the administrator may do everything: make another role instead")
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		old, err := store.One[role](ctx, tx, "SELECT role, title, permissions FROM auth_role WHERE role = ?", in.ID)
		switch missing := ot.CodeOf(err) == ot.NotFound; {
		case err != nil && !missing:
			return err
		case missing && !fresh:
			return ot.Errorf(ot.NotFound, "there is no such role")
		case !missing && fresh:
			return ot.Errorf(ot.Conflict, "there is a role %s already", in.ID)
		}
		for _, x := range old.Permissions.V { // nor take from one above
			if !p.Permissions.Has(x) {
				return ot.Errorf(ot.Forbidden, "the role %s allows more than your own (%s): ask an administrator", in.ID, x)
			}
		}
		return store.Upsert(ctx, tx, "auth_role", []role{{in.ID, in.Title, store.AsJSON(set.List())}}, []string{"role"}, []string{"title", "permissions"})
	})
}

func roleID(id string) bool {
	return len(id) >= 2 && len(id) <= 40 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// DeleteRole removes a role that nobody has.
func (s *Service) DeleteRole(ctx context.Context, id string) error {
	if isBuiltIn(id) {
		return ot.Errorf(ot.Conflict, "this role comes with Skanse: take permissions from it instead")
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_user WHERE role = ?", id)
		if err != nil {
			return err
		}
		if n > 0 {
			return ot.Errorf(ot.Conflict, "%d accounts have this role: give them another one first", n)
		}
		if _, err := tx.Exec(ctx, "DELETE FROM auth_second WHERE role = ?", id); err != nil {
			return err
		}
		n, err = tx.Exec(ctx, "DELETE FROM auth_role WHERE role = ?", id)
		if err == nil && n == 0 {
			err = ot.Errorf(ot.NotFound, "there is no such role")
		}
		return err
	})
}
