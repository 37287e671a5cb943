package notify

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/egress"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

type receiverBody struct {
	Kind     string    `json:"kind,omitempty" enum:"mail,sms,webhook,syslog" doc:"Of a new one; it does not change"`
	Name     *string   `json:"name,omitempty" maxLength:"200"`
	Enabled  *bool     `json:"enabled,omitempty"`
	SiteID   *string   `json:"site_id,omitempty" maxLength:"64" doc:"Empty: every site"`
	Severity *int64    `json:"severity,omitempty" minimum:"1" maximum:"4"`
	Kinds    *[]string `json:"kinds,omitempty" maxItems:"100"`
	Way      *Way      `json:"way,omitempty"`
	Secret   *string   `json:"secret,omitempty" maxLength:"500" doc:"Password of mail, key of a webhook's signature (16 characters or more), PIN; kept sealed and never shown. Empty: forget it"`
	Audit    *bool     `json:"audit,omitempty"`
}

type receiverOut struct {
	ETag string `header:"ETag"`
	Body Receiver
}

type outcome struct {
	Body struct {
		OK     bool   `json:"ok"`
		Answer string `json:"answer" doc:"What the other side said"`
		Error  string `json:"error" doc:"Why it did not work" say:"true"`
		Millis int64  `json:"millis"`
	}
}

func (s *Service) receiverRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "list-receivers", Method: http.MethodGet, Path: "/notices/receivers", Permission: auth.NotifyWrite, Tag: tag, Summary: "Mail server, modem, webhooks and syslog servers"},
		func(ctx context.Context, _ *struct{}) (*one[rest.Page[Receiver]], error) {
			items, err := s.Receivers(ctx, auth.From(ctx).Scope)
			if err != nil {
				return nil, err
			}
			return listOf(items), nil
		})
	rest.Register(r, rest.Op{ID: "get-receiver", Method: http.MethodGet, Path: "/notices/receivers/{id}", Permission: auth.NotifyWrite, Tag: tag, Summary: "One receiver"},
		func(ctx context.Context, in *byID) (*receiverOut, error) {
			return s.receiver(ctx, auth.From(ctx).Scope, in.ID)
		})
	rest.Register(r, rest.Op{ID: "create-receiver", Method: http.MethodPost, Path: "/notices/receivers", Permission: auth.NotifyWrite, Tag: tag, Audit: "receiver.create", Status: http.StatusCreated, Summary: "Add a receiver; it is turned off until told otherwise"},
		func(ctx context.Context, in *struct{ Body receiverBody }) (*receiverOut, error) {
			p := auth.From(ctx)
			row := receiverRow{
				ID: store.NewID(), Kind: in.Body.Kind, Severity: 4, Version: 1, MadeAt: store.At(s.cfg.Now()), MadeBy: p.UserID,
			}
			err := s.db.Update(ctx, func(tx *store.Tx) error {
				if row.Kind == byMail || row.Kind == bySMS {
					n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM notify_receiver WHERE kind = ?", row.Kind)
					if err == nil && n > 0 {
						err = ot.Errorf(ot.Conflict, "there is one of kind %s already, which carries everything of that way: change it", row.Kind)
					}
					if err != nil {
						return err
					}
				}
				out, err := s.change(ctx, tx, p.Scope, row, in.Body)
				if err != nil {
					return err
				}
				rest.Target(ctx, siteOr(in.Body.SiteID), ot.Ref{Kind: "receiver", ID: row.ID})
				rest.Detail(ctx, "name", out.Name)
				rest.Detail(ctx, "place", out.Way.V.address(out.Kind))
				return store.Upsert(ctx, tx, "notify_receiver", []receiverRow{out}, nil, nil)
			})
			if err != nil {
				return nil, err
			}
			s.nudge()
			return s.receiver(ctx, p.Scope, row.ID)
		})
	rest.Register(r, rest.Op{ID: "update-receiver", Method: http.MethodPatch, Path: "/notices/receivers/{id}", Permission: auth.NotifyWrite, Tag: tag, Audit: "receiver.update", Summary: "Change a receiver; what is left out stays"},
		func(ctx context.Context, in *struct {
			ID      string `path:"id" maxLength:"64"`
			IfMatch string `header:"If-Match"`
			Body    receiverBody
		},
		) (*receiverOut, error) {
			p := auth.From(ctx)
			err := s.db.Update(ctx, func(tx *store.Tx) error {
				was, err := receiverRowOf(ctx, tx, p.Scope, in.ID)
				if err != nil {
					return err
				}
				if err := rest.IfMatch(in.IfMatch, etag(was.Version)); err != nil {
					return err
				}
				row, err := s.change(ctx, tx, p.Scope, was, in.Body)
				if err != nil {
					return err
				}
				row.Version++
				rest.Target(ctx, "", ot.Ref{Kind: "receiver", ID: in.ID})
				rest.Detail(ctx, "name", row.Name)
				rest.Detail(ctx, "place", row.Way.V.address(row.Kind))
				if was.Enabled != row.Enabled {
					rest.Detail(ctx, "enabled", strconv.FormatBool(row.Enabled))
				}
				return store.Upsert(ctx, tx, "notify_receiver", []receiverRow{row}, []string{"receiver_id"},
					[]string{"name", "enabled", "site_no", "severity", "kinds", "config", "secret", "audit", "audit_next", "point_next", "problem", "version"})
			})
			if err != nil {
				return nil, err
			}
			s.nudge()
			return s.receiver(ctx, p.Scope, in.ID)
		})
	rest.Register(r, rest.Op{ID: "delete-receiver", Method: http.MethodDelete, Path: "/notices/receivers/{id}", Permission: auth.NotifyWrite, Tag: tag, Audit: "receiver.delete", Summary: "Remove a receiver; what waits for it is given up"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			return nil, s.db.Update(ctx, func(tx *store.Tx) error {
				was, err := receiverRowOf(ctx, tx, auth.From(ctx).Scope, in.ID)
				if err != nil {
					return err
				}
				rest.Target(ctx, "", ot.Ref{Kind: "receiver", ID: in.ID})
				rest.Detail(ctx, "name", was.Name)
				if _, err := tx.Exec(ctx, "UPDATE notify_delivery SET state = ?, ended_at = ?, error = 'the receiver was removed' WHERE receiver_id = ? AND state = ?", dead, store.At(s.cfg.Now()), in.ID, waiting); err != nil {
					return err
				}
				_, err = tx.Exec(ctx, "DELETE FROM notify_receiver WHERE receiver_id = ?", in.ID)
				return err
			})
		})
	rest.Register(r, rest.Op{ID: "test-receiver", Method: http.MethodPost, Path: "/notices/receivers/{id}/test", Permission: auth.NotifyWrite, Tag: tag, Audit: "receiver.test", Summary: "Send a test now and show what the other side says"},
		func(ctx context.Context, in *struct {
			ID   string `path:"id" maxLength:"64"`
			Body struct {
				To string `json:"to,omitempty" maxLength:"254" doc:"mail, sms: an address or a number; empty: one's own"`
			}
		},
		) (*outcome, error) {
			return s.test(ctx, in.ID, strings.TrimSpace(in.Body.To))
		})
}

func etag(version int64) string { return rest.ETag(strconv.FormatInt(version, 10)) }

func siteOr(id *string) string {
	if id == nil {
		return ""
	}
	return *id
}

func receiverRowOf(ctx context.Context, r store.Reader, scope auth.Scope, id string) (receiverRow, error) {
	rows, err := receivers(ctx, r, scope, ot.SQL{Text: "r.receiver_id = ?", Args: []any{id}})
	if err == nil && len(rows) == 0 {
		err = ot.Errorf(ot.NotFound, "there is no such receiver")
	}
	if err != nil {
		return receiverRow{}, err
	}
	return rows[0], nil
}

// change puts what was asked for into a row and checks the whole.
func (s *Service) change(ctx context.Context, tx *store.Tx, scope auth.Scope, row receiverRow, in receiverBody) (receiverRow, error) {
	if in.Kind != "" && in.Kind != row.Kind {
		return row, ot.Errorf(ot.Invalid, "kind: it does not change; add another receiver")
	}
	if in.SiteID != nil {
		row.SiteNo = 0
		if *in.SiteID != "" {
			nos, err := store.All[int64](ctx, tx, "SELECT s.site_no FROM org_site s WHERE s.site_id = ? AND ?", *in.SiteID, scope.Where("s.site_no", ""))
			if err != nil {
				return row, err
			}
			if len(nos) == 0 {
				return row, ot.Errorf(ot.Invalid, "site_id: there is no such site")
			}
			row.SiteNo = nos[0]
		}
	}
	if row.SiteNo == 0 && !scope.All || row.SiteNo != 0 && (row.Kind == byMail || row.Kind == bySMS) {
		if row.Kind == byMail || row.Kind == bySMS {
			return row, ot.Errorf(ot.Invalid, "site_id: %s is one for all sites; only who sees them all sets it", row.Kind)
		}
		return row, ot.Errorf(ot.Invalid, "site_id: name one of your sites: only who sees every site makes a receiver for all")
	}
	was := row
	if in.Name != nil {
		row.Name = *in.Name
	}
	if in.Enabled != nil {
		row.Enabled = *in.Enabled
	}
	if in.Severity != nil {
		row.Severity = *in.Severity
	}
	if in.Kinds != nil {
		row.Kinds = store.AsJSON(*in.Kinds)
	}
	if in.Way != nil {
		row.Way = store.AsJSON(*in.Way)
	}
	if in.Audit != nil {
		row.Audit = *in.Audit
	}
	if row.Audit && !scope.All {
		return row, ot.Errorf(ot.Invalid, "audit: the audit log is of all sites; only who sees them all forwards it")
	}
	secret := ""
	if in.Secret != nil {
		secret = *in.Secret
		row.Secret = s.cfg.Box.Seal(secret, row.ID)
	}
	row, err := checkReceiver(row, secret, len(row.Secret) > 0)
	if err != nil {
		return row, err
	}
	// A password goes only where it was entered for.
	if in.Secret == nil && len(was.Secret) > 0 && (was.Kind != bySMS && was.Way.V.address(was.Kind) != row.Way.V.address(row.Kind) || was.Way.V.Security != row.Way.V.Security && row.Way.V.Security == "none") {
		return row, ot.Errorf(ot.Invalid, "secret: enter it again, since the place changes to which it is given")
	}
	if row.Enabled && !was.Enabled {
		row.Problem = ""
	}
	if row.Audit && !was.Audit { // from now on: what was before is in the log
		if row.AuditNext, err = store.One[int64](ctx, tx, "SELECT COALESCE(MAX(idx) + 1, 0) FROM audit_entry"); err != nil {
			return row, err
		}
		row.PointNext = 0
	}
	return row, nil
}

// Receivers lists those in scope.
func (s *Service) Receivers(ctx context.Context, scope auth.Scope) (out []Receiver, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := receivers(ctx, r, scope, ot.SQL{Text: "1 = 1"})
		if err != nil {
			return err
		}
		out = []Receiver{}
		for _, row := range rows {
			x, err := show(ctx, r, row)
			if err != nil {
				return err
			}
			out = append(out, x)
		}
		return nil
	})
	return out, err
}

func (s *Service) receiver(ctx context.Context, scope auth.Scope, id string) (*receiverOut, error) {
	var out receiverOut
	err := s.db.View(ctx, func(r store.Reader) error {
		row, err := receiverRowOf(ctx, r, scope, id)
		if err != nil {
			return err
		}
		out.ETag = etag(row.Version)
		out.Body, err = show(ctx, r, row)
		return err
	})
	return &out, err
}

func show(ctx context.Context, r store.Reader, row receiverRow) (Receiver, error) {
	x := Receiver{
		ID: row.ID, Kind: row.Kind, Name: row.Name, Enabled: row.Enabled, Severity: row.Severity, Kinds: row.Kinds.V, Way: row.Way.V, HasSecret: len(row.Secret) > 0,
		Audit: row.Audit, AuditNext: row.AuditNext, Problem: row.Problem, FailingAt: row.FailingAt, WorkedAt: row.WorkedAt, Replies: row.Replies, Wrong: row.Wrong, Version: row.Version, Place: row.Way.V.address(row.Kind), Allowed: true,
	}
	if x.Kinds == nil {
		x.Kinds = []string{}
	}
	sites, err := store.All[string](ctx, r, "SELECT site_id FROM org_site WHERE site_no = ?", row.SiteNo)
	if err != nil {
		return x, err
	}
	if len(sites) > 0 {
		x.SiteID = sites[0]
	}
	type count struct {
		State string `db:"state"`
		N     int64  `db:"n"`
	}
	counts, err := store.All[count](ctx, r, "SELECT state, count(*) AS n FROM notify_delivery WHERE (receiver_id = ? OR receiver_id = '' AND channel = ?) AND state IN (?) GROUP BY state", row.ID, row.Kind, []string{waiting, held, digest, dead})
	if err != nil {
		return x, err
	}
	for _, c := range counts {
		if c.State == dead {
			x.Dead += c.N
		} else {
			x.Waiting += c.N
		}
	}
	if host, port := row.Way.V.place(row.Kind); host != "" {
		x.Allowed, err = egress.Listed(ctx, r, host, port)
	}
	return x, err
}

// test sends one message now, past the queue, and tells what happened.
func (s *Service) test(ctx context.Context, id, to string) (*outcome, error) {
	p := auth.From(ctx)
	var row receiverRow
	var me recipient
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		if row, err = receiverRowOf(ctx, r, p.Scope, id); err != nil {
			return err
		}
		me, err = recipientOf(ctx, r, p.UserID)
		if ot.CodeOf(err) == ot.NotFound { // the command line, the demo's visitor
			me, err = recipient{Name: p.Name, wishes: defaults("UTC")}, nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	rest.Target(ctx, "", ot.Ref{Kind: "receiver", ID: id})
	rest.Detail(ctx, "name", row.Name)
	var out outcome
	if s.cfg.Off {
		out.Body.Error = "the demo sends nothing"
		return &out, nil
	}
	now := s.cfg.Now()
	d := delivery{ID: store.NewID(), What: whatTest, Channel: row.Kind, Severity: 4, MadeAt: store.At(now), Body: store.AsJSON(Content{Kind: whatTest, Severity: 4, Title: "A test of " + row.Name, OpenedAt: store.At(now)})}
	var x parcel
	switch row.Kind {
	case byWebhook:
		x, err = s.drawHook(d)
	case bySyslog:
		x = s.drawSyslog(row.Way.V, d)
	default:
		x, err = s.draw(d, me)
		if to != "" {
			x.to = to
		}
		if err == nil && row.Kind == byMail {
			err = checkMail(x.to)
		}
		if err == nil && row.Kind == bySMS {
			x.to, err = checkPhone(x.to)
		}
	}
	if err != nil {
		return nil, err
	}
	if row.Kind == byMail || row.Kind == bySMS {
		rest.Detail(ctx, "to", x.to)
	}
	secret, err := s.cfg.Box.Open(row.Secret, row.ID)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	limit, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	err = s.send(store.WithoutHooks(limit), row, secret, &s.radio, []parcel{x}, func(_ int, answer string, err error) {
		out.Body.Answer = answer
		out.Body.OK = err == nil
		if err != nil {
			out.Body.Error = ot.Printable(err.Error())
		}
	})
	out.Body.Millis = time.Since(began).Milliseconds()
	if err != nil && out.Body.Error == "" {
		out.Body.OK, out.Body.Error = false, ot.Printable(err.Error())
	}
	rest.Detail(ctx, "worked", strconv.FormatBool(out.Body.OK))
	return &out, nil
}
