package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/notify/modem"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// How the queue goes: what fails comes again later and later, at most an hour later,
// and is given up after the days that the settings say.
const (
	longestRetry = time.Hour
	laneBatch    = 50
	lookEvery    = 15 * time.Second
	settle       = 250 * time.Millisecond // commits come in crowds
	failingFor   = 15 * time.Minute       // then somebody is asked to look
)

// lane is one way out: its deliveries go one after the other, and wait together
// while it does not work.
type lane struct {
	busy      bool
	failures  int
	notBefore time.Time
}

// dispatch empties the queue until ctx ends, and waits for what is being sent.
func (s *Service) dispatch(ctx context.Context) error {
	if s.cfg.Off {
		<-ctx.Done()
		return nil
	}
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		lanes = map[string]*lane{}
	)
	defer wg.Wait()
	for {
		changed := s.db.Changed()
		if err := s.turn(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("the queue of notices could not be looked after; it is tried again", "error", err)
		}
		ways, soonest, err := s.due(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("the queue of notices could not be read; it is tried again", "error", err)
		}
		for _, r := range ways {
			mu.Lock()
			l := lanes[r.ID]
			if l == nil {
				l = &lane{}
				lanes[r.ID] = l
			}
			if l.busy || s.cfg.Now().Before(l.notBefore) {
				if !l.busy && l.notBefore.Before(soonest) {
					soonest = l.notBefore
				}
				mu.Unlock()
				continue
			}
			l.busy = true
			mu.Unlock()
			wg.Go(func() {
				worked, err := s.clear(ctx, r, &s.radio)
				mu.Lock()
				defer mu.Unlock()
				l.busy = false
				switch {
				case ctx.Err() != nil:
				case err != nil:
					l.failures++
					l.notBefore = s.cfg.Now().Add(backoff(s.cfg.Retry, l.failures))
					s.cfg.Log.Warn("a way of telling people does not work; it is tried again", "kind", r.Kind, "name", r.Name, "error", err, "failures", l.failures)
				case worked:
					l.failures = 0
				}
				s.nudge()
			})
		}
		if ctx.Err() != nil {
			return nil
		}
		timer := time.NewTimer(max(soonest.Sub(s.cfg.Now()), settle))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-changed:
			select {
			case <-ctx.Done():
			case <-time.After(settle):
			}
		case <-timer.C:
		}
		timer.Stop()
	}
}

// nudge lets dispatch look again.
func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// backoff doubles with each failure, up to an hour, with a tenth of chance.
func backoff(first time.Duration, failures int) time.Duration {
	d := longestRetry
	if failures < 20 {
		d = min(first<<(failures-1), longestRetry)
	}
	return d + rand.N(d/10+1)
}

// due lists the ways that have something to do, and says when the next thing is due.
func (s *Service) due(ctx context.Context) (out []receiverRow, next time.Time, err error) {
	next = s.cfg.Now().Add(lookEvery)
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.All[receiverRow](ctx, r, "SELECT "+receiverColumns+` FROM notify_receiver r WHERE r.enabled AND (
			EXISTS (SELECT 1 FROM notify_delivery d WHERE d.state = ? AND d.due_at <= ? AND (d.receiver_id = r.receiver_id OR d.receiver_id = '' AND d.channel = r.kind))
			OR r.audit AND (EXISTS (SELECT 1 FROM audit_entry e WHERE e.idx >= r.audit_next) OR EXISTS (SELECT 1 FROM audit_checkpoint c WHERE c.size >= r.point_next AND c.size > 0)))`,
			waiting, store.At(s.cfg.Now()))
		if err != nil {
			return err
		}
		first, err := store.One[store.Time](ctx, r, "SELECT MIN(due_at) FROM notify_delivery WHERE state IN (?) AND due_at > ?", []string{waiting, held, digest}, store.At(s.cfg.Now()))
		if err == nil && !first.IsZero() && first.Before(next) {
			next = first.Time
		}
		return err
	})
	return out, next, err
}

// clear sends what is due by one way. worked says that the other side took something.
func (s *Service) clear(ctx context.Context, r receiverRow, l *line) (worked bool, err error) {
	secret, err := s.cfg.Box.Open(r.Secret, r.ID)
	if err != nil {
		return false, s.failing(ctx, r, err)
	}
	worked, err = s.clearQueue(ctx, r, secret, l)
	if err == nil && r.Audit && r.Kind == bySyslog {
		for more := true; more && err == nil; {
			if more, err = s.forward(ctx, r); err != nil {
				break
			}
			worked = true
			var rows []receiverRow
			if verr := s.db.View(ctx, func(rd store.Reader) (err error) {
				rows, err = store.All[receiverRow](ctx, rd, "SELECT "+receiverColumns+" FROM notify_receiver r WHERE r.receiver_id = ?", r.ID)
				return err
			}); verr != nil || len(rows) == 0 {
				return worked, verr
			}
			r.AuditNext, r.PointNext = rows[0].AuditNext, rows[0].PointNext
		}
	}
	if ctx.Err() != nil {
		return worked, nil
	}
	if err != nil {
		return worked, s.failing(ctx, r, err)
	}
	if worked {
		return true, s.working(ctx, r)
	}
	return false, nil
}

func (s *Service) clearQueue(ctx context.Context, r receiverRow, secret string, l *line) (worked bool, err error) {
	var rows []delivery
	most := int64(laneBatch)
	err = s.db.View(ctx, func(rd store.Reader) (err error) {
		if r.Kind == bySMS {
			n, err := store.One[int64](ctx, rd, "SELECT count(*) FROM notify_delivery WHERE channel = ? AND state = ? AND ended_at > ?", bySMS, sent, store.At(s.cfg.Now().Add(-hour)))
			if err != nil {
				return err
			}
			if most = min(most, roomForSMS(r.Way.V, n)); most == 0 {
				return ot.Errorf(ot.TooMany, "%d SMS went in the last hour, which is the most that is allowed", n)
			}
		}
		rows, err = store.All[delivery](ctx, rd, "SELECT "+deliveryColumns+` FROM notify_delivery d WHERE d.state = ? AND d.due_at <= ? AND (d.receiver_id = ? OR d.receiver_id = '' AND d.channel = ?)
			ORDER BY d.severity, d.made_at, d.delivery_id LIMIT ?`, waiting, store.At(s.cfg.Now()), r.ID, r.Kind, most)
		return err
	})
	if err != nil || len(rows) == 0 {
		return false, err
	}
	var parcels []parcel
	var of []delivery
	for _, d := range rows {
		p, err := s.parcel(ctx, r, d)
		if err != nil {
			s.mark(ctx, d, "", err)
			continue
		}
		parcels, of = append(parcels, p), append(of, d)
	}
	if len(parcels) == 0 {
		return false, nil
	}
	tried := make([]bool, len(of))
	err = s.send(ctx, r, secret, l, parcels, func(i int, answer string, err error) {
		tried[i] = true
		worked = worked || err == nil
		s.mark(ctx, of[i], answer, err)
	})
	if err != nil && !errors.Is(err, errStop) && ctx.Err() == nil {
		for i, d := range of { // none of these was refused, but the page says why they wait
			if !tried[i] {
				s.mark(ctx, d, "", err)
			}
		}
	}
	if errors.Is(err, errStop) {
		err = ot.Errorf(ot.Busy, "%s stopped answering", r.Name)
	}
	return worked, err
}

func (s *Service) send(ctx context.Context, r receiverRow, secret string, l *line, parcels []parcel, done report) error {
	switch r.Kind {
	case byMail:
		return s.sendMail(ctx, r.Way.V, secret, parcels, done)
	case bySMS:
		return s.sendSMS(ctx, l, r.Way.V, secret, parcels, done)
	case byWebhook:
		return s.sendHooks(ctx, r.Way.V, secret, parcels, done)
	case bySyslog:
		return s.sendSyslog(ctx, r.Way.V, parcels, done)
	}
	return fmt.Errorf("no way %q", r.Kind)
}

// parcel makes what is sent of what is in the queue: in the words and the time of who gets it.
func (s *Service) parcel(ctx context.Context, r receiverRow, d delivery) (parcel, error) {
	switch r.Kind {
	case byWebhook:
		return s.drawHook(d)
	case bySyslog:
		return s.drawSyslog(r.Way.V, d), nil
	}
	var to recipient
	if err := s.db.View(ctx, func(rd store.Reader) (err error) { to, err = recipientOf(ctx, rd, d.UserID); return err }); err != nil {
		return parcel{}, err
	}
	if d.Channel == bySMS && to.wishes.Phone == "" {
		return parcel{}, ot.Errorf(ot.Invalid, "%s has no telephone number any more", to.Name)
	}
	to.mayReply = r.Kind == bySMS && !r.Way.V.TextMode
	return s.draw(d, to)
}

// mark writes what became of an attempt. It is written even if the program is told
// to stop, so that what was sent is not sent again; a kill between the two sends it
// again under the same id.
func (s *Service) mark(ctx context.Context, d delivery, answer string, err error) {
	ctx = context.WithoutCancel(ctx)
	now := s.cfg.Now()
	uerr := s.db.Update(ctx, func(tx *store.Tx) error {
		if err == nil {
			if _, err := tx.Exec(ctx, "UPDATE notify_delivery SET state = ?, tried_at = ?, ended_at = ?, attempts = attempts + 1, error = '', answer = ? WHERE delivery_id = ?", sent, store.At(now), store.At(now), short(answer, 500), d.ID); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "UPDATE notify_delivery SET state = ?, ended_at = ?, answer = ? WHERE bundle_id = ? AND state = ?", sent, store.At(now), short(answer, 500), d.ID, bundled)
			return err
		}
		set, _, serr := settingsOf(ctx, tx)
		if serr != nil {
			return serr
		}
		state, ended := waiting, store.Time{}
		if now.Sub(d.MadeAt.Time) > time.Duration(set.DeadAfter)*24*time.Hour {
			state, ended = dead, store.At(now)
		}
		why := short(ot.Printable(err.Error()), 500)
		if _, err := tx.Exec(ctx, "UPDATE notify_delivery SET state = ?, tried_at = ?, ended_at = ?, due_at = ?, attempts = attempts + 1, error = ?, answer = ? WHERE delivery_id = ? AND state = ?",
			state, store.At(now), ended, store.At(now.Add(backoff(s.cfg.Retry, int(d.Attempts)+1))), why, short(answer, 500), d.ID, waiting); err != nil || state != dead {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE notify_delivery SET state = ?, ended_at = ?, error = ? WHERE bundle_id = ? AND state = ?", dead, ended, why, d.ID, bundled); err != nil {
			return err
		}
		return inbox.Put(ctx, tx, now, inbox.Item{
			Key: "notice-dead:" + d.Channel + d.ReceiverID, Kind: "notice-failed", Role: administrator, Severity: inbox.ThisWeek, Action: "look",
			Title:  fmt.Sprintf("Notices by %s were given up after %d days", d.Channel, set.DeadAfter),
			Detail: "The last error: " + why + ". They stand in the queue (Settings, Notices) and can be sent from there.",
			Ref:    ot.Ref{Kind: "notices", ID: "queue"},
		})
	})
	if uerr != nil {
		s.cfg.Log.Error("what became of a notice could not be written; it will be sent again", "delivery", d.ID, "error", uerr)
	}
}

const administrator = "administrator"

// failing remembers since when a way does not work, and after a while asks somebody.
func (s *Service) failing(ctx context.Context, r receiverRow, why error) error {
	ctx = context.WithoutCancel(ctx)
	now := s.cfg.Now()
	text := short(ot.Printable(why.Error()), 300)
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		off := errors.Is(why, modem.ErrPIN)
		if off { // three wrong PINs lock the card: a person must look first
			if _, err := tx.Exec(ctx, "UPDATE notify_receiver SET enabled = FALSE, problem = ?, version = version + 1 WHERE receiver_id = ?", text, r.ID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "UPDATE notify_receiver SET failing_at = ? WHERE receiver_id = ? AND failing_at IS NULL", store.At(now), r.ID); err != nil {
			return err
		}
		if !off && (r.FailingAt.IsZero() || now.Sub(r.FailingAt.Time) < failingFor) {
			return nil
		}
		title := fmt.Sprintf("%s has taken no notices for a while", r.Name)
		if off {
			title = fmt.Sprintf("%s was turned off: the SIM card refuses the PIN", r.Name)
		}
		return inbox.Put(ctx, tx, now, inbox.Item{
			Key: "notice-down:" + r.ID, Kind: "notice-failed", SiteNo: r.SiteNo, Role: administrator, Severity: inbox.Today, Action: "look",
			Title: title, Detail: text + ". Nothing is lost: it waits in the queue.", Ref: ot.Ref{Kind: "notices", ID: r.ID},
		})
	})
	if err != nil {
		s.cfg.Log.Error("the state of a way of telling people could not be written", "name", r.Name, "error", err)
	}
	return why
}

// working ends what failing began.
func (s *Service) working(ctx context.Context, r receiverRow) error {
	ctx = context.WithoutCancel(ctx)
	now := s.cfg.Now()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE notify_receiver SET worked_at = ?, failing_at = NULL WHERE receiver_id = ?", store.At(now), r.ID); err != nil {
			return err
		}
		if !r.FailingAt.IsZero() { // what waits for its next attempt need not wait any more
			if _, err := tx.Exec(ctx, "UPDATE notify_delivery SET due_at = ? WHERE state = ? AND due_at > ? AND (receiver_id = ? OR receiver_id = '' AND channel = ?)",
				store.At(now), waiting, store.At(now), r.ID, r.Kind); err != nil {
				return err
			}
		}
		return inbox.Done(ctx, tx, now, "", "it works again", "notice-down:"+r.ID)
	})
}
