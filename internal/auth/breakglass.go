package auth

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Printed one-time codes open Skanse on the day when the directory, the mail and every
// phone are down. A code belongs to nobody, so whoever uses it says a name and a
// reason, everybody who must know is told at once, and the session is short.
const (
	breakGlassUser  = "break-glass"
	breakGlassLife  = time.Hour
	breakGlassTries = 10 // an address, then one a minute; a code has 100 bits
	defaultCodes    = 10
	maxCodes        = 50
)

// Kinds of what the topic "sign-in" tells of.
const (
	RefBreakGlass = "break-glass"       // a printed code opened the session with this id
	RefSheet      = "break-glass-sheet" // a new sheet was printed
)

// Sheet is a printed sheet of codes, told once.
type Sheet struct {
	ID     string
	MadeAt time.Time
	Codes  []string // in the order of their printed numbers
}

// SheetState is what is known of the sheet that is good now.
type SheetState struct {
	MadeAt store.Time `db:"made_at" json:"made_at" nullable:"true" doc:"null: no sheet was printed"`
	Total  int64      `db:"total" json:"total"`
	Left   int64      `db:"unused" json:"left" doc:"Codes that were not used"`
}

// Opening is one use of a printed code.
type Opening struct {
	At      store.Time `db:"created_at"`
	Said    string     `db:"said"`
	Why     string     `db:"why"`
	Address string     `db:"address"`
	EndAt   store.Time `db:"end_at"`
	Left    int64      `db:"unused"`
}

// PrintSheet makes n codes (0: ten). Codes of an earlier sheet stop working.
func (s *Service) PrintSheet(ctx context.Context, p Principal, n int) (Sheet, error) {
	if n == 0 {
		n = defaultCodes
	}
	if n < 1 || n > maxCodes {
		return Sheet{}, ot.Errorf(ot.Invalid, "a sheet holds 1 to %d codes", maxCodes)
	}
	if p.BreakGlass() || p.TokenID != "" || p.Nobody() {
		return Sheet{}, ot.Errorf(ot.Forbidden, "a sheet is printed by an administrator who is signed in with an account")
	}
	out := Sheet{ID: store.NewID(), MadeAt: s.clock.now(), Codes: make([]string, n)}
	for i := range out.Codes {
		out.Codes[i] = newSheetCode()
	}
	now := store.At(out.MadeAt)
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		account := userRow{breakGlassUser, "Break-glass", "break-glass@invalid", "", Administrator, true, false, now, store.Time{}, "break-glass", ""}
		if err := store.Upsert(ctx, tx, "auth_user", []userRow{account}, []string{"user_id"}, nil); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE auth_sheet SET void_at = ? WHERE void_at IS NULL", now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO auth_sheet (sheet_id, made_at, made_by) VALUES (?, ?, ?)", out.ID, now, p.UserID); err != nil {
			return err
		}
		for i, c := range out.Codes {
			if _, err := tx.Exec(ctx, "INSERT INTO auth_sheet_code (code_hash, sheet_id, number, said, why) VALUES (?, ?, ?, '', '')", hashToken(plain(c)), out.ID, i+1); err != nil {
				return err
			}
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicSignIn, Refs: []ot.Ref{{Kind: RefSheet, ID: out.ID}}})
	})
	return out, err
}

// newSheetCode makes 100 bits in groups that are read from paper.
func newSheetCode() string {
	var b [13]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	c := base32.StdEncoding.EncodeToString(b[:])
	return c[:5] + "-" + c[5:10] + "-" + c[10:15] + "-" + c[15:20]
}

// SheetState counts the codes of the sheet that is good now.
func (s *Service) SheetState(ctx context.Context) (out SheetState, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.One[SheetState](ctx, r, `SELECT x.made_at, (SELECT count(*) FROM auth_sheet_code c WHERE c.sheet_id = x.sheet_id) AS total,
			(SELECT count(*) FROM auth_sheet_code c WHERE c.sheet_id = x.sheet_id AND c.used_at IS NULL) AS unused
			FROM auth_sheet x WHERE x.void_at IS NULL`)
		if ot.CodeOf(err) == ot.NotFound {
			out, err = SheetState{}, nil
		}
		return err
	})
	return out, err
}

// UseSheetCode signs in by a printed code, once. It needs no directory and no second
// step: the paper in a sealed envelope is what the person has.
func (s *Service) UseSheetCode(ctx context.Context, code, name, why string, from Client) (Signed, error) {
	if err := s.limit.take(s.clock.now(), "break-glass "+from.Address, breakGlassTries); err != nil {
		return Signed{}, err
	}
	name, why = ot.Printable(strings.TrimSpace(name)), ot.Printable(strings.TrimSpace(why))
	if n := len([]rune(name)); n < 2 || n > 120 {
		return Signed{}, ot.Errorf(ot.Invalid, "say who you are: the log and everybody who is told need a name")
	}
	if n := len([]rune(why)); n < 3 || n > 500 {
		return Signed{}, ot.Errorf(ot.Invalid, "say in one sentence why the envelope was opened")
	}
	var out Signed
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE auth_sheet_code SET used_at = ?, said = ?, why = ? WHERE code_hash = ? AND used_at IS NULL
			AND sheet_id IN (SELECT sheet_id FROM auth_sheet WHERE void_at IS NULL)`, store.At(s.clock.now()), name, why, hashToken(plain(code)))
		if err != nil {
			return err
		}
		if n == 0 {
			return ot.Errorf(ot.SignIn, "this code is wrong, was used already, or is of an older sheet: take the next one")
		}
		if out, err = s.start(ctx, tx, breakGlassUser, from, entry{how: ByBreakGlass, factors: 2, said: name, life: breakGlassLife}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE auth_session SET said_why = ? WHERE session_id = ?", why, out.SessionID); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicSignIn, Refs: []ot.Ref{{Kind: RefBreakGlass, ID: out.SessionID}}})
	})
	return out, err
}

// Opened tells of the use of a printed code, for who must be told.
func Opened(ctx context.Context, r store.Reader, sessionID string) (Opening, error) {
	return store.One[Opening](ctx, r, `SELECT x.created_at, x.said, x.said_why AS why, x.address, x.end_at,
		(SELECT count(*) FROM auth_sheet_code c JOIN auth_sheet p ON p.sheet_id = c.sheet_id WHERE p.void_at IS NULL AND c.used_at IS NULL) AS unused
		FROM auth_session x WHERE x.session_id = ? AND x.how = ?`, sessionID, ByBreakGlass)
}
