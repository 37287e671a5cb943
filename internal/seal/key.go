package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// LoadKey reads the key of a data folder and makes one that is missing (0600).
func LoadKey(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the key that seals secrets: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != KeySize {
		return nil, ot.Errorf(ot.Damaged, "the key that seals secrets, %s, is not a key: restore it from a snapshot", path)
	}
	return key, nil
}

// makeKey writes the whole file or none.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails, says crypto/rand
	dir := filepath.Dir(path)
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = writeKey(dir, path, base64.StdEncoding.EncodeToString(key)+"\n")
	}
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "make the key that seals secrets: %w", err)
	}
	return key, nil
}

func writeKey(dir, path, text string) error {
	f, err := os.CreateTemp(dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already if all went well
	_, err = f.WriteString(text)
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
