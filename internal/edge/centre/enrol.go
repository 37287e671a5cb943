package centre

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

type tokenRow struct {
	ID           string                        `db:"token_id"`
	KeyHash      string                        `db:"key_hash"`
	Name         string                        `db:"name"`
	Capabilities store.JSON[[]edge.Capability] `db:"capabilities"`
	MadeAt       store.Time                    `db:"made_at"`
	MadeBy       string                        `db:"made_by"`
	ExpiresAt    store.Time                    `db:"expires_at"`
	WithdrawnAt  store.Time                    `db:"withdrawn_at"`
	UsedAt       store.Time                    `db:"used_at"`
	UsedFrom     string                        `db:"used_from"`
	EdgeID       string                        `db:"edge_id"`
	Again        int64                         `db:"again"`
}

const tokenColumns = "token_id, key_hash, name, capabilities, made_at, made_by, expires_at, withdrawn_at, used_at, used_from, edge_id, again"

// Bounds of a token's life.
const (
	tokenLife = 24 * time.Hour
	tokenMost = 30 * 24 * time.Hour
)

// NewToken is what a person asks for.
type NewToken struct {
	Name         string
	SiteIDs      []string
	Capabilities []edge.Capability
	Life         time.Duration
	Address      string // other than the server's own, as seen from the edge
	By           string
}

// MakeToken makes a token, which is shown once: only its key's hash is kept.
func (s *Service) MakeToken(ctx context.Context, scope Scope, in NewToken) (id string, t edge.Token, err error) {
	if in.Name = ot.Printable(in.Name); in.Name == "" || len(in.Name) > 100 {
		return "", t, ot.Errorf(ot.Invalid, "give the sensor a name of at most 100 characters: what people will call it")
	}
	if in.Life == 0 {
		in.Life = tokenLife
	}
	if in.Life < time.Minute || in.Life > tokenMost {
		return "", t, ot.Errorf(ot.Invalid, "a token is good for a minute to 30 days")
	}
	if in.Address == "" {
		in.Address = s.addr
	}
	if in.Address == "" {
		return "", t, ot.Errorf(ot.Invalid, "this server does not listen for sensors: start it with --edge-listen :8443")
	}
	if err := dialable(in.Address); err != nil {
		return "", t, err
	}
	if len(in.Capabilities) == 0 {
		in.Capabilities = []edge.Capability{edge.Sense}
	}
	for _, c := range in.Capabilities {
		if !slices.Contains([]edge.Capability{edge.Sense, edge.Gateway, edge.Collect}, c) {
			return "", t, ot.Errorf(ot.Invalid, "%q is nothing that a sensor can do: sense, gateway, collect", ot.Printable(string(c)))
		}
	}
	now := s.now()
	t = edge.NewToken(in.Address, s.ca.Fingerprint(), now, now.Add(in.Life))
	row := tokenRow{
		ID: store.NewID(), KeyHash: edge.KeyHash(t.Key().Public().(ed25519.PublicKey)), Name: in.Name, Capabilities: store.AsJSON(in.Capabilities),
		MadeAt: store.At(now), MadeBy: in.By, ExpiresAt: store.At(t.Expires),
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		sites, err := sitesOf(ctx, tx, scope, in.SiteIDs)
		if err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "edge_token", []tokenRow{row}, nil, nil); err != nil {
			return err
		}
		for _, no := range sites {
			if _, err := tx.Exec(ctx, "INSERT INTO edge_token_site (token_id, site_no) VALUES (?, ?)", row.ID, no); err != nil {
				return err
			}
		}
		return nil
	})
	return row.ID, t, err
}

// sitesOf finds sites that the asking person sees.
func sitesOf(ctx context.Context, r store.Reader, scope Scope, ids []string) ([]int64, error) {
	if len(ids) == 0 || len(ids) > 100 {
		return nil, ot.Errorf(ot.Invalid, "name the site, or the sites, that the sensor may speak of")
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	sites, err := store.All[int64](ctx, r, "SELECT site_no FROM org_site WHERE site_id IN (?) AND ? ORDER BY site_no", ids, scope.Where("site_no", ""))
	if err == nil && len(sites) != len(ids) {
		err = ot.Errorf(ot.NotFound, "there is no such site")
	}
	return sites, err
}

// Enrol makes an edge of who holds a token's key. Once.
func (s *Service) Enrol(ctx context.Context, keyHash, from string, in edge.Enrol) (edge.Enrolled, error) {
	pub, err := publicKey(in.CSR)
	if err != nil {
		return edge.Enrolled{}, err
	}
	now := s.now()
	var out edge.Enrolled
	var no error // refused, but with a trace that stays
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		no = nil
		t, err := store.One[tokenRow](ctx, tx, "SELECT "+tokenColumns+" FROM edge_token WHERE key_hash = ?", keyHash)
		if err != nil {
			return refuse(ot.Forbidden, edge.ReasonUnknown, "this centre knows no such token")
		}
		switch {
		case !t.UsedAt.IsZero():
			no = refuse(ot.Conflict, edge.ReasonUsed, fmt.Sprintf("this token was used on %s from %s: make a new one at the centre. If that was not you, somebody copied it: revoke the sensor %s", t.UsedAt.UTC().Format(time.RFC3339), t.UsedFrom, t.Name))
			return s.usedAgain(ctx, tx, t, from)
		case !t.WithdrawnAt.IsZero():
			return refuse(ot.Forbidden, "", "this token was withdrawn at the centre: make a new one")
		case now.After(t.ExpiresAt.Time):
			return refuse(ot.Forbidden, "", fmt.Sprintf("this token ended on %s: make a new one at the centre", t.ExpiresAt.UTC().Format(time.RFC3339)))
		}
		id := store.NewID()
		cert, err := s.ca.Issue(id, pub)
		if err != nil {
			return err
		}
		e := edgeRow{
			ID: id, Name: t.Name, State: Active, Source: "edge-" + id, Capabilities: t.Capabilities, KeyHash: edge.KeyHash(pub), PublicKey: pub, CertUntil: store.At(cert.NotAfter),
			EnrolledAt: store.At(now), EnrolledBy: t.MadeBy, HeardAt: store.At(now), Via: ViaTLS,
			Health: store.AsJSON(edge.Health{Ports: []edge.Port{}, Can: []edge.Capability{}, Host: ot.Printable(in.Host), Version: ot.Printable(in.Version)}), Told: store.AsJSON(map[string]bool{}),
		}
		if err := store.Upsert(ctx, tx, "edge_edge", []edgeRow{e}, nil, nil); err != nil {
			return err
		}
		for _, stmt := range []string{
			"INSERT INTO edge_site (edge_id, site_no) SELECT CAST(? AS TEXT), site_no FROM edge_token_site WHERE token_id = ?",
		} {
			if _, err := tx.Exec(ctx, stmt, id, t.ID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "UPDATE edge_token SET used_at = ?, used_from = ?, edge_id = ? WHERE token_id = ? AND used_at IS NULL", store.At(now), from, id, t.ID); err != nil {
			return err
		}
		if err := s.saveConfig(ctx, tx, &e, edge.DefaultConfig(), t.MadeBy); err != nil {
			return err
		}
		if err := audit.Append(ctx, tx, audit.Entry{Actor: t.MadeBy, Action: "edge.enrol", Target: ot.Ref{Kind: "edge", ID: id}, Detail: map[string]string{"name": t.Name, "from": from, "host": in.Host, "token": t.ID}}); err != nil {
			return err
		}
		out = edge.Enrolled{ID: id, Name: t.Name, Cert: cert.Raw, Now: now.UnixMicro()}
		return s.announce(ctx, tx, id)
	})
	if err == nil {
		err = no
	}
	return out, err
}

// usedAgain tells people: either somebody is confused, or the token was stolen.
func (s *Service) usedAgain(ctx context.Context, tx *store.Tx, t tokenRow, from string) error {
	if _, err := tx.Exec(ctx, "UPDATE edge_token SET again = again + 1 WHERE token_id = ?", t.ID); err != nil {
		return err
	}
	if err := audit.Append(ctx, tx, audit.Entry{Actor: "nobody", Action: "edge.token-again", Target: ot.Ref{Kind: "edge", ID: t.EdgeID}, Detail: map[string]string{"token": t.ID, "name": t.Name, "from": from}}); err != nil {
		return err
	}
	e, err := s.row(ctx, tx, t.EdgeID)
	if err != nil {
		return err
	}
	return s.ask(ctx, tx, e, inbox.Item{
		Key: "edge.token:" + t.ID, Kind: "edge-token", Severity: inbox.Today, Action: "look", Title: "The enrolment token of sensor " + t.Name + " was used twice",
		Detail: fmt.Sprintf("First from %s, and again from %s, which was refused. If the first was not yours, revoke the sensor.", t.UsedFrom, from),
	})
}

// Renew gives an edge a new certificate for the key that it was enrolled with, also
// when the old certificate ended meanwhile.
func (s *Service) Renew(ctx context.Context, edgeID string, in edge.Renew) (edge.Enrolled, error) {
	pub, err := publicKey(in.CSR)
	if err != nil {
		return edge.Enrolled{}, err
	}
	var out edge.Enrolled
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		e, err := s.row(ctx, tx, edgeID)
		if err != nil {
			return err
		}
		if e.State == Revoked {
			return refuse(ot.Forbidden, edge.ReasonRevoked, "this edge was revoked at the centre: "+e.Why)
		}
		cert, err := s.renewed(ctx, tx, e, pub)
		if err != nil {
			return err
		}
		out = edge.Enrolled{ID: e.ID, Name: e.Name, Cert: cert.Raw, Now: s.now().UnixMicro()}
		return nil
	})
	return out, err
}

func (s *Service) renewed(ctx context.Context, tx *store.Tx, e edgeRow, pub ed25519.PublicKey) (*x509.Certificate, error) {
	if edge.KeyHash(pub) != e.KeyHash {
		return nil, ot.Errorf(ot.Forbidden, "a certificate is renewed for the key that the edge was enrolled with, not for another one: enrol it anew")
	}
	cert, err := s.ca.Issue(e.ID, pub)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, "UPDATE edge_edge SET cert_until = ? WHERE edge_id = ?", store.At(cert.NotAfter), e.ID); err != nil {
		return nil, err
	}
	return cert, audit.Append(ctx, tx, audit.Entry{Actor: "system", Action: "edge.renew", Target: ot.Ref{Kind: "edge", ID: e.ID}, Detail: map[string]string{"name": e.Name, "until": cert.NotAfter.UTC().Format(time.RFC3339)}})
}

// publicKey reads a request for a certificate, which proves that the asker has the key.
func publicKey(der []byte) (ed25519.PublicKey, error) {
	if len(der) > 4096 {
		return nil, ot.Errorf(ot.Invalid, "the request for a certificate is too long")
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the request for a certificate cannot be read")
	}
	pub, ok := csr.PublicKey.(ed25519.PublicKey)
	if !ok || csr.CheckSignature() != nil {
		return nil, ot.Errorf(ot.Invalid, "the request for a certificate is not signed by its own Ed25519 key")
	}
	return pub, nil
}
