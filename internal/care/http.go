package care

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/egress"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Snapshots is the page's part about snapshots.
type Snapshots struct {
	Plan      Plan       `json:"plan"`
	Recipient string     `json:"recipient" doc:"Public half of the recovery kit; empty: there is none yet"`
	PublicKey string     `json:"public_key" doc:"For the authorized_keys of an SFTP server"`
	Doing     string     `json:"doing" doc:"What the snapshot under way is at; empty: none is"`
	Wanted    bool       `json:"wanted" doc:"One begins within a minute"`
	Items     []Snapshot `json:"items" nullable:"false"`
}

// Retention is the page's part about how long what is kept.
type Retention struct {
	Items      []Held     `json:"items" nullable:"false"`
	MeasuredAt store.Time `json:"measured_at" doc:"null: not yet"`
	Frozen     Frozen     `json:"frozen"`
}

type one[T any] struct{ Body T }

type retentionIn struct {
	Class string `path:"class" maxLength:"40"`
	Body  struct {
		Days int `json:"days" minimum:"0" maximum:"10000" doc:"0: for ever"`
	}
}

// Routes mounts the pages of the installation.
func (s *Service) Routes(r *rest.Router) {
	const tag = "Installation"
	rest.Register(r, rest.Op{ID: "get-system", Method: http.MethodGet, Path: "/system", Permission: auth.SystemRead, Tag: tag, Summary: "How this installation is"},
		func(ctx context.Context, _ *struct{}) (*one[System], error) {
			at, err := s.Look(ctx)
			return &one[System]{at}, err
		})
	r.Raw(rest.Op{ID: "get-metrics", Method: http.MethodGet, Path: "/metrics", Permission: auth.SystemRead, Tag: tag, Summary: "The same figures for Prometheus"},
		http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			at, err := s.Look(q.Context())
			var b bytes.Buffer
			if err == nil {
				err = writeMetrics(&b, at)
			}
			if err != nil {
				r.Fail(w, q, err)
				return
			}
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			_, _ = b.WriteTo(w) // who asked is gone
		}))
	s.snapshotRoutes(r, tag)
	s.retentionRoutes(r, tag)
}

// whole lets only those act on the installation who see all of it.
func whole(ctx context.Context) error {
	if !auth.From(ctx).Scope.All {
		return ot.Errorf(ot.Forbidden, "this is about the whole installation, and you see only a part of it: ask an administrator who sees everything")
	}
	return nil
}

func (s *Service) snapshotRoutes(r *rest.Router, tag string) {
	rest.Register(r, rest.Op{ID: "get-snapshots", Method: http.MethodGet, Path: "/system/snapshots", Permission: auth.SystemRead, Tag: tag, Summary: "The plan of snapshots, and those that were made"},
		func(ctx context.Context, _ *struct{}) (*one[Snapshots], error) {
			out, err := s.snapshots(ctx)
			return &one[Snapshots]{out}, err
		})
	rest.Register(r, rest.Op{ID: "set-snapshot-plan", Method: http.MethodPut, Path: "/system/snapshots/plan", Permission: auth.SystemWrite, Tag: tag, Summary: "Say when snapshots are made and where they go", Audit: "snapshot.plan"},
		func(ctx context.Context, in *struct{ Body Plan }) (*one[Snapshots], error) {
			if err := whole(ctx); err != nil {
				return nil, err
			}
			if err := s.SetPlan(ctx, auth.From(ctx).UserID, in.Body); err != nil {
				return nil, err
			}
			out, err := s.snapshots(ctx)
			return &one[Snapshots]{out}, err
		})
	rest.Register(r, rest.Op{ID: "make-snapshot", Method: http.MethodPost, Path: "/system/snapshots", Permission: auth.SystemWrite, Tag: tag, Summary: "Make a snapshot now: it begins within a minute", Audit: "snapshot.want", Status: http.StatusAccepted},
		func(ctx context.Context, _ *struct{}) (*struct{}, error) {
			if err := whole(ctx); err != nil {
				return nil, err
			}
			return nil, s.Want(ctx, auth.From(ctx).UserID)
		})
	rest.Register(r, rest.Op{ID: "make-recovery-kit", Method: http.MethodPost, Path: "/system/recovery-kit", Permission: auth.SystemWrite, Tag: tag, Summary: "Make the recovery kit: shown once, to be printed", Audit: "recovery-kit.make"},
		func(ctx context.Context, in *struct {
			Body struct {
				Replace bool `json:"replace" doc:"Also where there is one: older snapshots still need that"`
			}
		},
		) (*one[KitSheet], error) {
			if err := whole(ctx); err != nil {
				return nil, err
			}
			sheet, err := s.cfg.Kit.Make(in.Body.Replace)
			rest.Detail(ctx, "recipient", sheet.Recipient)
			return &one[KitSheet]{sheet}, err
		})
	rest.Register(r, rest.Op{ID: "read-snapshot", Method: http.MethodPost, Path: "/system/snapshots/{id}/read", Permission: auth.SystemWrite, Tag: tag, Summary: "Read a snapshot back whole and compare it with what was written", Audit: "snapshot.read", Long: true},
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"64"`
		},
		) (*one[Snapshot], error) {
			if err := whole(ctx); err != nil {
				return nil, err
			}
			rest.Target(ctx, "", ot.Ref{Kind: "snapshot", ID: in.ID})
			row, err := s.Reread(ctx, in.ID)
			return &one[Snapshot]{row}, err
		})
	rest.Register(r, rest.Op{ID: "ask-host-key", Method: http.MethodPost, Path: "/system/snapshots/host-key", Permission: auth.SystemWrite, Tag: tag, Summary: "Ask an SFTP server for its key, to compare its fingerprint", Audit: "snapshot.host-key"},
		func(ctx context.Context, in *struct {
			Body struct {
				Host string `json:"host" minLength:"1" maxLength:"255"`
				Port int    `json:"port" minimum:"0" maximum:"65535"`
			}
		},
		) (*one[HostKey], error) {
			if err := whole(ctx); err != nil {
				return nil, err
			}
			rest.Detail(ctx, "host", in.Body.Host)
			to := SFTP{Host: in.Body.Host, Port: in.Body.Port}
			if err := s.db.Update(ctx, func(tx *store.Tx) error { return s.allow(ctx, tx, auth.From(ctx).UserID, to) }); err != nil {
				return nil, err
			}
			key, print, err := s.HostKey(ctx, to)
			return &one[HostKey]{HostKey{key, print}}, err
		})
}

// HostKey is what a machine showed.
type HostKey struct {
	Key         string `json:"key"`
	Fingerprint string `json:"fingerprint" doc:"SHA256:…, as ssh-keygen -lf prints it"`
}

func (s *Service) snapshots(ctx context.Context) (out Snapshots, err error) {
	if out.Plan, err = s.Plan(ctx); err != nil {
		return out, err
	}
	if out.Recipient, err = s.cfg.Kit.Recipient(); err != nil {
		return out, err
	}
	if out.PublicKey, err = s.PublicKey(); err != nil {
		return out, err
	}
	out.Doing = s.Doing()
	err = s.db.View(ctx, func(r store.Reader) error { out.Wanted, _, err = setting[bool](ctx, r, settingWanted); return err })
	if err != nil {
		return out, err
	}
	out.Items, err = s.List(ctx, 60)
	return out, err
}

// SetPlan changes the plan. One that is off may be half filled in.
func (s *Service) SetPlan(ctx context.Context, by string, p Plan) error {
	if p.On {
		if err := s.ready(p); err != nil {
			return err
		}
	}
	where := p.Folder
	if where == "" {
		where = (&remote{to: p.SFTP}).String()
	}
	rest.Detail(ctx, "place", where)
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if p.On && p.Folder == "" {
			if err := s.allow(ctx, tx, by, p.SFTP); err != nil {
				return err
			}
		}
		return set(ctx, tx, s.now(), settingPlan, by, p)
	})
}

// allow puts the machine that a person named for snapshots on the list of allowed
// connections: it is the same person who would put it there.
func (s *Service) allow(ctx context.Context, tx *store.Tx, by string, to SFTP) error {
	host, port, err := net.SplitHostPort(to.address())
	if err != nil {
		return ot.Errorf(ot.Invalid, "%s is no host", ot.Printable(to.Host))
	}
	n, err := strconv.ParseInt(port, 10, 64)
	if err != nil {
		return ot.Errorf(ot.Invalid, "%s is no port", ot.Printable(port))
	}
	list, err := egress.List(ctx, tx)
	if err != nil {
		return err
	}
	for _, a := range list {
		if strings.EqualFold(a.Host, host) && a.Port == n {
			return nil
		}
	}
	rest.Detail(ctx, "allowed", to.address())
	_, err = egress.Add(ctx, tx, s.now(), egress.Allow{Host: host, Port: n, Inside: true, Note: "Snapshots", MadeBy: by})
	return err
}

func (s *Service) retentionRoutes(r *rest.Router, tag string) {
	answer := func(ctx context.Context) (*one[Retention], error) {
		var out Retention
		var err error
		if out.Items, out.MeasuredAt, err = s.Held(ctx); err != nil {
			return nil, err
		}
		out.Frozen, err = s.Frozen(ctx)
		return &one[Retention]{out}, err
	}
	rest.Register(r, rest.Op{ID: "get-retention", Method: http.MethodGet, Path: "/system/retention", Permission: auth.SystemRead, Tag: tag, Summary: "What is kept how long, and what it takes"},
		func(ctx context.Context, _ *struct{}) (*one[Retention], error) { return answer(ctx) })
	rest.Register(r, rest.Op{ID: "preview-retention", Method: http.MethodGet, Path: "/system/retention/{class}/preview", Permission: auth.SystemRead, Tag: tag, Summary: "What would go if a class were kept so many days"},
		func(ctx context.Context, in *struct {
			Class string `path:"class" maxLength:"40"`
			Days  int    `query:"days" minimum:"0" maximum:"10000"`
		},
		) (*one[rest.Page[Gone]], error) {
			gone, err := s.Preview(ctx, in.Class, in.Days)
			return &one[rest.Page[Gone]]{rest.Page[Gone]{Items: gone}}, err
		})
	rest.Register(r, rest.Op{ID: "set-retention", Method: http.MethodPut, Path: "/system/retention/{class}", Permission: auth.SystemWrite, Tag: tag, Summary: "Keep a class of rows so many days", Audit: "retention.set"},
		func(ctx context.Context, in *retentionIn) (*one[Retention], error) {
			if err := whole(ctx); err != nil {
				return nil, err
			}
			rest.Target(ctx, "", ot.Ref{Kind: "retention", ID: in.Class})
			rest.Detail(ctx, "days", strconv.Itoa(in.Body.Days))
			if err := s.SetKept(ctx, auth.From(ctx).UserID, in.Class, in.Body.Days); err != nil {
				return nil, err
			}
			return answer(ctx)
		})
	rest.Register(r, rest.Op{ID: "freeze-retention", Method: http.MethodPut, Path: "/system/retention-frozen", Permission: auth.SystemWrite, Tag: tag, Summary: "Delete nothing for its age until this is taken back", Audit: "retention.freeze"},
		func(ctx context.Context, in *struct {
			Body struct {
				On     bool   `json:"on"`
				Reason string `json:"reason" maxLength:"500"`
			}
		},
		) (*one[Retention], error) {
			if err := whole(ctx); err != nil {
				return nil, err
			}
			rest.Detail(ctx, "on", map[bool]string{true: "yes", false: "no"}[in.Body.On])
			rest.Detail(ctx, "reason", in.Body.Reason)
			if err := s.Freeze(ctx, auth.From(ctx).Name, in.Body.On, in.Body.Reason); err != nil {
				return nil, err
			}
			return answer(ctx)
		})
	rest.Register(r, rest.Op{ID: "measure-tables", Method: http.MethodPost, Path: "/system/retention/measure", Permission: auth.SystemWrite, Tag: tag, Summary: "Measure the tables anew", Audit: "retention.measure"},
		func(ctx context.Context, _ *struct{}) (*one[Retention], error) {
			if err := s.Measure(ctx); err != nil {
				return nil, err
			}
			return answer(ctx)
		})
}
