package notify_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/egress"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/notify"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/seal"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func tables() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), egress.Migrations(), inbox.Migrations(), notify.Migrations()}
}

// house is a plant with people, and the notices at work.
type house struct {
	t    *testing.T
	db   *store.DB
	s    *notify.Service
	door http.Handler
	site org.Site
	boss auth.User // an administrator
	mu   sync.Mutex
	off  time.Duration // what the clock is ahead
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.off)
}

func (h *house) ahead(d time.Duration) {
	h.mu.Lock()
	h.off += d
	h.mu.Unlock()
}

func newHouse(t *testing.T, db *store.DB) *house {
	t.Helper()
	h := &house{t: t, db: db}
	a, err := auth.New(t.Context(), db, auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	o := org.New(db, nil)
	company, err := o.CreateEntity(t.Context(), auth.Scope{All: true}, org.Entity{Name: "Nordvand"})
	if err != nil {
		t.Fatal(err)
	}
	if h.site, err = o.CreateSite(t.Context(), auth.Scope{All: true}, org.Site{EntityID: company.ID, Name: "Aarhus", TZ: "Europe/Copenhagen"}); err != nil {
		t.Fatal(err)
	}
	if h.boss, err = a.CreateUser(t.Context(), auth.User{Name: "Ada Ærø", Email: "ada@example.com", Role: auth.Administrator, SeesAll: true}); err != nil {
		t.Fatal(err)
	}
	h.serve()
	return h
}

// serve puts the service and its door on the database.
func (h *house) serve() {
	h.t.Helper()
	h.s = h.service()
	who := resttest.Person(auth.Administrator, auth.Scope{All: true}, auth.All()...)
	who.UserID, who.Name, who.Email = h.boss.ID, h.boss.Name, h.boss.Email
	r := rest.New(rest.Config{DB: h.db, Auth: resttest.People{"boss": who, "other": resttest.Person(auth.Administrator, auth.Scope{All: true}, auth.All()...)}})
	h.s.Routes(r)
	h.door = r.Handler()
}

func (h *house) service() *notify.Service {
	h.t.Helper()
	box, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize), "notices")
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := notify.New(h.db, notify.Config{Egress: egress.New(egress.Config{DB: h.db}), Box: box, Version: "1.0", Now: h.now, Retry: 20 * time.Millisecond, Reply: 20 * time.Millisecond})
	if err != nil {
		h.t.Fatal(err)
	}
	s.UseAddress("https://skanse.test")
	return s
}

// run lets the notices work until stop.
func (h *house) run() (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	s := h.s
	go func() { done <- s.Run(ctx, bus.New(h.db, slog.New(slog.DiscardHandler))) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				h.t.Errorf("run: %v", err)
			}
		})
	}
	h.t.Cleanup(stop)
	return stop
}

func (h *house) do(method, path, body string, want int, header ...string) (out map[string]any, etag string) {
	h.t.Helper()
	w := resttest.Do(h.t, h.door, method, rest.Prefix+path, "boss", body, header...)
	if w.Code != want {
		h.t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, want, w.Body)
	}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			h.t.Fatal(err)
		}
	}
	return out, w.Header().Get("ETag")
}

func (h *house) as(who, method, path, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	return resttest.Do(h.t, h.door, method, rest.Prefix+path, who, body)
}

// allow opens a port of this machine.
func (h *house) allow(port int) {
	h.t.Helper()
	h.do("POST", "/egress", fmt.Sprintf(`{"host":"127.0.0.1","port":%d}`, port), 201)
}

func (h *house) wish(body string) {
	h.t.Helper()
	_, tag := h.do("GET", "/notices/me", "", 200)
	h.do("PUT", "/notices/me", body, 200, "If-Match", tag)
}

const everything = `{"mail":"","phone":"+4520123456","now":["mail","sms"],"today":["mail"],"week":["digest"],"info":[],"quiet":{"on":false,"from":"22:00","to":"06:00","days":[],"breaks":1},"zone":"Europe/Copenhagen","digest_at":"07:30","on_call":true}`

// ask puts an item into the inbox.
func (h *house) ask(key string, severity inbox.Severity, title string) {
	h.t.Helper()
	if err := h.db.Update(h.t.Context(), func(tx *store.Tx) error {
		return inbox.Put(h.t.Context(), tx, h.now(), inbox.Item{Key: key, Kind: "new-device", SiteNo: h.site.No, Role: auth.Administrator, Severity: severity, Title: title, Detail: "Seen <b>at</b> 10.0.0.7", Action: "decide", Due: h.now().Add(time.Hour)})
	}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) answer(key string) {
	h.t.Helper()
	if err := h.db.Update(h.t.Context(), func(tx *store.Tx) error {
		return inbox.Done(h.t.Context(), tx, h.now(), h.boss.ID, "approved", key)
	}); err != nil {
		h.t.Fatal(err)
	}
}

type row struct {
	State string `json:"state"`
	What  string `json:"what"`
	Chan  string `json:"channel"`
	Title string `json:"title"`
	Error string `json:"error"`
	ID    string `json:"id"`
	Seen  string `json:"seen_at"`
	N     int    `json:"attempts"`
	Says  string `json:"answer"`
}

func (h *house) queue(query string) []row {
	h.t.Helper()
	w := resttest.Do(h.t, h.door, "GET", rest.Prefix+"/notices/deliveries?limit=500"+query, "boss", "")
	var page struct{ Items []row }
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 {
		h.t.Fatalf("%d %v: %s", w.Code, err, w.Body)
	}
	return page.Items
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// certificate writes cert.pem and key.pem of a server on 127.0.0.1.
func certificate(t *testing.T, dir string) (certPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(400 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, b := range map[string][]byte{"cert.pem": cert, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return string(cert)
}

// smtpd is aiosmtpd on a port that stays the same when it is started again.
type smtpd struct {
	t    *testing.T
	dir  string
	mode string
	port int
	ca   string
	cmd  *exec.Cmd
	in   io.Closer
}

type letter struct {
	From string
	To   []string
	Data string
	TLS  bool
	User string
	Msg  *mail.Message `json:"-"`
}

const python = "/usr/bin/python3" // that of the distribution, which has aiosmtpd

func newSMTP(t *testing.T, mode string) *smtpd {
	t.Helper()
	if err := exec.CommandContext(t.Context(), python, "-c", "import aiosmtpd").Run(); err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "aiosmtpd") {
			t.Fatal("aiosmtpd: ", err)
		}
		t.Skip("python3-aiosmtpd is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &smtpd{t: t, dir: t.TempDir(), mode: mode, port: l.Addr().(*net.TCPAddr).Port}
	_ = l.Close()
	m.ca = certificate(t, m.dir)
	m.start()
	t.Cleanup(m.kill)
	return m
}

func (m *smtpd) start() {
	m.t.Helper()
	m.cmd = exec.Command(python, "testdata/smtpd.py", fmt.Sprint(m.port), filepath.Join(m.dir, "cert.pem"), filepath.Join(m.dir, "key.pem"), m.out(), m.mode)
	in, err := m.cmd.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	m.in = in
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	var errs bytes.Buffer
	m.cmd.Stderr = &errs
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || strings.TrimSpace(line) != "ready" {
		m.kill()
		m.t.Fatalf("the mail server did not start: %s", errs.String())
	}
}

func (m *smtpd) kill() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
	_ = m.in.Close()
}

func (m *smtpd) out() string { return filepath.Join(m.dir, "mail.jsonl") }

func (m *smtpd) refuse(with string) {
	m.t.Helper()
	if with == "" {
		_ = os.Remove(m.out() + ".refuse")
		return
	}
	if err := os.WriteFile(m.out()+".refuse", []byte(with), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *smtpd) letters() (out []letter) {
	m.t.Helper()
	b, _ := os.ReadFile(m.out())
	for line := range strings.Lines(string(b)) {
		var l letter
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			return out // still being written
		}
		msg, err := mail.ReadMessage(strings.NewReader(l.Data))
		if err != nil {
			m.t.Fatal(err)
		}
		l.Msg = msg
		out = append(out, l)
	}
	return out
}

// receiver adds the mail server to the house.
func (m *smtpd) receiver(h *house, password string) (id string) {
	h.t.Helper()
	h.allow(m.port)
	body := map[string]any{"kind": "mail", "name": "Mail", "enabled": true, "way": map[string]any{"host": "127.0.0.1", "port": m.port, "security": m.mode, "username": "skanse", "from": "skanse@plant.example", "ca": m.ca}, "secret": password}
	if m.mode == "plain" {
		body["way"] = map[string]any{"host": "127.0.0.1", "port": m.port, "security": "none", "from": "skanse@plant.example"}
		delete(body, "secret")
	}
	b, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	got, _ := h.do("POST", "/notices/receivers", string(b), 201)
	return got["id"].(string)
}

// hooks is a webhook that remembers what it got; status 0 means 200.
type hooks struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []*http.Request
	bodies []string
	before func()
}

const hookKey = "a key of 20 letters."

func newHooks(t *testing.T) *hooks {
	t.Helper()
	k := &hooks{}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		k.mu.Lock()
		k.got, k.bodies = append(k.got, q), append(k.bodies, string(b))
		status, before := k.status, k.before
		k.mu.Unlock()
		if before != nil {
			before()
		}
		if status == http.StatusFound {
			w.Header().Set("Location", "http://127.0.0.1:1/")
		}
		if status != 0 {
			w.WriteHeader(status)
		}
		_, _ = io.WriteString(w, strings.Repeat("thanks ", 20000)) // more than anybody reads
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *hooks) port() int { return k.Listener.Addr().(*net.TCPAddr).Port }

func (k *hooks) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.got)
}

func (k *hooks) receiver(h *house) string {
	h.t.Helper()
	h.allow(k.port())
	got, _ := h.do("POST", "/notices/receivers", fmt.Sprintf(`{"kind":"webhook","name":"Desk","enabled":true,"way":{"url":%q},"secret":%q}`, k.URL+"/in", hookKey), 201)
	return got["id"].(string)
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) { fn(t, newHouse(t, db)) })
}
