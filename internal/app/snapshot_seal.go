package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
	"github.com/skanse/skanse/internal/ot"
)

// ageMagic begins every file that age encrypted.
const ageMagic = "age-encryption.org/v1"

// createSealed writes a snapshot and encrypts the whole of it: on a stick or on another
// machine it says nothing to who has not the kit.
func createSealed(ctx context.Context, out string, src snapshotSource) (_ *manifest, err error) {
	if _, err := os.Stat(out); err == nil {
		return nil, ot.Errorf(ot.Conflict, "%s exists already: choose another name", out)
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), ".skanse-plain-*")
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the snapshot cannot be written there: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	plain := filepath.Join(dir, "snapshot")
	m, err := createSnapshot(ctx, plain, src)
	if err != nil {
		return nil, err
	}
	return m, sealFile(ctx, plain, out, src.sealTo)
}

// sealFile encrypts a file to the recovery kit; the new one is whole or not there.
func sealFile(ctx context.Context, from, to string, recipient age.Recipient) (err error) {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := os.OpenFile(to+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		_ = f.Close()
		if err != nil {
			_ = os.Remove(f.Name())
			err = fullDisk(err, "the encrypted snapshot")
		}
	}()
	w, err := age.Encrypt(f, recipient)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, &ctxReader{ctx, r}); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), to)
}

// openSealed decrypts a snapshot that is encrypted as a whole into a file of dir, which
// done removes; one that is not is itself.
func openSealed(ctx context.Context, path, dir string, open []age.Identity) (plain string, done func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", nil, ot.Errorf(ot.NotFound, "the snapshot: %w", err)
	}
	defer f.Close()
	head := make([]byte, len(ageMagic))
	if _, err := io.ReadFull(f, head); err != nil || !bytes.Equal(head, []byte(ageMagic)) {
		return path, func() {}, nil // a damaged one is for the reader of snapshots to tell
	}
	if len(open) == 0 {
		return "", nil, ot.Errorf(ot.Invalid, "%s is encrypted: give the recovery kit with --kit FILE, or --kit - to type it", path)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", nil, err
	}
	r, err := age.Decrypt(f, open...)
	if err != nil {
		if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
			return "", nil, ot.Errorf(ot.Invalid, "this recovery kit does not open %s: it was encrypted to another one", path)
		}
		return "", nil, ot.Errorf(ot.Damaged, "%s is damaged at its start: %w", path, err)
	}
	_, missing := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, ot.Errorf(ot.Invalid, "the folder cannot be made: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".opened-*") // 0600
	if err != nil {
		return "", nil, ot.Errorf(ot.Invalid, "the folder cannot be used: %w", err)
	}
	done = func() {
		_ = tmp.Close()
		_ = os.Remove(tmp.Name())
		if missing != nil { // what was not there and got nothing else goes again
			_ = os.Remove(dir)
		}
	}
	if _, err := io.Copy(tmp, &ctxReader{ctx, r}); err != nil {
		done()
		if ctx.Err() != nil {
			return "", nil, stopped(ctx)
		}
		if full := fullDisk(err, "the opened snapshot"); ot.CodeOf(full) == ot.Full {
			return "", nil, full
		}
		return "", nil, ot.Errorf(ot.Damaged, "%s is damaged or cut short: %w", path, err)
	}
	return tmp.Name(), done, nil
}
