// Package app is the composition root: configuration, wiring, lifecycles and
// the sub-commands, one file each. It holds no knowledge of plants or law.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/alecthomas/kong"
	"github.com/skanse/skanse/internal/ot"
)

// Version is set by the build: -ldflags "-X …/internal/app.Version=…".
var Version = "dev"

// Env is what a sub-command may touch of the world outside.
type Env struct {
	Ctx            context.Context
	Stdout, Stderr io.Writer
}

// cli lists the sub-commands. Each is one struct in one file with Run(*Env) error and Help() string.
type cli struct {
	Demo      DemoCmd       `cmd:"" help:"Serve an example company, to look around."`
	Serve     ServeCmd      `cmd:"" help:"Serve the interface and the API."`
	Edge      EdgeCmd       `cmd:"" help:"Be the box at a site that listens and tells its centre."`
	Inspect   InspectCmd    `cmd:"" help:"Say what a capture shows: devices, conversations, messages, alerts."`
	Sensor    SensorCmd     `cmd:"" help:"Test sensors: known-bad messages in memory, the alert in the inbox."`
	Import    ImportCmd     `cmd:"" help:"Take captures into the inventory of a site."`
	Trace     TraceCmd      `cmd:"" help:"Say what a host touched, and where its names and hashes appear elsewhere."`
	Posture   PostureCmd    `cmd:"" help:"Print the levels of all areas and sites."`
	Bundle    BundleCmd     `cmd:"" help:"Advisories: match them, pack them for a plant without a network, take them in."`
	Rules     RulesCmd      `cmd:"" help:"Detections: list them, try own ones on their fixtures."`
	Conduits  ConduitsCmd   `cmd:"" help:"What may pass between zones: as nftables, or as a table to read."`
	Snapshot  SnapshotCmd   `cmd:"" help:"Copy everything to one file, check it, bring it back."`
	Verify    VerifyCmd     `cmd:"" help:"Check that the audit log and the evidence are as they were written."`
	Break     BreakGlassCmd `cmd:"" name:"break-glass" help:"Printed one-time codes for the day when nothing else signs in."`
	PortGuard PortGuardCmd  `cmd:"" hidden:"" help:"Make capture ports silent for a server, and put them back."`
	Status    StatusCmd     `cmd:"" help:"Say how the running installation is."`
	OpenAPI   OpenAPICmd    `cmd:"" name:"openapi" help:"Print the description of the API."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// Run executes one command line and returns the process's exit code: 0 done,
// 1 failed, 2 used wrongly, 3 a comparison found differences.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("skanse"),
		kong.Description("Watches a plant's own traffic and says what NIS2 asks of it, what is true, and how we know."),
		kong.Vars{"version": Version},
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "skanse:", err)
		return 1
	}
	k, err := parser.Parse(args)
	if exit >= 0 { // --help or --version printed what was asked
		return exit
	}
	if err != nil {
		fmt.Fprintf(stderr, "skanse: %v\nTry: skanse --help\n", err)
		return 2
	}
	env := &Env{Ctx: ctx, Stdout: stdout, Stderr: stderr}
	err = elsewhere(runtime.GOOS, k.Command())
	if err == nil {
		err = k.Run(env)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "skanse:", ot.Printable(err.Error()))
		if ot.CodeOf(err) == ot.Invalid {
			return 2
		}
		if d := (differs{}); errors.As(err, &d) {
			return exitDiffers
		}
		return 1
	}
	return 0
}
