package notify

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// What a delivery tells.
const (
	whatOpen    = "open"    // somebody is asked
	whatDone    = "done"    // it was answered
	whatBundle  = "bundle"  // several at once: a digest, or what quiet hours held
	whatCallout = "callout" // is anybody there
	whatTest    = "test"
)

// The states of a delivery.
const (
	waiting  = "waiting"  // to be sent at due_at
	held     = "held"     // until quiet hours end
	digest   = "digest"   // until the digest
	bundled  = "bundled"  // another one carries it
	sent     = "sent"     // the other side has taken it
	answered = "answered" // the question was answered before it was sent
	dead     = "dead"     // given up
)

// Content is what is told.
type Content struct {
	ItemID   string     `json:"item_id,omitempty"`
	Kind     string     `json:"kind"`
	Severity int64      `json:"severity"`
	Title    string     `json:"title"`
	Detail   string     `json:"detail,omitempty"`
	SiteID   string     `json:"site_id,omitempty"`
	Site     string     `json:"site,omitempty"`
	Action   string     `json:"action,omitempty"`
	Ref      ot.Ref     `json:"ref"`
	OpenedAt store.Time `json:"opened_at"`
	DueAt    store.Time `json:"due_at"`
	Outcome  string     `json:"outcome,omitempty"`
	DoneAt   store.Time `json:"done_at"`
	Items    []Content  `json:"items,omitempty"` // of a bundle
	More     int        `json:"more,omitempty"`  // so many did not fit

	Fields map[string]string `json:"fields,omitempty"` // of an alert, for machines: client_ip, server_ip, rule …
}

type delivery struct {
	ID         string              `db:"delivery_id"`
	Dedupe     string              `db:"dedupe"`
	What       string              `db:"what"`
	ItemID     string              `db:"item_id"`
	Channel    string              `db:"channel"`
	UserID     string              `db:"user_id"`
	ReceiverID string              `db:"receiver_id"`
	SiteNo     int64               `db:"site_no"`
	Severity   int64               `db:"severity"`
	Body       store.JSON[Content] `db:"body"`
	Token      string              `db:"token"`
	State      string              `db:"state"`
	DueAt      store.Time          `db:"due_at"`
	Attempts   int64               `db:"attempts"`
	MadeAt     store.Time          `db:"made_at"`
	TriedAt    store.Time          `db:"tried_at"`
	EndedAt    store.Time          `db:"ended_at"`
	Error      string              `db:"error"`
	Answer     string              `db:"answer"`
	BundleID   string              `db:"bundle_id"`
	SeenAt     store.Time          `db:"seen_at"`
}

const deliveryColumns = "d.delivery_id, d.dedupe, d.what, d.item_id, d.channel, d.user_id, d.receiver_id, d.site_no, d.severity, d.body, d.token, d.state, d.due_at, d.attempts, d.made_at, d.tried_at, d.ended_at, d.error, d.answer, d.bundle_id, d.seen_at"

type itemRow struct {
	ID       string     `db:"item_id"`
	Key      string     `db:"item_key"`
	Kind     string     `db:"kind"`
	SiteNo   int64      `db:"site_no"`
	Severity int64      `db:"severity"`
	Title    string     `db:"title"`
	Detail   string     `db:"detail"`
	RefKind  string     `db:"ref_kind"`
	RefID    string     `db:"ref_id"`
	Action   string     `db:"action"`
	OpenedAt store.Time `db:"opened_at"`
	DueAt    store.Time `db:"due_at"`
	DoneAt   store.Time `db:"done_at"`
	Outcome  string     `db:"outcome"`
	SiteID   string     `db:"site_id"`
	Site     string     `db:"site"`
}

const itemColumns = `i.item_id, i.item_key, i.kind, i.site_no, i.severity, i.title, i.detail, i.ref_kind, i.ref_id, i.action, i.opened_at, i.due_at, i.done_at, i.outcome,
 COALESCE(s.site_id, '') AS site_id, COALESCE(s.name, '') AS site FROM inbox_item i LEFT JOIN org_site s ON s.site_no = i.site_no`

func (i itemRow) content() Content {
	return Content{
		ItemID: i.ID, Kind: i.Kind, Severity: i.Severity, Title: ot.Printable(i.Title), Detail: ot.Printable(i.Detail), SiteID: i.SiteID, Site: i.Site, Action: i.Action,
		Ref: ot.Ref{Kind: i.RefKind, ID: i.RefID}, OpenedAt: i.OpenedAt, DueAt: i.DueAt, Outcome: i.Outcome, DoneAt: i.DoneAt,
	}
}

// tooOld: what the bus brings again, after a restore, is not told as if it were new.
const tooOld = 3 * 24 * time.Hour

// follow makes deliveries of what the inbox says, in the transaction in which it
// heard of it. A repeated event finds its deliveries made already.
func (s *Service) follow(ctx context.Context, tx *store.Tx, events []bus.Event) error {
	now := s.cfg.Now()
	var keys []string
	for _, e := range events {
		for _, ref := range e.Refs {
			if ref.Kind == "inbox" && !slices.Contains(keys, ref.ID) {
				keys = append(keys, ref.ID)
			}
		}
	}
	if len(keys) > 0 {
		items, err := store.All[itemRow](ctx, tx, "SELECT "+itemColumns+" WHERE i.item_key IN (?) AND i.done_at IS NULL ORDER BY i.item_id", keys)
		if err != nil {
			return err
		}
		for _, i := range items {
			if err := s.opened(ctx, tx, now, i); err != nil {
				return err
			}
		}
	}
	items, err := store.All[itemRow](ctx, tx, "SELECT "+itemColumns+" JOIN notify_item n ON n.item_id = i.item_id WHERE NOT n.done AND i.done_at IS NOT NULL ORDER BY i.item_id")
	if err != nil {
		return err
	}
	for _, i := range items {
		if err := s.closed(ctx, tx, now, i); err != nil {
			return err
		}
	}
	return nil
}

// opened tells of an item that asks, was changed, or has reached somebody else.
func (s *Service) opened(ctx context.Context, tx *store.Tx, now time.Time, i itemRow) error {
	if now.Sub(i.OpenedAt.Time) > tooOld {
		known, err := store.One[int64](ctx, tx, "SELECT count(*) FROM notify_item WHERE item_id = ? AND opened_at = ?", i.ID, i.OpenedAt)
		if err != nil || known == 0 {
			return err
		}
	}
	type told struct {
		ID       string     `db:"item_id"`
		OpenedAt store.Time `db:"opened_at"`
		Done     bool       `db:"done"`
	}
	if err := store.Upsert(ctx, tx, "notify_item", []told{{i.ID, i.OpenedAt, false}}, []string{"item_id"}, []string{"opened_at", "done"}); err != nil {
		return err
	}
	out, err := s.pageOf(ctx, tx, now, i)
	if err != nil {
		return err
	}
	if s.cfg.Off {
		return enqueue(ctx, tx, out)
	}
	people, err := s.toPeople(ctx, tx, now, i)
	if err != nil {
		return err
	}
	out = append(out, people...)
	more, err := s.toReceivers(ctx, tx, now, i, whatOpen)
	if err != nil {
		return err
	}
	return enqueue(ctx, tx, append(out, more...))
}

// closed ends what has not been sent yet, and tells machines that it is answered.
func (s *Service) closed(ctx context.Context, tx *store.Tx, now time.Time, i itemRow) error {
	if _, err := tx.Exec(ctx, "UPDATE notify_item SET done = TRUE WHERE item_id = ?", i.ID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE notify_delivery SET state = ?, ended_at = ? WHERE item_id = ? AND what = ? AND user_id <> '' AND state IN (?)",
		answered, store.At(now), i.ID, whatOpen, []string{waiting, held, digest}); err != nil {
		return err
	}
	if s.cfg.Off {
		return nil
	}
	out, err := s.toReceivers(ctx, tx, now, i, whatDone)
	if err != nil {
		return err
	}
	return enqueue(ctx, tx, out)
}

// toPeople makes a delivery for each person whom the item reaches, by each of the
// person's ways. The same person hears of the same item again only when it becomes
// more urgent.
func (s *Service) toPeople(ctx context.Context, tx *store.Tx, now time.Time, i itemRow) ([]delivery, error) {
	people, err := inbox.Addressees(ctx, tx, now, i.Key)
	if err != nil || len(people) == 0 {
		return nil, err
	}
	has := map[string]bool{}
	for _, kind := range []string{byMail, bySMS} {
		if _, has[kind], err = the(ctx, tx, kind); err != nil {
			return nil, err
		}
	}
	type told struct {
		UserID   string `db:"user_id"`
		Channel  string `db:"channel"`
		Severity int64  `db:"severity"`
	}
	before, err := store.All[told](ctx, tx, "SELECT user_id, channel, MIN(severity) AS severity FROM notify_delivery WHERE item_id = ? AND what = ? AND user_id <> '' AND made_at >= ? GROUP BY user_id, channel", i.ID, whatOpen, i.OpenedAt)
	if err != nil {
		return nil, err
	}
	var out []delivery
	for _, p := range people {
		w, _, err := wishesOf(ctx, tx, p.UserID)
		if err != nil {
			return nil, err
		}
		for _, way := range w.ways(inbox.Severity(i.Severity)) {
			d := s.draft(now, i, whatOpen)
			d.UserID, d.Channel = p.UserID, way
			if way == byDigest {
				d.Channel, d.State, d.DueAt = byMail, digest, store.At(nextAt(w.DigestAt, now, w.location()))
			} else if until := w.Quiet.holds(inbox.Severity(i.Severity), now, w.location()); !until.IsZero() {
				d.State, d.DueAt = held, store.At(until)
			}
			known := slices.ContainsFunc(before, func(b told) bool { return b.UserID == d.UserID && b.Channel == d.Channel && b.Severity <= d.Severity })
			if !has[d.Channel] || known {
				continue
			}
			d.Dedupe = fmt.Sprintf("%s/%s/%d/%d/%s/%s", whatOpen, i.ID, i.OpenedAt.UnixMicro(), i.Severity, p.UserID, d.Channel)
			out = append(out, d)
		}
	}
	return out, nil
}

func (s *Service) toReceivers(ctx context.Context, tx *store.Tx, now time.Time, i itemRow, what string) ([]delivery, error) {
	rows, err := store.All[receiverRow](ctx, tx, "SELECT "+receiverColumns+" FROM notify_receiver r WHERE r.enabled AND r.kind IN (?) AND (r.site_no = 0 OR r.site_no = ?) AND r.severity >= ? ORDER BY r.receiver_id",
		[]string{byWebhook, bySyslog}, i.SiteNo, i.Severity)
	if err != nil {
		return nil, err
	}
	var fields map[string]string
	if s.cfg.Fields != nil && len(rows) > 0 {
		if fields, err = s.cfg.Fields(ctx, tx, ot.Ref{Kind: i.RefKind, ID: i.RefID}); err != nil {
			return nil, err
		}
	}
	var out []delivery
	for _, r := range rows {
		if len(r.Kinds.V) > 0 && !slices.Contains(r.Kinds.V, i.Kind) {
			continue
		}
		d := s.draft(now, i, what)
		d.ReceiverID, d.Channel, d.Token = r.ID, r.Kind, ""
		d.Body.V.Fields = fields
		at := i.OpenedAt
		if what == whatDone {
			at = i.DoneAt
		}
		d.Dedupe = fmt.Sprintf("%s/%s/%d/%d/%s", what, i.ID, at.UnixMicro(), i.Severity, r.ID)
		out = append(out, d)
	}
	return out, nil
}

func (s *Service) draft(now time.Time, i itemRow, what string) delivery {
	return delivery{
		ID: store.NewID(), What: what, ItemID: i.ID, SiteNo: i.SiteNo, Severity: i.Severity, Body: store.AsJSON(i.content()), Token: newToken(),
		State: waiting, DueAt: store.At(now), MadeAt: store.At(now),
	}
}

// newToken is of a link that only its receiver knows: 128 bits.
func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// enqueue adds what is not in the queue already.
func enqueue(ctx context.Context, tx *store.Tx, rows []delivery) error {
	slices.SortStableFunc(rows, func(a, b delivery) int { return strings.Compare(a.Dedupe, b.Dedupe) })
	rows = slices.CompactFunc(rows, func(a, b delivery) bool { return a.Dedupe == b.Dedupe })
	return store.Upsert(ctx, tx, "notify_delivery", rows, []string{"dedupe"}, nil)
}
