package audit

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/mod/sumdb/note"
)

// origin names the log in its checkpoints and its key.
const origin = "skanse-audit"

// LoadKey reads the signing key at path and makes one that is missing: the key
// itself (0600) and beside it path.pub, which Verify takes. Copy the public one
// to another machine on the first day.
func LoadKey(path string) (note.Signer, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = makeKey(path)
	}
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the key of the audit log: %w", err)
	}
	s, err := note.NewSigner(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, ot.Errorf(ot.Damaged, "the key of the audit log, %s, is not a key: restore it from a snapshot", path)
	}
	return s, nil
}

func makeKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	secret, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, err
	}
	// The public half first: a key without it would leave a log that nobody can check.
	if err := writeNew(path+".pub", public+"\n", 0o644); err != nil {
		return nil, err
	}
	return []byte(secret), writeNew(path, secret+"\n", 0o600)
}

// writeNew writes a whole file or none, whatever happens to the machine meanwhile.
func writeNew(path, text string, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already if all went well
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// LoadVerifiers reads public keys that LoadKey wrote: the files themselves, or all
// *.pub of a folder. A log has several after it was restored without its first key.
func LoadVerifiers(paths ...string) (note.Verifiers, error) {
	var list []note.Verifier
	for _, path := range paths {
		files := []string{path}
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			entries, err := os.ReadDir(path)
			if err != nil {
				return nil, err
			}
			files = nil
			for _, e := range entries {
				if strings.HasSuffix(e.Name(), ".pub") {
					files = append(files, filepath.Join(path, e.Name()))
				}
			}
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				return nil, ot.Errorf(ot.NotFound, "the public key of the audit log: %w", err)
			}
			v, err := note.NewVerifier(strings.TrimSpace(string(b)))
			if err != nil {
				return nil, ot.Errorf(ot.Invalid, "%s is not a public key of an audit log: %w", f, err)
			}
			list = append(list, v)
		}
	}
	if len(list) == 0 {
		return nil, ot.Errorf(ot.NotFound, "there is no public key of an audit log in %s", strings.Join(paths, ", "))
	}
	return note.VerifierList(list...), nil
}
