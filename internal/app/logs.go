package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/care"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/logs"
	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/sync/errgroup"
)

// LogFlags say where log lines arrive.
type LogFlags struct {
	Syslog     []string `sep:"none" placeholder:"PORT=SITE" help:"Take syslog over UDP at this port, for that site (name or id; SITE:REALM for another address realm than the site's own), such as 514=Aarhus. Lines of sources in the register (page Logs) are kept, others are counted. May be given again."`
	SyslogTLS  []string `sep:"none" name:"syslog-tls" placeholder:"PORT=SITE" help:"Take syslog over TLS, such as 6514=Aarhus. May be given again."`
	SyslogCert string   `type:"path" placeholder:"FILE" help:"Certificate (PEM) of --syslog-tls; left out: that of --tls-cert."`
	SyslogKey  string   `type:"path" placeholder:"FILE" help:"Its private key (PEM)."`
	SyslogCA   string   `name:"syslog-ca" type:"path" placeholder:"FILE" help:"Only who shows a certificate of these authorities (PEM) may send over TLS; left out: anybody in the register may."`
	LogsQuota  int64    `default:"53687091200" placeholder:"BYTES" help:"Room that kept log lines may take; 0: the whole disk but 1 GiB."`
}

// openLogs makes the slice that keeps log lines.
func (s *server) openLogs() {
	limits := logs.DefaultLimits()
	limits.Quota = s.opts.LogsQuota
	s.logs = logs.New(s.db, logs.Config{Dir: s.opts.Data.join(logFolder), Limits: limits, Free: care.FreeBytes, Raiser: s.detect, Judge: s.detect, Clock: s.opts.Clock, Log: s.log})
	s.detect.ReadLines(s.logs)
	s.logs.KeptFor(func(ctx context.Context) (int, error) {
		kept, err := s.care.Kept(ctx)
		return kept["logs"], err
	})
}

// logJobs look for silence, close days that are over, and hold what was seen against what was planned.
func (s *server) logJobs() []job.Job {
	return []job.Job{
		{Name: "silent-logs", Every: time.Minute, Do: s.logs.Watch},
		{Name: "seal-logs", Every: 10 * time.Minute, Do: s.logs.Seal},
		{Name: "watch-performance", Every: 10 * time.Minute, Do: s.performance.Watch},
		{Name: "unmatched-changes", Every: time.Minute, Do: s.comply.AskChanges},
	}
}

// logsProblem says that lines are not kept.
func (s *server) logsProblem(context.Context) ([]care.Problem, error) {
	why := s.logs.Full()
	if why == "" {
		return nil, nil
	}
	return []care.Problem{{ID: "logs-full", Urgent: true, Title: "Log lines are no longer kept", Detail: "Reason: " + why + ". Make room, or keep logs for fewer days."}}, nil
}

// logInlets opens the ports of --syslog and --syslog-tls.
func (s *server) logInlets(ctx context.Context, f LogFlags, web ListenFlag) (out []logs.Inlet, err error) {
	defer func() {
		if err != nil {
			for _, in := range out {
				_ = in.Close() // nothing was read from it
			}
		}
	}()
	for _, flag := range f.Syslog {
		in, at, err := s.logInlet(ctx, "--syslog", flag)
		if err != nil {
			return out, err
		}
		addr, err := net.ResolveUDPAddr("udp", at)
		if err != nil {
			return out, ot.Errorf(ot.Invalid, "--syslog %s: %w", flag, err)
		}
		if in.UDP, err = net.ListenUDP("udp", addr); err != nil {
			return out, ot.Errorf(ot.Invalid, "--syslog %s: cannot listen there: %w", flag, err)
		}
		_ = in.UDP.SetReadBuffer(4 << 20) // as much as the machine allows: a burst is larger than the usual 200 KiB
		out = append(out, in)
	}
	if len(f.SyslogTLS) == 0 {
		return out, nil
	}
	cfg, err := f.tls(web)
	if err != nil {
		return out, err
	}
	for _, flag := range f.SyslogTLS {
		in, at, err := s.logInlet(ctx, "--syslog-tls", flag)
		if err != nil {
			return out, err
		}
		if in.TLS, err = tls.Listen("tcp", at, cfg); err != nil {
			return out, ot.Errorf(ot.Invalid, "--syslog-tls %s: cannot listen there: %w", flag, err)
		}
		out = append(out, in)
	}
	return out, nil
}

// logInlet reads PORT=SITE and [ADDRESS:]PORT=SITE:REALM.
func (s *server) logInlet(ctx context.Context, name, flag string) (in logs.Inlet, at string, err error) {
	at, where, ok := strings.Cut(flag, "=")
	if !ok || at == "" || where == "" {
		return in, "", ot.Errorf(ot.Invalid, "%s %s: write PORT=SITE, such as 514=Aarhus", name, flag)
	}
	site, realm, err := s.place(ctx, where)
	if err != nil {
		return in, "", err
	}
	if !strings.Contains(at, ":") {
		at = ":" + at
	}
	return logs.Inlet{SiteNo: site.No, RealmNo: realm.No}, at, nil
}

// tls is how the ports of --syslog-tls speak.
func (f LogFlags) tls(web ListenFlag) (*tls.Config, error) {
	cert, key := f.SyslogCert, f.SyslogKey
	if cert == "" && key == "" {
		cert, key = web.TLSCert, web.TLSKey
	}
	if cert == "" || key == "" {
		return nil, ot.Errorf(ot.Invalid, "--syslog-tls needs a certificate and its key: give --syslog-cert and --syslog-key, or --tls-cert and --tls-key")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "--syslog-cert, --syslog-key: %w", err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if f.SyslogCA == "" {
		return cfg, nil
	}
	b, err := os.ReadFile(f.SyslogCA)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "--syslog-ca: %w", err)
	}
	cfg.ClientCAs, cfg.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !cfg.ClientCAs.AppendCertsFromPEM(b) {
		return nil, ot.Errorf(ot.Invalid, "--syslog-ca: %s holds no certificate", f.SyslogCA)
	}
	return cfg, nil
}

// serveLogs listens on every port.
func (s *server) serveLogs(ctx context.Context, g *errgroup.Group, list []logs.Inlet) {
	for _, in := range list {
		g.Go(func() error { return s.logs.Listen(ctx, in) })
	}
}
