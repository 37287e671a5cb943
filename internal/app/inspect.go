package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/dissect/recognised"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// InspectCmd reads captures and says what they show. It keeps nothing.
type InspectCmd struct {
	Files []string `arg:"" name:"file" help:"pcap or pcapng captures."`
	JSON  bool     `help:"Print one JSON object a file instead of a summary; with --against, the comparison."`
	Full  bool     `help:"List everything instead of what a person reads in ten seconds."`
	Data  string   `type:"path" default:"skanse-data" env:"SKANSE_DATA" help:"Data folder whose recognised/*.yaml count too."`
	Cores int      `default:"1" help:"Goroutines that decode; the result is the same for any number."`

	Programs string `placeholder:"DIR" help:"Write blocks and project files that passed by whole into this folder."`
	Once     bool   `help:"Count frames that the mirror port shows twice once."`

	PcapOut      string `placeholder:"FILE" help:"Write the packets of --host, --conversation or --alert to this pcapng file."`
	Host         string `placeholder:"HOST" help:"For --pcap-out: all that this host said and was told (IP or MAC address, or its name)."`
	Conversation string `placeholder:"A,B[,PORT/tcp]" help:"For --pcap-out: what these two hosts said to each other."`
	Alert        string `placeholder:"RULE[@PACKET]" help:"For --pcap-out: the conversations in which this rule was met, a minute around it."`

	Against    string `placeholder:"FILE" help:"Compare all captures together with this project.yaml, or with what an engineering tool exported (L5X, STEP 7 .cfg, TIA .aml, SCD, CODESYS); exit code 3 when something differs."`
	Report     string `placeholder:"FILE" help:"With --against: write the acceptance report as a page to be printed and signed."`
	ProjectOut string `placeholder:"FILE" help:"Write what was heard as a project.yaml: a draft of a plan, or the baseline to approve."`
}

// Help shows the command at work.
func (c *InspectCmd) Help() string {
	return `Example:
  skanse inspect plant.pcap
  skanse inspect --json plant.pcap | jq '.hosts[] | {ips, order_code, firmware}'
  skanse inspect plant.pcap --programs ./seen
  skanse inspect doubled.pcap --once
  skanse inspect plant.pcap --pcap-out plc.pcapng --host 10.0.0.17
  skanse inspect plant.pcap --pcap-out stop.pcapng --alert controller-stop
  skanse inspect bench.pcap --project-out project.yaml
  skanse inspect bench.pcap --against project.yaml --report fat.html
  skanse inspect bench.pcap --against line3.L5X

Exit code: 0 read (and as planned), 1 failed, 2 used wrongly, 3 something differs from the plan.`
}

// Run inspects each file. One that cannot be read does not keep the others
// from being told; the command fails at its end.
func (c *InspectCmd) Run(env *Env) error {
	economise()
	if err := c.check(); err != nil {
		return err
	}
	project := &plan.Project{Name: "What was heard"}
	if c.Against != "" {
		var err error
		if project, err = readPlan(c.Against); err != nil {
			return err
		}
	}
	in, err := newInspector(Folder(c.Data), slog.New(slog.NewTextHandler(env.Stderr, nil)))
	if err != nil {
		return err
	}
	in.progress = newProgress(env.Stderr)
	seen := &plan.Seen{}
	var failed []error
	for _, file := range c.Files {
		r, err := in.read(env.Ctx, file, c)
		if err == nil {
			err = c.one(env, r, seen)
		}
		if err != nil {
			if env.Ctx.Err() != nil {
				return env.Ctx.Err()
			}
			failed = append(failed, err)
		}
	}
	if len(failed) == 1 {
		return failed[0]
	}
	if len(failed) > 1 {
		return ot.Errorf(ot.Invalid, "%d of %d files could not be read: %w", len(failed), len(c.Files), errors.Join(failed...))
	}
	if c.Against != "" || c.ProjectOut != "" {
		return c.against(env, project, seen)
	}
	return nil
}

// check says what cannot be asked for together, before a long file is read.
func (c *InspectCmd) check() error {
	asked := 0
	for _, s := range []string{c.Host, c.Conversation, c.Alert} {
		if s != "" {
			asked++
		}
	}
	switch {
	case c.PcapOut == "" && asked > 0:
		return ot.Errorf(ot.Invalid, "--host, --conversation and --alert say what --pcap-out writes: give it a file")
	case c.PcapOut != "" && asked != 1:
		return ot.Errorf(ot.Invalid, "--pcap-out needs one of --host, --conversation and --alert")
	case c.PcapOut != "" && len(c.Files) > 1:
		return ot.Errorf(ot.Invalid, "--pcap-out cuts out of one capture; %d were given", len(c.Files))
	case c.PcapOut != "" && sameFile(c.PcapOut, c.Files[0]):
		return ot.Errorf(ot.Invalid, "--pcap-out %s is the capture itself", c.PcapOut)
	case c.Report != "" && c.Against == "":
		return ot.Errorf(ot.Invalid, "--report is the report of a comparison: say with --against what is compared")
	}
	return nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// one tells of one capture, or adds it to what is compared.
func (c *InspectCmd) one(env *Env, r *report, seen *plan.Seen) error {
	if c.PcapOut != "" {
		what, err := c.cutting(r)
		if err != nil {
			return err
		}
		var n, size int64
		if err := writeTo(c.PcapOut, func(w io.Writer) (err error) { n, size, err = r.cut(env.Ctx, what, w); return err }); err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "%s: %s of %s, %s\n", ot.Printable(c.PcapOut), many(int(n), "packet"), grouped(r.sum.Health.Packets), byteSize(uint64(size)))
		return nil
	}
	if c.Against != "" || c.ProjectOut != "" {
		if err := seenBy(seen, r); err != nil || c.Against != "" {
			return err
		}
	}
	if c.Programs != "" {
		if err := r.writePrograms(c.Programs, env.Stderr); err != nil {
			return err
		}
	}
	var err error
	if c.JSON {
		err = r.writeJSON(env.Stdout)
	} else {
		r.full = c.Full
		err = r.writeText(env.Stdout)
	}
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// inspector is what reading a capture needs of the catalogue.
type inspector struct {
	protocols *dissect.Set
	rules     *rule.Set
	assets    *asset.Catalogue
	projects  *projectFiles
	log       *slog.Logger
	progress  progress
}

func newInspector(folder Folder, log *slog.Logger) (*inspector, error) {
	protocols, err := protocolSet(folder)
	if err != nil {
		return nil, err
	}
	shipped, err := shippedRules()
	if err != nil {
		return nil, err
	}
	rules, err := ruleSet(protocols, shipped)
	if err != nil {
		return nil, err
	}
	assets, err := assetCatalogue()
	if err != nil {
		return nil, err
	}
	projects, err := readProjectFiles()
	if err != nil {
		return nil, err
	}
	return &inspector{protocols: protocols, rules: rules, assets: assets, projects: projects, log: log}, nil
}

// protocolSet numbers the dissectors and reads their catalogue, with what the
// folder's user recognises.
func protocolSet(folder Folder) (*dissect.Set, error) {
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		return nil, fmt.Errorf("open the protocol catalogue: %w", err)
	}
	list, err := recognised.With(folder.join(recognisedFolder))
	if err != nil {
		return nil, err
	}
	return dissect.NewSet(all.With(list), names)
}

// read runs the sensor over one file.
func (in *inspector) read(ctx context.Context, file string, c *InspectCmd) (*report, error) {
	src, err := sensor.Open(file)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if in.progress.w != nil {
		defer in.progress.watch(file, src)()
	}
	r := &report{file: file, in: in}
	cfg := sensor.Config{Sensor: file, Epoch: file, Shards: c.Cores, Protocols: in.protocols, Rules: in.rules, Log: in.log, Brief: true, Once: c.Once, Projects: in.projects.is}
	if c.Programs != "" {
		cfg.Contents, cfg.Budget.Program = true, programBudget
	}
	err = sensor.Run(ctx, src, cfg, func(s *sensor.Summary) error {
		r.sum = s // one at the end
		return nil
	})
	if err != nil {
		return nil, err
	}
	var judging sync.WaitGroup
	if c.Cores > 1 {
		judging.Go(func() { r.alerts() })
	}
	r.devices = in.assets.Identify(r.sum)
	judging.Wait()
	return r, nil
}
