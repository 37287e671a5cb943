package comply

import (
	"context"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Explanation is a person's word on why something was done.
type Explanation struct {
	ID        string     `db:"explanation_id" json:"id"`
	SiteID    string     `db:"site_id" json:"site_id"`
	Who       string     `db:"who" json:"who"`
	Why       string     `db:"why" json:"why"`
	RecordID  string     `db:"record_id" json:"record_id"`
	Emergency bool       `db:"emergency" json:"emergency"`
	MadeBy    string     `db:"made_name" json:"made_by"`
	MadeAt    store.Time `db:"made_at" json:"made_at"`
	Events    int64      `db:"events" json:"events"`
	Findings  int64      `db:"findings" json:"findings"`
}

// Explanations lists what was explained, newest first.
func (s *Service) Explanations(ctx context.Context, scope auth.Scope, siteID, cursor string, limit int) (page rest.Page[Explanation], err error) {
	if limit <= 0 || limit > 500 {
		limit = 100
	}
	type position struct {
		At int64  `json:"a"`
		ID string `json:"i"`
	}
	q, args := `SELECT x.explanation_id, COALESCE(o.site_id, '') AS site_id, x.who, x.why, x.record_id, x.emergency = 1 AS emergency, x.made_name, x.made_at,
 (SELECT COUNT(*) FROM comply_explained_event e WHERE e.explanation_id = x.explanation_id) AS events, (SELECT COUNT(*) FROM comply_explained_finding f WHERE f.explanation_id = x.explanation_id) AS findings
 FROM (SELECT * FROM comply_explanation WHERE ?) x LEFT JOIN org_site o ON o.site_no = x.site_no WHERE 1 = 1`, []any{visible(scope)}
	if siteID != "" {
		q += " AND o.site_id = ?"
		args = append(args, siteID)
	}
	if cursor != "" {
		var p position
		if err := rest.DecodeCursor(cursor, &p); err != nil {
			return page, err
		}
		q += " AND (x.made_at < ? OR x.made_at = ? AND x.explanation_id < ?)"
		args = append(args, p.At, p.At, p.ID)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[Explanation](ctx, r, q+" ORDER BY x.made_at DESC, x.explanation_id DESC LIMIT ?", append(args, limit+1)...)
		page = rest.Cut(rows, limit, func(x Explanation) string { return rest.EncodeCursor(position{x.MadeAt.UnixMicro(), x.ID}) })
		return err
	})
	return page, err
}

func (s *Service) explainRoutes(r *rest.Router) {
	const tag = "Explanations"
	rest.Register(r, rest.Op{ID: "explain", Method: http.MethodPost, Path: "/explanations", Summary: "Explain an observed change or a contradiction: who, why, which change", Tag: tag, Permission: auth.RecordWrite, Audit: "explain", Status: http.StatusCreated},
		func(ctx context.Context, in *struct{ Body Explain }) (*struct{ Body Explained }, error) {
			out, err := s.Explain(ctx, auth.From(ctx), in.Body)
			return &struct{ Body Explained }{out}, err
		})
	rest.Register(r, rest.Op{ID: "list-explanations", Method: http.MethodGet, Path: "/explanations", Summary: "What was explained, newest first", Tag: tag, Permission: auth.RecordRead},
		func(ctx context.Context, in *struct {
			Site   string `query:"site"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body rest.Page[Explanation] }, error) {
			page, err := s.Explanations(ctx, auth.From(ctx).Scope, in.Site, in.Cursor, in.Limit)
			return &struct{ Body rest.Page[Explanation] }{page}, err
		})
}
