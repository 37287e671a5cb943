package app

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/ot"
)

// ImportCmd takes captures, other sensors' logs and engineering files into the inventory of a site.
type ImportCmd struct {
	DataFlag `embed:""`
	Files    []string `arg:"" name:"file" type:"path" help:"pcap or pcapng captures, logs of Zeek or Suricata (also .gz), or folders with them; or engineering files: L5X, STEP 7 .cfg, TIA .aml, SCD/CID, CODESYS, EDS, GSD, GSDML, project.yaml. Known by their content."`
	Site     string   `help:"Name or id of the site; it may be left out where there is only one, and is made when there is none."`
	DryRun   bool     `help:"Engineering files: only say what each device in them would do."`
	Realm    string   `help:"Id of the address realm; left out: the site's own."`
}

// Help shows the command at work.
func (c *ImportCmd) Help() string {
	return `Works beside a running server, over the socket in its data folder, and without one.

Example:
  skanse import --data /var/lib/skanse --site Aarhus filling-line.pcapng
  skanse import --data /var/lib/skanse --site Aarhus /opt/zeek/logs/2026-11-23
  skanse import --data /var/lib/skanse --site Aarhus /var/log/suricata/eve.json
  skanse import --data /var/lib/skanse --site Aarhus --dry-run line3.L5X
  skanse import --data /var/lib/skanse --site Aarhus line3.L5X`
}

type siteItem struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Run hands over each file and waits until it has been read.
func (c *ImportCmd) Run(env *Env) (err error) {
	l, err := openLocal(env, c.DataFlag)
	if err != nil {
		return err
	}
	defer func() {
		if stopped := l.stop(); err == nil {
			err = stopped
		}
	}()
	site, err := c.site(env.Ctx, l)
	if err != nil {
		return err
	}
	files, passed, err := importable(c.Files)
	if err != nil {
		return err
	}
	for _, file := range passed {
		fmt.Fprintf(env.Stdout, "%s: passed over, it is neither a capture nor a log that is read\n", ot.Printable(file))
	}
	for _, file := range files {
		take := c.one
		switch is, err := isEngineering(file); {
		case err != nil:
			return err
		case is:
			take = c.project
		case c.DryRun:
			return ot.Errorf(ot.Invalid, "%s is no engineering file, and --dry-run is for those; skanse inspect says what is in a capture", ot.Printable(file))
		}
		if err := take(env, l, site, file); err != nil {
			return err
		}
	}
	return nil
}

func (c *ImportCmd) site(ctx context.Context, l *local) (siteItem, error) {
	var list struct{ Items []siteItem }
	if err := l.call(ctx, "GET", "/sites", nil, 0, &list); err != nil {
		return siteItem{}, err
	}
	var names []string
	for _, s := range list.Items {
		if s.ID == c.Site || strings.EqualFold(s.Name, c.Site) || c.Site == "" && len(list.Items) == 1 {
			return s, nil
		}
		names = append(names, s.Name)
	}
	if len(list.Items) > 0 {
		return siteItem{}, ot.Errorf(ot.Invalid, "which site? Say --site with one of: %s", strings.Join(names, ", "))
	}
	name := c.Site
	if name == "" {
		name = "Plant"
	}
	var entity, site siteItem
	if err := l.call(ctx, "POST", "/entities", jsonBody(map[string]any{"name": "My company", "profile": "essential"}), -1, &entity); err != nil {
		return site, err
	}
	err := l.call(ctx, "POST", "/sites", jsonBody(map[string]any{"entity_id": entity.ID, "name": name, "tz": "UTC"}), -1, &site)
	return site, err
}

func (c *ImportCmd) one(env *Env, l *local, site siteItem, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return ot.Errorf(ot.Invalid, "open the capture: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ot.Errorf(ot.Invalid, "open the capture: %w", err)
	}
	q := url.Values{"site": {site.ID}, "name": {filepath.Base(file)}}
	if c.Realm != "" {
		q.Set("realm", c.Realm)
	}
	var got network.Capture
	if err := l.call(env.Ctx, "POST", "/captures?"+q.Encode(), f, info.Size(), &got); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for got.State == network.Queued || got.State == network.Reading {
		select {
		case <-env.Ctx.Done():
			return ot.Errorf(ot.Internal, "%s is kept and will be read when a server starts: %w", file, env.Ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
		if err := l.call(env.Ctx, "GET", "/captures/"+got.ID, nil, 0, &got); err != nil {
			return err
		}
	}
	if got.State != network.Done {
		return ot.Errorf(ot.Invalid, "%s: %s", file, got.Error)
	}
	what := "packets"
	if network.Told(got.Kind) {
		what = "lines"
	}
	fmt.Fprintf(env.Stdout, "%s: %d %s; new at %s: %d assets, %d facts, %d conversations\n", ot.Printable(file), got.Packets, what, ot.Printable(site.Name), got.Added.Assets, got.Added.Facts, got.Added.Conversations)
	if got.Error != "" {
		fmt.Fprintf(env.Stdout, "  %s\n", ot.Printable(got.Error))
	}
	return nil
}
