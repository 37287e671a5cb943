package auth

import (
	"context"
	"errors"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// StepUp gives the code of the second step in a session that stands on one factor: one
// that began at a provider which did not vouch for two.
func (s *Service) StepUp(ctx context.Context, p Principal, code string) error {
	if p.SessionID == "" || p.TokenID != "" || p.BreakGlass() {
		return ot.Errorf(ot.Forbidden, "this is for a person who is signed in with an account of their own")
	}
	if err := s.limit.take(s.clock.now(), "own "+p.UserID, perPerson); err != nil {
		return err
	}
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		t, err := totpOf(ctx, tx, p.UserID)
		if ot.CodeOf(err) == ot.NotFound || err == nil && t.ConfirmedAt.IsZero() {
			return ot.Errorf(ot.Conflict, "you have no authenticator app here: sign in with your passkey")
		}
		if err != nil {
			return err
		}
		err = s.checkSecond(ctx, tx, p.UserID, code)
		if _, asked := errors.AsType[SecondStepError](err); asked {
			err = errCode()
		}
		if err != nil {
			return asWrongInput(err)
		}
		return strengthen(ctx, tx, p.SessionID)
	})
	if err == nil {
		s.limit.forget("own " + p.UserID)
	}
	return err
}

// languages are those that the texts exist in; empty: as the browser asks.
func languages() []string { return []string{"", "en", "da", "de"} }

// SetLanguage keeps a person's choice.
func (s *Service) SetLanguage(ctx context.Context, p Principal, language string) error {
	if err := byPerson(p); err != nil {
		return err
	}
	if !slices.Contains(languages(), language) {
		return ot.Errorf(ot.Invalid, "the language %q: choose en, da or de", ot.Printable(language))
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE auth_user SET language = ? WHERE user_id = ?", language, p.UserID)
		return err
	})
}
