package auth

import (
	"context"
	"slices"

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
	Auditor     = "auditor" // an account of this role has an end date
	Management  = "management"
)

// Role is a named list of permissions, kept as data.
type Role struct {
	ID          string       `json:"id"`
	Title       string       `json:"title"`
	Permissions []Permission `json:"permissions" nullable:"false"`
	Ends        bool         `json:"ends" doc:"An account of this role needs an end date"`
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
		for _, x := range rows {
			out = append(out, Role{x.Role, x.Title, x.Permissions.V, x.Role == Auditor, slices.Contains(second, x.Role)})
		}
		return err
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

// seedRoles writes the built-in roles where they are missing, so that what an
// administrator changed in one stays. The administrator role itself always has
// everything: a new permission must not lock the house.
func (s *Service) seedRoles(ctx context.Context, tx *store.Tx) error {
	if err := store.Upsert(ctx, tx, "auth_role", builtIn(), []string{"role"}, nil); err != nil {
		return err
	}
	return store.Upsert(ctx, tx, "auth_role", []role{{Administrator, "Administrator", store.AsJSON(All())}}, []string{"role"}, []string{"permissions"})
}
