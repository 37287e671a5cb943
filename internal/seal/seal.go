// Package seal keeps secrets at rest: who copies the database alone gets no password
// from it. There is one way to seal and one key, which lies in the data folder; who keeps
// what is sealed, and under which owner, is not known here.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/skanse/skanse/internal/ot"
)

// KeySize is the size of the data folder's key.
const KeySize = 32

// Box seals and opens secrets of one purpose. It is safe for concurrent use.
type Box struct {
	aead cipher.AEAD
	old  cipher.AEAD // opens what was sealed before there were purposes; nil: nothing was
}

// New makes a Box. Boxes of different purposes under one key do not open each
// other's secrets.
func New(key []byte, purpose string) (*Box, error) {
	if len(key) != KeySize {
		return nil, ot.Errorf(ot.Conflict, "this Skanse has no key to seal secrets with")
	}
	sub, err := hkdf.Key(sha256.New, key, nil, "skanse "+purpose, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive the key of %s: %w", purpose, err)
	}
	block, err := aes.NewCipher(sub)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of %s: %w", purpose, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of %s: %w", purpose, err)
	}
	return &Box{aead: aead}, nil
}

// NewSince01 makes a Box that also opens what release 0.1 sealed for this purpose: with
// the key itself. What it seals is new, so the old form ends with its rows.
func NewSince01(key []byte, purpose string) (*Box, error) {
	b, err := New(key, purpose)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make the old cipher of %s: %w", purpose, err)
	}
	if b.old, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("make the old cipher of %s: %w", purpose, err)
	}
	return b, nil
}

// Seal binds the secret to its owner, the id of its row: copied to another row it
// does not open. An empty secret stays empty.
func (b *Box) Seal(secret, owner string) []byte {
	if secret == "" {
		return nil
	}
	return b.aead.Seal(nil, nil, []byte(secret), []byte(owner))
}

// Open gives the secret of an owner back.
func (b *Box) Open(sealed []byte, owner string) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	plain, err := b.aead.Open(nil, nil, sealed, []byte(owner))
	if err != nil && b.old != nil { // neither is taken for the other: both are authenticated
		plain, err = b.old.Open(nil, nil, sealed, []byte(owner))
	}
	if err != nil {
		return "", ot.Errorf(ot.Damaged, "a stored password cannot be opened, the key of this data folder is another one: enter it anew")
	}
	return string(plain), nil
}
