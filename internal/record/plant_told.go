package record

import (
	"context"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// TagTold is what a plant state's tag last said.
type TagTold struct {
	Protocol string     `json:"protocol"`
	Address  string     `json:"address" doc:"As a person wrote it"`
	Value    *float64   `json:"value" doc:"As last heard; null: never yet"`
	SeenAt   store.Time `json:"seen_at" doc:"When it was last on the wire"`
	Met      bool       `json:"met" doc:"The value is what the plant state asks for"`
	MetAt    store.Time `json:"met_at" doc:"Since when it is, or is not"`
	Since    store.Time `json:"since" doc:"Since when the plant is in this state because of it; null: it is not"`
}

// Told says what the tag of a plant state last said.
func (s *Service) Told(ctx context.Context, who auth.Principal, id string) (out TagTold, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		rec, t, err := s.load(ctx, r, who.Scope, id)
		if err != nil {
			return err
		}
		if _, err := s.typeFor(who, t.ID, "read"); err != nil {
			return unknown()
		}
		source, _ := rec.Data.V["source"].(string)
		if rec.Type != "plant-state" || source != "tag" {
			return ot.Errorf(ot.NotFound, "this record follows no tag")
		}
		out.Protocol, _ = rec.Data.V["tag_protocol"].(string)
		out.Address, _ = rec.Data.V["tag_address"].(string)
		heard, err := store.All[watch](ctx, r, "SELECT record_id, rule, met, met_at, value, seen_at FROM record_tag WHERE record_id = ?", id)
		if err != nil {
			return err
		}
		for _, w := range heard {
			out.Value, out.SeenAt, out.Met, out.MetAt = &w.Value, w.Seen, w.Met, w.MetAt
		}
		since, err := store.All[store.Time](ctx, r, "SELECT since_at FROM record_plant WHERE record_id = ? AND until_at IS NULL", id)
		if len(since) > 0 {
			out.Since = since[0]
		}
		return err
	})
	return out, err
}

func (s *Service) plantRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "get-record-tag", Method: http.MethodGet, Path: "/records/{id}/tag", Summary: "What the tag of a plant state last said on the wire", Tag: "Records", Permission: auth.RecordRead},
		func(ctx context.Context, in *ByID) (*struct{ Body TagTold }, error) {
			t, err := s.Told(ctx, auth.From(ctx), in.ID)
			return &struct{ Body TagTold }{t}, err
		})
}
