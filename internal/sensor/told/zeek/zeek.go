// Package zeek reads the logs of Zeek and of the ICSNPP packages, in either form
// (tab-separated with a header, JSON lines), and tells what they say. Field names are
// those of Zeek 5 to 7. A log that it does not know is passed over, and said.
package zeek

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor/told"
)

// Is says whether a log begins as one of Zeek's does.
func Is(head []byte) bool {
	for len(head) > 0 {
		line, rest, whole := bytes.Cut(head, []byte("\n"))
		line, head = bytes.TrimSpace(line), rest
		switch {
		case len(line) == 0:
			continue
		case bytes.HasPrefix(line, []byte("#separator ")), bytes.HasPrefix(line, []byte("#fields\t")):
			return true
		case line[0] == '#':
			continue
		case line[0] == '{' && whole || line[0] == '{' && len(rest) == 0:
			var r row
			if r.object(line) != nil {
				return false
			}
			_, ok := r.time("ts")
			return ok && (r.has("uid") || r.has("id.orig_h") || r.has("_path") || guess(&r) != "")
		}
		return false
	}
	return false
}

// Name is what people call a log: that of its kind, where its beginning says it.
func Name(head []byte) string {
	for line := range bytes.Lines(head) {
		if p, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "#path\t"); ok {
			return ot.Printable(p)
		}
	}
	return ""
}

// reader tells one log.
type reader struct {
	t    *told.Teller
	row  row
	from string // the kind of log that its name says, where its content does not
	seen map[string]bool
}

// Read tells a log until it ends. name is that of the file.
func Read(ctx context.Context, l *told.Lines, name string, t *told.Teller) error {
	z := &reader{t: t, from: kindOf(name), seen: map[string]bool{}}
	h := newHeader()
	return l.Each(ctx, name, t, func(line []byte, number uint64, offset int64) error { return z.line(line, number, offset, &h) })
}

// line takes one line.
func (z *reader) line(line []byte, number uint64, offset int64, h *header) error {
	if line[0] == '#' {
		return h.take(string(line))
	}
	var err error
	if line[0] == '{' {
		err = z.row.object(line)
	} else {
		err = z.row.columns(h, line)
	}
	if err != nil {
		return err
	}
	r := &z.row
	if r.path == "" {
		r.path = guess(r)
	}
	if r.path == "" {
		r.path = z.from
	}
	take := logs(r.path)
	if take == nil {
		return fmt.Errorf("nothing is read of a log of the kind %q", ot.Printable(r.path))
	}
	at, ok := r.time("ts")
	if !ok {
		if at, ok = r.time("ts_start"); !ok {
			return errors.New("it has no time")
		}
	}
	z.t.At(number, at, offset, r.proof())
	z.t.Record()
	take(z, r, at)
	return nil
}

// kindOf takes the kind of log out of a file's name: conn.log, conn.08:00:00-09:00:00.log.gz.
func kindOf(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	kind, _, _ := strings.Cut(name, ".")
	return strings.ToLower(kind)
}

// proof is the record as it may be kept: fields that hold what nobody may read are
// left out.
func (r *row) proof() []byte {
	secret := func(name string) bool {
		name = strings.ToLower(name)
		return strings.Contains(name, "passw") || name == "community" || name == "user_token_password" || strings.Contains(name, "auth_value") || strings.Contains(name, "authentication_value") ||
			name == "arg" || name == "uri" || name == "referrer" || name == "payload" || name == "cookie" || name == "will_payload"
	}
	var b bytes.Buffer
	if r.obj != nil {
		hidden := false
		for name, v := range r.obj {
			hidden = hidden || secret(name) && v != ""
		}
		if !hidden {
			return r.bytes
		}
		return []byte("{a line that holds what nobody may read is not kept}")
	}
	for i, v := range r.cols {
		if i > 0 {
			b.WriteByte('\t')
		}
		if secret(r.h.fields[i]) && v != r.h.unset && v != r.h.empty {
			v = "***"
		}
		b.WriteString(v)
		if b.Len() > ot.MaxProof {
			break
		}
	}
	return b.Bytes()
}
