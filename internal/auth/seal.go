package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

const sealKeySize = 32

// LoadKey reads the key that seals the secrets of authenticator apps, and makes one
// that is missing (0600). Who copies the database alone gets no code from it.
func LoadKey(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the key of the second step: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != sealKeySize {
		return nil, ot.Errorf(ot.Damaged, "the key of the second step, %s, is not a key: restore it from a snapshot", path)
	}
	return key, nil
}

// makeKey writes the whole file or none.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, sealKeySize)
	_, _ = rand.Read(key) // never fails, says crypto/rand
	dir := filepath.Dir(path)
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = writeKey(dir, path, base64.StdEncoding.EncodeToString(key)+"\n")
	}
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "make the key of the second step: %w", err)
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

func (s *Service) gcm() (cipher.AEAD, error) {
	if len(s.cfg.SealKey) != sealKeySize {
		return nil, ot.Errorf(ot.Conflict, "this Skanse has no key for the second step")
	}
	block, err := aes.NewCipher(s.cfg.SealKey)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal binds the secret to its owner: copied to another person's row it does not open.
func (s *Service) seal(secret, userID string) ([]byte, error) {
	g, err := s.gcm()
	if err != nil {
		return nil, err
	}
	return g.Seal(nil, nil, []byte(secret), []byte(userID)), nil
}

func (s *Service) unseal(sealed []byte, userID string) (string, error) {
	g, err := s.gcm()
	if err != nil {
		return "", err
	}
	b, err := g.Open(nil, nil, sealed, []byte(userID))
	if err != nil {
		return "", ot.Errorf(ot.Conflict, "the second step cannot be checked, its key is another one: use a recovery code, or let an administrator reset it")
	}
	return string(b), nil
}
