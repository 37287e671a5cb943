package centre

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Detail is an edge with the configuration that it shall have.
type Detail struct {
	Edge
	Config edge.Config `json:"config"`
}

// Token is an open or used enrolment as people see it.
type Token struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Sites     []Site     `json:"sites" nullable:"false"`
	MadeAt    store.Time `json:"made_at"`
	MadeBy    string     `json:"made_by"`
	ExpiresAt store.Time `json:"expires_at"`
	UsedAt    store.Time `json:"used_at"`
	UsedFrom  string     `json:"used_from"`
	EdgeID    string     `json:"edge_id" doc:"What it became"`
	Again     int64      `json:"again" doc:"How often somebody tried it after that"`
	State     string     `json:"state" enum:"open,used,ended,withdrawn"`
}

// Made is a token as it is shown once.
type Made struct {
	ID        string     `json:"id"`
	Token     string     `json:"token" doc:"Shown once: the server keeps only a hash"`
	Command   string     `json:"command" doc:"What to run on the new machine"`
	ExpiresAt store.Time `json:"expires_at"`
}

// Listener says where edges come in.
type Listener struct {
	Listening   bool   `json:"listening"`
	Address     string `json:"address" doc:"That edges dial; empty: none"`
	Fingerprint string `json:"fingerprint" doc:"SHA-256 of this centre's authority for edges"`
}

type (
	edgeOut   struct{ Body Edge }
	detailOut struct {
		ETag string `header:"ETag"`
		Body Detail
	}
	edgeIn struct {
		ID string `path:"id"`
	}
)

func versionTag(v int64) string { return rest.ETag("config", strconv.FormatInt(v, 10)) }

type fileIn struct {
	Name string `query:"name" doc:"The file's own name"`
}

// Routes mounts what people do with edges. Edges themselves come in elsewhere.
func (s *Service) Routes(r *rest.Router) {
	const tag = "Sensors"
	rest.Register(r, rest.Op{ID: "list-edges", Method: http.MethodGet, Path: "/edges", Summary: "Sensors: where they are and how they are", Tag: tag, Permission: auth.EdgeRead},
		func(ctx context.Context, in *struct {
			Site   string `query:"site"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"200"`
		},
		) (*struct{ Body rest.Page[Edge] }, error) {
			page, err := s.List(ctx, auth.From(ctx).Scope, in.Site, in.Cursor, in.Limit)
			return &struct{ Body rest.Page[Edge] }{page}, err
		})
	rest.Register(r, rest.Op{ID: "get-edge", Method: http.MethodGet, Path: "/edges/{id}", Summary: "One sensor with its configuration", Tag: tag, Permission: auth.EdgeRead},
		func(ctx context.Context, in *edgeIn) (*detailOut, error) { return s.detail(ctx, in.ID) })
	rest.Register(r, rest.Op{ID: "rename-edge", Method: http.MethodPatch, Path: "/edges/{id}", Summary: "Give a sensor another name", Tag: tag, Permission: auth.EdgeWrite, Audit: "edge.rename"},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body struct {
				Name string `json:"name" minLength:"1" maxLength:"100"`
			}
		},
		) (*detailOut, error) {
			rest.Target(ctx, "", ot.Ref{Kind: "edge", ID: in.ID})
			rest.Detail(ctx, "name", in.Body.Name)
			if err := s.Rename(ctx, auth.From(ctx).Scope, in.ID, in.Body.Name); err != nil {
				return nil, err
			}
			return s.detail(ctx, in.ID)
		})
	rest.Register(r, rest.Op{ID: "configure-edge", Method: http.MethodPut, Path: "/edges/{id}/config", Summary: "Say what a sensor listens to; it takes it with its next hello", Tag: tag, Permission: auth.EdgeWrite, Audit: "edge.configure"},
		func(ctx context.Context, in *struct {
			ID      string `path:"id"`
			IfMatch string `header:"If-Match"`
			Body    struct {
				Interfaces      []edge.Interface `json:"interfaces" nullable:"false" maxItems:"32"`
				IntervalSeconds int              `json:"interval_seconds" minimum:"1" maximum:"3600"`
				OutboxBytes     int64            `json:"outbox_bytes" minimum:"16777216"`
			}
		},
		) (*detailOut, error) {
			who := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "edge", ID: in.ID})
			c := edge.Config{Interfaces: in.Body.Interfaces, IntervalSeconds: in.Body.IntervalSeconds, OutboxBytes: in.Body.OutboxBytes}
			if raw, err := json.Marshal(c.Interfaces); err == nil {
				rest.Detail(ctx, "interfaces", string(raw))
			}
			err := s.Configure(ctx, who.Scope, in.ID, func(now int64) error { return rest.IfMatch(in.IfMatch, versionTag(now)) }, c, who.UserID)
			if err != nil {
				return nil, err
			}
			return s.detail(ctx, in.ID)
		})
	rest.Register(r, rest.Op{ID: "revoke-edge", Method: http.MethodPost, Path: "/edges/{id}/revoke", Summary: "End a sensor for good", Tag: tag, Permission: auth.EdgeWrite, Audit: "edge.revoke"},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body struct {
				Reason string `json:"reason" minLength:"1" maxLength:"500"`
			}
		},
		) (*edgeOut, error) {
			who := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "edge", ID: in.ID})
			rest.Detail(ctx, "reason", in.Body.Reason)
			if err := s.Revoke(ctx, who.Scope, in.ID, in.Body.Reason, who.UserID); err != nil {
				return nil, err
			}
			return s.shown(ctx, in.ID)
		})
	rest.Register(r, rest.Op{ID: "release-edge", Method: http.MethodPost, Path: "/edges/{id}/release", Summary: "Let a sensor out of quarantine: the second machine was found and stopped", Tag: tag, Permission: auth.EdgeWrite, Audit: "edge.release"},
		func(ctx context.Context, in *edgeIn) (*edgeOut, error) {
			who := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "edge", ID: in.ID})
			if err := s.Release(ctx, who.Scope, in.ID, who.UserID); err != nil {
				return nil, err
			}
			return s.shown(ctx, in.ID)
		})
	rest.Register(r, rest.Op{ID: "give-up-gaps", Method: http.MethodPost, Path: "/edges/{id}/give-up", Summary: "Go on behind deliveries that are missing for good", Tag: tag, Permission: auth.EdgeWrite, Audit: "edge.give-up"},
		func(ctx context.Context, in *edgeIn) (*edgeOut, error) {
			rest.Target(ctx, "", ot.Ref{Kind: "edge", ID: in.ID})
			if _, err := s.GiveUp(ctx, auth.From(ctx).Scope, in.ID); err != nil {
				return nil, err
			}
			return s.shown(ctx, in.ID)
		})
	r.Raw(rest.Op{ID: "make-edge-reply", Method: http.MethodPost, Path: "/edges/{id}/reply", Summary: "The file that is carried to a sensor behind a diode: configuration, what is missing, a new certificate", Tag: tag, Permission: auth.EdgeWrite, Audit: "edge.reply"},
		http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			rest.Target(q.Context(), "", ot.Ref{Kind: "edge", ID: q.PathValue("id")})
			name, raw, err := s.Reply(q.Context(), auth.From(q.Context()).Scope, q.PathValue("id"))
			if err != nil {
				r.Fail(w, q, err)
				return
			}
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
			_, _ = w.Write(raw) // the client is gone: nothing is left to tell it
		}))
	r.Raw(rest.Op{ID: "add-edge-file", Method: http.MethodPost, Path: "/edge-files", Summary: "Take in a file that a sensor wrote, as the raw body", Tag: tag, Permission: auth.EdgeWrite, Audit: "edge.import", MaxBody: edge.MaxFile, Query: fileIn{}, Answer: Import{}},
		http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			ctx := q.Context()
			name := ot.Printable(q.URL.Query().Get("name"))
			rest.Detail(ctx, "file", name)
			raw, err := io.ReadAll(q.Body)
			if err != nil {
				r.Fail(w, q, err)
				return
			}
			scope := auth.From(ctx).Scope
			imp, err := s.ImportFile(ctx, ViaStick, name, raw, func(id string) error {
				rest.Target(ctx, "", ot.Ref{Kind: "edge", ID: id})
				return s.db.View(ctx, func(rd store.Reader) error {
					_, err := s.mine(ctx, rd, scope, id)
					return err
				})
			})
			if err != nil {
				r.Fail(w, q, err)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(imp) // the same
		}))
	rest.Register(r, rest.Op{ID: "list-edge-files", Method: http.MethodGet, Path: "/edge-files", Summary: "Files of sensors that came in, the newest first", Tag: tag, Permission: auth.EdgeRead},
		func(ctx context.Context, in *struct {
			Edge   string `query:"edge"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
		},
		) (*struct{ Body rest.Page[Import] }, error) {
			page, err := s.Imports(ctx, auth.From(ctx).Scope, in.Edge, in.Cursor, in.Limit)
			return &struct{ Body rest.Page[Import] }{page}, err
		})
	rest.Register(r, rest.Op{ID: "get-edge-listener", Method: http.MethodGet, Path: "/edge-listener", Summary: "Where sensors come in", Tag: tag, Permission: auth.EdgeRead},
		func(context.Context, *struct{}) (*struct{ Body Listener }, error) {
			return &struct{ Body Listener }{s.Listener()}, nil
		})
	s.tokenRoutes(r)
}

func (s *Service) tokenRoutes(r *rest.Router) {
	const tag = "Sensors"
	rest.Register(r, rest.Op{ID: "list-edge-tokens", Method: http.MethodGet, Path: "/edge-tokens", Summary: "Enrolments, the newest first", Tag: tag, Permission: auth.EdgeRead},
		func(ctx context.Context, in *struct {
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
		},
		) (*struct{ Body rest.Page[Token] }, error) {
			page, err := s.Tokens(ctx, auth.From(ctx).Scope, in.Cursor, in.Limit)
			return &struct{ Body rest.Page[Token] }{page}, err
		})
	rest.Register(r, rest.Op{ID: "make-edge-token", Method: http.MethodPost, Path: "/edge-tokens", Summary: "Make a token that enrols one sensor", Tag: tag, Permission: auth.EdgeWrite, Audit: "edge.token", Status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			Body struct {
				Name         string   `json:"name" minLength:"1" maxLength:"100" doc:"What people will call the sensor"`
				Sites        []string `json:"sites" nullable:"false" minItems:"1" maxItems:"100" doc:"Ids of the sites that it may speak of"`
				Capabilities []string `json:"capabilities,omitempty" maxItems:"3" doc:"sense, gateway, collect; none given: sense"`
				Hours        int      `json:"hours,omitempty" minimum:"0" maximum:"720" doc:"Until it must be used; 0: 24"`
				Address      string   `json:"address,omitempty" maxLength:"260" doc:"host:port as the sensor reaches this centre; empty: the server's own"`
			}
		},
		) (*struct{ Body Made }, error) {
			who := auth.From(ctx)
			rest.Detail(ctx, "name", in.Body.Name)
			n := NewToken{Name: in.Body.Name, SiteIDs: in.Body.Sites, Life: time.Duration(in.Body.Hours) * time.Hour, Address: in.Body.Address, By: who.UserID}
			for _, c := range in.Body.Capabilities {
				n.Capabilities = append(n.Capabilities, edge.Capability(c))
			}
			id, t, err := s.MakeToken(ctx, who.Scope, n)
			if err != nil {
				return nil, err
			}
			return &struct{ Body Made }{Made{id, t.String(), "skanse edge --data /var/lib/skanse-edge --enrol " + t.String(), store.At(t.Expires)}}, nil
		})
	rest.Register(r, rest.Op{ID: "withdraw-edge-token", Method: http.MethodDelete, Path: "/edge-tokens/{id}", Summary: "Withdraw a token that was not used", Tag: tag, Permission: auth.EdgeWrite, Audit: "edge.token-withdraw"},
		func(ctx context.Context, in *edgeIn) (*struct{}, error) {
			return &struct{}{}, s.Withdraw(ctx, auth.From(ctx).Scope, in.ID)
		})
}

func (s *Service) detail(ctx context.Context, id string) (*detailOut, error) {
	e, c, err := s.Get(ctx, auth.From(ctx).Scope, id)
	return &detailOut{versionTag(e.ConfigVersion), Detail{e, c}}, err
}

func (s *Service) shown(ctx context.Context, id string) (*edgeOut, error) {
	e, _, err := s.Get(ctx, auth.From(ctx).Scope, id)
	return &edgeOut{e}, err
}
