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
	Detail  string     `json:"detail" doc:"Why, in a sentence" say:"true"`
	Packets int64      `json:"packets"`
	Masked  int64      `json:"masked" doc:"Packets without payload, as it holds or may hold a sign-in"`
	Headers int64      `json:"headers" doc:"Packets of which only headers are kept: not the plant's own"`
	Bytes   int64      `json:"bytes" doc:"Of the file"`
	By      string     `json:"by"`
	At      store.Time `json:"at"`
	Until   store.Time `json:"until" doc:"When nobody waits any more for the sensors at other sites that were asked; null: none was"`
	Asked   []string   `json:"asked" nullable:"false" doc:"Of these, who has not answered yet"`
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

	Parts store.JSON[[]Part] `db:"parts"`
	Until store.Time         `db:"until"`
}

const (
	cutColumns = "c.cut_id, c.site_no, c.what, c.reason, c.from_at, c.to_at, c.state, c.detail, c.packets, c.masked, c.headers, c.bytes, c.cut_by, c.cut_at, c.parts, c.until"
	waiting    = "waiting"
)

func (r *cutRow) show(siteID string) Cut {
	c := Cut{r.ID, siteID, r.What, r.Reason, r.From, r.To, r.State, r.Detail, r.Packets, r.Masked, r.Headers, r.Bytes, r.By, r.At, r.Until, []string{}}
	for _, p := range r.Parts.V {
		if r.State == waiting && !p.Done {
			c.Asked = append(c.Asked, p.Name)
		}
	}
	return c
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
	var reach map[string]bool
	if err := s.db.View(ctx, func(rd store.Reader) (err error) {
		reach, err = s.far(ctx, rd, ids(sources)...)
		return err
	}); err != nil {
		return Cut{}, err
	}
	var near, far []siteRow
	for _, x := range sources {
		if s.ear(x.SourceID) == nil && reach[x.SourceID] {
			far = append(far, x)
		} else {
			near = append(near, x)
		}
	}
	comment := w.comment(t, now)
	file, res, missed, err := s.gather(ctx, near, t, w, comment)
	if err != nil {
		return Cut{}, err
	}
	parts := []Part{}
	for _, x := range far { // first: a part's place names its file
		parts = append(parts, Part{Source: x.SourceID, Name: x.Name})
	}
	r.Parts = store.AsJSON(append(parts, missed...))
	if res.Packets > 0 {
		r.add(res, int64(len(file)))
		if err := s.put(r.ID, 0, file); err != nil {
			return Cut{}, err
		}
	}
	if len(far) == 0 {
		r.conclude()
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		for _, x := range far {
			until, err := s.cfg.Far.Cut(ctx, tx, x.SourceID, r.ID, Selection{From: w.From, To: w.To, Pairs: t.Pairs}, comment)
			if err != nil {
				return err
			}
			r.State = waiting
			if r.Until.IsZero() || until.After(r.Until.Time) {
				r.Until = store.At(until)
			}
		}
		return store.Upsert(ctx, tx, "listen_cut", []cutRow{r}, []string{"cut_id"}, nil)
	})
	if err != nil {
		return Cut{}, err
	}
	for _, x := range far {
		s.cfg.Far.Sent(x.SourceID)
	}
	return r.show(t.SiteID), nil
}

func ids(list []siteRow) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].SourceID
	}
	return out
}

// comment stands in the file that comes out.
func (w *Want) comment(t Target, now time.Time) string {
	return ot.Printable(fmt.Sprintf("Cut by %s at %s. Why: %s. What: %s, from %s to %s.", w.By, now.UTC().Format(time.RFC3339), w.Reason, t.What, w.From.UTC().Format(time.RFC3339), w.To.UTC().Format(time.RFC3339)))
}

// gather writes one file out of all rings.
func (s *Service) gather(ctx context.Context, sources []siteRow, t Target, w Want, comment string) (file []byte, res ring.Result, missed []Part, err error) {
	var out bytes.Buffer
	pw, err := ring.NewWriter(Limited(&out, maxCut), s.cfg.Program, comment)
	if err != nil {
		return nil, res, nil, err
	}
	for _, x := range sources {
		e := s.ear(x.SourceID)
		if e == nil {
			missed = append(missed, Part{Name: x.Name, Done: true, Why: "not within reach of this server"})
			continue
		}
		got, err := e.Cut(ctx, Selection{From: w.From, To: w.To, Pairs: t.Pairs}, pw)
		if ot.CodeOf(err) == ot.NotFound || ot.CodeOf(err) == ot.Busy { // it keeps no packets, or cannot be asked now
			missed = append(missed, Part{Name: x.Name, Done: true, Why: err.Error()})
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

// path is that of a cut's own packets (0) and of its parts from other machines.
func (s *Service) path(id string, part int) string {
	if part == 0 {
		return filepath.Join(s.cfg.Dir, id+".cut")
	}
	return filepath.Join(s.cfg.Dir, fmt.Sprintf("%s.%d.cut", id, part))
}

// owner binds a sealed part to its place.
func owner(id string, part int) string {
	if part == 0 {
		return id
	}
	return fmt.Sprintf("%s.%d", id, part)
}

func (s *Service) box() (*seal.Box, error) { return seal.New(s.cfg.Key, "cut packets") }

func (s *Service) put(id string, part int, file []byte) error {
	b, err := s.box()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return ot.Errorf(ot.Full, "the folder for cut packets cannot be made: %w", err)
	}
	if err := os.WriteFile(s.path(id, part), b.Seal(string(file), owner(id, part)), 0o600); err != nil {
		return ot.Errorf(ot.Full, "the cut packets cannot be stored: %w", err)
	}
	return nil
}

// File returns the packets of a cut: a section of pcapng for each machine that they came from.
func (s *Service) File(ctx context.Context, scope Scope, id string) (Cut, []byte, error) {
	c, parts, err := s.get(ctx, scope, id)
	if err != nil {
		return c, nil, err
	}
	if c.State == waiting {
		return c, nil, ot.Errorf(ot.Conflict, "these packets are not here yet: %s has not answered", strings.Join(c.Asked, ", "))
	}
	b, err := s.box()
	if err != nil {
		return c, nil, err
	}
	var out []byte
	for n := range parts + 1 {
		raw, err := os.ReadFile(s.path(c.ID, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, nil, ot.Errorf(ot.Internal, "read the cut packets: %w", err)
		}
		file, err := b.Open(raw, owner(c.ID, n))
		if err != nil {
			return c, nil, ot.Errorf(ot.Damaged, "the cut packets cannot be opened: their file was changed, or the data folder has another key")
		}
		out = append(out, file...)
	}
	if len(out) == 0 {
		return c, nil, ot.Errorf(ot.NotFound, "these packets are not here any more: a cut is kept for a day")
	}
	return c, out, nil
}

const cutSelect = `SELECT ` + cutColumns + `, s.site_id
 FROM listen_cut c JOIN org_site s ON s.site_no = c.site_no WHERE `

type cutSite struct {
	cutRow
	SiteID string `db:"site_id"`
}

// Get returns one cut.
func (s *Service) Get(ctx context.Context, scope Scope, id string) (Cut, error) {
	c, _, err := s.get(ctx, scope, id)
	return c, err
}

func (s *Service) get(ctx context.Context, scope Scope, id string) (out Cut, parts int, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		x, err := store.One[cutSite](ctx, r, cutSelect+"c.cut_id = ? AND ?", id, scope.Where("c.site_no", ""))
		out, parts = x.show(x.SiteID), len(x.Parts.V)
		if ot.CodeOf(err) == ot.NotFound {
			err = ot.Errorf(ot.NotFound, "there is no such cut")
		}
		return err
	})
	return out, parts, err
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
	var rows []cutRow
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		rows, err = store.All[cutRow](ctx, r, "SELECT "+cutColumns+" FROM listen_cut c WHERE c.state = 'ready' AND c.cut_at < ? AND (c.until IS NULL OR c.until < ?) ORDER BY c.cut_id LIMIT 500", store.At(old), store.At(old))
		return err
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	var ids []string
	for i := range rows {
		if err := s.removeFiles(rows[i].ID, len(rows[i].Parts.V)); err != nil {
			return fmt.Errorf("remove an old cut: %w", err)
		}
		ids = append(ids, rows[i].ID)
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE listen_cut SET state = 'gone', detail = ? WHERE cut_id IN (?)", "The file was removed after a day.", ids)
		return err
	})
}

// Packet finds one packet in the ring of its source, also at another site.
func (s *Service) Packet(ctx context.Context, source string, number uint64, seen time.Time) (ring.Piece, error) {
	if e := s.ear(source); e != nil {
		return e.Packet(ctx, number, seen)
	}
	var reach map[string]bool
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		reach, err = s.far(ctx, r, source)
		return err
	}); err != nil {
		return ring.Piece{}, err
	}
	if !reach[source] {
		return ring.Piece{}, ot.Errorf(ot.NotFound, "packet %d is no longer kept, or its sensor is not within reach", number)
	}
	return s.cfg.Far.Packet(ctx, source, number, seen)
}
