package app

import (
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/skanse/skanse/internal/api"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/sync/errgroup"
)

// ListenFlag says where the interface is served.
type ListenFlag struct {
	Listen  string   `default:"127.0.0.1:8080" env:"SKANSE_LISTEN" help:"Address of the interface and the API."`
	Host    []string `env:"SKANSE_HOST" help:"Further name under which browsers reach this server."`
	TLSCert string   `name:"tls-cert" type:"path" help:"Certificate (PEM) of the interface."`
	TLSKey  string   `name:"tls-key" type:"path" help:"Its private key (PEM)."`
}

// ServeCmd is the centre.
type ServeCmd struct {
	DataFlag     `embed:""`
	ListenFlag   `embed:""`
	CaptureQuota int64 `default:"107374182400" help:"Bytes that kept captures may take; 0: the whole disk."`
	EdgeFlags    `embed:""`
	RecordFlags  `embed:""`
	Sense        []string `sep:"none" placeholder:"IFACE=SITE" help:"Listen to this interface, which hears that site (name or id; SITE:REALM for another address realm than the site's own). May be given again."`

	Flows []string `sep:"none" placeholder:"PORT=SITE@EXPORTER,…" help:"Take flow records (NetFlow v5 and v9, IPFIX, sFlow v5, told apart by their content) that these exporters send to this UDP port, such as 2055=Aarhus@10.20.0.1. May be given again."`

	LogFlags `embed:""`

	SenseAddressed bool   `help:"Listen also to an interface that has an address of its own; it is then no port that only listens."`
	SenseSilence   bool   `default:"true" negatable:"" help:"Make the interfaces of --sense silent (no IPv6, no ARP, up) and put them back at the end."`
	Ring           string `default:"memory" enum:"memory,disk,off" help:"Where the packets of the last while are kept: memory, disk or off. The page changes it for each interface."`
	RingMemory     int64  `default:"64" placeholder:"MIB" help:"Memory that the packets of one interface may take."`
	RingDisk       int64  `default:"1024" placeholder:"MIB" help:"Disk that the packets of one interface may take, with --ring disk."`
}

// Help shows the command at work.
func (c *ServeCmd) Help() string {
	return `The first start prints a link with which the first administrator signs in.

Example:
  skanse serve --data /var/lib/skanse
  skanse serve --data /var/lib/skanse --listen 0.0.0.0:8443 --host skanse.plant.example \
    --tls-cert cert.pem --tls-key key.pem
  skanse serve --data /var/lib/skanse --sense eth1=Aarhus --sense eth2="Aarhus:Filling line"
  skanse serve --data /var/lib/skanse --sense eth1=Aarhus --ring disk --ring-disk 20480
  skanse serve --data /var/lib/skanse --flows 2055=Aarhus@10.20.0.1,10.20.0.2 --flows 6343="Aarhus:Filling line@10.20.0.9"
  skanse serve --data /var/lib/skanse --syslog 514=Aarhus --syslog-tls 6514=Aarhus --syslog-cert cert.pem --syslog-key key.pem
  skanse serve --data /var/lib/skanse --clamd unix:/run/clamav/clamd.ctl
  skanse serve --data /var/lib/skanse --edge-listen :8443 --edge-address skanse.plant.example:8443`
}

// Run serves until it is told to stop.
func (c *ServeCmd) Run(env *Env) error {
	log := newLog(env)
	began := time.Now()
	s, err := openServer(env.Ctx, serverOptions{Data: Folder(c.Data), URL: c.url(), Hosts: c.Host, CaptureQuota: c.CaptureQuota, TLSCert: c.TLSCert, Clamd: c.Clamd, Listening: c.listening(), LogsQuota: c.LogsQuota}, log)
	if err != nil {
		return err
	}
	defer s.close()
	l, err := listenTCP(env.Ctx, c.Listen, c.TLSCert, c.TLSKey)
	if err != nil {
		return err
	}
	defer l.Close()
	local, err := listenSocket(env.Ctx, Folder(c.Data))
	if err != nil {
		return err
	}
	defer local.Close()
	// After the ports are open: to open one below 1024 takes a capability too.
	ears, err := s.ears(env.Ctx, c.Sense)
	if err != nil {
		return err
	}
	inlets, err := s.inlets(env.Ctx, c.Flows)
	if err != nil {
		return err
	}
	lines, err := s.logInlets(env.Ctx, c.LogFlags, c.ListenFlag)
	if err != nil {
		return err
	}
	address := c.address(l)
	s.notify.UseAddress(address)
	fmt.Fprintf(env.Stdout, "Skanse %s serves %s (ready after %d ms; data in %s)\n", Version, address, time.Since(began).Milliseconds(), c.Data)
	if needed, err := s.auth.SetupNeeded(env.Ctx); err != nil {
		return err
	} else if needed {
		token, err := s.auth.SetupToken(env.Ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "Nobody can sign in yet. Open this link once, within a day, to become the administrator:\n  %s/setup?token=%s\n", address, url.QueryEscape(token))
	}
	if c.TLSCert == "" && !loopback(l) {
		log.Warn("passwords cross the network in the clear: give --tls-cert and --tls-key, or put a TLS proxy in front")
	}
	system := auth.System()
	g, ctx := errgroup.WithContext(env.Ctx)
	if err := s.serveEdges(ctx, g, c.EdgeFlags, env.Stdout); err != nil {
		return err
	}
	s.serveFlows(ctx, g, inlets)
	s.serveLogs(ctx, g, lines)
	if len(ears) > 0 {
		g.Go(func() error { return s.listenHere(ctx, ears) })
	}
	g.Go(func() error { return s.work(ctx) })
	g.Go(func() error { return serveHTTP(ctx, l, api.Handler(s.router(nil)), log) })
	g.Go(func() error { return serveHTTP(ctx, local, s.router(&system).Handler(), log) })
	return g.Wait()
}

func (c *ServeCmd) listening() listenOptions {
	return listenOptions{
		Started:   listen.Settings{Ring: c.Ring, MemoryMiB: c.RingMemory, DiskMiB: c.RingDisk},
		Addressed: c.SenseAddressed, Silence: c.SenseSilence,
	}
}

// address is what a person types into a browser.
func (c ListenFlag) address(l listener) string {
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return scheme + "://" + l.Addr().String()
	}
	switch {
	case len(c.Host) > 0:
		host = c.Host[0]
	case loopback(l) || net.ParseIP(host).IsUnspecified():
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

func loopback(l listener) bool {
	a, ok := l.Addr().(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}

// OpenAPICmd prints the description of the API.
type OpenAPICmd struct{}

// Help shows the command at work.
func (c *OpenAPICmd) Help() string { return "Example:\n  skanse openapi > openapi.json" }

// Run prints it; it needs no data folder and keeps none.
func (c *OpenAPICmd) Run(env *Env) error {
	dir, err := tempFolder()
	if err != nil {
		return err
	}
	defer dir.remove()
	s, err := openServer(env.Ctx, serverOptions{Data: dir.Folder, URL: dir.database()}, newLog(env))
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := env.Stdout.Write(s.router(nil).OpenAPI()); err != nil {
		return ot.Errorf(ot.Internal, "print the description: %w", err)
	}
	return nil
}
