package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// InspectCmd reads captures and says what they show. It keeps nothing.
type InspectCmd struct {
	Files []string `arg:"" name:"file" help:"pcap or pcapng captures."`
	JSON  bool     `help:"Print one JSON object a file instead of a summary."`
	Cores int      `default:"1" help:"Goroutines that decode; the result is the same for any number."`
}

// Help shows the command at work.
func (c *InspectCmd) Help() string {
	return "Example:\n  skanse inspect plant.pcap\n  skanse inspect --json plant.pcap | jq '.hosts[] | {ips, order_code, firmware}'"
}

// Run inspects each file. One that cannot be read does not keep the others
// from being told; the command fails at its end.
func (c *InspectCmd) Run(env *Env) error {
	economise()
	in, err := newInspector(slog.New(slog.NewTextHandler(env.Stderr, nil)))
	if err != nil {
		return err
	}
	var failed []error
	for _, file := range c.Files {
		r, err := in.read(env.Ctx, file, c.Cores)
		if err != nil {
			if env.Ctx.Err() != nil {
				return env.Ctx.Err()
			}
			failed = append(failed, err)
			continue
		}
		if c.JSON {
			err = r.writeJSON(env.Stdout)
		} else {
			err = r.writeText(env.Stdout)
		}
		if err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	if len(failed) == 1 {
		return failed[0]
	}
	if len(failed) > 1 {
		return ot.Errorf(ot.Invalid, "%d of %d files could not be read: %w", len(failed), len(c.Files), errors.Join(failed...))
	}
	return nil
}

// economise trades memory that a small machine has for the collector's time:
// a capture's state grows at first and is let go at the end as a whole.
func economise() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(800)
		debug.SetMemoryLimit(124 << 20) // soft: collected more often beyond it
	}
}

// inspector is what reading a capture needs of the catalogue.
type inspector struct {
	protocols *dissect.Set
	rules     *rule.Set
	assets    *asset.Catalogue
	log       *slog.Logger
}

func newInspector(log *slog.Logger) (*inspector, error) {
	protocols, err := protocolSet()
	if err != nil {
		return nil, err
	}
	rules, err := ruleSet(protocols)
	if err != nil {
		return nil, err
	}
	assets, err := assetCatalogue()
	if err != nil {
		return nil, err
	}
	return &inspector{protocols, rules, assets, log}, nil
}

// protocolSet numbers the dissectors and reads their catalogue.
func protocolSet() (*dissect.Set, error) {
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		return nil, fmt.Errorf("open the protocol catalogue: %w", err)
	}
	return dissect.NewSet(all.Protocols(), names)
}

// ruleSet compiles the shipped detections.
func ruleSet(protocols *dissect.Set) (*rule.Set, error) {
	folder, err := fs.Sub(catalog.Files, "detections")
	if err != nil {
		return nil, fmt.Errorf("open the detections: %w", err)
	}
	rules, err := rule.Read(folder)
	if err != nil {
		return nil, err
	}
	return rule.Compile(rules, protocols, protocols.Len())
}

// read runs the sensor over one file.
func (in *inspector) read(ctx context.Context, file string, cores int) (*report, error) {
	src, err := sensor.Open(file)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	r := &report{file: file, in: in}
	cfg := sensor.Config{Sensor: file, Epoch: file, Shards: cores, Protocols: in.protocols, Rules: in.rules, Log: in.log, Brief: true}
	err = sensor.Run(ctx, src, cfg, func(s *sensor.Summary) error {
		r.sum = s // one at the end
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.devices = in.assets.Identify(r.sum)
	return r, nil
}
