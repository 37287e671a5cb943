package logs

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
)

const tag = "Logs"

// Routes mounts the slice.
func (s *Service) Routes(r *rest.Router) {
	type made struct {
		ETag string `header:"ETag"`
		Body struct {
			ID string `json:"id"`
		}
	}
	rest.Register(r, rest.Op{ID: "get-log-register", Method: http.MethodGet, Path: "/sites/{id}/log-sources", Summary: "Who is expected to send log lines at a site, how each does, and who else sends", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{ Body Register }, error) {
			x, err := s.Register(ctx, auth.From(ctx).Scope, in.ID)
			return &struct{ Body Register }{x}, err
		})
	rest.Register(r, rest.Op{ID: "create-log-source", Method: http.MethodPost, Path: "/sites/{id}/log-sources", Summary: "Expect log lines of somebody", Tag: tag, Permission: auth.AssetWrite, Audit: "log_source.create", Status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body Want
		},
		) (*made, error) {
			out := &made{}
			var err error
			out.Body.ID, out.ETag, err = s.Expect(ctx, auth.From(ctx).Scope, auth.From(ctx).Called(), in.ID, in.Body)
			return out, err
		})
	rest.Register(r, rest.Op{ID: "update-log-source", Method: http.MethodPut, Path: "/log-sources/{id}", Summary: "Change what is expected of a log source", Tag: tag, Permission: auth.AssetWrite, Audit: "log_source.update"},
		func(ctx context.Context, in *struct {
			ID      string `path:"id"`
			IfMatch string `header:"If-Match"`
			Body    Want
		},
		) (*made, error) {
			out := &made{}
			var err error
			out.Body.ID = in.ID
			out.ETag, err = s.Change(ctx, auth.From(ctx).Scope, in.ID, in.IfMatch, in.Body)
			return out, err
		})
	rest.Register(r, rest.Op{ID: "delete-log-source", Method: http.MethodDelete, Path: "/log-sources/{id}", Summary: "Expect a log source no longer; its lines stay until their time is over", Tag: tag, Permission: auth.AssetWrite, Audit: "log_source.delete"},
		func(ctx context.Context, in *struct {
			ID      string `path:"id"`
			IfMatch string `header:"If-Match"`
		},
		) (*struct{}, error) {
			return nil, s.Remove(ctx, auth.From(ctx).Scope, in.ID, in.IfMatch)
		})
	rest.Register(r, rest.Op{ID: "list-log-lines", Method: http.MethodGet, Path: "/log-lines", Summary: "Log lines, the newest first", Tag: tag, Permission: auth.CaptureRead},
		func(ctx context.Context, in *struct {
			Site   string    `query:"site"`
			Source string    `query:"source"`
			Asset  string    `query:"asset"`
			From   time.Time `query:"from" doc:"Received from here on"`
			To     time.Time `query:"to" doc:"and before here"`
			Text   string    `query:"q" maxLength:"200" doc:"Words that all stand in the line, its host or its program"`
			Worst  int       `query:"severity" default:"-1" minimum:"-1" maximum:"7" doc:"Only lines this grave or graver (0 emergency to 7 debug); -1: all"`
			Cursor string    `query:"cursor"`
			Limit  int       `query:"limit" default:"100" minimum:"1" maximum:"500"`
		},
		) (*struct{ Body Found }, error) {
			x, err := s.Find(ctx, auth.From(ctx).Scope, Filter{in.Site, in.Source, in.Asset, in.From, in.To, in.Text, in.Worst, in.Cursor, in.Limit})
			return &struct{ Body Found }{x}, err
		})
	type named struct {
		Name string `query:"name" doc:"Of the file"`
	}
	r.Raw(rest.Op{ID: "import-log-events", Method: http.MethodPost, Path: "/log-sources/{id}/events", Summary: "Windows events: an EVTX file, or XML as it is exported and forwarded", Tag: tag, Permission: auth.AssetWrite, Audit: "log.import", Long: true, Query: named{}, Answer: Imported{}},
		http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			got, err := s.Import(q.Context(), auth.From(q.Context()).Scope, q.PathValue("id"), q.URL.Query().Get("name"), q.Body)
			if err != nil {
				_, _ = io.CopyN(io.Discard, q.Body, 1<<20) // so that the browser reads the answer
				if ot.CodeOf(err) == ot.Internal {
					s.cfg.Log.Error("a file of events could not be taken in", "error", err)
				}
				r.Fail(w, q, err)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(got) // the client is gone: nothing is left to tell it
		}))
}
