package vuln

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/vuln/feed"
)

const tag = "Vulnerabilities"

func lowered(s string) string {
	return strings.NewReplacer("%", "", "_", "").Replace(strings.ToLower(strings.TrimSpace(s)))
}

// Sources as the API gives them.
type sourceList struct {
	Items []source `json:"items" nullable:"false"`
}

type questionList struct {
	Items []Question `json:"items" nullable:"false"`
}

// Routes mounts the slice.
func (s *Service) Routes(r *rest.Router) {
	read := auth.RecordRead
	rest.Register(r, rest.Op{ID: "summarise-vulnerabilities", Method: http.MethodGet, Path: "/vulnerabilities/summary", Summary: "What is open, by decision", Tag: tag, Permission: read},
		func(ctx context.Context, in *struct {
			Site string `query:"site"`
			AsOf string `query:"as_of" doc:"A day, 2026-11-20: as it was at its end"`
		},
		) (*struct{ Body Summary }, error) {
			at, err := rest.AsOf(in.AsOf, s.now().Time)
			if err != nil {
				return nil, err
			}
			out, err := s.Summarise(ctx, auth.From(ctx).Scope, in.Site, at)
			return &struct{ Body Summary }{out}, err
		})
	rest.Register(r, rest.Op{ID: "list-vulnerabilities", Method: http.MethodGet, Path: "/vulnerabilities", Summary: "Findings: one advisory and one asset each", Tag: tag, Permission: read},
		func(ctx context.Context, in *struct {
			Site     string `query:"site"`
			Asset    string `query:"asset"`
			Advisory string `query:"advisory"`
			Decision string `query:"decision" enum:"now,next,never,"`
			State    string `query:"state" enum:"active,open,planned,reported,fixed,deferred,dismissed,gone,"`
			Verdict  string `query:"verdict" enum:"affected,unknown,"`
			Text     string `query:"q" maxLength:"200"`
			Window   string `query:"window"`
			AsOf     string `query:"as_of" doc:"A day, 2026-11-20: what was known at its end; verdict and priority are those of now"`
			Cursor   string `query:"cursor"`
			Limit    int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body rest.Page[Finding] }, error) {
			at, err := rest.AsOf(in.AsOf, s.now().Time)
			if err != nil {
				return nil, err
			}
			out, err := s.Findings(ctx, auth.From(ctx).Scope, Filter{in.Site, in.Asset, in.Advisory, in.Decision, in.State, in.Verdict, in.Text, in.Window, at, in.Cursor, in.Limit})
			return &struct{ Body rest.Page[Finding] }{out}, err
		})
	rest.Register(r, rest.Op{ID: "list-vulnerability-questions", Method: http.MethodGet, Path: "/vulnerabilities/questions", Summary: "The facts that would decide the most", Tag: tag, Permission: read},
		func(ctx context.Context, in *struct {
			Site  string `query:"site"`
			Limit int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body questionList }, error) {
			out, err := s.Questions(ctx, auth.From(ctx).Scope, in.Site, in.Limit)
			return &struct{ Body questionList }{questionList{out}}, err
		})
	rest.Register(r, rest.Op{ID: "plan-vulnerabilities", Method: http.MethodGet, Path: "/vulnerabilities/plan", Summary: "Updates, by maintenance window", Tag: tag, Permission: read},
		func(ctx context.Context, in *struct {
			Site string `query:"site"`
		},
		) (*struct{ Body Plan }, error) {
			out, err := s.Plan(ctx, auth.From(ctx).Scope, in.Site)
			return &struct{ Body Plan }{out}, err
		})
	type detail struct {
		ETag string `header:"ETag"`
		Body Finding
	}
	rest.Register(r, rest.Op{ID: "get-vulnerability", Method: http.MethodGet, Path: "/vulnerabilities/{id}", Summary: "One finding, and what happened to it", Tag: tag, Permission: read},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*detail, error) {
			f, err := s.Finding(ctx, auth.From(ctx).Scope, in.ID)
			return &detail{f.ETag, f}, err
		})
	rest.Register(r, rest.Op{ID: "decide-vulnerability", Method: http.MethodPatch, Path: "/vulnerabilities/{id}", Summary: "Say what is done about a finding", Tag: tag, Permission: auth.RecordWrite, Audit: "vulnerability.decide"},
		func(ctx context.Context, in *struct {
			ID      string `path:"id"`
			IfMatch string `header:"If-Match" doc:"The ETag of the version that you saw"`
			Body    Decision
		},
		) (*detail, error) {
			rest.Detail(ctx, "action", in.Body.Action)
			if in.Body.Reason != "" {
				rest.Detail(ctx, "reason", in.Body.Reason)
			}
			scope := auth.From(ctx).Scope
			if err := s.Decide(ctx, scope, auth.From(ctx).Called(), in.ID, in.Body, in.IfMatch); err != nil {
				return nil, err
			}
			f, err := s.Finding(ctx, scope, in.ID)
			return &detail{f.ETag, f}, err
		})
	rest.Register(r, rest.Op{ID: "list-advisories", Method: http.MethodGet, Path: "/advisories", Summary: "Advisories that were taken in", Tag: tag, Permission: read},
		func(ctx context.Context, in *struct {
			Text   string `query:"q" maxLength:"200"`
			Ours   bool   `query:"ours" doc:"Only those that are about an asset that you may see"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body rest.Page[Advisory] }, error) {
			out, err := s.Advisories(ctx, auth.From(ctx).Scope, in.Text, in.Ours, in.Cursor, in.Limit)
			return &struct{ Body rest.Page[Advisory] }{out}, err
		})
	rest.Register(r, rest.Op{ID: "get-advisory", Method: http.MethodGet, Path: "/advisories/{id}", Summary: "One advisory, and which assets it is about", Tag: tag, Permission: read},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{ Body AdvisoryDetail }, error) {
			out, err := s.Advisory(ctx, auth.From(ctx).Scope, in.ID)
			return &struct{ Body AdvisoryDetail }{out}, err
		})
	rest.Register(r, rest.Op{ID: "list-advisory-sources", Method: http.MethodGet, Path: "/advisory-sources", Summary: "Where advisories come from, and how old they are", Tag: tag, Permission: read},
		func(ctx context.Context, _ *struct{}) (*struct{ Body sourceList }, error) {
			out, err := s.Sources(ctx)
			return &struct{ Body sourceList }{sourceList{out}}, err
		})
	r.Raw(rest.Op{ID: "import-advisories", Method: http.MethodPost, Path: "/advisories/import", Summary: "Take in advisories or lists: a CSAF document, an archive of them, KEV, EPSS, CVE records", Tag: tag, Permission: auth.OrgWrite, Audit: "advisory.import", MaxBody: maxUpload, Query: nameIn{}, Answer: Taken{}},
		http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			out, err := s.upload(q)
			if err != nil {
				r.Fail(w, q, err)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(out) // the client is gone if this fails
		}))
	s.exportRoutes(r)
}

// nameIn describes what upload reads from the address.
type nameIn struct {
	Name string `query:"name" doc:"The file's; says whether it is an archive"`
}

// maxUpload is what one import over HTTP may have, packed.
const maxUpload = 256 << 20

// upload takes the body of an import. The name says whether it is an archive.
func (s *Service) upload(q *http.Request) (Taken, error) {
	name := filepath.Base(q.URL.Query().Get("name"))
	f, err := os.CreateTemp("", "skanse-import-*")
	if err != nil {
		return Taken{}, ot.Errorf(ot.Full, "there is no room for the upload: %w", err)
	}
	defer func() {
		_ = f.Close() // a copy
		_ = os.Remove(f.Name())
	}()
	n, err := f.ReadFrom(q.Body)
	if err != nil {
		return Taken{}, ot.Errorf(ot.Invalid, "the upload was cut: %w", err)
	}
	t := s.Take("hand")
	if err := feed.Archive(name, f, n, func(file string, b []byte) error { return t.Document(q.Context(), file, b) }); err != nil {
		return t.Taken, err
	}
	out, err := t.Finish(q.Context(), "csaf", "Given by hand", "", "hand")
	if err != nil {
		return out, err
	}
	return out, s.db.View(q.Context(), func(r store.Reader) error { return s.load(q.Context(), r) })
}
