package auth_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// eachSealed is each with a key for the second step.
func eachSealed(t *testing.T, fn func(t *testing.T, s *auth.Service, db *store.DB, w *wall)) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := &wall{t: time.Date(2026, 3, 1, 12, 0, 10, 0, time.UTC)}
		fn(t, sealed(t, db, w, 1), db, w)
	})
}

func sealed(t *testing.T, db *store.DB, w *wall, key byte) *auth.Service {
	t.Helper()
	s, err := auth.New(t.Context(), db, auth.Config{Argon2id: cheap, Now: w.now, SealKey: bytes.Repeat([]byte{key}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// code is what the app shows at a time.
func code(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// enrol turns the second step on, and lets the code's window pass.
func enrol(t *testing.T, s *auth.Service, p auth.Principal, w *wall) (secret string, recovery []string) {
	t.Helper()
	e, err := s.BeginEnrolment(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	recovery, err = s.ConfirmEnrolment(t.Context(), p, code(t, e.Secret, w.now()))
	if err != nil {
		t.Fatal(err)
	}
	w.add(5 * time.Minute)
	return e.Secret, recovery
}

func wantSecond(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.As(err, &auth.SecondStepError{}) {
		t.Errorf("%s: %v, want the second step", what, err)
	}
}

func TestSecondStep(t *testing.T) {
	eachSealed(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		p := who(t, s, setUp(t, s).Token)
		in := func(code string) error {
			_, err := s.SignInCode(ctx, "ada@example.com", good, code, auth.Client{})
			return err
		}
		e, err := s.BeginEnrolment(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if err := in(""); err != nil {
			t.Errorf("an enrolment that was not confirmed asks for a code: %v", err)
		}
		_, err = s.ConfirmEnrolment(ctx, p, "000000")
		wantCode(t, "confirmed by a wrong code", err, ot.Invalid)
		var kept [][]byte
		if err := db.View(ctx, func(r store.Reader) (err error) {
			kept, err = store.All[[]byte](ctx, r, "SELECT secret FROM auth_totp")
			return err
		}); err != nil || len(kept) != 1 || bytes.Contains(kept[0], []byte(e.Secret)) {
			t.Errorf("the secret lies open in the database: %v", err)
		}
		secret, recovery := enrol(t, s, p, w)
		if secret == e.Secret || len(recovery) != 10 {
			t.Fatalf("a second start gave the same secret, or %d codes", len(recovery))
		}
		_, err = s.BeginEnrolment(ctx, p)
		wantCode(t, "enrolled over", err, ot.Conflict)

		wantSecond(t, "no code", in(""))
		_, err = s.SignInCode(ctx, "ada@example.com", "a wrong sentence here", code(t, secret, w.now()), auth.Client{})
		wantCode(t, "a wrong password and a right code", err, ot.SignIn)
		now := code(t, secret, w.now())
		if err := in(now[:3] + " " + now[3:]); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "the code again", in(now), ot.SignIn)
		wantCode(t, "the step before, after that one", in(code(t, secret, w.now().Add(-30*time.Second))), ot.SignIn)
		if err := in(code(t, secret, w.now().Add(30*time.Second))); err != nil {
			t.Errorf("a phone 30 s ahead: %v", err)
		}
		w.add(5 * time.Minute)
		wantCode(t, "a phone 60 s ahead", in(code(t, secret, w.now().Add(time.Minute))), ot.SignIn)
		wantCode(t, "a phone 60 s behind", in(code(t, secret, w.now().Add(-time.Minute))), ot.SignIn)
		if err := in(code(t, secret, w.now().Add(-30*time.Second))); err != nil {
			t.Errorf("a phone 30 s behind: %v", err)
		}

		// Recovery codes: each once, typed as people type.
		w.add(time.Hour)
		if err := in(" " + recovery[0]); err != nil {
			t.Errorf("a recovery code: %v", err)
		}
		wantCode(t, "a recovery code twice", in(recovery[0]), ot.SignIn)
		if x, err := s.SecondStep(ctx, p); err != nil || !x.On || x.RecoveryLeft != 9 || x.Required {
			t.Errorf("stands %+v, %v", x, err)
		}

		// Guessing is bounded also with the password.
		w.add(time.Hour)
		for range 5 {
			wantCode(t, "a guess", in("123456"), ot.SignIn)
		}
		wantCode(t, "the sixth guess", in(code(t, secret, w.now())), ot.TooMany)

		w.add(time.Hour)
		wantCode(t, "off without a code", s.TurnOff(ctx, p, ""), ot.Invalid)
		if err := s.TurnOff(ctx, p, code(t, secret, w.now())); err != nil {
			t.Fatal(err)
		}
		if err := in(""); err != nil {
			t.Errorf("it is off, and a code is asked: %v", err)
		}
	})
}

// Two browsers with the same code at the same time: one gets in.
func TestSecondStepRace(t *testing.T) {
	eachSealed(t, func(t *testing.T, s *auth.Service, _ *store.DB, w *wall) {
		p := who(t, s, setUp(t, s).Token)
		secret, _ := enrol(t, s, p, w)
		now := code(t, secret, w.now())
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() { _, errs[i] = s.SignInCode(t.Context(), "ada@example.com", good, now, auth.Client{}) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				wantCode(t, "the code of another browser", err, ot.SignIn)
			}
		}
		if won != 1 {
			t.Errorf("%d browsers got in with one code", won)
		}
	})
}

func TestSecondStepClock(t *testing.T) {
	eachSealed(t, func(t *testing.T, s *auth.Service, _ *store.DB, w *wall) {
		p := who(t, s, setUp(t, s).Token)
		secret, _ := enrol(t, s, p, w)
		right := w.now()
		w.add(5 * 365 * 24 * time.Hour) // the clock stood wrong for a while
		if _, err := s.SignInCode(t.Context(), "ada@example.com", good, code(t, secret, w.now()), auth.Client{}); err != nil {
			t.Fatal(err)
		}
		w.t = right
		if _, err := s.SignInCode(t.Context(), "ada@example.com", good, code(t, secret, w.now()), auth.Client{}); err != nil {
			t.Errorf("after the clock was put right nobody gets in: %v", err)
		}
	})
}

func TestSecondStepByRole(t *testing.T) {
	eachSealed(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		setUp(t, s)
		bea, p := person(t, s, auth.User{Name: "Bea", Email: "bea@example.com", Role: auth.DSO, SeesAll: true})
		token, _, err := s.CreateToken(ctx, p, auth.NewAccessToken{Name: "x", Permissions: []auth.Permission{auth.AssetRead}, SeesAll: true, EndAt: w.now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.RequireSecond(ctx, auth.DSO, true); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "a role that is none", s.RequireSecond(ctx, "x", true), ot.NotFound)
		// A link still signs in, to the enrolment and to nothing else.
		link := func() string {
			l, _, err := s.CreateLink(ctx, auth.System(), bea.ID)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		in, err := s.UseLink(ctx, link(), "", auth.Client{})
		if err != nil {
			t.Fatal(err)
		}
		p = who(t, s, in.Token)
		if !p.MustEnrol || len(p.Permissions) != 1 || !p.Permissions.Has(auth.Self) || p.Scope.All {
			t.Errorf("before the enrolment: %+v", p)
		}
		if x := who(t, s, token); len(x.Permissions) != 0 {
			t.Errorf("the token of somebody who must enrol may %v", x.Permissions.List())
		}
		secret, _ := enrol(t, s, p, w)
		if p = who(t, s, in.Token); p.MustEnrol || !p.Permissions.Has(auth.AssetWrite) || !p.Scope.All {
			t.Errorf("after the enrolment: %+v", p)
		}
		if x := who(t, s, token); !x.Permissions.Has(auth.AssetRead) {
			t.Error("the token of who enrolled does not work")
		}
		wantCode(t, "turned off where it is asked for", s.TurnOff(ctx, p, code(t, secret, w.now())), ot.Conflict)
		// A link does not go around the second step, and is not used up by a first try.
		l := link()
		_, err = s.UseLink(ctx, l, "", auth.Client{})
		wantSecond(t, "a link", err)
		if _, err := s.UseLinkCode(ctx, l, "", code(t, secret, w.now()), auth.Client{}); err != nil {
			t.Errorf("a link and a code: %v", err)
		}
		// Another key: said plainly, and an administrator helps.
		other := sealed(t, db, w, 2)
		_, err = other.UseLinkCode(ctx, link(), "", code(t, secret, w.now().Add(30*time.Second)), auth.Client{})
		wantCode(t, "a secret under another key", err, ot.Conflict)
		if err := other.ResetSecond(ctx, bea.ID); err != nil {
			t.Fatal(err)
		}
		if p := who(t, s, in.Token); !p.MustEnrol {
			t.Error("after the reset the person need not enrol again")
		}
		wantCode(t, "nobody's reset", s.ResetSecond(ctx, store.NewID()), ot.NotFound)
		_, err = s.BeginEnrolment(ctx, who(t, s, token))
		wantCode(t, "a program enrols", err, ot.Forbidden)
	})
}
