// Package slapdtest starts a real OpenLDAP server for tests, on ports of its own with
// a certificate of its own, filled with a small plant.
package slapdtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Server is a running directory.
type Server struct {
	LDAP, LDAPS string // addresses as Config.URL takes them
	CA          string // PEM
	stop        func()
}

// The directory's own account, and where people and groups are.
const (
	BindDN   = "cn=reader,dc=plant,dc=example"
	Password = "reader secret"
	People   = "ou=people,dc=plant,dc=example"
	Groups   = "ou=groups,dc=plant,dc=example"
)

// Stop ends the server before the test does: the directory that is down.
func (s *Server) Stop() { s.stop() }

// Start runs slapd with these entries until the test ends. Without slapd the test is
// skipped, and fails under SKANSE_REQUIRE=slapd.
func Start(t testing.TB, ldif string) *Server {
	t.Helper()
	slapd := "/usr/sbin/slapd"
	if _, err := os.Stat(slapd); err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "slapd") {
			t.Fatal("slapd is required and missing: install Debian's slapd")
		}
		t.Skip("there is no slapd")
	}
	dir := t.TempDir()
	s := &Server{}
	if err := s.certificate(dir); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := write("slapd.conf", strings.ReplaceAll(config, "DIR", dir))
	seed := write("seed.ldif", base+ldif)
	if out, err := exec.CommandContext(t.Context(), slapd, "-T", "add", "-f", conf, "-l", seed).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v %s", err, out)
	}
	plain, secure := freePort(t), freePort(t)
	s.LDAP, s.LDAPS = "ldap://localhost:"+plain, "ldaps://localhost:"+secure
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(slapd, "-d", "0", "-f", conf, "-h", "ldap://127.0.0.1:"+plain+" ldaps://127.0.0.1:"+secure)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	s.stop = func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			_ = log.Close()
		}
	}
	t.Cleanup(s.stop)
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+secure)
		if err == nil {
			_ = c.Close()
			return s
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("slapd does not start: %v %s", err, text)
		}
	}
}

const config = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile DIR/pid
argsfile DIR/args
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile DIR/cert.pem
TLSCertificateKeyFile DIR/key.pem
TLSCACertificateFile DIR/ca.pem
database mdb
suffix "dc=plant,dc=example"
rootdn "cn=root,dc=plant,dc=example"
directory DIR/db
maxsize 10485760
index objectClass eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,dc=plant,dc=example" read by anonymous auth by * none
`

//nolint:misspell // the object class is spelled so
const base = `dn: dc=plant,dc=example
objectClass: dcObject
objectClass: organization
dc: plant
o: Plant

dn: cn=reader,dc=plant,dc=example
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader secret

dn: ou=people,dc=plant,dc=example
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=plant,dc=example
objectClass: organizationalUnit
ou: groups

`

// Person is an entry of LDIF.
func Person(uid, name, mail, password string) string {
	return fmt.Sprintf("dn: uid=%s,%s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s\nuserPassword: %s\n\n", uid, People, uid, name, name, mail, password)
}

// Group is an entry of LDIF; members are distinguished names.
func Group(cn string, members ...string) string {
	return fmt.Sprintf("dn: cn=%s,%s\nobjectClass: groupOfNames\ncn: %s\nmember: %s\n\n", cn, Groups, cn, strings.Join(members, "\nmember: "))
}

// DN is a person's.
func DN(uid string) string { return "uid=" + uid + "," + People }

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// certificate makes an authority and what it signed for localhost.
func (s *Server) certificate(dir string) error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Plant CA"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: caDER}, "cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	s.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}))
	return nil
}
