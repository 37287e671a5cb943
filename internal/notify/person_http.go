package notify

import (
	"context"
	"net/http"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// MyNotices are one's own wishes, and which ways there are.
type MyNotices struct {
	Wishes
	Account string `json:"account" doc:"The address of the account"`
	HasMail bool   `json:"has_mail" doc:"There is a mail server"`
	HasSMS  bool   `json:"has_sms" doc:"There is a modem"`
	Said    bool   `json:"said" doc:"False: these are the defaults"`
}

type mineOut struct {
	ETag string `header:"ETag"`
	Body MyNotices
}

func (s *Service) mine(ctx context.Context, p auth.Principal) (*mineOut, error) {
	var out mineOut
	err := s.db.View(ctx, func(r store.Reader) error {
		w, version, err := wishesOf(ctx, r, p.UserID)
		if err != nil {
			return err
		}
		out.Body = MyNotices{Wishes: w, Account: p.Email, Said: version > 0}
		out.ETag = etag(version)
		if _, out.Body.HasMail, err = the(ctx, r, byMail); err != nil {
			return err
		}
		_, out.Body.HasSMS, err = the(ctx, r, bySMS)
		return err
	})
	return &out, err
}

func (s *Service) personRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "get-my-notices", Method: http.MethodGet, Path: "/notices/me", Permission: auth.Self, Tag: tag, Summary: "How one is told"},
		func(ctx context.Context, _ *struct{}) (*mineOut, error) { return s.mine(ctx, auth.From(ctx)) })
	rest.Register(r, rest.Op{ID: "put-my-notices", Method: http.MethodPut, Path: "/notices/me", Permission: auth.Self, Tag: tag, Audit: "notices.mine", Summary: "Say how one wants to be told"},
		func(ctx context.Context, in *struct {
			IfMatch string `header:"If-Match"`
			Body    Wishes
		},
		) (*mineOut, error) {
			p := auth.From(ctx)
			w, err := checkWishes(in.Body)
			if err != nil {
				return nil, err
			}
			err = s.db.Update(ctx, func(tx *store.Tx) error {
				_, version, err := wishesOf(ctx, tx, p.UserID)
				if err != nil {
					return err
				}
				if err := rest.IfMatch(in.IfMatch, etag(version)); err != nil {
					return err
				}
				rest.Target(ctx, "", ot.Ref{Kind: "user", ID: p.UserID})
				return writeWishes(ctx, tx, p.UserID, w, version, s.cfg.Now())
			})
			if err != nil {
				return nil, err
			}
			return s.mine(ctx, p)
		})
	rest.Register(r, rest.Op{ID: "answer-callout", Method: http.MethodPost, Path: "/notices/callouts/{id}/answer", Permission: auth.Self, Tag: tag, Audit: "callout.answer", Summary: "Say that one is there"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			p := auth.From(ctx)
			return nil, s.db.Update(ctx, func(tx *store.Tx) error {
				n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM notify_called WHERE callout_id = ? AND user_id = ?", in.ID, p.UserID)
				if err != nil {
					return err
				}
				if n == 0 {
					return ot.Errorf(ot.NotFound, "no such call-out asks you")
				}
				rest.Target(ctx, "", ot.Ref{Kind: "callout", ID: in.ID})
				return s.answer(ctx, tx, in.ID, p.UserID)
			})
		})
}

func (s *Service) settingRoutes(r *rest.Router) {
	type settingOut struct {
		ETag string `header:"ETag"`
		Body Settings
	}
	read := func(ctx context.Context) (*settingOut, error) {
		var out settingOut
		err := s.db.View(ctx, func(r store.Reader) error {
			set, version, err := settingsOf(ctx, r)
			out.Body, out.ETag = set, etag(version)
			return err
		})
		return &out, err
	}
	rest.Register(r, rest.Op{ID: "get-notice-settings", Method: http.MethodGet, Path: "/notices/settings", Permission: auth.NotifyWrite, Tag: tag, Summary: "Settings of all notices"},
		func(ctx context.Context, _ *struct{}) (*settingOut, error) { return read(ctx) })
	rest.Register(r, rest.Op{ID: "put-notice-settings", Method: http.MethodPut, Path: "/notices/settings", Permission: auth.NotifyWrite, Tag: tag, Audit: "notices.settings", Summary: "Change the settings of all notices"},
		func(ctx context.Context, in *struct {
			IfMatch string `header:"If-Match"`
			Body    Settings
		},
		) (*settingOut, error) {
			if err := overall(auth.From(ctx)); err != nil {
				return nil, err
			}
			set := in.Body
			set.Address = strings.TrimSuffix(strings.TrimSpace(set.Address), "/")
			if set.Address != "" && !strings.HasPrefix(set.Address, "https://") && !strings.HasPrefix(set.Address, "http://") || strings.ContainsAny(set.Address, " \"<>?#") {
				return nil, ot.Errorf(ot.Invalid, "address: write it as https://skanse.plant.example:8443")
			}
			w := defaults("UTC")
			w.Zone, w.DigestAt = set.Callout.Zone, set.Callout.At
			if _, err := checkWishes(w); err != nil {
				return nil, err
			}
			err := s.db.Update(ctx, func(tx *store.Tx) error {
				_, version, err := settingsOf(ctx, tx)
				if err != nil {
					return err
				}
				if err := rest.IfMatch(in.IfMatch, etag(version)); err != nil {
					return err
				}
				return store.Upsert(ctx, tx, "notify_setting", []settingRow{{1, store.AsJSON(set), version + 1}}, []string{"one"}, []string{"data", "version"})
			})
			if err != nil {
				return nil, err
			}
			return read(ctx)
		})
	rest.Register(r, rest.Op{ID: "list-callouts", Method: http.MethodGet, Path: "/notices/callouts", Permission: auth.NotifyWrite, Tag: tag, Summary: "Test call-outs and who answered, newest first"},
		func(ctx context.Context, _ *struct{}) (*one[rest.Page[CalloutResult]], error) {
			out := []CalloutResult{}
			if overall(auth.From(ctx)) != nil {
				return listOf(out), nil // people of all sites are asked
			}
			err := s.db.View(ctx, func(r store.Reader) error {
				rows, err := store.All[calloutRow](ctx, r, "SELECT callout_id, month, at, due_at, ended_at, made_by FROM notify_callout ORDER BY at DESC, callout_id LIMIT 36")
				if err != nil {
					return err
				}
				for _, c := range rows {
					x, err := calloutResult(ctx, r, c)
					if err != nil {
						return err
					}
					out = append(out, x)
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
			return listOf(out), nil
		})
	rest.Register(r, rest.Op{ID: "start-callout", Method: http.MethodPost, Path: "/notices/callouts", Permission: auth.NotifyWrite, Tag: tag, Audit: "callout.start", Status: http.StatusCreated, Summary: "Ask everybody on call now whether they are there"},
		func(ctx context.Context, _ *struct{}) (*one[CalloutResult], error) {
			p := auth.From(ctx)
			if err := overall(p); err != nil {
				return nil, err
			}
			id, err := s.call(ctx, "", p.UserID)
			if err != nil {
				return nil, err
			}
			rest.Target(ctx, "", ot.Ref{Kind: "callout", ID: id})
			s.nudge()
			var out CalloutResult
			err = s.db.View(ctx, func(r store.Reader) error {
				c, err := store.One[calloutRow](ctx, r, "SELECT callout_id, month, at, due_at, ended_at, made_by FROM notify_callout WHERE callout_id = ?", id)
				if err != nil {
					return err
				}
				out, err = calloutResult(ctx, r, c)
				return err
			})
			return &one[CalloutResult]{out}, err
		})
}
