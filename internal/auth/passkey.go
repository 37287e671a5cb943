package auth

import (
	"context"
	"encoding/base64"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Passkey is a key on a person's device that signs in alone: the device, and the
// finger or PIN that opens it, are two factors.
type Passkey struct {
	ID     string     `db:"passkey_id" json:"id"`
	Name   string     `db:"name" json:"name"`
	MadeAt store.Time `db:"made_at" json:"made_at"`
	UsedAt store.Time `db:"used_at" json:"used_at" nullable:"true"`
}

type passkeyRow struct {
	Passkey
	UserID     string                          `db:"user_id"`
	Credential string                          `db:"credential"`
	Data       store.JSON[webauthn.Credential] `db:"data"`
	Counter    int64                           `db:"counter"`
}

const (
	passkeyColumns = "passkey_id, name, made_at, used_at, user_id, credential, data, counter"
	maxPasskeys    = 20
	ceremonyLife   = 5 * time.Minute

	// RefCopied is an event: the counter of the passkey with this id went back.
	RefCopied = "passkey-copied"
)

type keyPending struct {
	userID  string // who registers; empty: a sign-in
	origin  string
	session webauthn.SessionData
}

// owner is a person as the library asks for it.
type owner struct {
	id, name, email string
	keys            []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return []byte(o.id) }
func (o owner) WebAuthnName() string                       { return o.email }
func (o owner) WebAuthnDisplayName() string                { return o.name }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.keys }

// relying says whose keys they are: a name under which this server is configured to
// be reached. WebAuthn knows no plain addresses, and no http but on the machine itself.
func (s *Service) relying(origin string) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return nil, ot.Errorf(ot.Invalid, "say under which address the page was opened")
	}
	host := strings.ToLower(u.Hostname())
	names := []string{"localhost"}
	if name, err := os.Hostname(); err == nil {
		names = append(names, strings.ToLower(name))
	}
	for _, h := range s.cfg.Hosts {
		names = append(names, strings.ToLower(strings.TrimSuffix(h, ".")))
	}
	if !slices.Contains(names, host) {
		return nil, ot.Errorf(ot.Invalid, "passkeys belong to a name, not to %s: open Skanse under %s", ot.Printable(u.Host), names[len(names)-1])
	}
	if u.Scheme != "https" && host != "localhost" {
		return nil, ot.Errorf(ot.Invalid, "browsers use passkeys over https only: give the server a certificate")
	}
	return webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "Skanse", RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Timeout: ceremonyLife, TimeoutUVD: ceremonyLife},
			Registration: webauthn.TimeoutConfig{Timeout: ceremonyLife, TimeoutUVD: ceremonyLife},
		},
	})
}

func passkeysOf(ctx context.Context, r store.Reader, userID string) ([]passkeyRow, error) {
	return store.All[passkeyRow](ctx, r, "SELECT "+passkeyColumns+" FROM auth_passkey WHERE user_id = ? ORDER BY made_at, passkey_id", userID)
}

// Passkeys lists a person's own.
func (s *Service) Passkeys(ctx context.Context, p Principal) (out []Passkey, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := passkeysOf(ctx, r, p.UserID)
		out = make([]Passkey, 0, len(rows))
		for _, x := range rows {
			out = append(out, x.Passkey)
		}
		return err
	})
	return out, err
}

// BeginPasskey gives what the browser needs to make a key, and the ceremony's own text.
func (s *Service) BeginPasskey(ctx context.Context, p Principal, origin string) (*protocol.CredentialCreation, string, error) {
	if err := byPerson(p); err != nil {
		return nil, "", err
	}
	w, err := s.relying(origin)
	if err != nil {
		return nil, "", err
	}
	o := owner{id: p.UserID, name: p.Name, email: p.Email}
	var have []passkeyRow
	if err := s.db.View(ctx, func(r store.Reader) (err error) { have, err = passkeysOf(ctx, r, p.UserID); return err }); err != nil {
		return nil, "", err
	}
	if len(have) >= maxPasskeys {
		return nil, "", ot.Errorf(ot.TooMany, "you have %d passkeys: remove those of devices that you have no more", len(have))
	}
	for _, x := range have {
		o.keys = append(o.keys, x.Data.V)
	}
	options, session, err := w.BeginRegistration(o, webauthn.WithExclusions(webauthn.Credentials(o.keys).CredentialDescriptors()))
	if err != nil {
		return nil, "", err
	}
	ceremony, hash := newToken()
	s.keys.put(s.clock.now(), hash, keyPending{p.UserID, origin, *session}, ceremonyLife)
	return options, ceremony, nil
}

func errCeremony() error {
	return ot.Errorf(ot.Invalid, "this took too long, or was ended already: begin again")
}

// FinishPasskey keeps a key that the browser made. answer is its JSON.
func (s *Service) FinishPasskey(ctx context.Context, p Principal, ceremony, name string, answer []byte) (Passkey, error) {
	if err := byPerson(p); err != nil {
		return Passkey{}, err
	}
	name = ot.Printable(strings.TrimSpace(name))
	if n := len([]rune(name)); n == 0 || n > 60 {
		return Passkey{}, ot.Errorf(ot.Invalid, "a passkey needs a name of at most 60 characters: say on which device it is")
	}
	pend, ok := s.keys.take(s.clock.now(), hashToken(ceremony))
	if !ok || pend.userID == "" || pend.userID != p.UserID {
		return Passkey{}, errCeremony()
	}
	w, err := s.relying(pend.origin)
	if err != nil {
		return Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, ot.Errorf(ot.Invalid, "the device's answer cannot be read: begin again")
	}
	made, err := w.CreateCredential(owner{id: p.UserID, name: p.Name, email: p.Email}, pend.session, parsed)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a new passkey was refused", "user", p.UserID, "error", err)
		return Passkey{}, ot.Errorf(ot.Invalid, "the device's answer does not prove a key that a finger, a face or a PIN opens: use another device")
	}
	now := store.At(s.clock.now())
	row := passkeyRow{Passkey{store.NewID(), name, now, store.Time{}}, p.UserID, base64.RawURLEncoding.EncodeToString(made.ID), store.AsJSON(*made), int64(made.Authenticator.SignCount)}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		err := store.Upsert(ctx, tx, "auth_passkey", []passkeyRow{row}, nil, nil)
		if ot.CodeOf(err) == ot.Conflict {
			err = ot.Errorf(ot.Conflict, "this device has a passkey of this Skanse already")
		}
		if err != nil {
			return err
		}
		return strengthen(ctx, tx, p.SessionID)
	})
	return row.Passkey, err
}

// RemovePasskey takes a person's own key away; a role that asks for a second step keeps one.
func (s *Service) RemovePasskey(ctx context.Context, p Principal, id string) error {
	if err := byPerson(p); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, "DELETE FROM auth_passkey WHERE passkey_id = ? AND user_id = ?", id, p.UserID)
		if err == nil && n == 0 {
			err = ot.Errorf(ot.NotFound, "there is no such passkey")
		}
		if err != nil {
			return err
		}
		x, err := secondOf(ctx, tx, p.UserID)
		if err == nil && x.Needs && !x.Code && !x.Passkey {
			err = ot.Errorf(ot.Conflict, "your role asks for a second step and this is your only one: add another passkey or an app first")
		}
		return err
	})
}

// BeginPasskeySignIn gives what the browser needs to find a key; no name is asked.
func (s *Service) BeginPasskeySignIn(_ context.Context, origin string, from Client) (*protocol.CredentialAssertion, string, error) {
	now := s.clock.now()
	if err := s.limit.take(now, "begin "+from.Address, perBegin); err != nil {
		return nil, "", err
	}
	w, err := s.relying(origin)
	if err != nil {
		return nil, "", err
	}
	options, session, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", err
	}
	ceremony, hash := newToken()
	s.keys.put(now, hash, keyPending{"", origin, *session}, ceremonyLife)
	return options, ceremony, nil
}

// CopiedError says that a passkey's counter went back: there are two of it.
type CopiedError struct{ PasskeyID, UserID string }

func (CopiedError) Error() string {
	return "this passkey was used elsewhere meanwhile, so there may be a copy of it: it does not sign in; tell an administrator"
}

// FinishPasskeySignIn checks the signature, that the person was verified, and the
// counter, and starts a session of two factors.
func (s *Service) FinishPasskeySignIn(ctx context.Context, ceremony string, answer []byte, from Client) (Signed, error) {
	if err := s.limit.take(s.clock.now(), "passkey "+from.Address, perBegin); err != nil {
		return Signed{}, err
	}
	pend, ok := s.keys.take(s.clock.now(), hashToken(ceremony))
	if !ok || pend.userID != "" {
		return Signed{}, errCeremony()
	}
	w, err := s.relying(pend.origin)
	if err != nil {
		return Signed{}, err
	}
	wrong := ot.Errorf(ot.SignIn, "this passkey does not sign in here: it is not known, or the device did not ask for a finger, a face or a PIN")
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Signed{}, wrong
	}
	var out Signed
	var copied error
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		copied = nil
		rows, err := passkeysOf(ctx, tx, string(parsed.Response.UserHandle))
		if err != nil {
			return err
		}
		find := func(_, handle []byte) (webauthn.User, error) {
			o := owner{id: string(handle)}
			for _, x := range rows {
				o.keys = append(o.keys, x.Data.V)
			}
			return o, nil
		}
		_, key, err := w.ValidatePasskeyLogin(find, pend.session, parsed)
		if err != nil {
			s.cfg.Log.WarnContext(ctx, "a passkey was refused", "error", err)
			return wrong
		}
		i := slices.IndexFunc(rows, func(x passkeyRow) bool {
			return x.Credential == base64.RawURLEncoding.EncodeToString(key.ID)
		})
		if i < 0 {
			return wrong
		}
		noteSubject(ctx, rows[i].UserID)
		if key.Authenticator.CloneWarning {
			copied = CopiedError{rows[i].ID, rows[i].UserID}
			return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicSignIn, Refs: []ot.Ref{{Kind: RefCopied, ID: rows[i].ID}}})
		}
		if _, err := tx.Exec(ctx, "UPDATE auth_passkey SET used_at = ?, data = ?, counter = ? WHERE passkey_id = ?",
			store.At(s.clock.now()), store.AsJSON(*key), int64(key.Authenticator.SignCount), rows[i].ID); err != nil {
			return err
		}
		out, err = s.start(ctx, tx, rows[i].UserID, from, entry{how: ByPasskey, factors: 2})
		return err
	})
	if err == nil {
		err = copied
	}
	return out, err
}

// PasskeyOwner names whose a passkey is, for who must be told.
func PasskeyOwner(ctx context.Context, r store.Reader, passkeyID string) (name, passkey string, err error) {
	x, err := store.One[struct {
		Name    string `db:"name"`
		Passkey string `db:"passkey"`
	}](ctx, r, "SELECT u.name, k.name AS passkey FROM auth_passkey k JOIN auth_user u ON u.user_id = k.user_id WHERE k.passkey_id = ?", passkeyID)
	return x.Name, x.Passkey, err
}
