package inbox

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Handover is one shift's hand-over to the next.
type Handover struct {
	ID      string          `json:"id"`
	SiteID  string          `json:"site_id"`
	Site    string          `json:"site"`
	FromAt  store.Time      `json:"from_at"`
	ToAt    store.Time      `json:"to_at"`
	Notes   string          `json:"notes"`
	Giver   Who             `json:"giver"`
	GivenAt store.Time      `json:"given_at"`
	Taker   Who             `json:"taker"`
	TakenAt store.Time      `json:"taken_at" nullable:"true"`
	Remark  string          `json:"remark" doc:"Of who took over"`
	Picture json.RawMessage `json:"picture,omitempty" doc:"What the page showed when it was signed; in a list left out"`
}

type handoverRow struct {
	ID        string                      `db:"handover_id"`
	SiteNo    int64                       `db:"site_no"`
	FromAt    store.Time                  `db:"from_at"`
	ToAt      store.Time                  `db:"to_at"`
	Notes     string                      `db:"notes"`
	Picture   store.JSON[json.RawMessage] `db:"picture"`
	GiverID   string                      `db:"giver_id"`
	GiverName string                      `db:"giver_name"`
	GivenAt   store.Time                  `db:"given_at"`
}

type handoverShown struct {
	handoverRow
	TakerID   string     `db:"taker_id"`
	TakerName string     `db:"taker_name"`
	TakenAt   store.Time `db:"taken_at"`
	Remark    string     `db:"remark"`
	SiteID    string     `db:"site_id"`
	Site      string     `db:"site"`
}

func (h *handoverShown) show(picture bool) Handover {
	out := Handover{h.ID, h.SiteID, h.Site, h.FromAt, h.ToAt, h.Notes, Who{h.GiverID, h.GiverName}, h.GivenAt, Who{h.TakerID, h.TakerName}, h.TakenAt, h.Remark, nil}
	if picture {
		out.Picture = h.Picture.V
	}
	return out
}

const handoverSelect = `SELECT h.handover_id, h.site_no, h.from_at, h.to_at, h.notes, h.picture, h.giver_id, h.giver_name, h.given_at, h.taker_id, h.taker_name, h.taken_at, h.remark, s.site_id, s.name AS site
 FROM inbox_handover h JOIN org_site s ON s.site_no = h.site_no WHERE ?`

// maxShift is the longest time that one hand-over covers.
const maxShift = 24 * time.Hour

// usualShift is how long a shift is where nobody says otherwise.
const usualShift = 8 * time.Hour

// Preview shows what a hand-over of the last hours would hold; nothing is signed.
func (s *Service) Preview(ctx context.Context, p auth.Principal, siteID string, shift time.Duration) (h Handover, err error) {
	now := s.now()
	if shift <= 0 {
		shift = usualShift
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		at, err := place(ctx, r, p.Scope, siteID)
		h = Handover{SiteID: at.ID, Site: at.Name, FromAt: store.At(now.Add(-shift)), ToAt: store.At(now), Giver: Who{p.UserID, p.Called()}}
		return err
	})
	if err == nil && s.cfg.Picture != nil {
		h.Picture, err = s.cfg.Picture(ctx, p.Scope, siteID, now.Add(-shift), now)
	}
	return h, err
}

// HandOverShift signs the shift's paper as the one who gives it. What the page shows now is kept with it.
func (s *Service) HandOverShift(ctx context.Context, p auth.Principal, siteID string, shift time.Duration, notes string) (id string, err error) {
	now := s.now()
	if shift < time.Hour || shift > maxShift {
		return "", ot.Errorf(ot.Invalid, "hours: a shift has 1 to 24 hours")
	}
	from := now.Add(-shift)
	picture := json.RawMessage("{}")
	if s.cfg.Picture != nil {
		if picture, err = s.cfg.Picture(ctx, p.Scope, siteID, from, now); err != nil {
			return "", err
		}
	}
	id = store.NewID()
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		at, err := place(ctx, tx, p.Scope, siteID)
		if err != nil {
			return err
		}
		rest.Target(ctx, at.ID, ot.Ref{Kind: "handover", ID: id})
		h := handoverRow{id, at.No, store.At(from), store.At(now), printableText(notes), store.AsJSON(picture), p.UserID, p.Called(), store.At(now)}
		return store.Upsert(ctx, tx, "inbox_handover", []handoverRow{h}, nil, nil)
	})
	return id, err
}

// TakeShift signs it as the one who takes over. Nobody takes over from oneself.
func (s *Service) TakeShift(ctx context.Context, p auth.Principal, id, remark string) error {
	now := s.now()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		h, err := oneHandover(ctx, tx, p.Scope, id)
		if err != nil {
			return err
		}
		switch {
		case !h.TakenAt.IsZero():
			return ot.Errorf(ot.Conflict, "%s took over already", h.TakerName)
		case h.GiverID == p.UserID:
			return ot.Errorf(ot.Conflict, "you gave this shift: the one who takes over signs with their own account")
		}
		rest.Target(ctx, h.SiteID, ot.Ref{Kind: "handover", ID: id})
		_, err = tx.Exec(ctx, "UPDATE inbox_handover SET taker_id = ?, taker_name = ?, taken_at = ?, remark = ? WHERE handover_id = ?", p.UserID, p.Called(), store.At(now), printableText(remark), id)
		return err
	})
}

func oneHandover(ctx context.Context, r store.Reader, scope auth.Scope, id string) (handoverShown, error) {
	h, err := store.One[handoverShown](ctx, r, handoverSelect+" AND h.handover_id = ?", scope.Where("h.site_no", ""), id)
	if ot.CodeOf(err) == ot.NotFound {
		err = ot.Errorf(ot.NotFound, "there is no hand-over %s", ot.Printable(id))
	}
	return h, err
}

// Handover returns one, with what the page showed.
func (s *Service) Handover(ctx context.Context, scope auth.Scope, id string) (out Handover, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		h, err := oneHandover(ctx, r, scope, id)
		out = h.show(true)
		return err
	})
	return out, err
}

// Handovers lists a site's, newest first.
func (s *Service) Handovers(ctx context.Context, scope auth.Scope, siteID, cursor string, limit int) (page rest.Page[Handover], err error) {
	if limit <= 0 || limit > 200 {
		limit = 50
	}
	type position struct {
		At int64  `json:"a"`
		ID string `json:"i"`
	}
	q, args := handoverSelect, []any{scope.Where("h.site_no", "")}
	if siteID != "" {
		q += " AND s.site_id = ?"
		args = append(args, siteID)
	}
	if cursor != "" {
		var pos position
		if err := rest.DecodeCursor(cursor, &pos); err != nil {
			return page, err
		}
		q += " AND (h.given_at < ? OR h.given_at = ? AND h.handover_id < ?)"
		args = append(args, pos.At, pos.At, pos.ID)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[handoverShown](ctx, r, q+" ORDER BY h.given_at DESC, h.handover_id DESC LIMIT ?", append(args, limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(h handoverShown) string { return rest.EncodeCursor(position{h.GivenAt.UnixMicro(), h.ID}) })
		page = rest.Page[Handover]{Items: make([]Handover, 0, len(cut.Items)), Next: cut.Next}
		for i := range cut.Items {
			page.Items = append(page.Items, cut.Items[i].show(false))
		}
		return nil
	})
	return page, err
}

// printableText keeps a text's line breaks; every line is printable.
func printableText(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = ot.Printable(lines[i])
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
