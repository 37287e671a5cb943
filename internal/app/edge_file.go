package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/ot"
)

// EdgeExportCmd writes files for a stick.
type EdgeExportCmd struct {
	EdgeFlag `embed:""`
	Dir      string `arg:"" type:"existingdir" help:"Folder on the stick."`
	All      bool   `help:"Everything that is still here, not only what the centre has not confirmed."`
}

// Help shows the command at work.
func (c *EdgeExportCmd) Help() string {
	return "Stop the edge first, or use --diode-out on the running one. Exporting twice does no harm.\n\nExample:\n  skanse edge export --data /var/lib/skanse-edge /media/stick"
}

// Run writes them.
func (c *EdgeExportCmd) Run(env *Env) error {
	outbox, id, err := openEdge(env.Ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = outbox.Close() }()
	if !id.Enrolled() {
		return ot.Errorf(ot.Invalid, "this edge is not enrolled: it has nothing to export")
	}
	host, err := os.Hostname()
	if err != nil {
		return ot.Errorf(ot.Internal, "the machine's name: %w", err)
	}
	b := box.New(box.Config{Outbox: outbox, Log: newLog(env), Health: func(context.Context) edge.Health {
		h := machine(host, c.Data)
		h.CertUntil = id.Until().UnixMicro()
		return h
	}})
	if err := b.Start(env.Ctx); err != nil { // the configuration is part of the hello
		return err
	}
	_, _, after, _, err := outbox.Position(env.Ctx)
	if err != nil {
		return err
	}
	if c.All {
		after = 0
	}
	last, files, err := b.Export(env.Ctx, id, c.Dir, after, nil, 1)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "%d files in %s, up to batch %d. At the centre: page Sensors, Take in a file; or skanse edge import FILE\n", files, c.Dir, last)
	return nil
}

// EdgeImportCmd takes in files.
type EdgeImportCmd struct {
	Files    []string `arg:"" type:"existingfile" help:"Files from the stick."`
	Data     string   `type:"path" default:"skanse-data" env:"SKANSE_DATA" help:"Data folder of the centre, or of the edge that the file is for."`
	Database string   `env:"SKANSE_DATABASE" help:"Database of the centre, if it is not in its folder."`
}

// Help shows the command at work.
func (c *EdgeImportCmd) Help() string {
	return "Example, at the centre and at a sensor:\n  skanse edge import --data /var/lib/skanse /media/stick/*.skf\n  skanse edge import --data /var/lib/skanse-edge /media/stick/skanse-reply-*.skf"
}

// Run takes them in.
func (c *EdgeImportCmd) Run(env *Env) error {
	if _, err := os.Stat(filepath.Join(c.Data, "outbox.db")); err == nil {
		return c.reply(env)
	}
	api, err := openLocal(env, DataFlag{Data: c.Data, Database: c.Database})
	if err != nil {
		return err
	}
	defer func() { _ = api.stop() }()
	for _, name := range c.Files {
		raw, err := readFile(name)
		if err != nil {
			return err
		}
		var got centre.Import
		if err := api.call(env.Ctx, http.MethodPost, "/edge-files?name="+url.QueryEscape(filepath.Base(name)), bytes.NewReader(raw), int64(len(raw)), &got); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(env.Stdout, "%s: %d batches of sensor %s (%d to %d), %d of them new\n", filepath.Base(name), got.Batches, got.EdgeID, got.From, got.To, got.Fresh)
	}
	return nil
}

// reply takes files of the centre at an edge that does not run.
func (c *EdgeImportCmd) reply(env *Env) error {
	outbox, id, err := openEdge(env.Ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = outbox.Close() }()
	b := box.New(box.Config{Outbox: outbox, Log: newLog(env), Key: id.Centre})
	if err := b.Start(env.Ctx); err != nil {
		return err
	}
	for _, name := range c.Files {
		raw, err := readFile(name)
		if err != nil {
			return err
		}
		again, err := b.Reply(env.Ctx, id, raw)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(env.Stdout, "%s: taken\n", filepath.Base(name))
		if len(again) == 0 {
			continue
		}
		dir := filepath.Dir(name)
		_, files, err := b.Export(env.Ctx, id, dir, 0, again, 1)
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "The centre misses %d runs of batches: written into %d files in %s\n", len(again), files, dir)
	}
	return nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, ot.Errorf(ot.NotFound, "%w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, edge.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return raw, nil
}

// copyNo is what tells copies of one file apart.
var copyNo = regexp.MustCompile(`-\d+\.skf$`)

const diodeEvery = 2 * time.Second

// diodeIn takes in what a data diode puts into a folder, until ctx ends. Files go
// when they are taken in; what cannot be read is moved aside.
func (s *server) diodeIn(ctx context.Context, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "refused"), 0o700); err != nil {
		return ot.Errorf(ot.Invalid, "--diode-in: %w", err)
	}
	for {
		if err := s.diodeRound(ctx, dir); err != nil && ctx.Err() == nil {
			s.log.Error("the diode's folder cannot be read; it is tried again", "folder", dir, "why", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(diodeEvery):
		}
	}
}

func (s *server) diodeRound(ctx context.Context, dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*"+box.FileExt))
	if err != nil {
		return err
	}
	slices.Sort(names)
	done := map[string]bool{}
	for _, name := range names {
		if ctx.Err() != nil {
			return nil
		}
		base := copyNo.ReplaceAllString(filepath.Base(name), "")
		if done[base] { // a copy of one that was whole
			if err := os.Remove(name); err != nil {
				return err
			}
			continue
		}
		if st, err := os.Stat(name); err != nil || time.Since(st.ModTime()) < diodeEvery/2 {
			continue // the diode may still write it
		}
		raw, err := readFile(name)
		if err != nil {
			return err
		}
		imp, err := s.edges.ImportFile(ctx, centre.ViaDiode, name, raw, nil)
		switch code := ot.CodeOf(err); {
		case err == nil:
			done[base] = true
			if err := os.Remove(name); err != nil {
				return err
			}
		case code == ot.Busy || code == ot.Full || code == ot.Internal || ctx.Err() != nil:
			return err // later, whole
		default:
			s.log.Warn("a file of the diode is refused", "file", imp.File, "why", err)
			if err := os.Rename(name, filepath.Join(dir, "refused", filepath.Base(name))); err != nil {
				return err
			}
		}
	}
	return nil
}

func interfaceNames() []string {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []string
	for _, i := range list {
		if i.Flags&net.FlagLoopback == 0 {
			out = append(out, i.Name)
		}
	}
	return out
}
