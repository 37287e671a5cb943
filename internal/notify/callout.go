package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Settings are of the whole installation.
type Settings struct {
	Address   string  `json:"address" maxLength:"300" doc:"Where people reach the pages, for links: https://skanse.plant.example:8443; empty: as the server was started"`
	DeadAfter int64   `json:"dead_after_days" minimum:"1" maximum:"60" doc:"Days after which a notice is given up"`
	Callout   Callout `json:"callout"`
}

// Callout is the monthly test whether people are reached.
type Callout struct {
	On     bool   `json:"on"`
	Day    int64  `json:"day" minimum:"1" maximum:"28" doc:"Of the month"`
	At     string `json:"at" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" doc:"Local time, as 10:00"`
	Zone   string `json:"zone" maxLength:"64" doc:"IANA name"`
	Target int64  `json:"target_minutes" minimum:"1" maximum:"1440" doc:"Within which everybody answers"`
}

func (c Callout) location() *time.Location {
	if zone, err := time.LoadLocation(c.Zone); err == nil {
		return zone
	}
	return time.UTC
}

type settingRow struct {
	One     int64                `db:"one"`
	Data    store.JSON[Settings] `db:"data"`
	Version int64                `db:"version"`
}

func settingsOf(ctx context.Context, r store.Reader) (Settings, int64, error) {
	rows, err := store.All[settingRow](ctx, r, "SELECT one, data, version FROM notify_setting")
	if err != nil || len(rows) == 0 {
		return Settings{DeadAfter: 7, Callout: Callout{Day: 1, At: "10:00", Zone: "UTC", Target: 30}}, 0, err
	}
	return rows[0].Data.V, rows[0].Version, nil
}

// CalloutResult is one test call-out.
type CalloutResult struct {
	ID       string     `json:"id"`
	At       store.Time `json:"at"`
	DueAt    store.Time `json:"due_at"`
	EndedAt  store.Time `json:"ended_at" nullable:"true" doc:"Null: it runs"`
	ByHand   bool       `json:"by_hand"`
	Asked    int64      `json:"asked"`
	InTime   int64      `json:"in_time"`
	Late     int64      `json:"late"`
	NoWay    int64      `json:"no_way" doc:"Asked, but there is no way to reach them"`
	Share    *float64   `json:"share" doc:"Answered in time, of those asked; null: nobody was asked"`
	Answers  []Answer   `json:"answers" nullable:"false"`
	LongestS *int64     `json:"longest_seconds" doc:"Of the answers in time"`
}

// Answer is one person's.
type Answer struct {
	UserID     string     `json:"user_id"`
	Name       string     `json:"name"`
	Ways       string     `json:"ways" doc:"mail sms; empty: none"`
	AnsweredAt store.Time `json:"answered_at" nullable:"true"`
}

type calloutRow struct {
	ID      string     `db:"callout_id"`
	Month   string     `db:"month"`
	At      store.Time `db:"at"`
	DueAt   store.Time `db:"due_at"`
	EndedAt store.Time `db:"ended_at"`
	MadeBy  string     `db:"made_by"`
}

type calledRow struct {
	CalloutID  string     `db:"callout_id"`
	UserID     string     `db:"user_id"`
	Name       string     `db:"name"`
	Ways       string     `db:"ways"`
	AnsweredAt store.Time `db:"answered_at"`
}

// callouts begins the month's test when it is due, and ends those whose time is up.
func (s *Service) callouts(ctx context.Context) error {
	now := s.cfg.Now()
	var set Settings
	var begun int64
	var up []calloutRow
	var month string
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		if set, _, err = settingsOf(ctx, r); err != nil {
			return err
		}
		local := now.In(set.Callout.location())
		month = local.Format("2006-01")
		if begun, err = store.One[int64](ctx, r, "SELECT count(*) FROM notify_callout WHERE month = ?", month); err != nil {
			return err
		}
		up, err = store.All[calloutRow](ctx, r, "SELECT callout_id, month, at, due_at, ended_at, made_by FROM notify_callout WHERE ended_at IS NULL AND due_at <= ?", store.At(now))
		return err
	})
	if err != nil {
		return err
	}
	if minutes, perr := clockTime(set.Callout.At); perr == nil && set.Callout.On && begun == 0 {
		local := now.In(set.Callout.location())
		at := time.Date(local.Year(), local.Month(), int(set.Callout.Day), minutes/60, minutes%60, 0, 0, local.Location())
		// Turned on in the afternoon, it does not ask about the morning.
		if !now.Before(at) && now.Sub(at) < 24*time.Hour {
			if _, err := s.call(ctx, month, "system"); err != nil {
				return err
			}
		}
	}
	for _, c := range up {
		if err := s.endCall(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// onCall are those who have a turn in a rota within a month, whoever has a role that
// has one, and who said so themselves.
func onCall(ctx context.Context, r store.Reader, now time.Time) ([]recipientID, error) {
	t := store.At(now)
	from, to := now.UTC().AddDate(0, 0, -1).Format("2006-01-02T15:04"), now.UTC().AddDate(0, 0, 32).Format("2006-01-02T15:04")
	people, err := store.All[recipientID](ctx, r, `SELECT u.user_id, u.name FROM auth_user u WHERE NOT u.disabled AND (u.end_at IS NULL OR u.end_at > ?) AND (
		EXISTS (SELECT 1 FROM inbox_duty d WHERE d.to_local > ? AND d.from_local < ? AND (d.user_id = u.user_id OR d.user_id = '' AND d.role = u.role
			AND (u.sees_all OR EXISTS (SELECT 1 FROM auth_scope z JOIN org_site y ON y.site_no = d.site_no WHERE z.user_id = u.user_id AND (z.kind = 'site' AND z.ref = y.site_id OR z.kind = 'entity' AND z.ref = y.entity_id)))))
		OR EXISTS (SELECT 1 FROM notify_person p WHERE p.user_id = u.user_id)) ORDER BY u.name, u.user_id LIMIT 1000`, t, from, to)
	if err != nil {
		return nil, err
	}
	var out []recipientID
	for _, p := range people {
		turns, err := store.One[int64](ctx, r, `SELECT count(*) FROM inbox_duty d JOIN auth_user u ON u.user_id = ? WHERE d.to_local > ? AND d.from_local < ? AND (d.user_id = u.user_id OR d.user_id = '' AND d.role = u.role)`, p.ID, from, to)
		if err != nil {
			return nil, err
		}
		w, _, err := wishesOf(ctx, r, p.ID)
		if err != nil {
			return nil, err
		}
		if turns > 0 || w.OnCall {
			p.wishes = w
			out = append(out, p)
		}
	}
	return out, nil
}

type recipientID struct {
	ID     string `db:"user_id"`
	Name   string `db:"name"`
	wishes Wishes
}

// call asks everybody who is on call whether they are there, by all their ways for what
// cannot wait. Quiet hours do not hold it: it tests exactly that.
func (s *Service) call(ctx context.Context, month, by string) (id string, err error) {
	now := s.cfg.Now()
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		set, _, err := settingsOf(ctx, tx)
		if err != nil {
			return err
		}
		people, err := onCall(ctx, tx, now)
		if err != nil {
			return err
		}
		if len(people) == 0 && month == "" {
			return ot.Errorf(ot.Conflict, "nobody is on call: fill the rota, or let people tick it under Settings, My notices")
		}
		id = store.NewID()
		c := calloutRow{ID: id, Month: month, At: store.At(now), DueAt: store.At(now.Add(time.Duration(set.Callout.Target) * time.Minute)), MadeBy: by}
		if err := store.Upsert(ctx, tx, "notify_callout", []calloutRow{c}, nil, nil); err != nil {
			return err
		}
		has := map[string]bool{}
		for _, kind := range []string{byMail, bySMS} {
			if _, has[kind], err = the(ctx, tx, kind); err != nil {
				return err
			}
		}
		var out []delivery
		for _, p := range people {
			ways := ""
			for _, way := range p.wishes.Now {
				if !has[way] {
					continue
				}
				if ways != "" {
					ways += " "
				}
				ways += way
				body := Content{Kind: whatCallout, Severity: int64(inbox.Now), Title: "Test call-out", OpenedAt: c.At, DueAt: c.DueAt}
				out = append(out, delivery{
					ID: store.NewID(), Dedupe: fmt.Sprintf("%s/%s/%s/%s", whatCallout, id, p.ID, way), What: whatCallout, ItemID: id, Channel: way, UserID: p.ID,
					Severity: int64(inbox.Now), Body: store.AsJSON(body), Token: newToken(), State: waiting, DueAt: c.At, MadeAt: c.At,
				})
			}
			if err := store.Upsert(ctx, tx, "notify_called", []calledRow{{CalloutID: id, UserID: p.ID, Name: p.Name, Ways: ways}}, nil, nil); err != nil {
				return err
			}
		}
		return enqueue(ctx, tx, out)
	})
	return id, err
}

// answer is a person's: I am here.
func (s *Service) answer(ctx context.Context, tx *store.Tx, calloutID, userID string) error {
	_, err := tx.Exec(ctx, "UPDATE notify_called SET answered_at = ? WHERE callout_id = ? AND user_id = ? AND answered_at IS NULL", store.At(s.cfg.Now()), calloutID, userID)
	return err
}

// endCall keeps the result, and asks somebody to look where an answer is missing.
func (s *Service) endCall(ctx context.Context, c calloutRow) error {
	now := s.cfg.Now()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, "UPDATE notify_callout SET ended_at = ? WHERE callout_id = ? AND ended_at IS NULL", store.At(now), c.ID)
		if err != nil || n == 0 {
			return err
		}
		// What was not sent until now asks about a time that is over.
		if _, err := tx.Exec(ctx, "UPDATE notify_delivery SET state = ?, ended_at = ? WHERE item_id = ? AND what = ? AND state = ?", answered, store.At(now), c.ID, whatCallout, waiting); err != nil {
			return err
		}
		res, err := calloutResult(ctx, tx, c)
		if err != nil || res.InTime == res.Asked && res.Asked > 0 {
			return err
		}
		title, detail := fmt.Sprintf("%d of %d people did not answer the test call-out in time", res.Asked-res.InTime, res.Asked), ""
		if res.Asked == 0 {
			title = "The test call-out found nobody on call"
		}
		for _, a := range res.Answers {
			if a.AnsweredAt.IsZero() || a.AnsweredAt.After(c.DueAt.Time) {
				if detail != "" {
					detail += ", "
				}
				detail += a.Name
				if a.Ways == "" {
					detail += " (no way to reach them)"
				}
			}
		}
		return inbox.Put(ctx, tx, now, inbox.Item{
			Key: "callout:" + c.ID, Kind: "callout", Role: "dso", Severity: inbox.Today, Action: "look", Title: title, Detail: detail, Ref: ot.Ref{Kind: "callout", ID: c.ID}, Due: now.Add(3 * 24 * time.Hour),
		})
	})
}

func calloutResult(ctx context.Context, r store.Reader, c calloutRow) (CalloutResult, error) {
	out := CalloutResult{ID: c.ID, At: c.At, DueAt: c.DueAt, EndedAt: c.EndedAt, ByHand: c.Month == "", Answers: []Answer{}}
	rows, err := store.All[calledRow](ctx, r, "SELECT callout_id, user_id, name, ways, answered_at FROM notify_called WHERE callout_id = ? ORDER BY name, user_id", c.ID)
	for _, a := range rows {
		out.Asked++
		out.Answers = append(out.Answers, Answer{a.UserID, a.Name, a.Ways, a.AnsweredAt})
		switch {
		case a.AnsweredAt.IsZero():
		case a.AnsweredAt.After(c.DueAt.Time):
			out.Late++
		default:
			out.InTime++
			took := int64(a.AnsweredAt.Sub(c.At.Time) / time.Second)
			if out.LongestS == nil || *out.LongestS < took {
				out.LongestS = &took
			}
		}
		if a.Ways == "" {
			out.NoWay++
		}
	}
	if out.Asked > 0 {
		out.Share = new(float64(out.InTime) / float64(out.Asked))
	}
	return out, err
}
