package app

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/skanse/skanse/internal/care"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/qr"
)

// SnapshotKitCmd makes the key that opens snapshots.
type SnapshotKitCmd struct {
	Data string `default:"skanse-data" env:"SKANSE_DATA" type:"path" help:"Data folder."`
	New  bool   `help:"Replace the kit: older snapshots still need the older one."`
	HTML string `name:"html" type:"path" placeholder:"FILE" help:"Write it as a page to print, with a QR code, and not as text."`
}

// Help shows the command at work.
func (c *SnapshotKitCmd) Help() string {
	return "Example:\n  skanse snapshot kit > kit.txt\n  skanse snapshot kit --html kit.html\n\nPrint it, put the paper away, and remove the file. Skanse keeps only the public half."
}

// Run prints the kit.
func (c *SnapshotKitCmd) Run(env *Env) error {
	k, err := makeKit(Folder(c.Data), c.New, time.Now())
	if err != nil {
		return err
	}
	if c.HTML == "" {
		return k.text(env.Stdout)
	}
	f, err := os.OpenFile(c.HTML, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = k.page(f)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil { // the key is made and shown nowhere else
		if terr := k.text(env.Stdout); terr != nil {
			return terr
		}
		return ot.Errorf(ot.Invalid, "the page was not written (%w): the kit stands above as text", err)
	}
	return nil
}

// kit is the recovery kit. The key exists only here, until the paper has it.
type recoveryKit struct {
	MadeAt    time.Time
	Recipient string
	Key       string
}

// makeKit makes a key and keeps its public half in the data folder.
func makeKit(f Folder, replace bool, now time.Time) (*recoveryKit, error) {
	path := f.recovery()
	if _, err := os.Stat(path); err == nil && !replace {
		return nil, ot.Errorf(ot.Conflict, "there is a recovery kit already (%s): give --new to replace it", path)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make the recovery kit: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the data folder cannot be used: %w", err)
	}
	if err := os.WriteFile(path, []byte(id.Recipient().String()+"\n"), 0o600); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the data folder cannot be used: %w", err)
	}
	return &recoveryKit{now.UTC(), id.Recipient().String(), id.String()}, nil
}

// recipientOf reads the public half; nil: there is no kit yet.
func recipientOf(f Folder) (*age.X25519Recipient, error) {
	b, err := os.ReadFile(f.recovery())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the public half of the recovery kit: %w", err)
	}
	to, err := age.ParseX25519Recipient(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, ot.Errorf(ot.Damaged, "%s is not the public half of a recovery kit: make a new one with skanse snapshot kit --new", f.recovery())
	}
	return to, nil
}

func (k *recoveryKit) text(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Skanse recovery kit, made %s
# With this key and a snapshot another machine goes on:
#   skanse snapshot restore SNAPSHOT --data FOLDER --kit THIS-FILE
# public half: %s
%s
#
# To type it by hand from paper: --kit - instead of --kit THIS-FILE, then these lines.
# The word at the end of a line finds a slip in it. Capitals do not matter.
`, k.MadeAt.Format(time.DateOnly), k.Recipient, k.Key)
	for _, l := range kitLines(k.Key) {
		fmt.Fprintf(&b, "#   %d   %s   %s\n", l.Number, l.Text, l.Word)
	}
	_, err := out.Write(b.Bytes())
	return err
}

// sheet is the kit for a page of the interface.
func (k *recoveryKit) sheet() (care.KitSheet, error) {
	svg, err := qr.SVG(k.Key)
	out := care.KitSheet{MadeAt: k.MadeAt, Recipient: k.Recipient, Key: k.Key, QR: svg}
	for _, l := range kitLines(k.Key) {
		out.Lines = append(out.Lines, care.KitLine(l))
	}
	return out, err
}

// page writes the sheet with a QR code.
func (k *recoveryKit) page(out io.Writer) error {
	svg, err := qr.SVG(k.Key)
	if err != nil {
		return err
	}
	return kitPage().Execute(out, struct {
		*recoveryKit
		Lines []kitLine
		QR    template.HTML
	}{k, kitLines(k.Key), template.HTML(svg)}) // drawn by us from a key of our own
}

func kitPage() *template.Template {
	return template.Must(template.New("kit").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Skanse recovery kit</title>
<style>
body{font:12pt/1.45 sans-serif;max-width:170mm;margin:14mm auto;color:#000;background:#fff}
h1{font-size:20pt;margin:0}table{border-collapse:collapse;margin:5mm 0}td{padding:1.5mm 4mm;border-bottom:.3mm solid #999;font:13pt monospace}
svg{width:45mm;height:45mm;float:right;margin:0 0 4mm 6mm}code{font-size:10pt;overflow-wrap:anywhere}
</style>
<h1>Skanse recovery kit</h1>
<p>Made {{.MadeAt.Format "2006-01-02"}}. Keep this paper where the plant keeps what it must not lose. Whoever has it and a snapshot reads everything.</p>
{{.QR}}
<p>On a new machine, with a snapshot file:</p>
<p><code>skanse snapshot restore SNAPSHOT --data FOLDER --kit -</code></p>
<p>Then type these lines, or scan the code and paste it. The word at the end of a line finds a slip in it. Capitals and spaces do not matter.</p>
<table>{{range .Lines}}<tr><td>{{.Number}}<td>{{.Text}}<td>{{.Word}}{{end}}</table>
<p>Public half: <code>{{.Recipient}}</code></p>
</html>
`))
}

// KitFlag opens what is encrypted.
type KitFlag struct {
	Kit string `placeholder:"FILE" help:"The recovery kit, as skanse snapshot kit printed it; - to type it by hand."`
}

// identities reads the kit that a command line names; nil: none.
func (k KitFlag) identities(env *Env) ([]age.Identity, error) {
	if k.Kit == "" {
		return nil, nil
	}
	if k.Kit == "-" {
		return typeKit(os.Stdin, env.Stderr)
	}
	f, err := os.Open(k.Kit)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the recovery kit: %w", err)
	}
	defer f.Close()
	open, err := readKit(f)
	if err != nil {
		return nil, ot.Errorf(ot.CodeOf(err), "%s: %w", k.Kit, err)
	}
	return open, nil
}

// maxKit bounds what is read as a kit: the sheet has a thousand characters.
const maxKit = 64 << 10

// readKit reads the sheet as it was printed, or the typed lines alone.
func readKit(r io.Reader) ([]age.Identity, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxKit))
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the recovery kit cannot be read: %w", err)
	}
	if open, err := age.ParseIdentities(bytes.NewReader(b)); err == nil {
		return open, nil
	}
	return typeKit(bytes.NewReader(b), io.Discard)
}

// typeKit takes the kit line by line, from a keyboard or a file. A line whose word does
// not fit is asked for again.
func typeKit(in io.Reader, out io.Writer) ([]age.Identity, error) {
	lines := bufio.NewScanner(io.LimitReader(in, maxKit))
	var key strings.Builder
	var slip error
	for n := 1; n <= kitRows; n++ {
		fmt.Fprintf(out, "line %d of %d: ", n, kitRows)
		for {
			if !lines.Scan() {
				if slip == nil {
					slip = ot.Errorf(ot.Invalid, "the recovery kit ends before line %d: it holds a line AGE-SECRET-KEY-1…, or %d numbered lines", n, kitRows)
				}
				return nil, slip
			}
			line := strings.TrimSpace(strings.TrimLeft(lines.Text(), "# \t"))
			if id, err := age.ParseX25519Identity(strings.ToUpper(strings.Join(strings.Fields(line), ""))); err == nil {
				return []age.Identity{id}, nil // scanned and pasted
			}
			if line == "" {
				continue
			}
			text, err := parseKitLine(n, line)
			if err == nil {
				key.WriteString(text)
				break
			}
			slip = err
			fmt.Fprintf(out, "%v\nline %d of %d: ", err, n, kitRows)
		}
	}
	id, err := age.ParseX25519Identity(kitPrefix + key.String())
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "each line fits its word, and the whole is no key: are all lines from one sheet?")
	}
	return []age.Identity{id}, nil
}
