package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Codes as every authenticator app makes them (RFC 6238).
const (
	codePeriod    = 30
	codeSkew      = 1 // steps before and after
	recoveryCodes = 10
)

// SecondStepError says that the password or link is right and a code is asked next, or
// that the person's passkey is what this role signs in with.
type SecondStepError struct{ Passkey bool }

func (e SecondStepError) Error() string {
	if e.Passkey {
		return "your role asks for a second step: sign in with your passkey"
	}
	return "give the code that your authenticator app shows, or a recovery code"
}

func errCode() error {
	return ot.Errorf(ot.SignIn, "the code is wrong or was used already: wait for the next one")
}

// SecondStep is how a person stands with the second step.
type SecondStep struct {
	On           bool       `json:"on"`
	Since        store.Time `json:"since" nullable:"true"`
	RecoveryLeft int64      `json:"recovery_left" doc:"Recovery codes that were not used"`
	Required     bool       `json:"required" doc:"The role asks for it"`
}

// Enrolment is what an authenticator app is told, once.
type Enrolment struct {
	Secret string // typed where no camera is
	URI    string // in the QR code
}

type totpRow struct {
	Secret      []byte     `db:"secret"`
	ConfirmedAt store.Time `db:"confirmed_at"`
	UsedStep    int64      `db:"used_step"`
}

func totpOf(ctx context.Context, r store.Reader, userID string) (totpRow, error) {
	return store.One[totpRow](ctx, r, "SELECT secret, confirmed_at, used_step FROM auth_totp WHERE user_id = ?", userID)
}

// secondColumns say how a row of auth_user u stands with the second step.
const secondColumns = `CASE WHEN EXISTS (SELECT 1 FROM auth_second f WHERE f.role = u.role) THEN 1 ELSE 0 END = 1 AS needs,
	CASE WHEN EXISTS (SELECT 1 FROM auth_totp z WHERE z.user_id = u.user_id AND z.confirmed_at IS NOT NULL) THEN 1 ELSE 0 END = 1 AS code,
	CASE WHEN EXISTS (SELECT 1 FROM auth_passkey k WHERE k.user_id = u.user_id) THEN 1 ELSE 0 END = 1 AS passkey`

// factors are how a person stands with the second step.
type factors struct {
	Needs   bool `db:"needs"`   // the role asks for one
	Code    bool `db:"code"`    // an app
	Passkey bool `db:"passkey"` // a passkey
}

func secondOf(ctx context.Context, r store.Reader, userID string) (factors, error) {
	return store.One[factors](ctx, r, "SELECT "+secondColumns+" FROM auth_user u WHERE u.user_id = ?", userID)
}

// byPerson refuses programs, the system and printed codes: a second step is a person's.
func byPerson(p Principal) error {
	if p.SessionID == "" || p.TokenID != "" || p.BreakGlass() {
		return ot.Errorf(ot.Forbidden, "this is for a person who is signed in with an account of their own")
	}
	if p.MustStep { // or whoever has the first factor would give themselves the second
		return ot.Errorf(ot.Forbidden, "give the code of your second step first")
	}
	return nil
}

// SecondStep says how the person stands with codes of an app.
func (s *Service) SecondStep(ctx context.Context, p Principal) (out SecondStep, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out = SecondStep{}
		n, err := store.One[int64](ctx, r, "SELECT count(*) FROM auth_second WHERE role = ?", p.Role)
		if err != nil {
			return err
		}
		out.Required = n > 0
		t, err := totpOf(ctx, r, p.UserID)
		if ot.CodeOf(err) == ot.NotFound || err == nil && t.ConfirmedAt.IsZero() {
			return nil
		}
		if err != nil {
			return err
		}
		out.On, out.Since = true, t.ConfirmedAt
		out.RecoveryLeft, err = store.One[int64](ctx, r, "SELECT count(*) FROM auth_recovery WHERE user_id = ? AND used_at IS NULL", p.UserID)
		return err
	})
	return out, err
}

// BeginEnrolment makes a secret, which counts only once a code of it was shown.
func (s *Service) BeginEnrolment(ctx context.Context, p Principal) (Enrolment, error) {
	if err := byPerson(p); err != nil {
		return Enrolment{}, err
	}
	k, err := totp.Generate(totp.GenerateOpts{Issuer: "Skanse", AccountName: p.Email, Period: codePeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return Enrolment{}, err
	}
	sealed, err := s.seal(k.Secret(), p.UserID)
	if err != nil {
		return Enrolment{}, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		switch t, err := totpOf(ctx, tx, p.UserID); {
		case err == nil && !t.ConfirmedAt.IsZero():
			return ot.Errorf(ot.Conflict, "the second step is on already: turn it off first")
		case err != nil && ot.CodeOf(err) != ot.NotFound:
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO auth_totp (user_id, secret, created_at, used_step) VALUES (?, ?, ?, 0)
			ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at, used_step = 0`,
			p.UserID, sealed, store.At(s.clock.now()))
		return err
	})
	return Enrolment{k.Secret(), k.URL()}, err
}

// ConfirmEnrolment turns the second step on and gives the recovery codes, told once.
func (s *Service) ConfirmEnrolment(ctx context.Context, p Principal, code string) ([]string, error) {
	if err := byPerson(p); err != nil {
		return nil, err
	}
	if err := s.limit.take(s.clock.now(), "own "+p.UserID, perPerson); err != nil {
		return nil, err
	}
	codes := newRecoveryCodes()
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		t, err := totpOf(ctx, tx, p.UserID)
		if ot.CodeOf(err) == ot.NotFound || err == nil && !t.ConfirmedAt.IsZero() {
			return ot.Errorf(ot.Conflict, "there is nothing to confirm: begin again")
		}
		if err != nil {
			return err
		}
		if err := s.takeCode(ctx, tx, p.UserID, t, plain(code)); err != nil {
			return asWrongInput(err)
		}
		if _, err := tx.Exec(ctx, "UPDATE auth_totp SET confirmed_at = ? WHERE user_id = ?", store.At(s.clock.now()), p.UserID); err != nil {
			return err
		}
		if err := strengthen(ctx, tx, p.SessionID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM auth_recovery WHERE user_id = ?", p.UserID); err != nil {
			return err
		}
		for _, c := range codes {
			if _, err := tx.Exec(ctx, "INSERT INTO auth_recovery (user_id, code_hash) VALUES (?, ?)", p.UserID, hashToken(plain(c))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.limit.forget("own " + p.UserID)
	return codes, nil
}

// TurnOff ends the person's own second step, by one more code.
func (s *Service) TurnOff(ctx context.Context, p Principal, code string) error {
	if err := byPerson(p); err != nil {
		return err
	}
	if err := s.limit.take(s.clock.now(), "own "+p.UserID, perPerson); err != nil {
		return err
	}
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_second WHERE role = ?", p.Role)
		if err != nil {
			return err
		}
		if n > 0 {
			return ot.Errorf(ot.Conflict, "your role asks for a second step: an administrator can reset it, for a new phone")
		}
		err = s.checkSecond(ctx, tx, p.UserID, code)
		if _, asked := errors.AsType[SecondStepError](err); asked {
			err = errCode()
		}
		if err != nil {
			return asWrongInput(err)
		}
		return forgetSecond(ctx, tx, p.UserID)
	})
	if err == nil {
		s.limit.forget("own " + p.UserID)
	}
	return err
}

// asWrongInput: who is signed in stays so after a mistyped code.
func asWrongInput(err error) error {
	if ot.CodeOf(err) == ot.SignIn {
		return ot.Errorf(ot.Invalid, "the code is wrong or was used already: wait for the next one")
	}
	return err
}

// ResetSecond ends another person's second step, when the phone is lost.
func (s *Service) ResetSecond(ctx context.Context, userID string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := user(ctx, tx, userID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM auth_passkey WHERE user_id = ?", userID); err != nil {
			return err
		}
		return forgetSecond(ctx, tx, userID)
	})
}

func forgetSecond(ctx context.Context, tx *store.Tx, userID string) error {
	if _, err := tx.Exec(ctx, "DELETE FROM auth_recovery WHERE user_id = ?", userID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM auth_totp WHERE user_id = ?", userID); err != nil {
		return err
	}
	// What a session stood on is gone, but for what a provider vouched for.
	_, err := tx.Exec(ctx, "UPDATE auth_session SET factors = 1 WHERE user_id = ? AND how NOT IN (?, ?, ?)", userID, ByOIDC, ByPasskey, ByBreakGlass)
	return err
}

// strengthen notes that a second factor was shown in a session.
func strengthen(ctx context.Context, tx *store.Tx, sessionID string) error {
	_, err := tx.Exec(ctx, "UPDATE auth_session SET factors = 2 WHERE session_id = ?", sessionID)
	return err
}

// RequireSecond says whether the people of a role must have a second step. Who has
// none yet may do nothing but enrol, from the next request on.
func (s *Service) RequireSecond(ctx context.Context, role string, on bool) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_role WHERE role = ?", role)
		if err != nil {
			return err
		}
		if n == 0 {
			return ot.Errorf(ot.NotFound, "there is no such role")
		}
		q := "DELETE FROM auth_second WHERE role = ?"
		if on {
			q = "INSERT INTO auth_second (role) VALUES (?) ON CONFLICT (role) DO NOTHING"
		}
		_, err = tx.Exec(ctx, q, role)
		return err
	})
}

// passSecond is checkSecond for a sign-in by one factor; it says how many there were.
// Who has only a passkey, and a role that asks for two factors, signs in with that.
func (s *Service) passSecond(ctx context.Context, tx *store.Tx, userID, code string) (int64, error) {
	x, err := secondOf(ctx, tx, userID)
	switch {
	case err != nil:
		return 0, err
	case x.Code:
		return 2, s.checkSecond(ctx, tx, userID, code)
	case x.Needs && x.Passkey:
		return 0, SecondStepError{Passkey: true}
	}
	return 1, nil
}

// checkSecond asks for the code of a person who has a second step, and spends it.
func (s *Service) checkSecond(ctx context.Context, tx *store.Tx, userID, code string) error {
	t, err := totpOf(ctx, tx, userID)
	if ot.CodeOf(err) == ot.NotFound || err == nil && t.ConfirmedAt.IsZero() {
		return nil
	}
	if err != nil {
		return err
	}
	code = plain(code)
	switch {
	case code == "":
		return SecondStepError{}
	case len(code) == 6:
		return s.takeCode(ctx, tx, userID, t, code)
	}
	n, err := tx.Exec(ctx, "UPDATE auth_recovery SET used_at = ? WHERE user_id = ? AND code_hash = ? AND used_at IS NULL",
		store.At(s.clock.now()), userID, hashToken(code))
	if err == nil && n == 0 {
		err = errCode()
	}
	return err
}

// takeCode accepts a code of the present step or one beside it, each step once. It
// goes by the wall clock, as the phone does: the clock that never goes back would
// lock everybody out after it once stood wrong.
func (s *Service) takeCode(ctx context.Context, tx *store.Tx, userID string, t totpRow, code string) error {
	secret, err := s.unseal(t.Secret, userID, ot.Errorf(ot.Conflict, "the second step cannot be checked, its key is another one: use a recovery code, or let an administrator reset it"))
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	at := now.Unix() / codePeriod
	step, err := stepOf(secret, code, at)
	if err != nil {
		return err
	}
	// A step far ahead was taken while the clock stood wrong; it must not block the person for years.
	if used := t.UsedStep; step == 0 || step <= used && used <= at+codeSkew {
		return errCode()
	}
	_, err = tx.Exec(ctx, "UPDATE auth_totp SET used_step = ? WHERE user_id = ?", step, userID)
	return err
}

// stepOf says which step near at the code belongs to; 0: none.
func stepOf(secret, code string, at int64) (found int64, err error) {
	for d := int64(-codeSkew); d <= codeSkew; d++ {
		want, err := totp.GenerateCodeCustom(secret, time.Unix((at+d)*codePeriod, 0), totp.ValidateOpts{Period: codePeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = at + d
		}
	}
	return found, nil
}

// newRecoveryCodes makes 80 bits each, in groups that are read from paper.
func newRecoveryCodes() []string {
	out := make([]string, recoveryCodes)
	for i := range out {
		var b [10]byte
		_, _ = rand.Read(b[:]) // never fails, says crypto/rand
		c := base32.StdEncoding.EncodeToString(b[:])
		out[i] = c[:4] + "-" + c[4:8] + "-" + c[8:12] + "-" + c[12:]
	}
	return out
}

// plain takes out what people type between the groups.
func plain(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(code))
}
