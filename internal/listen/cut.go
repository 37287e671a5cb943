package listen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/seal"
	"github.com/skanse/skanse/internal/sensor/ring"
	"github.com/skanse/skanse/internal/store"
)

const (
	maxCut   = 64 << 20
	cutLives = 24 * time.Hour // a file that somebody wants to keep was downloaded by then
	// cutDefault is the time that is cut when none is said.
	cutDefault = 15 * time.Minute
)

// Want is what somebody asks to be cut out, and why.
type Want struct {
	Source       string
	Conversation string
	Asset        string
	From, To     time.Time
	Reason       string
	ByID, By     string // who asks
}

// Cut is packets that were cut out.
type Cut struct {
	ID      string     `json:"id"`
	SiteID  string     `json:"site_id"`
	What    string     `json:"what"`
	Reason  string     `json:"reason"`
	From    store.Time `json:"from"`
	To      store.Time `json:"to"`
	State   string     `json:"state" enum:"waiting,ready,empty,failed,gone" doc:"empty: no packet of it is kept any more; gone: the file was removed after a day"`
	Detail  string     `json:"detail" doc:"Why, in a sentence"`
	Packets int64      `json:"packets"`
	Masked  int64      `json:"masked" doc:"Packets without payload, as it holds or may hold a sign-in"`
	Headers int64      `json:"headers" doc:"Packets of which only headers are kept: not the plant's own"`
	Bytes   int64      `json:"bytes" doc:"Of the file"`
	By      string     `json:"by"`
	At      store.Time `json:"at"`
}

type cutRow struct {
	ID      string     `db:"cut_id"`
	SiteNo  int64      `db:"site_no"`
	What    string     `db:"what"`
	Reason  string     `db:"reason"`
	From    store.Time `db:"from_at"`
	To      store.Time `db:"to_at"`
	State   string     `db:"state"`
	Detail  string     `db:"detail"`
	Packets int64      `db:"packets"`
	Masked  int64      `db:"masked"`
	Headers int64      `db:"headers"`
	Bytes   int64      `db:"bytes"`
	By      string     `db:"cut_by"`
	At      store.Time `db:"cut_at"`
}

func (r *cutRow) show(siteID string) Cut {
	return Cut{r.ID, siteID, r.What, r.Reason, r.From, r.To, r.State, r.Detail, r.Packets, r.Masked, r.Headers, r.Bytes, r.By, r.At}
}

// target resolves what is wanted. Whoever may not see the whole site may not cut:
// a ring holds the packets of all of it.
func (s *Service) target(ctx context.Context, scope Scope, w Want) (t Target, sources []siteRow, err error) {
	switch {
	case w.Source != "":
		err = s.db.View(ctx, func(r store.Reader) error {
			x, err := one(ctx, r, scope, w.Source)
			t = Target{SiteNo: x.SiteNo, SiteID: x.SiteID, RealmNo: x.RealmNo, What: x.Name}
			sources = []siteRow{x}
			return err
		})
		return t, sources, err
	case s.cfg.Find == nil:
		return t, nil, ot.Errorf(ot.Invalid, "name a listening interface")
	case w.Conversation != "":
		t, err = s.cfg.Find.Conversation(ctx, scope, w.Conversation)
	default:
		t, err = s.cfg.Find.Asset(ctx, scope, w.Asset)
	}
	if err != nil {
		return t, nil, err
	}
	all, err := s.rows(ctx, scope, t.SiteID)
	if err != nil {
		return t, nil, err
	}
	for _, x := range all {
		if t.RealmNo == 0 || x.RealmNo == t.RealmNo {
			sources = append(sources, x)
		}
	}
	if len(sources) == 0 {
		err = ot.Errorf(ot.NotFound, "no listening interface of this site and address realm is known, so there are no packets to cut; packets of an uploaded capture are opened from their proofs")
	}
	return t, sources, err
}

// Cut cuts packets out of the rings within reach. note is told what is wanted
// before anything is done, for the audit entry.
func (s *Service) Cut(ctx context.Context, scope Scope, w Want, note func(Target)) (Cut, error) {
	t, sources, err := s.target(ctx, scope, w)
	if err != nil {
		return Cut{}, err
	}
	note(t)
	now := s.cfg.Clock()
	if w.To.IsZero() || w.To.After(now) {
		w.To = now
	}
	if w.From.IsZero() {
		w.From = w.To.Add(-cutDefault)
	}
	if !w.From.Before(w.To) {
		return Cut{}, ot.Errorf(ot.Invalid, "the time ends before it begins: from must lie before to")
	}
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return Cut{}, ctx.Err()
	}
	r := cutRow{ID: store.NewID(), SiteNo: t.SiteNo, What: ot.Printable(t.What), Reason: ot.Printable(w.Reason), From: store.At(w.From), To: store.At(w.To), By: w.By, At: store.At(now)}
	file, res, missed, err := s.gather(ctx, sources, t, w, now)
	switch {
	case err != nil:
		return Cut{}, err
	case res.Packets == 0:
		r.State, r.Detail = "empty", "No packet of it is kept any more, or none came in this time."
	default:
		r.State, r.Packets, r.Masked, r.Headers, r.Bytes = "ready", res.Packets, res.Masked, res.Headers, int64(len(file))
		if res.Torn {
			r.Detail = "A file of the ring ends within a packet, as after a power cut; what stood before it is here. "
		}
		if err := s.put(r.ID, file); err != nil {
			return Cut{}, err
		}
	}
	if len(missed) > 0 {
		r.Detail += "Not reached: " + strings.Join(missed, "; ") + "."
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		return store.Upsert(ctx, tx, "listen_cut", []cutRow{r}, []string{"cut_id"}, nil)
	})
	return r.show(t.SiteID), err
}

// gather writes one file out of all rings.
func (s *Service) gather(ctx context.Context, sources []siteRow, t Target, w Want, now time.Time) (file []byte, res ring.Result, missed []string, err error) {
	var out bytes.Buffer
	comment := fmt.Sprintf("Cut by %s at %s.\nWhy: %s\nWhat: %s, from %s to %s.", w.By, now.UTC().Format(time.RFC3339), w.Reason, t.What, w.From.UTC().Format(time.RFC3339), w.To.UTC().Format(time.RFC3339))
	pw, err := ring.NewWriter(&limited{&out, maxCut}, s.cfg.Program, ot.Printable(comment))
	if err != nil {
		return nil, res, nil, err
	}
	for _, x := range sources {
		e := s.ear(x.SourceID)
		if e == nil {
			missed = append(missed, x.Name+" (not within reach of this server)")
			continue
		}
		got, err := e.Cut(ctx, Selection{From: w.From, To: w.To, Pairs: t.Pairs}, pw)
		if ot.CodeOf(err) == ot.NotFound || ot.CodeOf(err) == ot.Busy { // it keeps no packets, or cannot be asked now
			missed = append(missed, x.Name+" ("+err.Error()+")")
			continue
		}
		if err != nil {
			return nil, res, nil, err
		}
		res.Packets += got.Packets
		res.Masked += got.Masked
		res.Headers += got.Headers
		res.Torn = res.Torn || got.Torn
	}
	return out.Bytes(), res, missed, nil
}

func (s *Service) path(id string) string { return filepath.Join(s.cfg.Dir, id+".cut") }

func (s *Service) box() (*seal.Box, error) { return seal.New(s.cfg.Key, "cut packets") }

func (s *Service) put(id string, file []byte) error {
	b, err := s.box()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return ot.Errorf(ot.Full, "the folder for cut packets cannot be made: %w", err)
	}
	if err := os.WriteFile(s.path(id), b.Seal(string(file), id), 0o600); err != nil {
		return ot.Errorf(ot.Full, "the cut packets cannot be stored: %w", err)
	}
	return nil
}

// File returns the packets of a cut.
func (s *Service) File(ctx context.Context, scope Scope, id string) (Cut, []byte, error) {
	c, err := s.Get(ctx, scope, id)
	if err != nil {
		return c, nil, err
	}
	raw, err := os.ReadFile(s.path(c.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil, ot.Errorf(ot.NotFound, "these packets are not here any more: a cut is kept for a day")
	}
	if err != nil {
		return c, nil, ot.Errorf(ot.Internal, "read the cut packets: %w", err)
	}
	b, err := s.box()
	if err != nil {
		return c, nil, err
	}
	file, err := b.Open(raw, c.ID)
	if err != nil {
		return c, nil, ot.Errorf(ot.Damaged, "the cut packets cannot be opened: their file was changed, or the data folder has another key")
	}
	return c, []byte(file), nil
}

const cutSelect = `SELECT c.cut_id, c.site_no, c.what, c.reason, c.from_at, c.to_at, c.state, c.detail, c.packets, c.masked, c.headers, c.bytes, c.cut_by, c.cut_at, s.site_id
 FROM listen_cut c JOIN org_site s ON s.site_no = c.site_no WHERE `

type cutSite struct {
	cutRow
	SiteID string `db:"site_id"`
}

// Get returns one cut.
func (s *Service) Get(ctx context.Context, scope Scope, id string) (out Cut, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		x, err := store.One[cutSite](ctx, r, cutSelect+"c.cut_id = ? AND ?", id, scope.Where("c.site_no", ""))
		out = x.show(x.SiteID)
		if ot.CodeOf(err) == ot.NotFound {
			err = ot.Errorf(ot.NotFound, "there is no such cut")
		}
		return err
	})
	return out, err
}

// Cuts lists cuts, the newest first.
func (s *Service) Cuts(ctx context.Context, scope Scope, siteID, after string, limit int) (out []Cut, err error) {
	q, args := cutSelect+"?", []any{scope.Where("c.site_no", "")}
	if siteID != "" {
		q, args = q+" AND s.site_id = ?", append(args, siteID)
	}
	if after != "" {
		q, args = q+" AND c.cut_id < ?", append(args, after)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[cutSite](ctx, r, q+" ORDER BY c.cut_id DESC LIMIT ?", append(args, limit)...)
		for i := range rows {
			out = append(out, rows[i].show(rows[i].SiteID))
		}
		return err
	})
	return out, err
}

// Clean removes the files of cuts that are a day old; who cut what and why stays.
func (s *Service) Clean(ctx context.Context) error {
	old := s.cfg.Clock().Add(-cutLives)
	var ids []string
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		ids, err = store.All[string](ctx, r, "SELECT cut_id FROM listen_cut WHERE state = 'ready' AND cut_at < ? ORDER BY cut_id LIMIT 500", store.At(old))
		return err
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	for _, id := range ids {
		if err := os.Remove(s.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old cut: %w", err)
		}
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE listen_cut SET state = 'gone', detail = ? WHERE cut_id IN (?)", "The file was removed after a day.", ids)
		return err
	})
}

// Packet finds one packet in the ring of its source.
func (s *Service) Packet(ctx context.Context, source string, number uint64, seen time.Time) (ring.Piece, error) {
	e := s.ear(source)
	if e == nil {
		return ring.Piece{}, ot.Errorf(ot.NotFound, "packet %d is no longer kept, or its sensor is not within reach", number)
	}
	return e.Packet(ctx, number, seen)
}
