package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

const (
	page     = "http://localhost:8080"
	verified = 0x04
)

// device is an authenticator in software that can lie: it says what flags and counter
// the test wants. The browser's own is tried in web/e2e.
type device struct {
	t       *testing.T
	key     *ecdsa.PrivateKey
	id      []byte
	handle  string
	rp      string
	origin  string
	flags   byte // beside "a person was there"
	counter uint32
}

func newDevice(t *testing.T) *device {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := &device{t: t, key: k, id: make([]byte, 32), rp: "localhost", origin: page, flags: verified}
	_, _ = rand.Read(d.id)
	return d
}

var b64 = base64.RawURLEncoding

func (d *device) data(flags byte) []byte {
	h := sha256.Sum256([]byte(d.rp))
	return binary.BigEndian.AppendUint32(append(h[:], 0x01|d.flags|flags), d.counter)
}

func (d *device) client(kind, challenge string) []byte {
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

func challengeOf(t *testing.T, options any) string {
	t.Helper()
	b, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		PublicKey struct {
			Challenge string
			User      struct{ ID string }
		}
	}
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	return o.PublicKey.Challenge
}

func (d *device) answer(response map[string]any) []byte {
	id := b64.EncodeToString(d.id)
	b, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

// create answers navigator.credentials.create (WebAuthn 6.5, attestation none).
func (d *device) create(options any, userID string) []byte {
	d.handle = userID
	pub, err := d.key.PublicKey.Bytes()
	if err != nil {
		d.t.Fatal(err)
	}
	auth := append(d.data(0x40), make([]byte, 16)...) // attested data follows, no model
	auth = append(binary.BigEndian.AppendUint16(auth, uint16(len(d.id))), d.id...)
	auth = append(auth, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20) // COSE: EC2, ES256, P-256, x
	auth = append(append(auth, pub[1:33]...), 0x22, 0x58, 0x20)
	auth = append(auth, pub[33:]...)
	object := append([]byte{0xa3, 0x63}, "fmt\x64none\x67attStmt\xa0\x68authData\x58"...)
	object = append(append(object, byte(len(auth))), auth...)
	client := d.client("webauthn.create", challengeOf(d.t, options))
	return d.answer(map[string]any{"clientDataJSON": b64.EncodeToString(client), "attestationObject": b64.EncodeToString(object)})
}

// get answers navigator.credentials.get.
func (d *device) get(options any) []byte {
	client := d.client("webauthn.get", challengeOf(d.t, options))
	hash := sha256.Sum256(client)
	data := d.data(0)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
		"signature": b64.EncodeToString(sig), "userHandle": b64.EncodeToString([]byte(d.handle)),
	})
}

// register makes a passkey of a person on the device.
func (d *device) register(s *auth.Service, p auth.Principal, name string) (auth.Passkey, error) {
	d.t.Helper()
	options, id, err := s.BeginPasskey(d.t.Context(), p, page)
	if err != nil {
		return auth.Passkey{}, err
	}
	return s.FinishPasskey(d.t.Context(), p, id, name, d.create(options, p.UserID))
}

func (d *device) signIn(s *auth.Service) (auth.Signed, error) {
	d.t.Helper()
	options, id, err := s.BeginPasskeySignIn(d.t.Context(), page, auth.Client{Address: "10.0.0.7"})
	if err != nil {
		d.t.Fatal(err)
	}
	return s.FinishPasskeySignIn(d.t.Context(), id, d.get(options), auth.Client{Address: "10.0.0.7"})
}

func TestPasskey(t *testing.T) {
	eachSealed(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		w.t = time.Now() // the library has no clock of ours
		boss := who(t, s, setUp(t, s).Token)
		d := newDevice(t)
		d.flags = 0
		_, err := d.register(s, boss, "A device that asks nobody")
		wantCode(t, "a key without verification", err, ot.Invalid)
		d.flags = verified
		d.origin = "http://localhost.evil.example"
		_, err = d.register(s, boss, "Phone")
		wantCode(t, "made on another page", err, ot.Invalid)
		d.origin = page
		_, err = d.register(s, boss, " ")
		wantCode(t, "no name", err, ot.Invalid)
		d.counter = 7
		made, err := d.register(s, boss, "Phone")
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.register(s, boss, "Phone again")
		wantCode(t, "the same key again", err, ot.Conflict)
		second := newDevice(t) // a synced one: its counter stays 0
		if _, err := second.register(s, boss, "Laptop"); err != nil {
			t.Fatal(err)
		}

		d.counter++
		in, err := d.signIn(s)
		if err != nil {
			t.Fatal(err)
		}
		if p := who(t, s, in.Token); p.UserID != boss.UserID || p.How != auth.ByPasskey || p.MustStep || p.MustEnrol {
			t.Errorf("%+v", p)
		}
		for range 2 {
			if _, err := second.signIn(s); err != nil {
				t.Errorf("a key without a counter: %v", err)
			}
		}
		ks, err := s.Passkeys(ctx, boss)
		if err != nil || len(ks) != 2 || ks[0].Name != "Phone" || ks[0].UsedAt.IsZero() {
			t.Fatalf("%+v %v", ks, err)
		}

		// Not verified, a copy, another page, another signature, another person: refused.
		d.counter++
		d.flags = 0
		_, err = d.signIn(s)
		wantCode(t, "not verified", err, ot.SignIn)
		d.flags = verified
		for _, back := range []uint32{8, 7, 0} { // as used already, before that, reset
			d.counter = back
			_, err = d.signIn(s)
			copied, ok := errors.AsType[auth.CopiedError](err)
			if !ok || copied.PasskeyID != made.ID || copied.UserID != boss.UserID {
				t.Errorf("the counter at %d: %v", back, err)
			}
		}
		var told int64
		if err := db.View(ctx, func(r store.Reader) (err error) {
			told, err = store.One[int64](ctx, r, "SELECT count(*) FROM bus_event WHERE topic = 'sign-in'")
			return err
		}); err != nil || told != 3 {
			t.Errorf("%d events, %v", told, err)
		}
		d.counter = 20
		d.origin = "https://localhost:8080"
		_, err = d.signIn(s)
		wantCode(t, "another origin", err, ot.SignIn)
		d.origin = page
		d.rp = "evil.example"
		_, err = d.signIn(s)
		wantCode(t, "another relying party", err, ot.SignIn)
		d.rp = "localhost"
		handle := d.handle
		d.handle = store.NewID()
		_, err = d.signIn(s)
		wantCode(t, "another person's handle", err, ot.SignIn)
		d.handle = handle
		key := d.key
		d.key = second.key
		_, err = d.signIn(s)
		wantCode(t, "another key", err, ot.SignIn)
		d.key = key
		options, id, err := s.BeginPasskeySignIn(ctx, page, auth.Client{})
		if err != nil {
			t.Fatal(err)
		}
		answer := d.get(options)
		if _, err := s.FinishPasskeySignIn(ctx, id, answer, auth.Client{}); err != nil {
			t.Errorf("all right again: %v", err)
		}
		_, err = s.FinishPasskeySignIn(ctx, id, answer, auth.Client{})
		wantCode(t, "the answer again", err, ot.Invalid)
		for _, junk := range []string{"", "{}", "null", `{"id":"x"}`, `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`} {
			_, id, err := s.BeginPasskeySignIn(ctx, page, auth.Client{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.FinishPasskeySignIn(ctx, id, []byte(junk), auth.Client{})
			wantCode(t, junk, err, ot.SignIn)
		}
		for _, at := range []string{"http://127.0.0.1:8080", "https://other.example", "http://[::1]", "", "localhost"} {
			_, _, err := s.BeginPasskeySignIn(ctx, at, auth.Client{})
			wantCode(t, "a page at "+at, err, ot.Invalid)
		}
		// Where the role asks for two factors, a password alone does not do beside a passkey.
		if err := s.RequireSecond(ctx, auth.Administrator, true); err != nil {
			t.Fatal(err)
		}
		_, err = s.SignIn(ctx, "ada@example.com", good, auth.Client{})
		if step, ok := errors.AsType[auth.SecondStepError](err); !ok || !step.Passkey {
			t.Errorf("password alone: %v", err)
		}
		d.counter = 40
		if in, err = d.signIn(s); err != nil || who(t, s, in.Token).MustEnrol {
			t.Errorf("a passkey alone: %v", err)
		}
		p := who(t, s, in.Token)
		wantCode(t, "somebody else's", s.RemovePasskey(ctx, auth.Principal{UserID: "x", SessionID: "y"}, made.ID), ot.NotFound)
		if err := s.RemovePasskey(ctx, p, ks[1].ID); err != nil {
			t.Error(err)
		}
		wantCode(t, "the last factor of a role that needs one", s.RemovePasskey(ctx, p, made.ID), ot.Conflict)
		if err := s.ResetSecond(ctx, boss.UserID); err != nil { // the phone is lost
			t.Fatal(err)
		}
		_, err = d.signIn(s)
		wantCode(t, "after the reset", err, ot.SignIn)
	})
}
