package app

import (
	"io"
	"os"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/conduit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// ConduitsCmd works with what may pass between zones.
type ConduitsCmd struct {
	Export ConduitsExportCmd `cmd:"" help:"Write the conduits in force as nftables or as a table to read."`
}

// ConduitsExportCmd writes the policies of a site. It only reads, also beside a running server.
type ConduitsExportCmd struct {
	DataFlag `embed:""`
	Site     string `help:"The site, by name or id; not needed where there is one." placeholder:"SITE"`
	NFT      bool   `name:"nft" help:"As rules for nftables, to load on a machine that routes between the zones; without it a table to read."`
	Out      string `short:"o" help:"Write to this file; without it to the terminal." placeholder:"FILE"`
}

// Help shows the command at work.
func (c *ConduitsExportCmd) Help() string {
	return "Example:\n  skanse conduits export --site Aarhus\n  skanse conduits export --site Aarhus --nft --out conduits.nft\n  nft -c -f conduits.nft     # on the router: says whether it could be loaded\n\n" +
		"It works beside a running server and changes nothing: loading the rules is yours to do. nftables sees addresses and ports; which functions a conduit allows stands in its comments."
}

// Run writes the policies.
func (c *ConduitsExportCmd) Run(env *Env) (err error) {
	if err := c.exists(); err != nil {
		return err
	}
	db, err := store.Open(env.Ctx, store.Config{URL: c.url(), ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // read-only: nothing can be lost
	if err := db.CheckSchema(env.Ctx, schema()); err != nil {
		return err
	}
	format := conduit.AsTable
	if c.NFT {
		format = conduit.AsNFT
	}
	w := env.Stdout
	if c.Out != "" {
		f, err := os.Create(c.Out)
		if err != nil {
			return ot.Errorf(ot.Invalid, "--out %s cannot be written: %w", ot.Printable(c.Out), err)
		}
		defer func() {
			if e := f.Close(); err == nil {
				err = e
			}
		}()
		w = io.Writer(f)
	}
	return db.View(env.Ctx, func(r store.Reader) error {
		sites, err := store.All[string](env.Ctx, r, "SELECT site_id FROM org_site WHERE ? = '' OR site_id = ? OR name = ? ORDER BY site_no", c.Site, c.Site, c.Site)
		switch {
		case err != nil:
			return err
		case len(sites) == 0:
			return ot.Errorf(ot.NotFound, "there is no site %q: skanse posture names them", ot.Printable(c.Site))
		case len(sites) > 1:
			return ot.Errorf(ot.Invalid, "there are %d sites: choose one with --site", len(sites))
		}
		s := conduit.New(db, conduit.Config{Clock: time.Now})
		return s.Export(env.Ctx, r, auth.System().Scope, sites[0], format, w)
	})
}
