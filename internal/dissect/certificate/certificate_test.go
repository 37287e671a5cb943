package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/dissect/certificate"
)

// made is a certificate by Go's own library: subject, issuer, names and times as asked for.
func made(t testing.TB, subject, issuer pkix.Name, until time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: subject, NotBefore: until.AddDate(-1, 0, 0), NotAfter: until,
		DNSNames: []string{"plc-7.example", "second.example"}, URIs: []*url.URL{{Scheme: "urn", Opaque: "plc-7:server"}},
	}
	parent := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: issuer}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestRead(t *testing.T) {
	plc, ca := pkix.Name{Organization: []string{"Example"}, CommonName: "PLC 7"}, pkix.Name{Organization: []string{"Example CA"}} //nolint:misspell // crypto/x509 spells it so
	for _, c := range []struct {
		name            string
		subject, issuer pkix.Name
		until           time.Time
		wantSubject     string
		wantIssuer      string
		wantExpires     string
		self            bool
	}{
		{"by an authority", plc, ca, time.Date(2031, 5, 1, 23, 0, 0, 0, time.UTC), "PLC 7", "Example CA", "2031-05-01", false},
		{"by itself, for ever", plc, plc, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "PLC 7", "PLC 7", "9999-12-31", true},
		{"of the last century", ca, ca, time.Date(1999, 1, 2, 3, 4, 5, 0, time.UTC), "Example CA", "Example CA", "1999-01-02", true},
	} {
		got, ok := certificate.Read(made(t, c.subject, c.issuer, c.until))
		if !ok || string(got.Subject) != c.wantSubject || string(got.Issuer) != c.wantIssuer || got.SelfSigned != c.self ||
			string(got.DNS) != "plc-7.example" || string(got.URI) != "urn:plc-7:server" {
			t.Errorf("%s: %q by %q, %q %q, self-signed %v, read %v", c.name, got.Subject, got.Issuer, got.DNS, got.URI, got.SelfSigned, ok)
		}
		if e := string(got.Expires(nil)); e != c.wantExpires {
			t.Errorf("%s: expires %s", c.name, e)
		}
	}
}

func TestWhatIsNone(t *testing.T) {
	der := made(t, pkix.Name{CommonName: "x"}, pkix.Name{CommonName: "x"}, time.Date(2031, 5, 1, 0, 0, 0, 0, time.UTC))
	for n := range der {
		certificate.Read(der[:n:n]) // no length is believed
	}
	if _, ok := certificate.Read(der[:40]); ok {
		t.Error("a cut certificate is read")
	}
	if _, ok := certificate.Read([]byte("-----BEGIN")); ok {
		t.Error("a text is a certificate")
	}
	if n := testing.AllocsPerRun(20, func() { certificate.Read(der) }); n > 0 {
		t.Errorf("%.0f allocations", n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(made(f, pkix.Name{CommonName: "PLC 7"}, pkix.Name{CommonName: "CA"}, time.Date(2031, 5, 1, 0, 0, 0, 0, time.UTC)))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, ok := certificate.Read(b)
		if n := len(c.Expires(nil)); ok && n != 10 {
			t.Fatalf("a day of %d letters", n)
		}
	})
}
