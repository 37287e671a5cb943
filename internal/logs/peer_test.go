package logs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
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

// certificate writes a certificate and its key, and gives both.
func certificate(t *testing.T, dir string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, private := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	for name, b := range map[string][]byte{"cert.pem": cert, "key.pem": private} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(cert, private)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func need(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "rsyslog") {
			t.Fatal(err)
		}
		t.Skip(path + " is not installed")
	}
}

// A real logger sends to a real rsyslogd, which sends on to us over UDP and over TLS in both framings; and
// logger sends to us itself, in both formats. Each line arrives whole, with its time.
func TestRsyslogAndLogger(t *testing.T) {
	need(t, "/usr/sbin/rsyslogd")
	need(t, "/usr/bin/logger")
	p := alone(t)
	id := p.expect("s1", Want{Name: "This machine", Address: "127.0.0.1", Clock: "UTC"})
	dir := t.TempDir()
	pair := certificate(t, dir)
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	secure, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for _, in := range []Inlet{{SiteNo: 1, RealmNo: 1, UDP: udp}, {SiteNo: 1, RealmNo: 1, TLS: secure}} {
		go func() { ended <- p.s.Listen(ctx, in) }()
	}
	t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	relay, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port := relay.LocalAddr().(*net.UDPAddr).Port
	_ = relay.Close() // free now: rsyslogd does not tell which one it got
	ours, theirs := udp.LocalAddr().(*net.UDPAddr).Port, secure.Addr().(*net.TCPAddr).Port
	forward := fmt.Sprintf(`protocol="tcp" target="127.0.0.1" port="%d" streamDriver="ossl" streamDriverMode="1" streamDriverAuthMode="anon"`, theirs)
	conf := fmt.Sprintf(`global(workDirectory="%[1]s" maxMessageSize="16k" defaultNetstreamDriverCAFile="%[1]s/cert.pem" defaultNetstreamDriverCertFile="%[1]s/cert.pem" defaultNetstreamDriverKeyFile="%[1]s/key.pem")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="%[2]d")
template(name="udp" type="string" string="<%%PRI%%>1 %%TIMESTAMP:::date-rfc3339%% %%HOSTNAME%% by-udp %%PROCID%% %%MSGID%% - %%msg%%")
template(name="counted" type="string" string="<%%PRI%%>1 %%TIMESTAMP:::date-rfc3339%% %%HOSTNAME%% by-tls-counted %%PROCID%% %%MSGID%% - %%msg%%")
template(name="lines" type="string" string="<%%PRI%%>%%TIMESTAMP:::date-rfc3339%% %%HOSTNAME%% by-tls-lines: %%msg%%\n")
*.* action(type="omfwd" protocol="udp" target="127.0.0.1" port="%[3]d" template="udp")
*.* action(type="omfwd" %[4]s TCP_Framing="octet-counted" template="counted")
*.* action(type="omfwd" %[4]s TCP_Framing="traditional" template="lines")
`, dir, port, ours, forward)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("/usr/sbin/rsyslogd", "-n", "-f", filepath.Join(dir, "conf"), "-i", filepath.Join(dir, "pid"))
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	})
	logger := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("/usr/bin/logger", args...).CombinedOutput(); err != nil {
			t.Fatalf("logger: %v %s", err, out)
		}
	}
	began := time.Now()
	said := func(n int) string { return fmt.Sprintf("Tank 4 <high> [x=\"y\"] æøå, no %d", n) }
	logger("--server", "127.0.0.1", "--udp", "--port", fmt.Sprint(ours), "--rfc5424=notq", "-t", "direct5424", "-p", "local0.warning", said(0))
	logger("--server", "127.0.0.1", "--udp", "--port", fmt.Sprint(ours), "--rfc3164", "-t", "direct3164", "-p", "auth.err", said(0))
	apps := map[string]bool{}
	for n := 1; ; n++ { // until rsyslogd listens and its connections stand
		logger("--server", "127.0.0.1", "--udp", "--port", fmt.Sprint(port), "-t", "relayed", "-p", "daemon.notice", said(n))
		p.flush()
		for _, l := range p.find(Filter{Source: id}).Items {
			if l.Text == said(0) || strings.HasPrefix(l.Text, "Tank 4 <high> [x=\"y\"] æøå, no ") {
				apps[l.App] = true
			}
		}
		if len(apps) == 5 || time.Since(began) > 20*time.Second {
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	for _, app := range []string{"direct5424", "direct3164", "by-udp", "by-tls-counted", "by-tls-lines"} {
		if !apps[app] {
			t.Errorf("no whole line came as %s: %v", app, apps)
		}
	}
	for _, l := range p.find(Filter{Source: id, Limit: 500}).Items {
		want := map[string]int{"direct5424": 4, "direct3164": 3, "by-udp": 5, "by-tls-counted": 5, "by-tls-lines": 5}
		if n, ok := want[l.App]; ok && l.Severity != n {
			t.Errorf("%s: severity %d", l.App, l.Severity)
		}
		if l.App != "direct3164" && !l.Told.IsZero() && l.Told.Sub(l.At.Time).Abs() > 5*time.Second {
			t.Errorf("%s: told %v, received %v", l.App, l.Told, l.At)
		}
	}
	if rep := p.verify(); len(rep.Findings) > 0 {
		t.Error(rep.Findings)
	}
}

// Whoever is not in the register's eyes trustworthy over TLS, or never finishes the handshake, holds nobody up.
func TestRefusedConnections(t *testing.T) {
	p := alone(t)
	id := p.expect("s1", Want{Name: "This machine", Address: "127.0.0.1"})
	dir := t.TempDir()
	pair := certificate(t, dir)
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.s.Listen(ctx, Inlet{SiteNo: 1, RealmNo: 1, TLS: l}) }()
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	say := func(line string, certs ...tls.Certificate) error {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool, Certificates: certs, MinVersion: tls.VersionTLS12})
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		if _, err := fmt.Fprintf(c, "%d %s", len(line), line); err != nil {
			return err
		}
		if err := c.CloseWrite(); err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 1)) // to the end: then it was read, or refused
		return err
	}
	_ = say("<13>1 - a b - - - forged")
	_ = say("<13>1 - a b - - - true", pair)
	p.flush()
	if got := texts(p.find(Filter{Source: id})); got != "true" {
		t.Errorf("%q", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
