package centre

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
)

// Authority signs the certificates of edges and of the listener that they dial, and
// what they are sent. It is the centre's own: no other authority is trusted.
type Authority struct {
	key  ed25519.PrivateKey
	cert *x509.Certificate
	now  func() time.Time

	mu     sync.Mutex
	server *tls.Certificate
	until  time.Time // when the server's own is made anew
}

// caLife is long: when it ends, every edge is enrolled anew.
const caLife = 30 * 365 * 24 * time.Hour

// LoadAuthority reads edge-ca.key and edge-ca.crt (PEM, Ed25519) in a folder, and
// makes both where there are none. One made elsewhere is put there beforehand.
func LoadAuthority(dir string, now func() time.Time) (*Authority, error) {
	if now == nil {
		now = time.Now
	}
	keyPath, certPath := filepath.Join(dir, "edge-ca.key"), filepath.Join(dir, "edge-ca.crt")
	rawKey, err := os.ReadFile(keyPath)
	if errors.Is(err, fs.ErrNotExist) {
		if rawKey, err = makeAuthority(keyPath, certPath, now()); err != nil {
			return nil, ot.Errorf(ot.Invalid, "make the authority of the edges: %w", err)
		}
	}
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the key of the edges' authority: %w", err)
	}
	rawCert, err := os.ReadFile(certPath)
	if err != nil {
		return nil, ot.Errorf(ot.Damaged, "the certificate of the edges' authority: %w; restore it from a snapshot, beside its key", err)
	}
	key, err := parseKey(rawKey)
	if err != nil {
		return nil, ot.Errorf(ot.Damaged, "%s: %w", keyPath, err)
	}
	cert, err := parseCert(rawCert)
	if err != nil {
		return nil, ot.Errorf(ot.Damaged, "%s: %w", certPath, err)
	}
	if pub, ok := cert.PublicKey.(ed25519.PublicKey); !ok || !pub.Equal(key.Public()) || !cert.IsCA {
		return nil, ot.Errorf(ot.Damaged, "%s is not the certificate of an authority with the key %s", certPath, keyPath)
	}
	return &Authority{key: key, cert: cert, now: now}, nil
}

func parseKey(raw []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("it is no PEM file")
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := any.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a key of type %T, an authority of edges has Ed25519", any)
	}
	return key, nil
}

func parseCert(raw []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("it is no PEM file")
	}
	return x509.ParseCertificate(block.Bytes)
}

func makeAuthority(keyPath, certPath string, now time.Time) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(keyPath), 0o700); err != nil {
		return nil, err
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Skanse edges"}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, pub, key)
	if err != nil {
		return nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	// The certificate first: a key without it would be an authority that nobody can pin.
	if err := edge.WriteFile(certPath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return nil, err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
	return out, edge.WriteFile(keyPath, out, 0o600)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // never, says crypto/rand
	}
	return n
}

// Fingerprint is what tokens carry.
func (a *Authority) Fingerprint() [32]byte { return sha256.Sum256(a.cert.Raw) }

// Issue makes the certificate of an edge.
func (a *Authority) Issue(edgeID string, key ed25519.PublicKey) (*x509.Certificate, error) {
	now := a.now()
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: edgeID, OrganizationalUnit: []string{"edge"}}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(edge.CertLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of an edge: %w", err)
	}
	return x509.ParseCertificate(der)
}

// serverLife of the listener's own certificate; it is made anew long before.
const serverLife = 90 * 24 * time.Hour

// Server is the listener's certificate.
func (a *Authority) Server() (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if a.server != nil && now.Before(a.until) {
		return a.server, nil
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: edge.CentreName}, DNSNames: []string{edge.CentreName}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(serverLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, pub, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of the edges' listener: %w", err)
	}
	a.server, a.until = &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}, now.Add(serverLife/3)
	return a.server, nil
}

// Edge says whose certificate it is, and whether its time is over. One that another
// authority signed, or that ended more than the grace ago, is nobody's.
func (a *Authority) Edge(c *x509.Certificate) (edgeID string, expired bool, err error) {
	if err := c.CheckSignatureFrom(a.cert); err != nil || len(c.Subject.OrganizationalUnit) != 1 || c.Subject.OrganizationalUnit[0] != "edge" || c.IsCA {
		return "", false, fmt.Errorf("the certificate is not of this centre's authority")
	}
	now := a.now()
	if now.After(c.NotAfter.Add(edge.RenewGrace)) {
		return "", false, fmt.Errorf("the certificate ended on %s: enrol this edge anew", c.NotAfter.UTC().Format(time.DateOnly))
	}
	return c.Subject.CommonName, now.After(c.NotAfter), nil
}
