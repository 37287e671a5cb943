package centre

import (
	"context"
	"encoding/hex"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// visibleToken limits tokens to those for a site in scope.
func visibleToken(scope Scope) ot.SQL {
	return ot.SQL{Text: "EXISTS (SELECT 1 FROM edge_token_site x WHERE x.token_id = t.token_id AND ?)", Args: []any{scope.Where("x.site_no", "")}}
}

// Tokens lists enrolments, the newest first.
func (s *Service) Tokens(ctx context.Context, scope Scope, cursor string, limit int) (page rest.Page[Token], err error) {
	q, args := "SELECT "+tokenColumns+" FROM edge_token t WHERE ?", []any{visibleToken(scope)}
	if cursor != "" {
		var before string
		if err := rest.DecodeCursor(cursor, &before); err != nil {
			return page, err
		}
		q += " AND t.token_id < ?"
		args = append(args, before)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[tokenRow](ctx, r, q+" ORDER BY t.token_id DESC LIMIT ?", append(args, limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(x tokenRow) string { return rest.EncodeCursor(x.ID) })
		page = rest.Page[Token]{Items: make([]Token, 0, len(cut.Items)), Next: cut.Next}
		for i := range cut.Items {
			t := &cut.Items[i]
			out := Token{ID: t.ID, Name: t.Name, Sites: []Site{}, MadeAt: t.MadeAt, MadeBy: t.MadeBy, ExpiresAt: t.ExpiresAt, UsedAt: t.UsedAt, UsedFrom: t.UsedFrom, EdgeID: t.EdgeID, Again: t.Again, State: "open"}
			switch {
			case !t.UsedAt.IsZero():
				out.State = "used"
			case !t.WithdrawnAt.IsZero():
				out.State = "withdrawn"
			case s.now().After(t.ExpiresAt.Time):
				out.State = "ended"
			}
			type site struct {
				ID   string `db:"site_id"`
				Name string `db:"name"`
			}
			sites, err := store.All[site](ctx, r, "SELECT o.site_id, o.name FROM edge_token_site x JOIN org_site o ON o.site_no = x.site_no WHERE x.token_id = ? AND ? ORDER BY o.name", t.ID, scope.Where("x.site_no", ""))
			if err != nil {
				return err
			}
			for _, x := range sites {
				out.Sites = append(out.Sites, Site(x))
			}
			page.Items = append(page.Items, out)
		}
		return nil
	})
	return page, err
}

// Withdraw ends a token that was not used.
func (s *Service) Withdraw(ctx context.Context, scope Scope, id string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := store.All[tokenRow](ctx, tx, "SELECT "+tokenColumns+" FROM edge_token t WHERE t.token_id = ? AND ?", id, visibleToken(scope))
		switch {
		case err != nil:
			return err
		case len(rows) == 0:
			return ot.Errorf(ot.NotFound, "there is no such enrolment")
		case !rows[0].UsedAt.IsZero():
			return ot.Errorf(ot.Conflict, "the token was used already: revoke the sensor %s instead", rows[0].Name)
		}
		rest.Target(ctx, "", ot.Ref{Kind: "edge-token", ID: id})
		rest.Detail(ctx, "name", rows[0].Name)
		_, err = tx.Exec(ctx, "UPDATE edge_token SET withdrawn_at = ? WHERE token_id = ? AND withdrawn_at IS NULL", store.At(s.now()), id)
		return err
	})
}

// Listener says where edges come in.
func (s *Service) Listener() Listener {
	f := s.ca.Fingerprint()
	return Listener{Listening: s.addr != "", Address: s.addr, Fingerprint: hex.EncodeToString(f[:])}
}
