package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/skanse/skanse/internal/care"
	"github.com/skanse/skanse/internal/ot"
)

// StatusCmd says how the running installation is.
type StatusCmd struct {
	Data string `default:"skanse-data" env:"SKANSE_DATA" type:"path" help:"Data folder of the running server."`
	JSON bool   `help:"Print everything as JSON."`
}

// Help shows the command at work.
func (c *StatusCmd) Help() string {
	return "Example:\n  skanse status --data /var/lib/skanse\n\nIt asks the server over the socket in the data folder, and exits with 1 if something urgent needs a person."
}

// Run asks and prints.
func (c *StatusCmd) Run(env *Env) error {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", Folder(c.Data).join("skanse.sock"))
	}}}
	defer client.CloseIdleConnections()
	l := &local{do: client.Do}
	if c.JSON {
		var raw any
		if err := c.ask(env, l, &raw); err != nil {
			return err
		}
		_, err := io.Copy(env.Stdout, jsonBody(raw))
		fmt.Fprintln(env.Stdout)
		return err
	}
	var at care.System
	if err := c.ask(env, l, &at); err != nil {
		return err
	}
	printStatus(env.Stdout, at)
	for _, p := range at.Problems {
		if p.Urgent {
			return ot.Errorf(ot.Conflict, "%s", p.Title)
		}
	}
	return nil
}

func (c *StatusCmd) ask(env *Env, l *local, out any) error {
	err := l.call(env.Ctx, http.MethodGet, "/system", nil, 0, out)
	if ot.CodeOf(err) == ot.Busy {
		return ot.Errorf(ot.Busy, "no server answers in %s: is it running? (systemctl status skanse)", c.Data)
	}
	return err
}

func printStatus(out io.Writer, at care.System) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, ot.Printable(fmt.Sprintf(format, args...)))
	}
	line("version", "%s on %s, up %s", at.Version, at.Platform, at.Now.Sub(at.StartedAt).Round(time.Second))
	line("database", "%s, %.1f MB, %.1f ms to read, %.1f ms until a change is safe", at.Database.Engine, float64(at.Database.Bytes)/1e6, at.Database.ReadMS, at.Database.WriteMS)
	if at.Disk.Known {
		forecast := ""
		if at.FullInDays != nil {
			forecast = fmt.Sprintf(", full in about %.0f days", *at.FullInDays)
		}
		line("disk", "%.1f of %.1f GB free%s", float64(at.Disk.Free)/1e9, float64(at.Disk.Size)/1e9, forecast)
	}
	line("memory", "%.0f MB, %d goroutines", float64(at.Memory.System)/1e6, at.Goroutines)
	for _, q := range at.Queues {
		line("events: "+q.Name, "%d behind", q.Behind)
	}
	for _, f := range at.Figures {
		line(f.Name, "%g %s", f.Value, f.Unit)
	}
	for _, j := range at.Jobs {
		if j.Error != "" {
			line("job "+j.Name, "failed: %s", j.Error)
		}
	}
	if at.Whole != nil {
		line("snapshot", "%s in %s, tried and read back", at.Whole.At.Format("2006-01-02 15:04 UTC"), at.Whole.Place)
	}
	for _, p := range at.Problems {
		mark := "look"
		if p.Urgent {
			mark = "URGENT"
		}
		line(mark, "%s. %s", p.Title, p.Detail)
	}
}
