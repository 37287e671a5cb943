package auth_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/seal"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// What the program of release 0.1.0 sealed for this person, with the key of its fixture.
const (
	personOf01 = "0198c0de-0000-7000-8000-000000000001"
	secretOf01 = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	sealedBy01 = "hRcWbuZmq5PktR6lF9zblo596jBKIFpHdlcFllqcEo12cUKPSNn09rRNUZUk9XwxvDLGh5XNrS2UJr9K"
)

// An authenticator app that was enrolled with release 0.1.0 still signs in.
func TestSecondStepOfRelease01(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := &wall{t: time.Date(2026, 3, 1, 12, 0, 10, 0, time.UTC)}
		key, err := seal.LoadKey("../../test/upgrade/0.1.0/keys/second-step.key")
		if err != nil {
			t.Fatal(err)
		}
		s, err := auth.New(t.Context(), db, auth.Config{Argon2id: cheap, Now: w.now, SealKey: key})
		if err != nil {
			t.Fatal(err)
		}
		setUp(t, s)
		old, err := base64.StdEncoding.DecodeString(sealedBy01)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.Exec(t.Context(), `INSERT INTO auth_user (user_id, name, email, password, role, sees_all, disabled, created_at)
 SELECT ?, 'Bo', 'bo@example.com', password, role, sees_all, disabled, created_at FROM auth_user`, personOf01); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), "INSERT INTO auth_totp (user_id, secret, created_at, confirmed_at, used_step) VALUES (?, ?, ?, ?, 0)", personOf01, old, store.At(w.now()), store.At(w.now()))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		_, err = s.SignInCode(t.Context(), "bo@example.com", good, "", auth.Client{})
		wantSecond(t, "no code", err)
		if _, err := s.SignInCode(t.Context(), "bo@example.com", good, code(t, secretOf01, w.now()), auth.Client{}); err != nil {
			t.Errorf("a code of the app that release 0.1.0 enrolled: %v", err)
		}
	})
}
