package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/ot"
)

// EdgeCmd is the box at a site.
type EdgeCmd struct {
	Run    EdgeRunCmd    `cmd:"" default:"withargs" help:"Enrol this machine, or run it."`
	Status EdgeStatusCmd `cmd:"" help:"Say how the edge on this machine is."`
	Export EdgeExportCmd `cmd:"" help:"Write what waits into files for a stick."`
	Import EdgeImportCmd `cmd:"" help:"Take in a file that came on a stick: at the centre from a sensor, at a sensor from the centre."`
	Trust  EdgeTrustCmd  `cmd:"" help:"Clear the alarm about the centre's audit log, after somebody looked."`
}

// EdgeFlag says where an edge keeps what it has.
type EdgeFlag struct {
	Data string `default:"skanse-edge" type:"path" env:"SKANSE_EDGE_DATA" help:"Folder of the edge: its key, its certificate, what waits for the centre."`
}

// EdgeRunCmd enrols or runs.
type EdgeRunCmd struct {
	EdgeFlag    `embed:""`
	Enrol       string `placeholder:"TOKEN" help:"Make this machine an edge of the centre that made this token, and end."`
	DiodeOut    string `type:"path" placeholder:"DIR" help:"Write files into this folder, which a data diode carries, and dial nobody."`
	DiodeCopies int    `default:"1" help:"Write each file so many times: a diode loses some, and nobody can ask."`
	DiodeBack   string `type:"path" placeholder:"DIR" help:"Read replies of the centre from this folder, where there is a way back."`

	Flows []string `sep:"none" placeholder:"PORT=INTERFACE@EXPORTER,…" help:"Take flow records (NetFlow v5 and v9, IPFIX, sFlow v5) that these exporters send to this UDP port, as of the site to which the centre put this interface, such as 2055=eth1@10.20.0.1. May be given again."`
}

// Help shows the command at work.
func (c *EdgeRunCmd) Help() string {
	return `An edge dials its centre and serves nothing. The token comes from the centre's page Sensors.

Example:
  skanse edge --data /var/lib/skanse-edge --enrol skanse-edge-AV3…
  skanse edge --data /var/lib/skanse-edge
  skanse edge --data /var/lib/skanse-edge --flows 2055=eth1@10.20.0.1,10.20.0.2
  skanse edge --data /var/lib/skanse-edge --diode-out /srv/diode --diode-copies 2`
}

// openEdge opens the edge of a folder.
func openEdge(ctx context.Context, data string) (*box.Outbox, *box.Identity, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, nil, ot.Errorf(ot.Invalid, "the edge's folder cannot be used: %w; choose another one with --data", err)
	}
	outbox, err := box.OpenOutbox(ctx, data, reduce, time.Now)
	if err != nil {
		return nil, nil, err
	}
	id, err := box.LoadIdentity(ctx, data, outbox)
	if err != nil {
		return nil, nil, errors.Join(err, outbox.Close())
	}
	return outbox, id, nil
}

// Run enrols or runs the edge.
func (c *EdgeRunCmd) Run(env *Env) error {
	outbox, id, err := openEdge(env.Ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = outbox.Close() }()
	host, err := os.Hostname()
	if err != nil {
		return ot.Errorf(ot.Internal, "the machine's name: %w", err)
	}
	if c.Enrol != "" {
		if err := id.Enrol(env.Ctx, c.Enrol, host, Version); err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "This machine is now the sensor %q of %s. Start it with:\n  skanse edge --data %s\n", id.Name(), id.Address(), c.Data)
		return nil
	}
	if !id.Enrolled() {
		return ot.Errorf(ot.Invalid, "this edge is not enrolled: make a token on the centre's page Sensors, then skanse edge --data %s --enrol TOKEN", c.Data)
	}
	log := newLog(env)
	if alarm, err := outbox.Alarm(env.Ctx); err != nil {
		return err
	} else if alarm != "" {
		log.Error("the centre's audit log was not the one that this edge had seen; look, then skanse edge trust", "alarm", alarm)
	}
	shipped, err := shippedRules()
	if err != nil {
		return err
	}
	cfg, err := sensorConfig(Folder(c.Data), log, shipped)
	if err != nil {
		return err
	}
	guard := guardPortsHere(log)
	defer func() {
		if err := guard.close(); err != nil {
			log.Error("a capture port is not as it was before", "error", err)
		}
	}()
	node := newEdgeNode(log, cfg, bundle(shipped).Hash, outbox, host, c.Data)
	node.guard = guard
	if node.inlets, err = openEdgeInlets(c.Flows); err != nil {
		return err
	}
	if node.ringKey, err = id.Secret("packet ring"); err != nil {
		return ot.Errorf(ot.Internal, "the key of the packet ring: %w", err)
	}
	link := box.Dial(id, log)
	defer link.Close()
	node.box = box.New(box.Config{Outbox: outbox, Link: link, Log: log, Health: node.health, Apply: node.apply, Rules: node.takeRules, Order: node.order, Key: id.Centre})
	node.until = id.Until
	return node.serve(env.Ctx, func(ctx context.Context) error {
		if c.DiodeOut == "" {
			log.Info("edge runs", "name", id.Name(), "centre", id.Address(), "certificate_until", id.Until())
			return node.box.Run(ctx)
		}
		log.Info("edge runs behind a diode", "name", id.Name(), "folder", c.DiodeOut)
		return node.box.Diode(ctx, id, c.DiodeOut, c.DiodeCopies, c.back(node.box, id, log))
	})
}

// back reads replies from a folder.
func (c *EdgeRunCmd) back(b *box.Box, id *box.Identity, log *slog.Logger) func(context.Context) ([]edge.Range, error) {
	if c.DiodeBack == "" {
		return nil
	}
	return func(ctx context.Context) (again []edge.Range, err error) {
		names, err := filepath.Glob(filepath.Join(c.DiodeBack, "*"+box.FileExt))
		for _, name := range names {
			raw, rerr := readFile(name)
			if rerr == nil {
				var more []edge.Range
				if more, rerr = b.Reply(ctx, id, raw); rerr == nil {
					again = append(again, more...)
				}
			}
			if rerr != nil {
				log.Error("a reply is not used", "file", name, "why", rerr)
			}
			if rerr := os.Remove(name); rerr != nil && err == nil {
				err = rerr
			}
		}
		return again, err
	}
}

// EdgeStatusCmd prints how an edge is.
type EdgeStatusCmd struct {
	EdgeFlag `embed:""`
}

// Help shows the command at work.
func (c *EdgeStatusCmd) Help() string {
	return "Example:\n  skanse edge status --data /var/lib/skanse-edge"
}

// Run prints it; it may run beside the edge.
func (c *EdgeStatusCmd) Run(env *Env) error {
	s, err := box.ReadStatus(env.Ctx, c.Data)
	if err != nil {
		return err
	}
	p := func(name, format string, args ...any) {
		fmt.Fprintf(env.Stdout, "%-14s %s\n", name, ot.Printable(fmt.Sprintf(format, args...)))
	}
	if s.ID == "" {
		p("edge", "not enrolled")
		return nil
	}
	p("edge", "%s (%s)", s.Name, s.ID)
	p("centre", "%s", s.Address)
	if s.Contact.IsZero() {
		p("last contact", "never")
	} else {
		p("last contact", "%s", s.Contact.Format(time.RFC3339))
	}
	if s.Trouble != "" {
		p("trouble", "%s", s.Trouble)
	}
	p("waiting", "%d batches (confirmed up to %d)", s.Waiting, s.Acked)
	if q := s.Health.Queue; q.DroppedBulk+q.DroppedWhole > 0 {
		p("dropped", "%d counters, %d batches whole: the disk was full", q.DroppedBulk, q.DroppedWhole)
	}
	p("certificate", "until %s", s.CertUntil.UTC().Format(time.RFC3339))
	var names []string
	for _, i := range s.Config.Interfaces {
		names = append(names, i.Name+" → "+i.Site)
	}
	p("configuration", "version %d: %s", s.Config.Version, strings.Join(names, ", "))
	if r := s.Health.Rules; r.Bundle != "" {
		p("detections", "bundle %.12s, version %s, %d run here", r.Bundle, r.Version, r.Judged)
		if r.Error != "" {
			p("", "refused bundle %.12s: %s", r.Failed, r.Error)
		}
	}
	if s.Seen.Size > 0 {
		p("audit log", "seen up to entry %d at %s, root %s", s.Seen.Size, s.Seen.At.Format(time.RFC3339), s.Seen.Root)
		fmt.Fprintf(env.Stdout, "\n%s\n", strings.TrimSpace(s.Seen.Note))
	}
	if s.Alarm != "" {
		fmt.Fprintf(env.Stdout, "\nALARM %s\nThe checkpoint above is the proof: skanse verify audit takes it as a witness. When somebody has looked: skanse edge trust --data %s\n", ot.Printable(s.Alarm), c.Data)
		return ot.Errorf(ot.Damaged, "the centre's audit log is not the one that this edge had seen")
	}
	return nil
}

// EdgeTrustCmd clears the alarm.
type EdgeTrustCmd struct {
	EdgeFlag `embed:""`
}

// Help shows the command at work.
func (c *EdgeTrustCmd) Help() string {
	return "After a centre was restored from a snapshot, its audit log is shorter than what its edges saw: that is the alarm.\nStop the edge first.\n\nExample:\n  skanse edge trust --data /var/lib/skanse-edge"
}

// Run clears it.
func (c *EdgeTrustCmd) Run(env *Env) error {
	outbox, _, err := openEdge(env.Ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = outbox.Close() }()
	return outbox.ClearAlarm(env.Ctx)
}
