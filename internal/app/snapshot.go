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
	Kit     SnapshotKitCmd     `cmd:"" help:"Make the recovery kit: the key on paper that opens snapshots."`
}

// SnapshotCreateCmd writes a snapshot.
type SnapshotCreateCmd struct {
	DataFlag    `embed:""`
	Out         string `arg:"" optional:"" type:"path" help:"The new file; without it skanse-DATE.snapshot here."`
	Recipient   string `help:"age recipient that the keys are sealed to, instead of the recovery kit's." placeholder:"age1…"`
	WithoutKeys bool   `help:"Leave the keys out: a restored Skanse then signs with a new one."`
	NoCaptures  bool   `help:"Leave the uploaded captures out."`
	Encrypt     bool   `help:"Encrypt the whole file to the recovery kit, as the scheduled ones are; else only the keys in it are sealed."`
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
	if c.Encrypt && to == nil {
		return ot.Errorf(ot.Invalid, "--encrypt needs the recovery kit, and --without-keys leaves it out: give one of them")
	}
	if c.Out == "" {
		c.Out = "skanse-" + time.Now().UTC().Format("2006-01-02T150405Z") + ".snapshot"
		if c.Encrypt {
			c.Out += sealedSuffix
		}
	}
	db, err := store.Open(env.Ctx, store.Config{URL: c.url(), ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // read-only: nothing can be lost
	create := createSnapshot
	if c.Encrypt {
		create = createSealed
	}
	m, err := create(env.Ctx, c.Out, snapshotSource{db: db, folder: Folder(c.Data), sealTo: to, captures: !c.NoCaptures})
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
	File    string `arg:"" type:"existingfile" help:"The snapshot."`
	KitFlag `embed:""`
}

// Help shows the command at work.
func (c *SnapshotVerifyCmd) Help() string {
	return "Example:\n  skanse snapshot verify /media/stick/skanse.snapshot\n  skanse snapshot verify /media/stick/skanse.snapshot.age --kit kit.txt\n\n" +
		"It finds any changed or missing byte. skanse verify audit SNAPSHOT checks the audit log in it."
}

// Run checks the snapshot.
func (c *SnapshotVerifyCmd) Run(env *Env) error {
	open, err := c.identities(env)
	if err != nil {
		return err
	}
	path, done, err := openSealed(env.Ctx, c.File, filepath.Dir(c.File), open)
	if err != nil {
		return err
	}
	defer done()
	m, err := verifySnapshot(env.Ctx, path)
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
	KitFlag     `embed:""`
	WithoutKeys bool `help:"Leave the keys behind: Skanse then signs with a new one."`
}

// Help shows the command at work.
func (c *SnapshotRestoreCmd) Help() string {
	return "Example:\n  skanse snapshot restore skanse.snapshot --data /var/lib/skanse --kit kit.txt\n  skanse snapshot restore skanse.snapshot.age --data /var/lib/skanse --kit -     (typed by hand)\n  skanse serve --data /var/lib/skanse\n\nThe folder must be empty or missing. With --database the tables go to PostgreSQL."
}

// Run restores the snapshot.
func (c *SnapshotRestoreCmd) Run(env *Env) error {
	open, err := c.identities(env)
	if err != nil {
		return err
	}
	m, err := restoreSnapshot(env.Ctx, c.File, snapshotTarget{folder: Folder(c.Data), database: c.Database, open: open, withoutKeys: c.WithoutKeys})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "Restored into %s: %s\n", c.Data, m.sentence())
	return nil
}

func (f Folder) keys() string     { return f.join(keyFolder) }
func (f Folder) recovery() string { return filepath.Join(f.keys(), "recovery.recipient") }

// stopped says that a long copy was interrupted.
func stopped(ctx context.Context) error { return context.Cause(ctx) }
