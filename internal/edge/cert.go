package edge

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// CentreName is the name in the centre's certificate. Edges check it against the
// authority that they pinned, so that the centre may move to another address.
const CentreName = "centre.skanse.internal"

// SelfSigned is the certificate of a token's key, for the first connection only.
func SelfSigned(key ed25519.PrivateKey, now time.Time) (tls.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "skanse enrolment"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate of the token: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// VerifyCentre checks the certificates of who answers against the pinned authority,
// at a time that makes sense: a machine without a clock believes the certificate's
// beginning rather than 1970.
func VerifyCentre(chain []*x509.Certificate, pinned func(*x509.Certificate) bool, now time.Time) (*x509.Certificate, error) {
	var ca *x509.Certificate
	for _, c := range chain {
		if c.IsCA && pinned(c) {
			ca = c
		}
	}
	if len(chain) == 0 || ca == nil {
		return nil, ot.Errorf(ot.Forbidden, "who answers at the centre's address is not the centre: its certificate is not of the authority that this edge was enrolled with")
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	if now.Before(chain[0].NotBefore) {
		now = chain[0].NotBefore
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: CentreName, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
		return nil, ot.Errorf(ot.Forbidden, "the centre's certificate is not good at %s by this machine's clock: %w", now.UTC().Format(time.RFC3339), err)
	}
	return ca, nil
}
