package app

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor/live"
)

// PortGuardCmd is the small process that makes capture ports silent and, when the
// server that started it is gone however it went, puts them back as they were. It
// alone keeps the capability for that; it opens no connection and reads no packet.
type PortGuardCmd struct{}

// Help says who uses it.
func (c *PortGuardCmd) Help() string {
	return `Started by "skanse serve" itself; it speaks JSON lines with it.

Example:
  echo '{"silence":"eth1"}' | skanse port-guard`
}

type guardAsk struct {
	Silence   string `json:"silence"`
	Addressed bool   `json:"addressed"`
}

type guardAnswer struct {
	Changed []live.Change `json:"changed"`
	Code    ot.Code       `json:"code,omitempty"`
	Error   string        `json:"error,omitempty"`
}

// Run serves the lines on standard input until they end.
func (c *PortGuardCmd) Run(env *Env) error {
	// The server's end is told by the end of its lines. A signal for the whole group
	// must not end this process before it has restored what it changed.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if err := live.KeepAdminOnly(); err != nil {
		return err
	}
	return guardPorts(os.Stdin, env.Stdout)
}

func guardPorts(in io.Reader, out io.Writer) error {
	type done struct {
		name    string
		changes []live.Change
	}
	var all []done
	answer := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var ask guardAsk
		if err := json.Unmarshal(lines.Bytes(), &ask); err != nil {
			return ot.Errorf(ot.Invalid, "not a line of the port guard: %w", err)
		}
		changed, err := live.Silence(ask.Silence, ask.Addressed)
		if len(changed) > 0 {
			all = append(all, done{ask.Silence, changed})
		}
		a := guardAnswer{Changed: changed}
		if err != nil {
			a.Code, a.Error = ot.CodeOf(err), err.Error()
		}
		if err := answer.Encode(a); err != nil {
			break // nobody is there any more
		}
	}
	var errs error
	for i := len(all) - 1; i >= 0; i-- {
		errs = errors.Join(errs, live.Restore(all[i].name, all[i].changes))
	}
	return errs
}
