package box

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
)

// Identity is who an edge is: its key, its certificate, and the centre's authority.
type Identity struct {
	dir    string
	outbox *Outbox

	mu   sync.Mutex
	key  ed25519.PrivateKey
	cert *x509.Certificate // nil: not enrolled
	ca   *x509.Certificate
	addr string
	name string
}

const (
	keyFile  = "edge.key"
	certFile = "edge.crt"
	caFile   = "centre-ca.crt"
)

// LoadIdentity reads who this edge is; of one that is not enrolled only the key, made now.
func LoadIdentity(ctx context.Context, dir string, o *Outbox) (*Identity, error) {
	id := &Identity{dir: dir, outbox: o}
	raw, err := os.ReadFile(filepath.Join(dir, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = makeKey(filepath.Join(dir, keyFile))
	}
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the edge's key: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, ot.Errorf(ot.Damaged, "%s is no PEM file: enrol this edge anew in an empty folder", filepath.Join(dir, keyFile))
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := any.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, ot.Errorf(ot.Damaged, "%s is no key of an edge: enrol this edge anew in an empty folder", filepath.Join(dir, keyFile))
	}
	id.key = key
	if id.cert, err = readCert(filepath.Join(dir, certFile)); err != nil {
		return nil, err
	}
	if id.ca, err = readCert(filepath.Join(dir, caFile)); err != nil {
		return nil, err
	}
	if id.addr, err = o.Get(ctx, "address"); err != nil {
		return nil, err
	}
	id.name, err = o.Get(ctx, "name")
	return id, err
}

func readCert(path string) (*x509.Certificate, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "%s: %w", path, err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, ot.Errorf(ot.Damaged, "%s is no PEM file", path)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, ot.Errorf(ot.Damaged, "%s: %w", path, err)
	}
	return c, nil
}

func makeKey(path string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return out, edge.WriteFile(path, out, 0o600)
}

// Enrolled says whether there is a certificate.
func (id *Identity) Enrolled() bool {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.cert != nil && id.ca != nil && id.addr != ""
}

// Name is how the centre calls this edge.
func (id *Identity) Name() string { return id.name }

// Address is the centre's.
func (id *Identity) Address() string { return id.addr }

// Until is when the certificate ends.
func (id *Identity) Until() time.Time {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.cert == nil {
		return time.Time{}
	}
	return id.cert.NotAfter
}

// Centre is the public key of the authority, which signs configurations.
func (id *Identity) Centre() []byte {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.ca == nil {
		return nil
	}
	pub, _ := id.ca.PublicKey.(ed25519.PublicKey) // of another kind: nothing verifies
	return pub
}

// Sign makes a file that the centre can prove to be this edge's.
func (id *Identity) Sign(f *edge.File) []byte {
	id.mu.Lock()
	defer id.mu.Unlock()
	f.Cert = id.cert.Raw
	return f.Write(id.key)
}

// Secret is a key of this machine for one purpose: nobody else has it, and it is the
// same as long as the edge's own key is.
func (id *Identity) Secret(purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, id.key.Seed(), nil, "skanse edge "+purpose, 32)
}

// csr asks for a certificate.
func (id *Identity) csr() ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "skanse edge"}}, id.key)
	if err != nil {
		return nil, fmt.Errorf("ask for a certificate: %w", err)
	}
	return der, nil
}

// keep stores a certificate that the centre gave for our key.
func (id *Identity) keep(der []byte) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return ot.Errorf(ot.Invalid, "the centre's new certificate cannot be read: %w", err)
	}
	if pub, ok := c.PublicKey.(ed25519.PublicKey); !ok || !pub.Equal(id.key.Public()) || id.ca == nil || c.CheckSignatureFrom(id.ca) != nil {
		return ot.Errorf(ot.Forbidden, "the new certificate is not of this edge's key, or not signed by its centre: it is not used")
	}
	if err := edge.WriteFile(filepath.Join(id.dir, certFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return ot.Errorf(ot.Full, "keep the new certificate: %w", err)
	}
	id.mu.Lock()
	id.cert = c
	id.mu.Unlock()
	return nil
}

// due says whether it is time to renew: two thirds of the certificate's life are over.
func (id *Identity) due(now time.Time) bool {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.cert == nil {
		return false
	}
	life := id.cert.NotAfter.Sub(id.cert.NotBefore)
	return now.After(id.cert.NotBefore.Add(life * 2 / 3))
}

// tls is how the edge dials: the pinned authority, the mended clock, its certificate.
func (id *Identity) tls(cert tls.Certificate, pinned func(*x509.Certificate) bool, found func(ca *x509.Certificate)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, ServerName: edge.CentreName,
		// The chain is checked below: against the pinned authority, at a time that a machine without a clock can know.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it
		VerifyConnection: func(cs tls.ConnectionState) error {
			ca, err := edge.VerifyCentre(cs.PeerCertificates, pinned, id.outbox.Clock().Now())
			if err == nil && found != nil {
				found(ca)
			}
			return err
		},
	}
}

// Enrol makes this machine an edge of the token's centre.
func (id *Identity) Enrol(ctx context.Context, token, host, version string) error {
	t, err := edge.ParseToken(token)
	if err != nil {
		return err
	}
	id.outbox.Clock().Heard(t.Issued) // so much time has passed, whatever this machine's clock says
	var ca *x509.Certificate
	now := id.outbox.Clock().Now()
	cert, err := edge.SelfSigned(t.Key(), now)
	if err != nil {
		return err
	}
	link := newHTTPS(t.Address, id.tls(cert, func(c *x509.Certificate) bool { return sha256.Sum256(c.Raw) == t.CA }, func(c *x509.Certificate) { ca = c }))
	defer link.close()
	csr, err := id.csr()
	if err != nil {
		return err
	}
	var got edge.Enrolled
	if err := link.call(ctx, edge.PathEnrol, edge.Enrol{CSR: csr, Host: host, Version: version}, &got); err != nil {
		return err
	}
	edgeID, err := parseID(got.ID)
	if err != nil {
		return err
	}
	if ca == nil {
		return ot.Errorf(ot.Internal, "the centre answered without showing its authority")
	}
	if err := edge.WriteFile(filepath.Join(id.dir, caFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), 0o644); err != nil {
		return ot.Errorf(ot.Full, "keep the centre's authority: %w", err)
	}
	id.ca = ca
	if err := id.keep(got.Cert); err != nil {
		return err
	}
	floor := id.outbox.Clock().Heard(time.UnixMicro(got.Now))
	id.addr, id.name = t.Address, ot.Printable(got.Name)
	if err := id.outbox.Set(ctx, map[string]string{
		"address": t.Address, "name": id.name, "floor": strconv.FormatInt(floor.UnixMicro(), 10), "config": "", "witness": "", "ca": hex.EncodeToString(t.CA[:]),
	}); err != nil {
		return err
	}
	return id.outbox.Bind(ctx, edgeID)
}
