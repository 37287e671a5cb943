package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor/live"
)

// portGuard is the other end: the helper process that may change interfaces.
type portGuard struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startPortGuard starts the helper. It must come before this process gives up its
// capabilities.
func startPortGuard(program string) (*portGuard, error) {
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
	}
	// Without a context: it ends by the end of its input, and must not be killed before it restored.
	cmd := exec.CommandContext(context.Background(), program, "port-guard")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the port guard: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the port guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the port guard: %w", err)
	}
	return &portGuard{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// silence asks for a silent port, and says what was changed.
func (g *portGuard) silence(name string, addressed bool) ([]live.Change, error) {
	if g == nil {
		return nil, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	line, err := json.Marshal(guardAsk{name, addressed})
	if err != nil {
		return nil, fmt.Errorf("ask the port guard: %w", err)
	}
	if _, err := g.in.Write(append(line, '\n')); err != nil {
		return nil, ot.Errorf(ot.Internal, "the helper that makes ports silent is gone: %w", err)
	}
	raw, err := g.out.ReadBytes('\n')
	if err != nil {
		return nil, ot.Errorf(ot.Internal, "the helper that makes ports silent is gone: %w", err)
	}
	var a guardAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("understand the port guard: %w", err)
	}
	if a.Error != "" {
		return a.Changed, &ot.Error{Code: a.Code, Message: a.Error}
	}
	return a.Changed, nil
}

// close ends the helper, which puts the ports back first.
func (g *portGuard) close() error {
	if g == nil {
		return nil
	}
	if err := g.in.Close(); err != nil {
		return fmt.Errorf("end the port guard: %w", err)
	}
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("the port guard: %w", err)
	}
	return nil
}
