package record

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// manyRoutes mounts what is about several records at once.
func (s *Service) manyRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "bulk-records", Method: http.MethodPost, Path: "/records/bulk", Summary: "Change several records, or see what would change", Tag: "Records", Permission: auth.RecordWrite, Audit: "record.bulk", Status: http.StatusOK},
		func(ctx context.Context, in *struct {
			Body struct {
				IDs        []string `json:"ids" nullable:"false" maxItems:"500"`
				Set        *Changes `json:"set,omitempty"`
				Transition string   `json:"transition,omitempty"`
				Reason     string   `json:"reason,omitempty"`
				DryRun     bool     `json:"dry_run,omitempty"`
			}
		},
		) (*struct{ Body rest.Page[BulkResult] }, error) {
			b := Bulk{IDs: in.Body.IDs, Transition: in.Body.Transition, Reason: in.Body.Reason, DryRun: in.Body.DryRun}
			if in.Body.Set != nil {
				b.Set = in.Body.Set.patch()
			}
			rest.Detail(ctx, "records", strconv.Itoa(len(b.IDs)))
			rest.Detail(ctx, "dry_run", strconv.FormatBool(b.DryRun))
			out, err := s.Bulk(ctx, auth.From(ctx), b)
			return &struct{ Body rest.Page[BulkResult] }{rest.Page[BulkResult]{Items: out}}, err
		})
	rest.Register(r, rest.Op{ID: "export-records", Method: http.MethodGet, Path: "/records/export", Summary: "Records of one type as a table that can be read in again", Tag: "Records", Permission: auth.RecordRead},
		func(ctx context.Context, in *struct {
			ListIn
			Format string `query:"format" enum:"csv,xlsx" default:"csv"`
		},
		) (*exportOut, error) {
			who := auth.From(ctx)
			t, err := s.typeFor(who, in.Type, "read")
			if err != nil {
				return nil, err
			}
			query, err := s.query(&in.ListIn)
			if err != nil {
				return nil, err
			}
			if _, err := s.List(ctx, who, query); err != nil { // a filter that is wrong is told before the first byte
				return nil, err
			}
			media := "text/csv; charset=utf-8"
			if in.Format == "xlsx" {
				media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
			}
			return &exportOut{ContentType: media, Disposition: disposition(t.ID + "-" + s.now().Format(time.DateOnly) + "." + in.Format), Body: func(w http.ResponseWriter, q *http.Request) {
				if err := s.Export(q.Context(), who, query, in.Format, w); err != nil {
					s.cfg.Log.ErrorContext(q.Context(), "an export broke off", "error", err)
					panic(http.ErrAbortHandler) // half a table must not look like a whole one
				}
			}}, nil
		})
	rest.Register(r, rest.Op{ID: "list-record-calendar", Method: http.MethodGet, Path: "/records/calendar", Summary: "What lies between two times, with all times of what comes again", Tag: "Records", Permission: auth.RecordRead},
		func(ctx context.Context, in *struct {
			Type string    `query:"type"`
			Site string    `query:"site"`
			From time.Time `query:"from"`
			To   time.Time `query:"to"`
		},
		) (*struct{ Body rest.Page[Entry] }, error) {
			from, to := in.From, in.To
			if from.IsZero() {
				from = s.now().AddDate(0, 0, -31)
			}
			if to.IsZero() {
				to = from.AddDate(0, 0, 93)
			}
			out, err := s.Calendar(ctx, auth.From(ctx), in.Type, in.Site, from, to)
			return &struct{ Body rest.Page[Entry] }{rest.Page[Entry]{Items: out}}, err
		})
	r.Raw(rest.Op{
		ID: "import-records", Method: http.MethodPost, Path: "/records/import", Summary: "Take a table in, as the raw body; dry_run shows every row's effect", Tag: "Records",
		Permission: auth.RecordWrite, Audit: "record.import", MaxBody: maxImport, Query: importIn{}, Answer: ImportResult{},
	}, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		out, err := s.importBody(q)
		if err != nil {
			r.Fail(w, q, err)
			return
		}
		answerJSON(w, http.StatusOK, out)
	}))
}

// importIn describes what importBody reads from the address.
type importIn struct {
	Type   string `query:"type" required:"true"`
	Site   string `query:"site" doc:"Where new records stand"`
	Format string `query:"format" enum:"csv,xlsx" default:"csv"`
	DryRun bool   `query:"dry_run"`
}

type exportOut struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        rest.Stream
}

func (s *Service) importBody(q *http.Request) (ImportResult, error) {
	ctx, query := q.Context(), q.URL.Query()
	who := auth.From(ctx)
	in := Import{Type: query.Get("type"), Site: query.Get("site"), DryRun: query.Get("dry_run") == "true" || query.Get("dry_run") == "1"}
	if _, err := s.typeFor(who, in.Type, "write"); err != nil { // before the body is read
		return ImportResult{}, err
	}
	b, err := io.ReadAll(q.Body)
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return ImportResult{}, ot.Errorf(ot.TooMany, "the file has more than %d MiB: split it", tooBig.Limit>>20)
	}
	if err != nil {
		return ImportResult{}, ot.Errorf(ot.Invalid, "the upload broke off: try again")
	}
	switch query.Get("format") {
	case "csv", "":
		in.Table, err = readCSV(b)
	case "xlsx":
		in.Table, err = readXLSX(b)
	default:
		err = ot.Errorf(ot.Invalid, "format is %q: csv or xlsx", ot.Printable(query.Get("format")))
	}
	if err != nil {
		return ImportResult{}, err
	}
	rest.Detail(ctx, "type", in.Type)
	rest.Detail(ctx, "dry_run", strconv.FormatBool(in.DryRun))
	return s.Import(ctx, who, in)
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nothing is left to tell it
}

// fileRoutes mounts attachments.
func (s *Service) fileRoutes(r *rest.Router) {
	r.Raw(rest.Op{
		ID: "attach-to-record", Method: http.MethodPost, Path: "/records/{id}/attachments", Summary: "Attach a file, as the raw body (?name=), at most 2 GiB", Tag: "Records",
		Permission: auth.RecordWrite, Audit: "record.attach", Status: http.StatusCreated, Long: true,
	}, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		got, err := s.Attach(ownRequest(q.Context()), auth.From(q.Context()), q.PathValue("id"), q.URL.Query().Get("name"), q.ContentLength, q.Body)
		if err != nil {
			drain(w, q)
			r.Fail(w, q, err)
			return
		}
		answerJSON(w, http.StatusCreated, got)
	}))
	r.Raw(rest.Op{
		ID: "get-record-attachment", Method: http.MethodGet, Path: "/records/{id}/attachments/{attachment}", Summary: "Download an attachment; what is infected is not given out", Tag: "Records", Permission: auth.RecordRead,
	}, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		f, a, err := s.Open(q.Context(), auth.From(q.Context()), q.PathValue("id"), q.PathValue("attachment"))
		if err != nil {
			r.Fail(w, q, err)
			return
		}
		defer f.Close()
		h := w.Header()
		// Never opened by the browser as a page of ours, whatever the file calls itself.
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", disposition(a.Name))
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("ETag", `"`+a.SHA256+`"`)
		http.ServeContent(w, q, "", a.At.Time, f)
	}))
	rest.Register(r, rest.Op{ID: "detach-from-record", Method: http.MethodDelete, Path: "/records/{id}/attachments/{attachment}", Summary: "Take an attachment away", Tag: "Records", Permission: auth.RecordWrite, Audit: "record.detach", Status: http.StatusOK},
		func(ctx context.Context, in *struct {
			ByID
			Attachment string `path:"attachment"`
		},
		) (*detailOut, error) {
			return s.matched(ctx, in.ID, "-", func(ctx context.Context, tx *store.Tx, who auth.Principal) error {
				return s.Detach(ctx, tx, who, in.ID, in.Attachment)
			})
		})
}

// How much of a refused upload is still taken in: a client that is cut off while it
// writes never reads why.
const (
	drainBytes = 16 << 20
	drainTime  = 5 * time.Second
)

func drain(w http.ResponseWriter, q *http.Request) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTime)); err != nil {
		return // not a connection of our own
	}
	_, _ = io.CopyN(io.Discard, q.Body, drainBytes) // the answer is an error already
}

// viewRoutes mounts saved views.
func (s *Service) viewRoutes(r *rest.Router) {
	type viewOut struct{ Body View }
	rest.Register(r, rest.Op{ID: "list-views", Method: http.MethodGet, Path: "/views", Summary: "Saved views: one's own and those that others share", Tag: "Views", Permission: auth.Self},
		func(ctx context.Context, in *struct {
			Page string `query:"page"`
		},
		) (*struct{ Body rest.Page[View] }, error) {
			out, err := s.Views(ctx, auth.From(ctx), in.Page)
			return &struct{ Body rest.Page[View] }{rest.Page[View]{Items: out}}, err
		})
	rest.Register(r, rest.Op{ID: "create-view", Method: http.MethodPost, Path: "/views", Summary: "Save a page with its filters under a name", Tag: "Views", Permission: auth.Self, Audit: "view.create", Status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			Body struct {
				Page   string            `json:"page"`
				Name   string            `json:"name"`
				Search map[string]string `json:"search,omitempty"`
				Shared bool              `json:"shared,omitempty"`
			}
		},
		) (*viewOut, error) {
			b := &in.Body
			if b.Search == nil {
				b.Search = map[string]string{}
			}
			out, err := s.SaveView(ctx, auth.From(ctx), "", &b.Page, &b.Name, b.Search, &b.Shared)
			rest.Target(ctx, "", ot.Ref{Kind: "view", ID: out.ID})
			return &viewOut{out}, err
		})
	rest.Register(r, rest.Op{ID: "update-view", Method: http.MethodPatch, Path: "/views/{id}", Summary: "Change one of one's own views", Tag: "Views", Permission: auth.Self, Audit: "view.update"},
		func(ctx context.Context, in *struct {
			ByID
			Body struct {
				Name   *string           `json:"name,omitempty"`
				Search map[string]string `json:"search,omitempty"`
				Shared *bool             `json:"shared,omitempty"`
			}
		},
		) (*viewOut, error) {
			rest.Target(ctx, "", ot.Ref{Kind: "view", ID: in.ID})
			out, err := s.SaveView(ctx, auth.From(ctx), in.ID, nil, in.Body.Name, in.Body.Search, in.Body.Shared)
			return &viewOut{out}, err
		})
	rest.Register(r, rest.Op{ID: "delete-view", Method: http.MethodDelete, Path: "/views/{id}", Summary: "Delete one of one's own views", Tag: "Views", Permission: auth.Self, Audit: "view.delete"},
		func(ctx context.Context, in *ByID) (*struct{}, error) {
			rest.Target(ctx, "", ot.Ref{Kind: "view", ID: in.ID})
			return &struct{}{}, s.DeleteView(ctx, auth.From(ctx), in.ID)
		})
}
