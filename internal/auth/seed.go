package auth

import (
	"context"
	"slices"

	"github.com/skanse/skanse/internal/store"
)

// endsAlways: people from outside have accounts that end by themselves.
func endsAlways(role string) bool { return role == Auditor || role == Vendor }

func isBuiltIn(id string) bool {
	return id == Administrator || slices.ContainsFunc(builtIn(), func(r role) bool { return r.Role == id })
}

// seedRoles writes the built-in roles where they are missing. In a role that is there
// it adds what this installation has never known, once: what an administrator took
// away stays away. The administrator role itself always has everything: a new
// permission must not lock the house.
func (s *Service) seedRoles(ctx context.Context, tx *store.Tx) error {
	have, err := store.All[role](ctx, tx, "SELECT role, title, permissions FROM auth_role")
	if err != nil {
		return err
	}
	known, err := store.All[Permission](ctx, tx, "SELECT permission FROM auth_known")
	if err != nil {
		return err
	}
	if len(known) == 0 {
		known = guessKnown(have)
	}
	changed := gain(have, builtIn(), Grant(known...))
	if err := store.Upsert(ctx, tx, "auth_role", changed, []string{"role"}, []string{"permissions"}); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "auth_role", builtIn(), []string{"role"}, nil); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "auth_role", []role{{Administrator, "Administrator", store.AsJSON(All())}}, []string{"role"}, []string{"permissions"}); err != nil {
		return err
	}
	type row struct {
		Permission Permission `db:"permission"`
	}
	var rows []row
	for _, p := range All() {
		rows = append(rows, row{p})
	}
	return store.Upsert(ctx, tx, "auth_known", rows, []string{"permission"}, nil)
}

// guessKnown is for an installation from before there was a table of it: known is what
// any role but the administrator's has. That one is no witness, it always got everything.
func guessKnown(have []role) []Permission {
	var known []Permission
	for _, r := range have {
		if r.Role != Administrator {
			known = append(known, r.Permissions.V...)
		}
	}
	return known
}

// gain is the roles that get a permission which was never known.
func gain(have, want []role, known Permissions) []role {
	var out []role
	for _, w := range want {
		i := slices.IndexFunc(have, func(r role) bool { return r.Role == w.Role })
		if i < 0 {
			continue
		}
		now := Grant(have[i].Permissions.V...)
		before := len(now)
		for _, p := range w.Permissions.V {
			if !known.Has(p) {
				now[p] = struct{}{}
			}
		}
		if len(now) > before {
			out = append(out, role{w.Role, have[i].Title, store.AsJSON(now.List())})
		}
	}
	return out
}
