package auth

import (
	"context"

	"github.com/skanse/skanse/internal/store"
)

// Role is a named list of permissions, kept as data.
type Role struct {
	ID          string       `json:"id"`
	Title       string       `json:"title"`
	Permissions []Permission `json:"permissions" nullable:"false"`
}

// Roles lists the roles.
func (s *Service) Roles(ctx context.Context) ([]Role, error) {
	out := []Role{}
	err := s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[role](ctx, r, "SELECT role, title, permissions FROM auth_role ORDER BY title, role")
		for _, x := range rows {
			out = append(out, Role{x.Role, x.Title, x.Permissions.V})
		}
		return err
	})
	return out, err
}
