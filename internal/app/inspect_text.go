package app

import (
	"fmt"
	"io"
)

func (r *report) writeText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %d packets, %d hosts, %d conversations\n", r.file, r.sum.Health.Packets, len(r.devices), len(r.sum.Flows))
	return err
}
