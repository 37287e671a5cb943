package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/mod/sumdb/note"
)

// VerifyCmd checks proofs without a server.
type VerifyCmd struct {
	Audit    VerifyAuditCmd    `cmd:"" help:"Find changed, removed or reordered entries of an audit log."`
	Evidence VerifyEvidenceCmd `cmd:"" help:"Recompute the evidence and compare it with the audit log."`
	Records  VerifyRecordsCmd  `cmd:"" help:"Recompute the chain of every record's versions."`
	Logs     VerifyLogsCmd     `cmd:"" help:"Recompute the chain of every kept log line."`
}

// VerifyAuditCmd checks an audit log wherever it is.
type VerifyAuditCmd struct {
	Path       string   `arg:"" help:"A data folder, a database file, a snapshot, or postgres://…"`
	Key        []string `type:"existingfile" help:"Public key kept elsewhere (keys/audit.key.pub); else the one beside the log." placeholder:"FILE"`
	Checkpoint []string `type:"existingfile" help:"Checkpoint kept elsewhere, as GET /api/v1/audit/checkpoint gives it." placeholder:"FILE"`
	JSON       bool     `help:"Print the report as JSON."`
	KitFlag    `embed:""`
}

// Help shows the command at work.
func (c *VerifyAuditCmd) Help() string {
	return "Example:\n  skanse verify audit /var/lib/skanse\n  skanse verify audit skanse.snapshot --key audit.key.pub --checkpoint last-month.txt\n\n" +
		"It exits with 1 if anything is found. Who owns the machine can sign a rewritten log anew: only a key and a checkpoint kept elsewhere show that."
}

// Run checks the log.
func (c *VerifyAuditCmd) Run(env *Env) (err error) {
	url, keys, done, err := c.locate(env)
	if err != nil {
		return err
	}
	defer func() {
		if derr := done(); err == nil {
			err = derr
		}
	}()
	var witnesses [][]byte
	for _, path := range c.Checkpoint {
		b, err := readCheckpoint(path)
		if err != nil {
			return err
		}
		witnesses = append(witnesses, b)
	}
	var known note.Verifiers
	if len(c.Key) > 0 {
		keys = c.Key
	}
	if len(keys) > 0 {
		if known, err = audit.LoadVerifiers(keys...); err != nil {
			return err
		}
	}
	db, err := store.Open(env.Ctx, store.Config{URL: url, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // read-only: nothing can be lost
	if err := db.CheckSchema(env.Ctx, []store.Migrations{audit.Migrations()}); err != nil {
		return err
	}
	var rep *audit.Report
	err = db.View(env.Ctx, func(r store.Reader) error {
		rep, err = audit.Verify(env.Ctx, r, known, witnesses...)
		return err
	})
	if err != nil {
		return err
	}
	if err := c.print(env.Stdout, rep); err != nil {
		return err
	}
	if !rep.OK() {
		return ot.Errorf(ot.Damaged, "the audit log does not verify: %d findings", len(rep.Findings))
	}
	return nil
}

// locate finds the database and the public keys that belong to a path.
func (c *VerifyAuditCmd) locate(env *Env) (url string, keys []string, done func() error, err error) {
	done = func() error { return nil }
	if strings.HasPrefix(c.Path, "postgres:") || strings.HasPrefix(c.Path, "postgresql:") {
		return c.Path, nil, done, nil
	}
	st, err := os.Stat(c.Path)
	if err != nil {
		return "", nil, nil, ot.Errorf(ot.NotFound, "there is nothing to verify: %w", err)
	}
	folder := Folder(c.Path)
	if !st.IsDir() {
		snapshot, err := isSnapshot(c.Path)
		if err != nil {
			return "", nil, nil, err
		}
		if !snapshot {
			return "sqlite:" + c.Path, keysOf(Folder(filepath.Dir(c.Path))), done, nil
		}
		dir, err := os.MkdirTemp("", "skanse-verify-*")
		if err != nil {
			return "", nil, nil, err
		}
		done = func() error { return os.RemoveAll(dir) }
		open, err := c.identities(env)
		if err != nil {
			_ = done()
			return "", nil, nil, err
		}
		folder = Folder(filepath.Join(dir, "data"))
		if _, err := restoreSnapshot(env.Ctx, c.Path, snapshotTarget{folder: folder, open: open, withoutKeys: true, noFiles: true}); err != nil {
			_ = done()
			return "", nil, nil, err
		}
	}
	if err := (DataFlag{Data: string(folder)}).exists(); err != nil {
		_ = done()
		return "", nil, nil, err
	}
	return folder.database(), keysOf(folder), done, nil
}

// keysOf returns the folder of public keys, if it holds any.
func keysOf(f Folder) []string {
	if m, err := filepath.Glob(filepath.Join(f.keys(), "*.pub")); err == nil && len(m) > 0 {
		return []string{f.keys()}
	}
	return nil
}

// isSnapshot looks at the first bytes of a file.
func isSnapshot(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, ot.Errorf(ot.NotFound, "there is nothing to verify: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	magic := make([]byte, len(ageMagic))
	if _, err := io.ReadFull(f, magic); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}) || bytes.Equal(magic, []byte(ageMagic)), nil // zstd, or encrypted
}

// readCheckpoint reads a signed note, bare or inside the JSON that the server answered.
func readCheckpoint(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, ot.Errorf(ot.NotFound, "the checkpoint: %w", err)
	}
	var wrapped struct {
		Note string `json:"note"`
	}
	if json.Unmarshal(b, &wrapped) == nil && wrapped.Note != "" {
		return []byte(wrapped.Note), nil
	}
	return b, nil
}

func (c *VerifyAuditCmd) print(out io.Writer, rep *audit.Report) error {
	if c.JSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(rep)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d entries", rep.Entries)
	if rep.Entries > 0 {
		fmt.Fprintf(&b, " from %s to %s", rep.From.UTC().Format(time.RFC3339), rep.To.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(&b, ", %d checkpoints with the right root", rep.Checkpoints)
	if rep.Signed {
		b.WriteString(" and signature")
	} else {
		b.WriteString("; no public key: signatures were not checked")
	}
	b.WriteString("\n")
	if rep.Waiting > 0 {
		fmt.Fprintf(&b, "%d entries are written and wait for their place in the tree\n", rep.Waiting)
	}
	if rep.Erased > 0 {
		fmt.Fprintf(&b, "%d entries had their names erased\n", rep.Erased)
	}
	if rep.Witnesses > 0 {
		fmt.Fprintf(&b, "%d checkpoints kept elsewhere agree\n", rep.Witnesses)
	}
	if rep.Root != "" {
		fmt.Fprintf(&b, "root %s\n", rep.Root)
	}
	for _, f := range rep.Findings {
		fmt.Fprintf(&b, "FOUND %s: %s\n", f.What, ot.Printable(f.Text))
	}
	_, err := out.Write(b.Bytes())
	return err
}
