package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// SnapshotCmd backs Skanse itself up: one file with the database, the captures and
// the keys, from which another machine goes on.
type SnapshotCmd struct {
	Create  SnapshotCreateCmd  `cmd:"" help:"Write a snapshot to a new file; works beside a running server."`
	Restore SnapshotRestoreCmd `cmd:"" help:"Bring a snapshot into an empty data folder."`
	Verify  SnapshotVerifyCmd  `cmd:"" help:"Check every byte of a snapshot."`
	Kit     SnapshotKitCmd     `cmd:"" help:"Make the recovery kit that opens the keys in a snapshot."`
}

// SnapshotKitCmd makes the key that opens the keys in a snapshot.
type SnapshotKitCmd struct {
	Data string `default:"skanse-data" env:"SKANSE_DATA" type:"path" help:"Data folder."`
	New  bool   `help:"Replace the kit: older snapshots still need the older one."`
}

// Help shows the command at work.
func (c *SnapshotKitCmd) Help() string {
	return "Example:\n  skanse snapshot kit > kit.txt\n\nPrint it, put the paper away, and remove the file. Skanse keeps only the public half."
}

// Run prints the kit.
func (c *SnapshotKitCmd) Run(env *Env) error {
	path := Folder(c.Data).recovery()
	if _, err := os.Stat(path); err == nil && !c.New {
		return ot.Errorf(ot.Conflict, "there is a recovery kit already (%s): give --new to replace it", path)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return fmt.Errorf("make the recovery kit: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return ot.Errorf(ot.Invalid, "the data folder cannot be used: %w", err)
	}
	if err := os.WriteFile(path, []byte(id.Recipient().String()+"\n"), 0o600); err != nil {
		return ot.Errorf(ot.Invalid, "the data folder cannot be used: %w", err)
	}
	fmt.Fprintf(env.Stdout, "# Skanse recovery kit, made %s\n# With this key and a snapshot another machine goes on:\n#   skanse snapshot restore SNAPSHOT --data FOLDER --kit THIS-FILE\n# public half: %s\n%s\n",
		time.Now().UTC().Format(time.DateOnly), id.Recipient(), id)
	return nil
}

// SnapshotCreateCmd writes a snapshot.
type SnapshotCreateCmd struct {
	DataFlag    `embed:""`
	Out         string `arg:"" optional:"" type:"path" help:"The new file; without it skanse-DATE.snapshot here."`
	Recipient   string `help:"age recipient that the keys are sealed to, instead of the recovery kit's." placeholder:"age1…"`
	WithoutKeys bool   `help:"Leave the keys out: a restored Skanse then signs with a new one."`
	NoCaptures  bool   `help:"Leave the uploaded captures out."`
}

// Help shows the command at work.
func (c *SnapshotCreateCmd) Help() string {
	return "Example:\n  skanse snapshot kit > kit.txt      # once\n  skanse snapshot create /media/stick/skanse.snapshot\n  skanse snapshot verify /media/stick/skanse.snapshot"
}

// Run writes the snapshot.
func (c *SnapshotCreateCmd) Run(env *Env) error {
	if err := c.exists(); err != nil {
		return err
	}
	to, err := c.sealTo()
	if err != nil {
		return err
	}
	if c.Out == "" {
		c.Out = "skanse-" + time.Now().UTC().Format("2006-01-02T150405Z") + ".snapshot"
	}
	db, err := store.Open(env.Ctx, store.Config{URL: c.url(), ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // read-only: nothing can be lost
	m, err := createSnapshot(env.Ctx, c.Out, snapshotSource{db: db, folder: Folder(c.Data), sealTo: to, captures: !c.NoCaptures})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "%s: %s\n", c.Out, m.sentence())
	if to == nil {
		fmt.Fprintln(env.Stdout, "The keys are not in it: a restored Skanse signs its audit log with a new one.")
	}
	return nil
}

// sealTo finds whom the keys are sealed to; nil: they are left out.
func (c *SnapshotCreateCmd) sealTo() (*age.X25519Recipient, error) {
	if c.WithoutKeys {
		return nil, nil
	}
	text := c.Recipient
	if text == "" {
		b, err := os.ReadFile(Folder(c.Data).recovery())
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "a snapshot holds keys, sealed to your recovery kit, and there is none yet: make it with skanse snapshot kit --data %s, or give --recipient or --without-keys", c.Data)
		}
		text = strings.TrimSpace(string(b))
	}
	to, err := age.ParseX25519Recipient(text)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "%q is not an age recipient (age1…)", text)
	}
	return to, nil
}

// SnapshotVerifyCmd checks a snapshot.
type SnapshotVerifyCmd struct {
	File string `arg:"" type:"existingfile" help:"The snapshot."`
}

// Help shows the command at work.
func (c *SnapshotVerifyCmd) Help() string {
	return "Example:\n  skanse snapshot verify /media/stick/skanse.snapshot\n\nIt finds any changed or missing byte. skanse verify audit SNAPSHOT checks the audit log in it."
}

// Run checks the snapshot.
func (c *SnapshotVerifyCmd) Run(env *Env) error {
	m, err := verifySnapshot(env.Ctx, c.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "%s is whole: %s\n", c.File, m.sentence())
	return nil
}

// SnapshotRestoreCmd brings a snapshot into an empty folder.
type SnapshotRestoreCmd struct {
	DataFlag    `embed:""`
	File        string `arg:"" type:"existingfile" help:"The snapshot."`
	Kit         string `type:"existingfile" help:"The recovery kit, as skanse snapshot kit printed it." placeholder:"FILE"`
	WithoutKeys bool   `help:"Leave the keys behind: Skanse then signs with a new one."`
}

// Help shows the command at work.
func (c *SnapshotRestoreCmd) Help() string {
	return "Example:\n  skanse snapshot restore skanse.snapshot --data /var/lib/skanse --kit kit.txt\n  skanse serve --data /var/lib/skanse\n\nThe folder must be empty or missing. With --database the tables go to PostgreSQL."
}

// Run restores the snapshot.
func (c *SnapshotRestoreCmd) Run(env *Env) error {
	var open []age.Identity
	if c.Kit != "" {
		f, err := os.Open(c.Kit)
		if err != nil {
			return ot.Errorf(ot.Invalid, "the recovery kit: %w", err)
		}
		open, err = age.ParseIdentities(f)
		_ = f.Close() // read only
		if err != nil {
			return ot.Errorf(ot.Invalid, "%s is not a recovery kit: it holds a line AGE-SECRET-KEY-1…", c.Kit)
		}
	}
	m, err := restoreSnapshot(env.Ctx, c.File, snapshotTarget{folder: Folder(c.Data), database: c.Database, open: open, withoutKeys: c.WithoutKeys})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "Restored into %s: %s\n", c.Data, m.sentence())
	return nil
}

func (f Folder) keys() string     { return f.join("keys") }
func (f Folder) recovery() string { return filepath.Join(f.keys(), "recovery.recipient") }

// stopped says that a long copy was interrupted.
func stopped(ctx context.Context) error { return context.Cause(ctx) }
