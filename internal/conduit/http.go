package conduit

import (
	"bytes"
	"context"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

const tag = "Conduits"

// Routes mounts the slice.
func (s *Service) Routes(r *rest.Router) {
	type detail struct {
		ETag string `header:"ETag"`
		Body Policy
	}
	rest.Register(r, rest.Op{ID: "get-conduits", Method: http.MethodGet, Path: "/sites/{id}/conduits", Summary: "What passes between zones: approved, observed and configured, side by side", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{ Body Plan }, error) {
			p, err := s.Plan(ctx, auth.From(ctx).Scope, in.ID)
			return &struct{ Body Plan }{p}, err
		})
	rest.Register(r, rest.Op{ID: "create-conduit", Method: http.MethodPost, Path: "/sites/{id}/conduits", Summary: "Allow or deny something between two zones", Tag: tag, Permission: auth.OrgWrite, Audit: "conduit.create", Status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body Rule
		},
		) (*detail, error) {
			p, err := s.Add(ctx, auth.From(ctx).Scope, auth.From(ctx).Called(), in.ID, in.Body)
			return &detail{p.ETag, p}, err
		})
	rest.Register(r, rest.Op{ID: "decide-conduits", Method: http.MethodPost, Path: "/sites/{id}/conduits/decisions", Summary: "Allow or deny observed services, exactly as they were observed", Tag: tag, Permission: auth.OrgWrite, Audit: "conduit.decide", Status: http.StatusOK},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body Several
		},
		) (*struct {
			Body struct {
				Decided int `json:"decided"`
			}
		}, error,
		) {
			n, err := s.Decide(ctx, auth.From(ctx).Scope, auth.From(ctx).Called(), in.ID, in.Body)
			out := &struct {
				Body struct {
					Decided int `json:"decided"`
				}
			}{}
			out.Body.Decided = n
			return out, err
		})
	rest.Register(r, rest.Op{ID: "update-conduit", Method: http.MethodPut, Path: "/conduits/{id}", Summary: "Change a policy", Tag: tag, Permission: auth.OrgWrite, Audit: "conduit.update"},
		func(ctx context.Context, in *struct {
			ID      string `path:"id"`
			IfMatch string `header:"If-Match"`
			Body    Rule
		},
		) (*detail, error) {
			p, err := s.Change(ctx, auth.From(ctx).Scope, auth.From(ctx).Called(), in.ID, in.Body, in.IfMatch)
			return &detail{p.ETag, p}, err
		})
	rest.Register(r, rest.Op{ID: "delete-conduit", Method: http.MethodDelete, Path: "/conduits/{id}", Summary: "End a policy", Tag: tag, Permission: auth.OrgWrite, Audit: "conduit.delete"},
		func(ctx context.Context, in *struct {
			ID      string `path:"id"`
			IfMatch string `header:"If-Match"`
		},
		) (*struct{}, error) {
			return nil, s.Retire(ctx, auth.From(ctx).Scope, in.ID, in.IfMatch)
		})
	r.Raw(rest.Op{ID: "export-conduits", Method: http.MethodGet, Path: "/sites/{id}/conduits/export", Summary: "The policies in force as nftables (format=nft) or as a table to read (format=table)", Tag: tag, Permission: auth.NetworkRead},
		http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			var out bytes.Buffer
			f := Format(q.URL.Query().Get("format"))
			if f == "" {
				f = AsTable
			}
			err := s.db.View(q.Context(), func(rd store.Reader) error {
				return s.Export(q.Context(), rd, auth.From(q.Context()).Scope, q.PathValue("id"), f, &out)
			})
			if err != nil {
				r.Fail(w, q, err)
				return
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Content-Disposition", `attachment; filename="conduits.`+string(f)+`"`)
			_, _ = w.Write(out.Bytes()) // the client is gone if this fails
		}))
}
