package app

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/logs"
	"github.com/skanse/skanse/internal/org"
	"golang.org/x/sync/errgroup"
)

// A port of --syslog takes lines of its site; skanse verify logs finds the chain whole, and a changed line.
func TestSyslogPort(t *testing.T) {
	dir := Folder(t.TempDir())
	s, err := openServer(t.Context(), serverOptions{Data: dir, URL: dir.database()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	all := auth.Scope{All: true}
	company, err := s.org.CreateEntity(t.Context(), all, org.Entity{Name: "Nordvand"})
	if err != nil {
		t.Fatal(err)
	}
	site, err := s.org.CreateSite(t.Context(), all, org.Site{EntityID: company.ID, Name: "Værket"})
	if err != nil {
		t.Fatal(err)
	}
	for flags, want := range map[*LogFlags]string{
		{Syslog: []string{"514"}}:                                          "write PORT=SITE",
		{Syslog: []string{"0=Elsewhere"}}:                                  "there is no site",
		{Syslog: []string{"x.invalid:1=Værket"}}:                           "--syslog",
		{SyslogTLS: []string{"0=Værket"}}:                                  "needs a certificate",
		{SyslogTLS: []string{"0=Værket"}, SyslogCert: "a", SyslogKey: "b"}: "--syslog-cert",
	} {
		if _, err := s.logInlets(t.Context(), *flags, ListenFlag{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", *flags, err, want)
		}
	}
	list, err := s.logInlets(t.Context(), LogFlags{Syslog: []string{"127.0.0.1:0=værket"}}, ListenFlag{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.logs.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, _, err := s.logs.Expect(t.Context(), all, "Ida", site.ID, logs.Want{Name: "Here", Kind: "linux", Address: "127.0.0.1", Interval: 60, Retention: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	g, ctx := errgroup.WithContext(ctx)
	s.serveLogs(ctx, g, list)
	c, err := net.Dial("udp", list[0].UDP.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); { // until one is there: UDP promises nothing
		if _, err := c.Write([]byte("<13>1 - here a - - - hello")); err != nil {
			t.Fatal(err)
		}
		if err := s.logs.Flush(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if f, err := s.logs.Find(t.Context(), all, logs.Filter{Source: id, Worst: -1}); err != nil || len(f.Items) > 0 {
			break
		}
		<-time.After(time.Millisecond)
	}
	stop()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if err := s.logs.Flush(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	verify := func() (string, error) {
		var out bytes.Buffer
		err := (&VerifyLogsCmd{Path: string(dir)}).Run(&Env{Ctx: t.Context(), Stdout: &out, Stderr: &out})
		return out.String(), err
	}
	if out, err := verify(); err != nil || !strings.Contains(out, "in 1 files verify") {
		t.Errorf("%s %v", out, err)
	}
	files, err := filepath.Glob(filepath.Join(dir.join(logFolder), "*", id, "*.log"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], bytes.Replace(b, []byte("hello"), []byte("hullo"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := verify(); err == nil || !strings.Contains(out, "was changed") {
		t.Errorf("a changed line: %s %v", out, err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}
