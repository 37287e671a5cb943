package notify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/skanse/skanse/internal/notify/modem"
	"github.com/skanse/skanse/internal/store"
)

// A person who was asked by SMS may answer by SMS: "OK 1234". The code is the message's own and the number must
// be that of the person it went to. A sender's number can be forged, so a reply says no more than "I have seen it".
const (
	replyEvery = 20 * time.Second
	replyFor   = 24 * time.Hour // after it was sent
)

// codeOf is the short code of a message: of its link's token, which nobody else knows.
func codeOf(token string) string {
	sum := sha256.Sum256([]byte("reply " + token))
	return fmt.Sprintf("%04d", binary.BigEndian.Uint32(sum[:])%10000)
}

// replyCode finds the code in a reply, which is nothing but OK and the code.
func replyCode(text string) string {
	m := regexp.MustCompile(`(?i)^\s*(?:ok\b[\s:,.-]*)?([0-9]{4})[\s.!]*$`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// answerable says whether a message of this kind asks for anything.
func answerable(what string) bool {
	return what == whatOpen || what == whatBundle || what == whatCallout
}

// replies looks for replies while somebody was asked by SMS and has not answered, until ctx ends.
func (s *Service) replies(ctx context.Context) error {
	if s.cfg.Off {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(s.cfg.Reply)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := s.hearReplies(ctx)
		if err != nil && ctx.Err() == nil && !failed {
			s.cfg.Log.Warn("replies by SMS could not be read; it is tried again", "error", err)
		}
		failed = err != nil
	}
}

func (s *Service) hearReplies(ctx context.Context) error {
	var r receiverRow
	var waits int64
	if err := s.db.View(ctx, func(rd store.Reader) (err error) {
		var ok bool
		if r, ok, err = the(ctx, rd, bySMS); err != nil || !ok || r.Way.V.TextMode {
			return err
		}
		waits, err = store.One[int64](ctx, rd, "SELECT count(*) FROM notify_delivery d WHERE d.channel = ? AND d.state = ? AND d.what IN (?) AND d.ended_at > ? AND d.seen_at IS NULL",
			bySMS, sent, []string{whatOpen, whatBundle, whatCallout}, store.At(s.cfg.Now().Add(-replyFor)))
		return err
	}); err != nil || waits == 0 {
		return err
	}
	pin, err := s.cfg.Box.Open(r.Secret, r.ID)
	if err != nil {
		return err
	}
	err = s.readReplies(ctx, r, pin)
	if errors.Is(err, modem.ErrPIN) { // three wrong ones lock the card: a person must look first
		return s.failing(ctx, r, err)
	}
	return err
}

func (s *Service) readReplies(ctx context.Context, r receiverRow, pin string) error {
	s.radio.Lock()
	defer s.radio.Unlock()
	port, err := modem.Open(r.Way.V.Device, int(r.Way.V.Baud))
	if err != nil {
		return err
	}
	defer func() { _ = port.Close() }()
	m, err := modem.Start(ctx, port, modem.Config{PIN: pin, Centre: r.Way.V.Centre}, s.radio.ref)
	if err != nil {
		return err
	}
	got, err := m.Receive(ctx)
	if err != nil {
		return err
	}
	for _, x := range got {
		// First it counts, then it goes: a kill between the two reads it again, and again does nothing.
		if err := s.reply(ctx, r, x); err != nil {
			return err
		}
		if err := m.Delete(ctx, x.Index); err != nil {
			return err
		}
	}
	return nil
}

// reply takes one message that came in. What is no reply at all (an operator's advertisement) is not counted.
func (s *Service) reply(ctx context.Context, r receiverRow, x modem.Received) error {
	code := replyCode(x.Text)
	if code == "" {
		return nil
	}
	var fits []delivery
	again := false
	err := s.db.View(ctx, func(rd store.Reader) error {
		people, err := numbered(ctx, rd, x.Number)
		if err != nil || len(people) == 0 {
			return err
		}
		rows, err := store.All[delivery](ctx, rd, "SELECT "+deliveryColumns+" FROM notify_delivery d WHERE d.channel = ? AND d.state = ? AND d.user_id IN (?) AND d.token <> '' AND d.ended_at > ? ORDER BY d.made_at, d.delivery_id",
			bySMS, sent, people, store.At(s.cfg.Now().Add(-replyFor)))
		for _, d := range rows {
			switch {
			case !answerable(d.What) || codeOf(d.Token) != code:
			case d.SeenAt.IsZero():
				fits = append(fits, d)
			default:
				again = true
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	column := "replies"
	switch {
	case len(fits) == 1:
		if _, err := s.seen(ctx, fits[0].Token); err != nil {
			return err
		}
	case len(fits) == 0 && again:
		return nil // it was answered: heard twice, or sent twice
	default: // another's number, no such code, or two messages that share one: then the link must do
		column = "wrong_replies"
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE notify_receiver SET "+column+" = "+column+" + 1 WHERE receiver_id = ?", r.ID)
		return err
	})
}

// numbered are the people whose number this is, as they wrote it.
func numbered(ctx context.Context, r store.Reader, number string) ([]string, error) {
	if number == "" {
		return nil, nil
	}
	type row struct {
		UserID string             `db:"user_id"`
		Wishes store.JSON[Wishes] `db:"wishes"`
	}
	rows, err := store.All[row](ctx, r, "SELECT p.user_id, p.wishes FROM notify_person p JOIN auth_user u ON u.user_id = p.user_id WHERE NOT u.disabled")
	var out []string
	for _, x := range rows {
		if x.Wishes.V.Phone == number {
			out = append(out, x.UserID)
		}
	}
	return out, err
}
